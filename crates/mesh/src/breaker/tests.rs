//! The table of the breaker, by a clock that stands still.

use super::*;

fn breaker() -> Arc<Breaker> {
    Arc::new(Breaker::new(
        "feed",
        "smilefactory.feed.v1.FeedService/GetPost",
    ))
}

fn ends(breaker: &Arc<Breaker>, times: usize, code: Code) {
    for _ in 0..times {
        breaker.admit().unwrap().judge(code);
    }
}

fn is_open(breaker: &Arc<Breaker>) -> bool {
    breaker.admit().is_err()
}

#[tokio::test(start_paused = true)]
async fn n_20_five_failures_in_a_row_open_it_for_10_s() {
    let breaker = breaker();
    ends(&breaker, 4, Code::Unavailable);
    ends(&breaker, 1, Code::Ok);
    ends(&breaker, 4, Code::Internal);
    assert!(!is_open(&breaker));
    ends(&breaker, 1, Code::Internal);
    assert_eq!(breaker.admit().unwrap_err(), OPEN);
    tokio::time::advance(Duration::from_millis(9_500)).await;
    assert_eq!(breaker.admit().unwrap_err(), Duration::from_millis(500));
}

#[tokio::test(start_paused = true)]
async fn n_20_half_of_twenty_calls_in_10_s_open_it() {
    let breaker = breaker();
    // Never more than one in a row.
    for _ in 0..9 {
        ends(&breaker, 1, Code::Ok);
        ends(&breaker, 1, Code::Unavailable);
    }
    ends(&breaker, 1, Code::Ok);
    assert!(!is_open(&breaker), "nineteen calls say nothing");
    ends(&breaker, 1, Code::Unavailable);
    assert!(is_open(&breaker));
}

#[tokio::test(start_paused = true)]
async fn n_20_what_happened_more_than_10_s_ago_does_not_count() {
    let breaker = breaker();
    for _ in 0..9 {
        ends(&breaker, 1, Code::Ok);
        ends(&breaker, 1, Code::Unavailable);
        tokio::time::advance(Duration::from_millis(1_300)).await;
    }
    ends(&breaker, 1, Code::Ok);
    ends(&breaker, 1, Code::Unavailable);
    assert!(!is_open(&breaker), "only 16 of these 20 are recent");
    tokio::time::advance(Duration::from_secs(1_000)).await;
    ends(&breaker, 19, Code::Ok);
    ends(&breaker, 4, Code::Unavailable);
    assert!(!is_open(&breaker));
}

#[tokio::test(start_paused = true)]
async fn n_20_one_probe_at_a_time_decides_what_follows() {
    let breaker = breaker();
    ends(&breaker, 5, Code::Unavailable);
    tokio::time::advance(OPEN).await;
    let probe = breaker.admit().unwrap();
    assert_eq!(breaker.admit().unwrap_err(), PROBED, "one at a time");
    probe.judge(Code::Unavailable);
    assert_eq!(breaker.admit().unwrap_err(), OPEN, "open again");
    tokio::time::advance(OPEN).await;
    // A probe that says nothing makes room for another.
    drop(breaker.admit().unwrap());
    breaker.admit().unwrap().judge(Code::Cancelled);
    breaker.admit().unwrap().judge(Code::NotFound);
    ends(&breaker, 4, Code::Unavailable);
    assert!(!is_open(&breaker), "closed, with nothing held against it");
}

#[tokio::test(start_paused = true)]
async fn n_20_calls_from_before_it_opened_do_not_count_after_it_closed() {
    let breaker = breaker();
    let late: Vec<_> = (0..5).map(|_| breaker.admit().unwrap()).collect();
    ends(&breaker, 5, Code::Unavailable);
    tokio::time::advance(OPEN).await;
    breaker.admit().unwrap().judge(Code::Ok);
    for permit in late {
        permit.judge(Code::Unavailable);
    }
    assert!(!is_open(&breaker));
}

#[tokio::test(start_paused = true)]
async fn sc_4_refusals_are_answers_and_failures_are_the_callees_only() {
    let rows = [
        (Code::Ok, false),
        (Code::Cancelled, false),
        (Code::Unknown, true),
        (Code::InvalidArgument, false),
        (Code::DeadlineExceeded, true),
        (Code::NotFound, false),
        (Code::AlreadyExists, false),
        (Code::PermissionDenied, false),
        (Code::ResourceExhausted, false),
        (Code::FailedPrecondition, false),
        (Code::Aborted, false),
        (Code::OutOfRange, false),
        (Code::Unimplemented, false),
        (Code::Internal, true),
        (Code::Unavailable, true),
        (Code::DataLoss, true),
        (Code::Unauthenticated, false),
    ];
    for (code, opens) in rows {
        let breaker = breaker();
        let permits: Vec<_> = (0..20).map(|_| breaker.admit().unwrap()).collect();
        tokio::time::advance(PATIENCE).await;
        for permit in permits {
            permit.judge(code);
        }
        assert_eq!(is_open(&breaker), opens, "{code:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn t_48_a_client_with_no_patience_opens_nothing() {
    let breaker = breaker();
    for _ in 0..50 {
        let permit = breaker.admit().unwrap();
        tokio::time::advance(PATIENCE / 5).await;
        permit.judge(Code::DeadlineExceeded);
    }
    assert!(!is_open(&breaker));
}

/// The shortest time a route or an optional part gives a call is 300 ms (N-18): a callee that always hangs is found.
#[tokio::test(start_paused = true)]
async fn sc_5_a_hung_optional_part_opens_it_though_its_time_is_short() {
    let breaker = breaker();
    for _ in 0..IN_A_ROW {
        let permit = breaker.admit().unwrap();
        tokio::time::advance(Duration::from_millis(300)).await;
        permit.judge(Code::DeadlineExceeded);
    }
    assert!(is_open(&breaker));
}
