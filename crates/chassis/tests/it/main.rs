//! A host with one small service, on real PostgreSQL and Redis.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail by panicking"
)]

mod idempotency;
mod listener;

use std::{
    convert::Infallible,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context as Poller, Poll},
    time::Duration,
};

use bytes::Bytes;
use chassis::{Host, HostConfig, Kit, Parts, Routes, Secret, Service, Shutdown, Task};
use fault::Reason;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use identity::Context;
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use serde::{Deserialize, Serialize};
use tonic::{body::Body, server::NamedService};

const PATH: &str = "/smilefactory.feed.v1.FeedService/ListFeed";

static STOPPED: AtomicBool = AtomicBool::new(false);

#[allow(
    clippy::disallowed_methods,
    reason = "tests learn from the environment where their servers are"
)]
fn server(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} names a server for tests"))
}

/// Answers every RPC with one empty message.
#[derive(Clone)]
struct Empty;

impl NamedService for Empty {
    const NAME: &'static str = "smilefactory.feed.v1.FeedService";
}

impl tower::Service<Request<Body>> for Empty {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Poller<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        let name = HeaderName::from_static("grpc-status");
        let trailers = HeaderMap::from_iter([(name, HeaderValue::from_static("0"))]);
        let message = Full::new(Bytes::from_static(&[0; 5]));
        let body = message.with_trailers(async { Some(Ok::<_, Infallible>(trailers)) });
        Box::pin(async { Ok(Response::new(Body::new(body))) })
    }
}

struct Probe;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ProbeConfig {
    broken: bool,
}

#[chassis::async_trait]
impl Service for Probe {
    const NAME: &'static str = "hosttest";
    type Config = ProbeConfig;

    async fn build(kit: Kit, config: ProbeConfig) -> anyhow::Result<Parts> {
        anyhow::ensure!(!config.broken, "told to be broken");
        let who = Statement::from_string(DbBackend::Postgres, "select current_user::text as who");
        let row = kit
            .db
            .connection()
            .query_one_raw(who)
            .await?
            .expect("a row");
        assert_eq!(row.try_get::<String>("", "who")?, "sf_hosttest");
        kit.redis.ping().await?;
        assert_eq!(kit.peers.name(), "hosttest");
        Ok(Parts::new(Routes::new(Empty)).task(Task::new(
            "hosttest.wait",
            |stop: Shutdown| async move {
                stop.begun().await;
                STOPPED.store(true, Ordering::SeqCst);
            },
        )))
    }
}

async fn host(stop: &Shutdown) -> Host {
    let url = server("SF_TEST_DATABASE_URL");
    let owner = store::Db::connect(store::Config::new(&url, "hosttest"))
        .await
        .unwrap();
    let mut config = HostConfig::default();
    config.database.url = Secret::new(url);
    config.redis.url = Secret::new(server("SF_TEST_REDIS_URL"));
    config.secret = Secret::new("0123456789abcdef0123456789abcdef".to_owned());
    let password = store::role::password(&config.role_secret(), "sf_hosttest");
    // Roles belong to the server: another test, or an earlier run, may have made this one.
    let made = format!(
        "do $$ begin
           perform pg_advisory_xact_lock(7105);
           if not exists (select 1 from pg_roles where rolname = 'sf_hosttest') then create role sf_hosttest login; end if;
           alter role sf_hosttest password '{password}';
         end $$"
    );
    owner.connection().execute_unprepared(&made).await.unwrap();
    Host::start(config, stop.clone()).await.unwrap()
}

#[tokio::test]
async fn a_hosted_service_is_called_by_name_and_drained_with_its_tasks() {
    let stop = Shutdown::new();
    let mut host = host(&stop).await;
    host.add::<Probe>(ProbeConfig::default()).await.unwrap();
    assert_eq!(host.readiness().check().await, Ok(()));
    let keys = host.service_keys("edge").unwrap();
    let ctx = Context::for_anonymous(&keys, None, "request-1", Duration::from_secs(5));
    let call = |name: &'static str| {
        let (peers, ctx) = (host.peers(name).unwrap(), ctx.clone());
        async move { peers.forward("hosttest", &ctx, PATH, Bytes::new()).await }
    };
    assert!(call("edge").await.unwrap().message.is_empty());
    assert_eq!(call("media").await.unwrap_err().reason(), Reason::Forbidden);
    let readiness = host.readiness();
    stop.begin();
    host.run(Duration::from_secs(5)).await;
    assert!(
        STOPPED.load(Ordering::SeqCst),
        "the task was told and waited for"
    );
    assert!(readiness.check().await.is_err());
}

#[tokio::test]
async fn a_service_that_cannot_be_built_stops_the_start_with_its_name() {
    let mut host = host(&Shutdown::new()).await;
    let error = host
        .add::<Probe>(ProbeConfig { broken: true })
        .await
        .unwrap_err();
    assert_eq!(
        format!("{error:#}"),
        "hosttest cannot be built: told to be broken"
    );
    assert!(!host.mesh().is_hosted("hosttest"));
}
