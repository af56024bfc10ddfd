//! What the edge decides for every request: whose token it is, whether limits let it pass, and how a refusal reads.

use std::hint::black_box;
use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use edge::measured::{LimitCheck, TokenCheck, refusal};
use edge::{Config, Figures, RedisDown};
use futures_util::FutureExt as _;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use identity::access::{AccessGrant, Signer, generate_pem};
use identity::internal::ServiceKeys;
use identity::{Role, clock};
use uuid::Uuid;

use crate::case::{CALLS, Call, Case, WARM};

/// The cases of the edge.
pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::of("token: from the cache", kept),
        Case::of("token: ES256 verified", verified),
        Case::of("limits: decided in process", limited),
        Case::of("refusal in its envelope", refused),
    ]
}

/// So many requests with a token each, all different, and the check that takes them.
fn tokens(count: usize) -> anyhow::Result<(TokenCheck, Vec<HeaderMap>)> {
    let mut config = Config::default();
    // Valgrind is slow, and news that is too old has the auth service asked.
    config.limits.revocation_age_ms = 3_600_000;
    let signer = Signer::new(&config.issuer, &config.audience, &generate_pem()?, &[])?;
    let token = |session: usize| {
        let grant = AccessGrant {
            account_id: Uuid::from_u128(1),
            email: "ada@example.org",
            profile_id: Uuid::from_u128(2),
            session_id: Uuid::from_u128(session as u128),
            role: Role::User,
        };
        let token = signer.access(&grant, clock::unix(), Duration::from_secs(3600))?;
        let bearer = HeaderValue::try_from(format!("Bearer {token}"))?;
        anyhow::Ok(HeaderMap::from_iter([(AUTHORIZATION, bearer)]))
    };
    let tokens = (0..count).map(token).collect::<Result<_, _>>()?;
    let keys = ServiceKeys::derived("edge", b"instructions", &["edge"])?;
    let check = TokenCheck::new(&config, keys, signer.jwks())?;
    Ok((check, tokens))
}

fn checked(check: &TokenCheck, headers: &HeaderMap) -> bool {
    // Nothing is waited for, because no key is unknown.
    matches!(check.check(headers).now_or_never(), Some(Ok(())))
}

fn kept() -> anyhow::Result<Call> {
    let (check, tokens) = tokens(1)?;
    ensure!(checked(&check, &tokens[0]), "the token is refused");
    Ok(Box::new(move || {
        black_box(checked(&check, black_box(&tokens[0])));
    }))
}

fn verified() -> anyhow::Result<Call> {
    let calls = WARM + usize::try_from(CALLS)?;
    let (check, tokens) = tokens(calls + 1)?;
    ensure!(checked(&check, &tokens[calls]), "the token is refused");
    let mut fresh = tokens.into_iter();
    Ok(Box::new(move || {
        let token = fresh.next().unwrap_or_default();
        black_box(checked(&check, black_box(&token)));
    }))
}

fn limited() -> anyhow::Result<Call> {
    let figures = Figures {
        limit: 1_000_000,
        window_seconds: 3600,
        redis_down: RedisDown::Closed,
    };
    let buckets = ["ip", "anon-read"].map(|name| (name.to_owned(), figures));
    let limits = LimitCheck::new(&Config {
        buckets: buckets.into_iter().collect(),
        ..Config::default()
    })?;
    let ip: IpAddr = "203.0.113.9".parse()?;
    let mut reply = HeaderMap::new();
    ensure!(limits.admit(ip, &mut reply), "the request is refused");
    reply
        .get("x-ratelimit-remaining")
        .context("no bucket counted")?;
    Ok(Box::new(move || {
        black_box(limits.admit(black_box(ip), &mut reply));
    }))
}

fn refused() -> anyhow::Result<Call> {
    Ok(Box::new(|| {
        drop(black_box(refusal(black_box(
            "0190b6a011117000800000000000abcd",
        ))));
    }))
}
