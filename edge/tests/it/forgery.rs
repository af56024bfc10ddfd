//! Tokens that are none, on every route there is: the routes come from the descriptors (T12, T13, T14; reliability §7).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use contracts::{Access, RpcRule};
use identity::access::{RefreshGrant, Signer};
use identity::clock;
use serde_json::{Value, json};
use transcode::Transcoder;
use uuid::Uuid;

use crate::forger::{bearer, claims, forged, grant, header, sign, signed, with};
use crate::house::{HOUR, House, without_limits};

/// One way into the API.
struct Route {
    method: String,
    path: String,
    rule: &'static RpcRule,
}

/// Every binding of every RPC, its variables filled in.
fn routes() -> Vec<Route> {
    let transcoder = Transcoder::new(contracts::DESCRIPTOR).unwrap();
    let routes: Vec<Route> = transcoder
        .routes()
        .iter()
        .map(|route| Route {
            method: route.method.clone(),
            path: filled(&route.template),
            rule: contracts::rpc(&route.rpc).unwrap(),
        })
        .collect();
    let bound = |rule: &&RpcRule| rule.public;
    assert!(routes.len() >= contracts::rpcs().iter().filter(bound).count());
    routes
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
    async fn passes(&self, route: &Route, authorization: Option<&str>) -> Result<(), String> {
        let before = self.served(route.rule);
        let headers: Vec<_> = authorization
            .map(|value| ("Authorization", value))
            .into_iter()
            .collect();
        let reply = self.send(&route.method, &route.path, &headers, "").await;
        // A scripted service may say 401 too.
        if !matches!(reply.status, 401 | 403) || self.served(route.rule) > before {
            return Ok(());
        }
        Err(reply.code())
    }

    fn served(&self, rule: &RpcRule) -> usize {
        self.auth.calls(rule.name()).len() + self.feed.calls(rule.name()).len()
    }
}

#[tokio::test]
async fn gw_2_every_route_takes_the_tokens_its_access_class_says() {
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
    for route in routes() {
        let what = format!("{} {}", route.method, route.path);
        let [nobody, user, others] = expected(route.rule.access);
        let unauthorized = || "UNAUTHORIZED".to_owned();
        assert_eq!(
            house.passes(&route, None).await,
            nobody.then_some(()).ok_or_else(unauthorized),
            "{what} without a token"
        );
        assert_eq!(
            house.passes(&route, Some(&good)).await,
            user.then_some(()).ok_or_else(|| "FORBIDDEN".to_owned()),
            "{what} with a user's token"
        );
        for (name, header, code) in &bad {
            assert_eq!(
                house.passes(&route, Some(header)).await,
                others.then_some(()).ok_or_else(|| (*code).to_owned()),
                "{what} with {name}"
            );
        }
    }
}

#[tokio::test]
async fn t14_two_tokens_are_400_and_one_in_the_query_is_none_on_every_route() {
    let house = House::open(without_limits).await;
    let token = house.token(&house.rig.caller());
    let header = bearer(&token);
    for route in routes() {
        let what = format!("{} {}", route.method, route.path);
        let twice = [("Authorization", &*header), ("authorization", &*header)];
        let reply = house.send(&route.method, &route.path, &twice, "").await;
        assert_eq!(reply.code(), "VALIDATION_ERROR", "{what}");
        for name in ["access_token", "token", "authorization", "bearer", "jwt"] {
            let path = format!("{}?{name}={token}", route.path);
            let reply = house.send(&route.method, &path, &[], "").await;
            let refused = match route.rule.access {
                // No field of a request has such a name.
                Access::Public | Access::Optional => matches!(reply.status, 400 | 404),
                Access::User | Access::Staff | Access::Service => reply.status == 401,
            };
            assert!(refused, "{what} with {name}: {reply:?}");
        }
        // The door asks for keys on its own account.
        let served = house.served(route.rule);
        assert!(served == 0 || route.rule.name() == "GetJwks", "{what}");
    }
}

#[tokio::test]
async fn t12_no_forged_token_opens_any_route_and_no_key_is_fetched_from_where_it_says() {
    let house = House::open(without_limits).await;
    let canary = Canary::start().await;
    let forged = forged(&house, &canary.url);
    assert!(forged.len() >= 40, "{}", forged.len());
    let routes = routes();
    let watched = || routes.iter().filter(|it| it.rule.access != Access::Public);
    for route in watched() {
        for (name, token) in &forged {
            assert_eq!(
                house.passes(route, Some(&bearer(token))).await,
                Err("UNAUTHORIZED".to_owned()),
                "{} {} with {name}",
                route.method,
                route.path
            );
        }
    }
    assert_eq!(canary.visits.load(Ordering::Relaxed), 0);
    // au_19: one fetch for the schedule, one for all the keys nobody knows.
    assert!(house.news.jwks_fetches.load(Ordering::Relaxed) <= 2);
    let honest = sign(&header(&house), &claims(), &house.pem);
    let feed = watched()
        .find(|route| route.rule.name() == "ListFeed")
        .unwrap();
    assert_eq!(
        house.passes(feed, Some(&bearer(&honest))).await,
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
