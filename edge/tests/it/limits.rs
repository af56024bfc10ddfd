//! Rate limits over the wire (GW-3..GW-6, N-24).

use std::time::{Duration, Instant};

use edge::{Config, Figures, RedisDown};

use crate::house::{House, Reply};

fn figures(limit: u32, window_seconds: u32, redis_down: RedisDown) -> Figures {
    Figures {
        limit,
        window_seconds,
        redis_down,
    }
}

fn set(config: &mut Config, name: &str, limit: u32, window_seconds: u32) {
    let down = if matches!(name, "ip" | "account" | "anon-read") {
        RedisDown::Open
    } else {
        RedisDown::Closed
    };
    config
        .buckets
        .insert(name.to_owned(), figures(limit, window_seconds, down));
}

fn remaining(reply: &Reply) -> u32 {
    reply
        .header("x-ratelimit-remaining")
        .unwrap()
        .parse()
        .unwrap()
}

#[tokio::test]
async fn gw_3_the_tightest_bucket_is_reported_and_refuses() {
    let house = House::open(|config| set(config, "anon-read", 3, 60)).await;
    for left in [2, 1, 0] {
        let reply = house.get("/api/v1/feed", &[]).await;
        assert_eq!((reply.status, remaining(&reply)), (200, left));
        assert_eq!(reply.header("x-ratelimit-limit"), Some("3"));
        assert_eq!(
            reply.header("x-ratelimit-policy"),
            Some("anon-read;q=3;w=60")
        );
    }
    let refused = house.get("/api/v1/feed", &[]).await;
    assert_eq!(refused.code(), "RATE_LIMIT_EXCEEDED");
    let after: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&after), "{after}");
    assert_eq!(
        refused.header("x-ratelimit-reset"),
        refused.header("retry-after")
    );
    assert_eq!(house.feed.calls("ListFeed").len(), 3);
    // Another kind of request is not in that bucket: the ip bucket still has room.
    let post = house.ask_for_code().await;
    assert_eq!(post.status, 200, "{post:?}");
}

#[tokio::test]
async fn gw_4_refusals_are_not_counted_and_the_window_slides_by_slots() {
    // Slots of 50 ms: three seconds hold the whole story.
    let house = House::open(|config| set(config, "ip", 5, 3)).await;
    let began = Instant::now();
    for _ in 0..5 {
        assert_eq!(house.get("/api/v1/feed", &[]).await.status, 200);
    }
    // Refused all the while; if refusals counted, the window would never move on.
    house
        .rig
        .eventually(|| async { house.get("/api/v1/feed", &[]).await.status == 200 })
        .await;
    let took = began.elapsed();
    assert!(
        took > Duration::from_millis(2800) && took < Duration::from_secs(30),
        "{took:?}"
    );
}

#[tokio::test]
async fn gw_4_a_request_counts_in_all_its_buckets_or_in_none() {
    let house = House::open(|config| {
        set(config, "ip", 4, 60);
        set(config, "auth", 2, 60);
    })
    .await;
    let send = || house.ask_for_code();
    for _ in 0..2 {
        assert_eq!(send().await.status, 200);
    }
    for _ in 0..5 {
        let refused = send().await;
        assert_eq!(refused.code(), "RATE_LIMIT_EXCEEDED");
        assert_eq!(refused.header("x-ratelimit-policy"), Some("auth;q=2;w=60"));
    }
    // Had the refused ones counted for the address, these would be refused.
    assert_eq!(house.get("/nothing", &[]).await.status, 404);
    assert_eq!(house.get("/nothing", &[]).await.status, 404);
    assert_eq!(
        house.get("/nothing", &[]).await.status,
        429,
        "unknown paths count too"
    );
    assert_eq!(
        house.get("/health", &[]).await.header("x-ratelimit-limit"),
        None,
        "probes do not"
    );
}

#[tokio::test]
async fn gw_4_accounts_and_writes_have_their_own_buckets_and_bad_tokens_count_for_the_address() {
    let house = House::open(|config| {
        set(config, "account", 4, 60);
        set(config, "write", 2, 60);
        set(config, "ip", 12, 60);
    })
    .await;
    let (one, other) = (house.rig.caller(), house.rig.caller());
    let (one, other) = (
        format!("Bearer {}", house.token(&one)),
        format!("Bearer {}", house.token(&other)),
    );
    let like = async |token: &str| {
        let path = "/api/v1/posts/018f0000-0000-7000-8000-000000000000/like";
        house
            .send("POST", path, &[("Authorization", token)], "")
            .await
    };
    assert_eq!(
        [like(&one).await.status, like(&one).await.status],
        [200, 200]
    );
    assert_eq!(
        like(&one).await.header("x-ratelimit-policy"),
        Some("write;q=2;w=60")
    );
    assert_eq!(like(&other).await.status, 200);
    let read = async |token: &str| house.get("/api/v1/feed", &[("Authorization", token)]).await;
    assert_eq!(
        [read(&one).await.status, read(&one).await.status],
        [200, 200]
    );
    assert_eq!(
        read(&one).await.header("x-ratelimit-policy"),
        Some("account;q=4;w=60")
    );
    for _ in 0..7 {
        assert_eq!(read("Bearer guess").await.status, 401);
    }
    assert_eq!(read("Bearer guess").await.code(), "RATE_LIMIT_EXCEEDED");
}

#[tokio::test]
async fn gw_3_wrong_codes_have_a_bucket_that_counts_only_them() {
    let house = House::open(|config| {
        set(config, "otp-verify-wrong", 3, 3600);
        set(config, "auth", 1000, 60);
    })
    .await;
    let verify = || {
        house.send(
            "POST",
            "/api/v1/auth/verify-otp",
            &[],
            "{\"email\":\"a@example.org\",\"code\":\"000000\"}",
        )
    };
    for _ in 0..3 {
        assert_eq!(verify().await.code(), "INVALID_OTP");
    }
    let refused = verify().await;
    assert_eq!(refused.code(), "RATE_LIMIT_EXCEEDED");
    assert_eq!(
        refused.header("x-ratelimit-policy"),
        Some("otp-verify;q=3;w=3600")
    );
    assert_eq!(house.auth.calls("VerifyOtp").len(), 3);
}

#[tokio::test]
async fn gw_3_right_codes_leave_that_bucket_alone() {
    let house = House::open(|config| set(config, "otp-verify-wrong", 2, 3600)).await;
    house.auth.answer(|_| {
        Ok(crate::script::Answer::new(
            &contracts::auth::v1::VerifyOtpResponse::default(),
        ))
    });
    for _ in 0..5 {
        let reply = house
            .send(
                "POST",
                "/api/v1/auth/verify-otp",
                &[],
                "{\"email\":\"a@example.org\",\"code\":\"000000\"}",
            )
            .await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }
}

#[tokio::test]
async fn gw_6_without_redis_closed_buckets_have_half_and_open_ones_let_pass() {
    let house = House::open(|config| {
        set(config, "ip", 3, 60);
        set(config, "auth", 6, 60);
    })
    .await;
    house.rig.redis().close().await;
    let send = || house.ask_for_code();
    for left in [2, 1, 0] {
        let reply = send().await;
        assert_eq!((reply.status, remaining(&reply)), (200, left), "{reply:?}");
    }
    assert_eq!(send().await.code(), "RATE_LIMIT_EXCEEDED");
    for _ in 0..10 {
        let read = house.get("/api/v1/feed", &[]).await;
        assert_eq!((read.status, read.header("x-ratelimit-limit")), (200, None));
    }
}

#[tokio::test]
async fn gw_7_trusted_hops_decide_whose_bucket_it_is() {
    let house = House::open(|config| {
        config.trusted_hops = 1;
        set(config, "ip", 2, 60);
    })
    .await;
    let from = async |chain: &str| {
        house
            .get("/nothing", &[("X-Forwarded-For", chain)])
            .await
            .status
    };
    assert_eq!(
        [
            from("1.1.1.1, 203.0.113.1").await,
            from("2.2.2.2, 203.0.113.1").await
        ],
        [404, 404]
    );
    assert_eq!(
        from("3.3.3.3, 203.0.113.1").await,
        429,
        "what the client claims to the left changes nothing"
    );
    assert_eq!(from("203.0.113.2").await, 404);
    assert_eq!(
        [
            from("2001:db8::1").await,
            from("2001:db8::2").await,
            from("2001:db8::3").await
        ],
        [404, 404, 429],
        "one /64"
    );
}

#[tokio::test]
async fn a_bucket_that_is_not_in_the_table_stops_the_start() {
    let house = House::open(|_| {}).await;
    let mut config = Config {
        port: 0,
        ..Config::default()
    };
    config
        .buckets
        .insert("otp-sned".to_owned(), figures(1, 60, RedisDown::Open));
    let refused = house.second_door(config).await.unwrap_err();
    assert!(refused.to_string().contains("otp-sned"), "{refused}");
}

#[tokio::test]
async fn gw_3_replicas_share_their_windows_and_a_restart_refills_none() {
    let house = House::open(|config| set(config, "anon-read", 2, 60)).await;
    let mut config = Config {
        port: 0,
        ..Config::default()
    };
    set(&mut config, "anon-read", 2, 60);
    let second = house.second_door(config).await.unwrap();
    assert_eq!(house.get("/nothing", &[]).await.status, 404);
    let ask = async || crate::house::ask(second.local_addr(), "/nothing").await;
    assert_eq!([ask().await.status, ask().await.status], [404, 429]);
}

#[tokio::test]
async fn i_22_a_hundred_at_once_over_two_replicas_are_admitted_to_the_limit_exactly() {
    const LIMIT: u32 = 37;
    let house = House::open(|config| set(config, "ip", LIMIT, 3600)).await;
    let mut config = Config {
        port: 0,
        ..Config::default()
    };
    set(&mut config, "ip", LIMIT, 3600);
    let second = house.second_door(config).await.unwrap();
    let doors = [house.address(), second.local_addr()];
    let asked = (0..100).map(|n| crate::house::ask(doors[n % 2], "/nothing"));
    let statuses: Vec<u16> = futures_util::future::join_all(asked)
        .await
        .iter()
        .map(|reply| reply.status)
        .collect();
    let count = |status| statuses.iter().filter(|it| **it == status).count();
    assert_eq!(
        (count(404), count(429)),
        (LIMIT as usize, 100 - LIMIT as usize)
    );
}

#[tokio::test]
async fn gw_6_without_redis_a_hundred_at_once_are_admitted_to_half_the_limit_exactly() {
    let house = House::open(|config| set(config, "auth", 41, 3600)).await;
    house.rig.redis().close().await;
    let body = "{\"email\":\"a@example.org\"}";
    let asked = (0..100).map(|_| house.send("POST", "/api/v1/auth/send-otp", &[], body));
    let replies = futures_util::future::join_all(asked).await;
    // otp-send has room for 15; 21 is the half of 41, rounded up.
    let admitted = replies.iter().filter(|reply| reply.status == 200).count();
    assert_eq!(admitted, 15);
    let refused = replies.iter().find(|reply| reply.status == 429).unwrap();
    assert_eq!(
        refused.header("x-ratelimit-policy"),
        Some("otp-send;q=15;w=3600")
    );
}

#[tokio::test]
async fn gw_3_of_several_full_buckets_the_one_full_for_longest_refuses() {
    let house = House::open(|config| {
        set(config, "ip", 1, 60);
        set(config, "auth", 1, 3600);
        set(config, "otp-send", 1, 600);
    })
    .await;
    let body = "{\"email\":\"a@example.org\"}";
    let send = || house.send("POST", "/api/v1/auth/send-otp", &[], body);
    assert_eq!(send().await.status, 200);
    let refused = send().await;
    assert_eq!(
        refused.header("x-ratelimit-policy"),
        Some("auth;q=1;w=3600")
    );
    let after: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!(after > 3000, "a retry after {after} s is refused again");
}

#[tokio::test]
async fn gw_4_auth_counts_every_auth_route_without_token_and_none_with_one() {
    let house = House::open(|config| set(config, "auth", 2, 60)).await;
    let bearer = format!("Bearer {}", house.token(&house.rig.caller()));
    let me = async |headers: &[(&str, &str)]| house.get("/api/v1/auth/sessions", headers).await;
    for _ in 0..3 {
        let with = me(&[("Authorization", &bearer)]).await;
        assert_ne!(with.status, 429, "{with:?}");
    }
    for _ in 0..2 {
        assert_eq!(me(&[]).await.code(), "UNAUTHORIZED");
    }
    let refused = me(&[]).await;
    assert_eq!(refused.code(), "RATE_LIMIT_EXCEEDED");
    assert_eq!(refused.header("x-ratelimit-policy"), Some("auth;q=2;w=60"));
}
