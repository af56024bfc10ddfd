use std::collections::BTreeSet;

use super::*;

fn snapshot(text: &str) -> Snapshot {
    text.parse().unwrap()
}

#[test]
fn a_snapshot_is_read_and_written_as_postgresql_does() {
    for text in ["10:10:", "10:20:10,14,15", "1:18446744073709551615:1"] {
        assert_eq!(snapshot(text).to_string(), text);
    }
    // Named as the first, though it runs no longer.
    assert_eq!(snapshot("10:20:14").to_string(), "14:20:14");
    for text in [
        "",
        "10",
        "10:20",
        "10:20:9",
        "10:20:20",
        "10:20:15,14",
        "10:20:14,14",
        "20:10:",
        "a:b:",
        "10:20:14:",
        "-1:2:",
    ] {
        assert_eq!(text.parse::<Snapshot>(), Err(NoSnapshot), "{text}");
    }
}

#[test]
fn a_snapshot_includes_the_earlier_ones_and_no_others() {
    let earlier = snapshot("10:20:10,15");
    for later in ["10:20:10,15", "15:20:15", "20:20:", "10:30:10,25", "30:30:"] {
        assert!(snapshot(later).includes(&earlier), "{later}");
    }
    // One that saw less, and one of a server where fewer transactions were ever begun.
    for other in ["10:20:10,12,15", "5:12:5", "12:12:"] {
        assert!(!snapshot(other).includes(&earlier), "{other}");
    }
}

/// Walks from one snapshot to a later one over posts of several transactions, stopping after every post; whoever goes
/// on from there gets exactly what is left, then and ever after.
#[test]
fn t53_every_stop_on_the_way_is_exact() {
    let (start, goal, later) = (
        snapshot("10:20:10,12,14,17"),
        snapshot("12:30:12,17,22,25"),
        snapshot("40:40:"),
    );
    let post = |n: u128| Uuid::from_u128(n);
    let posts: Vec<Key> = (8..36)
        .flat_map(|transaction| [(transaction, post(1)), (transaction, post(2))])
        .collect();
    let left = |from: &Position, to: &Snapshot| -> BTreeSet<Key> {
        let mut left: BTreeSet<Key> = posts.iter().copied().collect();
        left.retain(|(transaction, _)| to.sees(*transaction) && !from.seen().sees(*transaction));
        left.retain(|key| key.0 != from.last().0 || key.1 > from.last().1);
        left
    };
    let start = Position::at(start);
    let all = left(&start, &goal);
    assert_eq!(
        all.len(),
        2 * (8 + 2),
        "10, 14 and those from 20 on that ended"
    );
    let mut here = start.clone();
    for (done, key) in all.iter().enumerate() {
        // From wherever the walk was interrupted before, one post further.
        let (direct, stepped) = (start.on_the_way(&goal, *key), here.on_the_way(&goal, *key));
        assert_eq!(left(&direct, &goal), left(&stepped, &goal));
        let rest: BTreeSet<Key> = all.iter().skip(done + 1).copied().collect();
        assert_eq!(left(&direct, &goal), rest);
        let ever: BTreeSet<Key> = rest
            .union(&left(&Position::at(goal.clone()), &later))
            .copied()
            .collect();
        assert_eq!(left(&direct, &later), ever);
        assert!(goal.includes(direct.seen()) && later.includes(direct.seen()));
        let written = serde_json::to_string(&direct).unwrap();
        assert_eq!(serde_json::from_str::<Position>(&written).unwrap(), direct);
        here = stepped;
    }
}

/// Resumes after every post, each time with a goal of its own, while transactions that began early are committed late.
#[test]
fn t53_whoever_resumes_in_the_middle_of_a_transaction_gets_everything_once() {
    let start = Position::at(snapshot("10:20:10,12,14,17"));
    let posts: Vec<Key> = (8..40)
        .flat_map(|transaction| (1..=3).map(move |n| (transaction, Uuid::from_u128(n))))
        .collect();
    let goals = [
        "10:30:10,12,14,17,22,25",
        "10:30:10,14,17,25",
        "14:34:14,17,25,31",
        "14:36:14,25",
        "40:40:",
    ];
    let mut here = start.clone();
    let mut got = Vec::new();
    for (round, goal) in goals.map(snapshot).iter().enumerate() {
        // Each round but the last stops in the middle of a transaction.
        let mut steps = if round + 1 == goals.len() { 1_000 } else { 7 };
        while steps > 0 {
            let news = |(transaction, id): &&Key| {
                *transaction >= here.first()
                    && goal.sees(*transaction)
                    && !here.seen().sees(*transaction)
                    && (*transaction, *id) > (here.last().0, here.last().1)
            };
            match posts.iter().find(news) {
                Some(key) => {
                    here = here.on_the_way(goal, *key);
                    got.push(*key);
                    steps -= 1;
                }
                None => here = here.at_the_end(goal),
            }
            if here.seen() == goal {
                break;
            }
        }
    }
    let once: BTreeSet<Key> = got.iter().copied().collect();
    assert_eq!(got.len(), once.len(), "{got:?}");
    let unseen = |key: &&Key| !start.seen().sees(key.0);
    assert_eq!(
        once,
        posts
            .iter()
            .filter(unseen)
            .copied()
            .collect::<BTreeSet<_>>()
    );
}

#[test]
fn a_position_that_nobody_wrote_is_not_read() {
    let nil = Uuid::nil();
    for text in [
        format!(r#"[10,[0],[0,"{nil}"]]"#),
        format!(r#"[10,[10],[0,"{nil}"]]"#),
        format!(r#"[10,[9,1],[0,"{nil}"]]"#),
        format!(r#"[10,[5,18446744073709551615],[0,"{nil}"]]"#),
        r#"[10,[5]]"#.to_owned(),
        "{}".to_owned(),
    ] {
        assert!(serde_json::from_str::<Position>(&text).is_err(), "{text}");
    }
}

#[test]
fn a_cursor_stays_short_while_a_thousand_transactions_run() {
    let running: Vec<u64> = (0..1_000).map(|n| 4_000_000_000 + 3 * n).collect();
    let position = Position::at(Snapshot {
        end: 4_000_010_000,
        running,
    });
    assert!(serde_json::to_string(&position).unwrap().len() < 2_100);
}
