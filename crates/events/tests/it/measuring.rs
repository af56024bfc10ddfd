//! The gauges operators are woken by (EB-7, JB-1).

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use events::{Pace, stream};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use redis::{Redis, Script};
use testkit::{OwnRedis, Rig};
use uuid::Uuid;

use crate::scene;

/// The value of a gauge, once it was set.
fn gauge(figures: &PrometheusHandle, series: &str) -> Option<f64> {
    let text = figures.render();
    let line = text.lines().find_map(|line| line.strip_prefix(series))?;
    line.trim().parse().ok()
}

// One thread each, so that the recorder of the test's thread sees every task.
#[tokio::test]
async fn eb_7_lag_and_dead_letters_are_shown_right_after_a_restart() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let figures = recorder.handle();
    let _here = metrics::set_default_local_recorder(&recorder);
    let rig = Rig::start().await;
    let gate = Arc::new(AtomicBool::new(true));
    for how in ["fail", "fail", "fail"] {
        rig.emit("profile", scene::poison(Uuid::now_v7(), how))
            .await;
    }
    let consumer = scene::start(scene::counting(&rig, rig.redis(), &gate).tasks());
    let letters = "select count(*) from feed.dead_letters";
    rig.eventually(|| async { scene::number(&rig, letters).await == 3 })
        .await;
    drop(consumer);
    scene::execute(&rig, "update feed.dead_letters set dead = true").await;
    // The restart.
    scene::start_counting(&rig, &gate).await;
    scene::start_relay(&rig).await;
    let shows = |series: &'static str, value: f64| {
        let (rig, figures) = (&rig, &figures);
        rig.eventually(move || async move { gauge(figures, series) == Some(value) })
    };
    shows(r#"sf_dead_letters{service="feed"}"#, 3.0).await;
    shows(
        r#"sf_consumer_lag{service="feed",stream="sf:events:profile"}"#,
        0.0,
    )
    .await;
    shows(r#"sf_outbox_lag_seconds{service="profile"}"#, 0.0).await;
}

#[tokio::test]
async fn ob_5_the_lag_of_a_consumer_is_the_age_of_what_it_has_not_handled_in_seconds() {
    static OLD: Script = Script::new(
        "local id = (redis.call('TIME')[1] - ARGV[1]) .. '000-1'
         return redis.call('XADD', KEYS[1], id, 'envelope', '')",
    );
    let recorder = PrometheusBuilder::new().build_recorder();
    let figures = recorder.handle();
    let _here = metrics::set_default_local_recorder(&recorder);
    let rig = Rig::start().await;
    let lag = || {
        gauge(
            &figures,
            r#"sf_consumer_lag{service="feed",stream="sf:events:profile"}"#,
        )
    };
    let profile = stream("profile");
    rig.redis()
        .eval(&OLD, &[&profile], &["500".into()])
        .await
        .unwrap();
    // Nobody was given it yet.
    let first = scene::start(scene::counting(&rig, rig.redis(), &Arc::default()).tasks());
    rig.eventually(|| async { lag().is_some_and(|lag| (500.0..600.0).contains(&lag)) })
        .await;
    drop(first);
}

#[tokio::test]
async fn eb_7_the_lag_is_shown_by_every_replica_also_while_redis_is_away() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let figures = recorder.handle();
    let _here = metrics::set_default_local_recorder(&recorder);
    let rig = Rig::start().await;
    let mut own = OwnRedis::start().await;
    let redis = Redis::connect(&own.url()).await.unwrap();
    let relay = scene::start([scene::relay(&rig, &redis, Pace::default())]);
    scene::publish(&rig, [scene::completed(Uuid::now_v7())]).await;
    let profile = stream("profile");
    let lag = || gauge(&figures, r#"sf_outbox_lag_seconds{service="profile"}"#);
    rig.eventually(|| async { lag() == Some(0.0) }).await;
    own.kill();
    scene::publish(&rig, [scene::completed(Uuid::now_v7())]).await;
    rig.eventually(|| async { lag().is_some_and(|lag| lag > 0.5) })
        .await;
    own.restart().await;
    rig.eventually(|| async { redis.stream_len(&profile).await.is_ok_and(|len| len == 2) })
        .await;
    rig.eventually(|| async { lag() == Some(0.0) }).await;
    drop(relay);
    // A replica that does not lead shows the same.
    scene::execute(
        &rig,
        "update profile.job_runs set locked_by = 'another', locked_until = now() + interval '1 hour';
         update profile.outbox set published_at = null, created_at = now() - interval '100 seconds'",
    )
    .await;
    let _standby = scene::start([scene::relay(&rig, &redis, Pace::default())]);
    rig.eventually(|| async { lag().is_some_and(|lag| lag >= 100.0) })
        .await;
}
