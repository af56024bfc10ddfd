//! Plain commands and scripts.

use std::time::{Duration, Instant};

use fault::Reason;
use redis::{Arg, Redis, Reply, Script};
use testkit::Rig;

#[tokio::test]
async fn values_are_set_read_counted_and_end() {
    let rig = Rig::start().await;
    let redis = rig.redis();
    assert_eq!(redis.get("a").await.unwrap(), None);
    redis.set("a", &b"\x00\xff"[..]).await.unwrap();
    assert_eq!(redis.get("a").await.unwrap().unwrap().as_ref(), b"\x00\xff");
    assert_eq!(redis.ttl("a").await.unwrap(), None);
    assert!(redis.expire("a", Duration::from_secs(60)).await.unwrap());
    assert!(redis.ttl("a").await.unwrap().unwrap() > Duration::from_secs(50));
    assert!(!redis.expire("none", Duration::from_secs(1)).await.unwrap());
    assert!(
        redis
            .set_new("once", "1", Duration::from_secs(60))
            .await
            .unwrap()
    );
    assert!(
        !redis
            .set_new("once", "2", Duration::from_secs(60))
            .await
            .unwrap()
    );
    assert_eq!(redis.take("once").await.unwrap().unwrap(), "1");
    assert!(!redis.exists("once").await.unwrap());
    assert_eq!(
        (
            redis.incr("n", 2).await.unwrap(),
            redis.incr("n", 3).await.unwrap()
        ),
        (2, 5)
    );
    let many = redis.get_many(&["n", "none", "a"]).await.unwrap();
    assert_eq!(
        many.iter().map(Option::is_some).collect::<Vec<_>>(),
        [true, false, true]
    );
    assert_eq!(redis.keys("[an]").await.unwrap().len(), 2);
    assert_eq!(redis.del(&["a", "n", "none"]).await.unwrap(), 2);
    redis
        .set_ex("short", "x", Duration::from_millis(40))
        .await
        .unwrap();
    rig.eventually(|| async { redis.get("short").await.unwrap().is_none() })
        .await;
}

#[tokio::test]
async fn scripts_run_on_a_server_that_does_not_know_them() {
    let rig = Rig::start().await;
    // No server has seen this text before; one that restarted has not either.
    let source = format!(
        "return {{KEYS[1], ARGV[1], tonumber(ARGV[2]) + 1, false}} -- {}",
        rig.caller().account_id
    );
    let echo = Script::new(source.leak());
    let args = [Arg::from("text"), Arg::from(41)];
    for _ in 0..2 {
        let reply = rig.redis().eval(&echo, &["key"], &args).await.unwrap();
        let parts = vec![
            Reply::Bytes("key".into()),
            Reply::Bytes("text".into()),
            Reply::Int(42),
            Reply::Nil,
        ];
        assert_eq!(reply, Reply::Many(parts));
    }
}

#[tokio::test]
async fn a_script_that_fails_is_our_fault_and_not_redis_being_away() {
    static BROKEN: Script = Script::new("return redis.call('INCR', KEYS[1])");
    let rig = Rig::start().await;
    rig.redis().set("text", "abc").await.unwrap();
    let fault = rig.redis().eval(&BROKEN, &["text"], &[]).await.unwrap_err();
    assert_eq!(fault.reason(), Reason::InternalError);
}

#[tokio::test]
async fn t_45_without_redis_the_answer_is_quick_and_says_when_to_come_back() {
    let began = Instant::now();
    let fault = Redis::connect("redis://127.0.0.1:1/0").await.unwrap_err();
    assert_eq!(fault.reason(), Reason::ServiceUnavailable);
    assert!(fault.retry_after().is_some());
    let rig = Rig::start().await;
    let redis = Redis::connect(rig.config().redis.url.expose())
        .await
        .unwrap();
    redis.close().await;
    let fault = redis.get("a").await.unwrap_err();
    assert_eq!(fault.reason(), Reason::ServiceUnavailable);
    assert!(
        began.elapsed() < testkit::unhurried(Duration::from_secs(3)),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn a_connection_cut_by_the_server_comes_back() {
    static OTHERS: Script = Script::new("return redis.call('PING')");
    let rig = Rig::start().await;
    let redis = Redis::connect(rig.config().redis.url.expose())
        .await
        .unwrap();
    redis.set("a", "1").await.unwrap();
    redis.cut().await.unwrap();
    rig.eventually(|| async { redis.get("a").await.is_ok_and(|value| value.is_some()) })
        .await;
    assert!(redis.eval(&OTHERS, &[], &[]).await.is_ok());
}
