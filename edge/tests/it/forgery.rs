//! Tokens that are none, on every way in there is: routes and RPCs come from the descriptors (T12, T13, T14; reliability §7).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use contracts::{Access, RpcRule};
use identity::access::{RefreshGrant, Signer};
use identity::clock;
use serde_json::{Value, json};
use tonic::Code;
use transcode::Transcoder;
use uuid::Uuid;

use crate::forger::{bearer, claims, forged, grant, header, sign, signed, with};
use crate::house::{HOUR, House, without_limits};
use crate::rpc::{WIRES, Wire, frame};

const LIST_FEED: &str = "/smilefactory.feed.v1.FeedService/ListFeed";

/// One way into the API: a binding, or an RPC over a wire.
struct Way {
    rule: &'static RpcRule,
    how: How,
}

enum How {
    Rest { method: String, path: String },
    Grpc(Wire),
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.how {
            How::Rest { method, path } => write!(f, "{method} {path}"),
            How::Grpc(wire) => write!(f, "{} over {wire:?}", self.rule.path),
        }
    }
}

/// Every binding of every RPC, its variables filled in.
fn routes() -> Vec<Way> {
    let transcoder = Transcoder::new(contracts::DESCRIPTOR).unwrap();
    let way = |route: &transcode::Route| Way {
        rule: contracts::rpc(&route.rpc).unwrap(),
        how: How::Rest {
            method: route.method.clone(),
            path: filled(&route.template),
        },
    };
    let routes: Vec<Way> = transcoder.routes().iter().map(way).collect();
    assert!(routes.len() >= user_facing().count());
    routes
}

/// Every RPC for users over every wire.
fn calls() -> impl Iterator<Item = Way> {
    user_facing().flat_map(|rule| {
        WIRES.map(|wire| Way {
            rule,
            how: How::Grpc(wire),
        })
    })
}

fn user_facing() -> impl Iterator<Item = &'static RpcRule> {
    contracts::rpcs().iter().filter(|rule| rule.public)
}

fn filled(template: &str) -> String {
    let mut path = String::new();
    for segment in template.split('/').skip(1) {
        let variable = segment.starts_with('{');
        path.push('/');
        path.push_str(if variable {
            "018f0000-0000-7000-8000-000000000000"
        } else {
            segment
        });
    }
    path
}

/// Who may come in without a token, with a good one of a user, and with any other.
fn expected(access: Access) -> [bool; 3] {
    match access {
        Access::Public => [true, true, true],
        Access::Optional => [true, true, false],
        Access::User => [false, true, false],
        Access::Staff | Access::Service => [false, false, false],
    }
}

impl House {
    /// Reports whether a request passes the gates, and the code of its refusal if not. What its service says is not looked at.
    async fn passes(&self, way: &Way, authorization: Option<&str>) -> Result<(), String> {
        let before = self.served(way.rule);
        let headers: Vec<_> = authorization
            .map(|value| ("authorization", value))
            .into_iter()
            .collect();
        let code = self.refusal(way, &headers).await;
        // A scripted service may refuse too.
        match code {
            Some(code) if self.served(way.rule) == before => Err(code),
            _ => Ok(()),
        }
    }

    /// The code with which a request is refused for the sake of its caller.
    async fn refusal(&self, way: &Way, headers: &[(&str, &str)]) -> Option<String> {
        match &way.how {
            How::Rest { method, path } => {
                let reply = self.send(method, path, headers, "").await;
                matches!(reply.status, 401 | 403).then(|| reply.code())
            }
            How::Grpc(wire) => {
                let message = frame(&[]);
                let outcome = self
                    .call_framed(*wire, way.rule.path, headers, message)
                    .await;
                let refused = [Code::Unauthenticated, Code::PermissionDenied];
                refused
                    .contains(&outcome.status().code())
                    .then(|| outcome.code().to_owned())
            }
        }
    }

    fn served(&self, rule: &RpcRule) -> usize {
        self.auth.calls(rule.name()).len() + self.feed.calls(rule.name()).len()
    }
}

#[tokio::test]
async fn gw_2_every_way_in_takes_the_tokens_its_access_class_says() {
    let house = House::open(without_limits).await;
    let caller = house.rig.caller();
    let now = clock::unix();
    let good = bearer(&house.token(&caller));
    let refresh = RefreshGrant {
        account_id: caller.account_id,
        session_id: caller.session_id,
        jti: "j",
        issued_at: now,
        expires_at: now + 60,
    };
    let foreign = Signer::new("smilefactory", "another-api", &house.pem, &[]).unwrap();
    let bad = [
        ("garbage", "Bearer nonsense".to_owned(), "UNAUTHORIZED"),
        ("no bearer", "Basic dXNlcjpwYXNz".to_owned(), "UNAUTHORIZED"),
        ("nothing", String::new(), "UNAUTHORIZED"),
        (
            "an expired token",
            bearer(&house.token_of(&caller, now - 3631)),
            "TOKEN_EXPIRED",
        ),
        (
            "a token for another audience",
            bearer(&foreign.access(&grant(&caller), now, HOUR).unwrap()),
            "UNAUTHORIZED",
        ),
        (
            "a refresh token",
            bearer(&house.signer.refresh(&refresh).unwrap()),
            "UNAUTHORIZED",
        ),
    ];
    for way in routes().into_iter().chain(calls()) {
        let [nobody, user, others] = expected(way.rule.access);
        let unauthorized = || "UNAUTHORIZED".to_owned();
        assert_eq!(
            house.passes(&way, None).await,
            nobody.then_some(()).ok_or_else(unauthorized),
            "{way} without a token"
        );
        assert_eq!(
            house.passes(&way, Some(&good)).await,
            user.then_some(()).ok_or_else(|| "FORBIDDEN".to_owned()),
            "{way} with a user's token"
        );
        for (name, header, code) in &bad {
            assert_eq!(
                house.passes(&way, Some(header)).await,
                others.then_some(()).ok_or_else(|| (*code).to_owned()),
                "{way} with {name}"
            );
        }
    }
}

#[tokio::test]
async fn t14_two_tokens_are_400_and_one_in_the_query_is_none_on_every_route() {
    let house = House::open(without_limits).await;
    let token = house.token(&house.rig.caller());
    let header = bearer(&token);
    for way in routes() {
        let How::Rest { method, path } = &way.how else {
            unreachable!("routes are REST")
        };
        let twice = [("Authorization", &*header), ("authorization", &*header)];
        let reply = house.send(method, path, &twice, "").await;
        assert_eq!(reply.code(), "VALIDATION_ERROR", "{way}");
        for name in ["access_token", "token", "authorization", "bearer", "jwt"] {
            let path = format!("{path}?{name}={token}");
            let reply = house.send(method, &path, &[], "").await;
            let refused = match way.rule.access {
                // No field of a request has such a name.
                Access::Public | Access::Optional => matches!(reply.status, 400 | 404),
                Access::User | Access::Staff | Access::Service => reply.status == 401,
            };
            assert!(refused, "{way} with {name}: {reply:?}");
        }
        // The door asks for keys on its own account.
        let served = house.served(way.rule);
        assert!(served == 0 || way.rule.name() == "GetJwks", "{way}");
    }
    for wire in WIRES {
        let twice = [("authorization", &*header), ("authorization", &*header)];
        let outcome = house.call_framed(wire, LIST_FEED, &twice, frame(&[])).await;
        assert_eq!(outcome.code(), "VALIDATION_ERROR", "{wire:?}");
    }
    assert!(house.feed.calls("ListFeed").is_empty());
}

#[tokio::test]
async fn t12_no_forged_token_opens_any_route_and_no_key_is_fetched_from_where_it_says() {
    let house = House::open(without_limits).await;
    let canary = Canary::start().await;
    let began = std::time::Instant::now();
    let forged = forged(&house, &canary.url);
    assert!(forged.len() >= 40, "{}", forged.len());
    // The gates are one function for every wire, so there one RPC of each class stands for all.
    let chosen = calls().filter(|way| matches!(way.rule.name(), "ListFeed" | "GetMe"));
    let ways = routes().into_iter().chain(chosen);
    for way in ways.filter(|way| way.rule.access != Access::Public) {
        for (name, token) in &forged {
            assert_eq!(
                house.passes(&way, Some(&bearer(token))).await,
                Err("UNAUTHORIZED".to_owned()),
                "{way} with {name}"
            );
        }
    }
    assert_eq!(canary.visits.load(Ordering::Relaxed), 0);
    // au_19: one fetch for the schedule, one in 30 s for all the keys nobody knows.
    let allowed = 2 + began.elapsed().as_secs() / 30;
    assert!(house.news.jwks_fetches.load(Ordering::Relaxed) as u64 <= allowed);
    let honest = sign(&header(&house), &claims(), &house.pem);
    let mut routes = routes().into_iter();
    let feed = routes.find(|way| way.rule.path == LIST_FEED).unwrap();
    assert_eq!(
        house.passes(&feed, Some(&bearer(&honest))).await,
        Ok(()),
        "the forger can make a good one"
    );
}

#[tokio::test]
async fn t13_well_signed_claims_that_are_not_ours_are_401() {
    let house = House::open(without_limits).await;
    let (header, good, now) = (header(&house), claims(), clock::unix());
    let claim = |name: &str, value: Value| sign(&header, &with(&good, name, value), &house.pem);
    let doubled = |name: &str, value: Value| {
        let text = format!("{{\"{name}\":{value},{}", &good.to_string()[1..]);
        signed(&header.to_string(), &text, &house.pem)
    };
    let names: Vec<&String> = good.as_object().unwrap().keys().collect();
    let mut tokens: Vec<String> = names.iter().map(|name| claim(name, Value::Null)).collect();
    for time in ["exp", "nbf", "iat"] {
        for odd in [
            json!((now + 60).to_string()),
            json!(now as f64 + 60.5),
            json!([now]),
        ] {
            tokens.push(claim(time, odd));
        }
    }
    tokens.extend([
        claim("aud", json!("another-api")),
        claim("aud", json!(["smilefactory-api"])),
        claim("aud", json!("smilefactory-api ")),
        claim("iss", json!("somebody")),
        claim("iss", json!("smilefactory/")),
        claim("type", json!("refresh")),
        claim("role", json!("root")),
        claim("role", json!(["admin"])),
        claim("sub", json!("1")),
        claim("sub", json!("' OR 1=1 --")),
        claim("sid", json!("")),
        claim("profileId", json!(0)),
        claim("jti", json!("")),
        claim("nbf", json!(now + 60)),
        claim("iat", json!(now + 60)),
        claim("exp", json!(now - 3600)),
        doubled("role", json!("admin")),
        doubled("sub", json!(Uuid::now_v7())),
        doubled("exp", json!(now - 60)),
        signed(&header.to_string(), "[]", &house.pem),
        signed(&header.to_string(), "", &house.pem),
    ]);
    assert!(tokens.len() >= 30, "{}", tokens.len());
    for path in ["/api/v1/feed", "/api/v1/auth/me"] {
        for (n, token) in tokens.iter().enumerate() {
            let reply = house.get(path, &[("Authorization", &bearer(token))]).await;
            assert_eq!(reply.code(), "UNAUTHORIZED", "{path} with token {n}");
        }
    }
    assert!(house.feed.calls("ListFeed").is_empty() && house.auth.calls("GetMe").is_empty());
}

/// A place that tokens name and nobody must visit.
struct Canary {
    url: String,
    visits: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Canary {
    #[allow(clippy::disallowed_methods, reason = "the test ends the task itself")]
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let visits = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&visits);
        let task = tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { url, visits, task }
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        self.task.abort();
    }
}
