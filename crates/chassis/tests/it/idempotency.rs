//! Keyed calls on a real PostgreSQL, around scripted handlers.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context as Poller, Poll},
    time::Duration,
};

use bytes::Bytes;
use chassis::{Guarded, Ledger, Routes, SERVICES, guarded};
use contracts::{auth::v1::SendOtpRequest, feed::v1::LikePostRequest};
use fault::{Fault, Reason};
use futures_util::future::{BoxFuture, join_all};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use identity::{Context, internal::ServiceKeys};
use mesh::Reply;
use prost::Message as _;
use sea_orm::{ConnectionTrait, DbBackend, Statement, TransactionTrait as _};
use store::Db;
use testkit::Rig;
use tonic::{Status, body::Body, metadata::MetadataMap, server::NamedService};
use uuid::Uuid;

const LIKE: &str = "/smilefactory.feed.v1.FeedService/LikePost";
const LIST: &str = "/smilefactory.feed.v1.FeedService/ListFeed";
const SEND: &str = "/smilefactory.auth.v1.AuthService/SendOtp";
const REFRESH: &str = "/smilefactory.auth.v1.AuthService/RefreshToken";

type Script = Arc<dyn Fn(Context) -> BoxFuture<'static, fault::Result<Bytes>> + Send + Sync>;

/// Answers every RPC by a script.
#[derive(Clone)]
struct Scripted<const AUTH: bool>(Script);

impl NamedService for Scripted<false> {
    const NAME: &'static str = "smilefactory.feed.v1.FeedService";
}

impl NamedService for Scripted<true> {
    const NAME: &'static str = "smilefactory.auth.v1.AuthService";
}

impl<const AUTH: bool> tower::Service<Request<Body>> for Scripted<AUTH> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Poller<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let ctx = request.extensions().get::<Context>().cloned().unwrap();
        let answer = (self.0)(ctx);
        Box::pin(async move {
            Ok(match answer.await {
                Ok(message) => ok(&message),
                Err(fault) => Status::from(fault).into_http(),
            })
        })
    }
}

/// A reply with metadata.
fn ok(message: &[u8]) -> Response<Body> {
    let mut frame = vec![0];
    frame.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(message);
    let name = HeaderName::from_static("grpc-status");
    let trailers = HeaderMap::from_iter([(name, HeaderValue::from_static("0"))]);
    let body =
        Full::new(Bytes::from(frame)).with_trailers(async { Some(Ok::<_, Infallible>(trailers)) });
    let mut reply = Response::new(Body::new(body));
    reply
        .headers_mut()
        .insert("x-sf-status", HeaderValue::from_static("200"));
    reply
}

/// A service with a table and a script.
struct Scene {
    rig: Rig,
    db: Db,
    handled: Arc<AtomicU32>,
}

impl Scene {
    async fn start() -> Self {
        let rig = Rig::start().await;
        let table = "create table feed.thing (id uuid primary key, n serial); \
                     grant all on feed.thing to sf_feed; grant all on sequence feed.thing_n_seq to sf_feed";
        rig.owner().execute_unprepared(table).await.unwrap();
        let db = rig.db("feed");
        let handled = Arc::new(AtomicU32::new(0));
        Self { rig, db, handled }
    }

    fn keys(&self, name: &str) -> Arc<ServiceKeys> {
        let secret = self.rig.keys().derive("service keys");
        Arc::new(ServiceKeys::derived(name, &secret, SERVICES).unwrap())
    }

    /// Hosts "feed" with what it answers, given a pool, a context and how often it was asked before.
    fn script<F>(&self, answer: impl Fn(Db, Context, u32) -> F + Send + Sync + 'static)
    where
        F: Future<Output = fault::Result<Bytes>> + Send + 'static,
    {
        let (db, handled) = (self.db.clone(), Arc::clone(&self.handled));
        let script: Script = Arc::new(move |ctx| {
            let before = handled.fetch_add(1, Ordering::SeqCst);
            Box::pin(answer(db.clone(), ctx, before))
        });
        let routes =
            Routes::new(Scripted::<false>(Arc::clone(&script)))
                .add_service(Scripted::<true>(script));
        self.rig.mesh().host("feed", self.guarded(routes));
    }

    fn guarded(&self, routes: Routes) -> Guarded {
        let ledger = Ledger::new(self.db.clone(), self.rig.keys()).unwrap();
        guarded(routes, self.keys("feed")).with_ledger(ledger)
    }

    async fn call(
        &self,
        ctx: &Context,
        path: &str,
        message: Bytes,
        keys: &[&str],
    ) -> fault::Result<Reply> {
        let mut metadata = MetadataMap::new();
        for key in keys {
            metadata.append("idempotency-key", key.parse().unwrap());
        }
        let edge = self.rig.mesh().peers(self.keys("edge"));
        edge.forward_with("feed", ctx, path, message, metadata)
            .await
    }

    async fn like(&self, ctx: &Context, post: Uuid, key: &str) -> fault::Result<Reply> {
        self.call(ctx, LIKE, like(post), &[key]).await
    }

    async fn count(&self, what: &str) -> i64 {
        count(self.db.connection(), what).await
    }

    fn handled(&self) -> u32 {
        self.handled.load(Ordering::SeqCst)
    }
}

fn like(post: Uuid) -> Bytes {
    let id = post.to_string();
    LikePostRequest { id }.encode_to_vec().into()
}

fn send(email: &str) -> Bytes {
    let email = email.to_owned();
    SendOtpRequest { email }.encode_to_vec().into()
}

async fn count(db: &impl ConnectionTrait, what: &str) -> i64 {
    let sql = format!("select count(*) from {what}");
    let row = db
        .query_one_raw(Statement::from_string(DbBackend::Postgres, sql))
        .await;
    row.unwrap().unwrap().try_get_by_index(0).unwrap()
}

/// Adds a row and commits.
async fn effect(db: &Db, ctx: &Context) -> fault::Result<Uuid> {
    let id = Uuid::now_v7();
    let tx = db.begin(ctx).await?;
    let sql = format!("insert into thing values ('{id}')");
    tx.execute_unprepared(&sql).await.map_err(store::fault)?;
    tx.commit().await?;
    Ok(id)
}

/// Adds a row, reads it again as handlers do, and answers with it.
async fn effect_seen(db: Db, ctx: Context) -> fault::Result<Bytes> {
    let id = effect(&db, &ctx).await?;
    let seen = count(&db.for_call(&ctx), &format!("thing where id = '{id}'")).await;
    assert_eq!(seen, 1, "a handler sees what it committed");
    Ok(id.as_bytes().to_vec().into())
}

fn is_replayed(metadata: &MetadataMap) -> bool {
    metadata
        .get("idempotency-replayed")
        .is_some_and(|value| value == "true")
}

#[tokio::test]
async fn id_2_a_repeat_is_answered_by_what_was_stored_also_by_another_process() {
    let scene = Scene::start().await;
    scene.script(|db, ctx, _| effect_seen(db, ctx));
    let (ctx, post) = (scene.rig.user(&scene.rig.caller()), Uuid::now_v7());
    let first = scene.like(&ctx, post, "key-1").await.unwrap();
    assert!(!is_replayed(&first.metadata));
    // Another ledger, as after a restart.
    scene.script(|db, ctx, _| effect_seen(db, ctx));
    let again = scene.like(&ctx, post, "key-1").await.unwrap();
    assert!(is_replayed(&again.metadata));
    assert_eq!(again.message, first.message);
    assert_eq!(again.metadata.get("x-sf-status").unwrap(), "200");
    assert_eq!((scene.handled(), scene.count("thing").await), (1, 1));

    let shown = format!(
        "idempotency_keys where position('\\x{}'::bytea in body) > 0",
        hex(&first.message)
    );
    assert_eq!(
        scene.count(&shown).await,
        0,
        "replies are not readable in the table"
    );
    // Without a key nothing is compared.
    let free = scene.call(&ctx, LIKE, like(post), &[]).await.unwrap();
    assert_ne!(free.message, first.message);
    assert_eq!(scene.count("idempotency_keys").await, 1);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn t41_of_fifty_at_once_one_takes_effect() {
    let scene = Scene::start().await;
    scene.script(|db, ctx, _| effect_seen(db, ctx));
    let (ctx, post) = (scene.rig.user(&scene.rig.caller()), Uuid::now_v7());
    let replies = join_all((0..50).map(|_| scene.like(&ctx, post, "key-1"))).await;
    let mut answers: HashMap<Bytes, u32> = HashMap::new();
    for reply in replies {
        match reply {
            Ok(reply) => *answers.entry(reply.message).or_default() += 1,
            Err(fault) => {
                assert_eq!(fault.reason(), Reason::IdempotencyInProgress);
                assert_eq!(fault.retry_after(), Some(Duration::from_secs(1)));
            }
        }
    }
    assert_eq!(answers.len(), 1, "all answers are equal");
    assert_eq!((scene.handled(), scene.count("thing").await), (1, 1));
}

#[tokio::test]
async fn id_2_fifty_keyed_calls_share_ten_connections() {
    let scene = Scene::start().await;
    scene.script(|db, ctx, _| effect_seen(db, ctx));
    let ctx = scene.rig.user(&scene.rig.caller());
    let keys: Vec<String> = (0..50).map(|n| format!("key-{n}")).collect();
    let calls = keys.iter().map(|key| scene.like(&ctx, Uuid::now_v7(), key));
    for reply in join_all(calls).await {
        reply.unwrap();
    }
    assert_eq!(scene.count("thing").await, 50);
}

#[tokio::test]
async fn id_3_a_key_belongs_to_one_request_of_one_account() {
    let scene = Scene::start().await;
    scene.script(|db, ctx, _| effect_seen(db, ctx));
    let ctx = scene.rig.user(&scene.rig.caller());
    let post = Uuid::now_v7();
    scene.like(&ctx, post, "key-1").await.unwrap();
    let other = scene.like(&ctx, Uuid::now_v7(), "key-1").await.unwrap_err();
    assert_eq!(other.reason(), Reason::IdempotencyKeyReused);
    assert!(!other.is_replayed());
    // Written differently, it is the same request.
    let loud = LikePostRequest {
        id: post.to_string().to_uppercase(),
    };
    let loud = loud.encode_to_vec().into();
    assert!(is_replayed(
        &scene
            .call(&ctx, LIKE, loud, &["key-1"])
            .await
            .unwrap()
            .metadata
    ));

    let somebody = scene.rig.user(&scene.rig.caller());
    assert!(!is_replayed(
        &scene.like(&somebody, post, "key-1").await.unwrap().metadata
    ));
    assert_eq!(scene.count("thing").await, 2);
}

#[tokio::test]
async fn id_1_the_keys_of_nobody_in_particular_are_told_apart_by_address_and_client() {
    let scene = Scene::start().await;
    scene.script(|db, ctx, _| effect_seen(db, ctx));
    let edge = scene.keys("edge");
    let from = |ip: &str| {
        let ip = Some(ip.parse().unwrap());
        Context::for_anonymous(&edge, ip, "request-1", Duration::from_secs(5))
    };
    let home = from("203.0.113.1");
    let first = scene
        .call(&home, SEND, send("ada@example.com"), &["key-1"])
        .await
        .unwrap();
    let again = scene
        .call(&home, SEND, send(" Ada@Example.com"), &["key-1"])
        .await
        .unwrap();
    assert!(is_replayed(&again.metadata));
    assert_eq!(again.message, first.message);
    for (ctx, email) in [
        (&home, "bob@example.com"),
        (&from("203.0.113.2"), "ada@example.com"),
    ] {
        let other = scene
            .call(ctx, SEND, send(email), &["key-1"])
            .await
            .unwrap();
        assert!(!is_replayed(&other.metadata));
    }
    assert_eq!(
        scene
            .count("idempotency_keys where scope ~ 'ada|203'")
            .await,
        0
    );
}

#[tokio::test]
async fn id_1_a_key_is_one_text_of_visible_ascii() {
    let scene = Scene::start().await;
    scene.script(|_, _, _| async { Ok(Bytes::new()) });
    let ctx = scene.rig.user(&scene.rig.caller());
    let long = "k".repeat(256);
    for bad in [&[""][..], &["a b"], &[&long], &["a", "a"]] {
        let fault = scene
            .call(&ctx, LIKE, like(Uuid::now_v7()), bad)
            .await
            .unwrap_err();
        assert_eq!(fault.reason(), Reason::ValidationError, "{bad:?}");
        assert_eq!(fault.get_violations()[0].field, "Idempotency-Key");
    }
    // A POST that answers its own repeats has the same rule.
    let fault = scene
        .call(&scene.rig.anonymous(), REFRESH, Bytes::new(), &["a b"])
        .await
        .unwrap_err();
    assert_eq!(fault.get_violations()[0].field, "Idempotency-Key");
    assert_eq!(scene.handled(), 0);
    scene
        .call(&ctx, LIKE, like(Uuid::now_v7()), &[&long[..255]])
        .await
        .unwrap();
    // What has no POST binding, or needs no record, is not recorded.
    scene
        .call(&ctx, LIST, Bytes::new(), &["a b"])
        .await
        .unwrap();
    scene
        .call(&scene.rig.anonymous(), REFRESH, Bytes::new(), &["key-1"])
        .await
        .unwrap();
    assert_eq!(scene.count("idempotency_keys").await, 1);
}

#[tokio::test]
async fn id_4_a_refusal_is_stored_with_its_details_and_whatever_was_committed() {
    let scene = Scene::start().await;
    scene.script(|db, ctx, _| async move {
        effect(&db, &ctx).await?;
        Err(Fault::invalid("content", "content is dull"))
    });
    let (ctx, post) = (scene.rig.user(&scene.rig.caller()), Uuid::now_v7());
    let first = scene.like(&ctx, post, "key-1").await.unwrap_err();
    let again = scene.like(&ctx, post, "key-1").await.unwrap_err();
    assert!(!first.is_replayed() && again.is_replayed());
    assert_eq!(again.reason(), Reason::ValidationError);
    assert_eq!(again.get_violations(), first.get_violations());
    assert_eq!(again.message(), first.message());
    assert_eq!((scene.handled(), scene.count("thing").await), (1, 1));
}

#[tokio::test]
async fn id_4_what_is_no_outcome_keeps_its_effect_and_frees_the_key() {
    let refusals = [
        Reason::Unauthorized,
        Reason::RequestTimeout,
        Reason::PayloadTooLarge,
        Reason::RateLimitExceeded,
    ];
    let scene = Scene::start().await;
    for (row, reason) in (1..).zip(refusals) {
        scene.script(move |db, ctx, _| async move {
            effect(&db, &ctx).await?;
            Err(Fault::of(reason).with_retry_after(Duration::from_secs(1)))
        });
        let ctx = scene.rig.user(&scene.rig.caller());
        let fault = scene.like(&ctx, Uuid::now_v7(), "key-1").await.unwrap_err();
        assert_eq!(fault.reason(), reason);
        assert_eq!(scene.count("thing").await, row, "{reason:?}");
        assert_eq!(scene.count("idempotency_keys").await, 0, "{reason:?}");
    }
}

#[tokio::test]
async fn id_4_a_failure_leaves_neither_effect_nor_outcome() {
    let scene = Scene::start().await;
    let steps = Arc::new(AtomicU32::new(0));
    let ran = Arc::clone(&steps);
    scene.script(move |db, ctx, before| {
        let ran = Arc::clone(&ran);
        async move {
            let tx = db.begin(&ctx).await?;
            tx.after_commit(move || {
                ran.fetch_add(1, Ordering::SeqCst);
            });
            tx.commit().await?;
            let seen = effect_seen(db.clone(), ctx.clone()).await?;
            match before {
                0 => Err(Fault::internal("lost")),
                1 => panic!("lost"),
                2 => Err(Fault::unavailable("lost")),
                3 => Err(Fault::conflict("A clash").with_retry_after(Duration::ZERO)),
                4 => {
                    // Swallowed by the handler, but the transaction is over.
                    let _swallowed = db.for_call(&ctx).execute_unprepared("select 1 / 0").await;
                    Ok(seen)
                }
                5 => std::future::pending().await,
                _ => Ok(seen),
            }
        }
    });
    let (ctx, post) = (scene.rig.user(&scene.rig.caller()), Uuid::now_v7());
    for reason in [
        Reason::InternalError,
        Reason::InternalError,
        Reason::ServiceUnavailable,
        Reason::Conflict,
        Reason::InternalError,
        Reason::GatewayTimeout,
    ] {
        let ctx = if reason == Reason::GatewayTimeout {
            ctx.within(Duration::from_millis(500))
        } else {
            ctx.clone()
        };
        let fault = scene.like(&ctx, post, "key-1").await.unwrap_err();
        assert_eq!(fault.reason(), reason);
        let gone = || async { scene.count("idempotency_keys").await == 0 };
        scene.rig.eventually(gone).await;
        assert_eq!(scene.count("thing").await, 0, "{reason:?}");
    }
    assert_eq!(steps.load(Ordering::SeqCst), 0);
    scene.like(&ctx, post, "key-1").await.unwrap();
    assert_eq!(
        (scene.count("thing").await, steps.load(Ordering::SeqCst)),
        (1, 1)
    );
}

#[tokio::test]
async fn t46_who_finds_no_connection_is_answered_before_the_key_is_given_back() {
    let scene = Scene::start().await;
    let taken = Arc::new(Mutex::new(Vec::new()));
    let taking = Arc::clone(&taken);
    scene.script(move |db, _, _| {
        let taken = Arc::clone(&taking);
        async move {
            let pool = db.connection().get_postgres_connection_pool();
            for _ in 0..pool.options().get_max_connections() {
                let connection = db.connection().begin().await.map_err(store::fault)?;
                taken.lock().unwrap().push(connection);
            }
            Err(Fault::unavailable("no connection is left"))
        }
    });
    let ctx = scene.rig.user(&scene.rig.caller());
    let fault = scene.like(&ctx, Uuid::now_v7(), "key").await.unwrap_err();
    assert_eq!(fault.reason(), Reason::ServiceUnavailable);
    let owner = scene.rig.owner();
    let keys = async || count(owner, "feed.idempotency_keys").await;
    assert_eq!(keys().await, 1);
    taken.lock().unwrap().clear();
    let gone = || async { keys().await == 0 };
    scene.rig.eventually(gone).await;
}

#[tokio::test]
async fn id_2_a_call_goes_on_when_its_client_has_gone() {
    let scene = Scene::start().await;
    let go = Arc::new(tokio::sync::Notify::new());
    let gone = Arc::clone(&go);
    scene.script(move |db, ctx, _| {
        let gone = Arc::clone(&gone);
        async move {
            gone.notified().await;
            effect_seen(db, ctx).await
        }
    });
    let (ctx, post) = (scene.rig.user(&scene.rig.caller()), Uuid::now_v7());
    tokio::select! {
        _ = scene.like(&ctx, post, "key-1") => panic!("nobody let it answer"),
        () = scene.rig.eventually(|| async { scene.handled() == 1 }) => {}
    }
    let busy = scene.like(&ctx, post, "key-1").await.unwrap_err();
    assert_eq!(busy.reason(), Reason::IdempotencyInProgress);
    go.notify_one();
    scene
        .rig
        .eventually(|| async { scene.count("thing").await == 1 })
        .await;
    let again = scene.like(&ctx, post, "key-1").await.unwrap();
    assert!(is_replayed(&again.metadata));
    assert_eq!(scene.handled(), 1);
}

#[tokio::test]
async fn id_3_a_claim_that_was_taken_over_takes_its_effect_with_it() {
    let scene = Scene::start().await;
    scene.script(|db, ctx, before| async move {
        let seen = effect_seen(db.clone(), ctx).await?;
        if before == 0 {
            // Another process found the claim dead and made it its own.
            let stolen = "update idempotency_keys set created_at = clock_timestamp()";
            db.connection().execute_unprepared(stolen).await.unwrap();
        }
        Ok(seen)
    });
    let (ctx, post) = (scene.rig.user(&scene.rig.caller()), Uuid::now_v7());
    let late = scene.like(&ctx, post, "key-1").await.unwrap_err();
    assert_eq!(late.reason(), Reason::IdempotencyInProgress);
    assert_eq!(scene.count("thing").await, 0);
    assert_eq!(
        scene.count("idempotency_keys").await,
        1,
        "the other's claim stays"
    );
}
