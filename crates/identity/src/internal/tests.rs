//! What internal tokens say, and what is no token.

use super::*;
use crate::{clock, jws};

const NAMES: &[&str] = &["edge", "feed", "profile"];

fn keys(name: &str) -> ServiceKeys {
    ServiceKeys::derived(name, b"one secret", NAMES).unwrap()
}

fn caller() -> Caller {
    Caller {
        account_id: Uuid::now_v7(),
        profile_id: Uuid::now_v7(),
        session_id: Uuid::now_v7(),
        role: Role::Staff,
    }
}

/// Signs claims as another service would, whatever they say.
fn forged(secret: &[u8], name: &str, typ: &str, alg: &str, claims: &serde_json::Value) -> String {
    use aws_lc_rs::signature::Ed25519KeyPair;
    let seed = crate::derive(secret, &format!("service key {name}"));
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
    let unsigned = jws::unsigned(
        &jws::Header {
            alg,
            typ,
            kid: name,
        },
        claims,
    )
    .unwrap();
    let signature = jws::encode(pair.sign(unsigned.as_bytes()));
    format!("{unsigned}.{signature}")
}

#[test]
fn sc_1_services_read_what_the_edge_signed() {
    let (edge, feed, caller) = (keys("edge"), keys("feed"), caller());
    let ip = Some("2001:db8::7".parse().unwrap());
    let token = edge.sign_identity(Some(&caller), ip);
    for _ in 0..2 {
        // The second time it comes from memory.
        let identity = feed.verify_identity(&token).unwrap();
        assert_eq!(
            identity,
            Identity {
                caller: Some(caller.clone()),
                ip
            }
        );
    }
    let nobody = edge.sign_identity(None, None);
    assert_eq!(
        feed.verify_identity(&nobody).unwrap(),
        Identity {
            caller: None,
            ip: None
        }
    );
}

#[test]
fn sc_1_an_identity_is_sent_again_for_the_same_session_and_address_only() {
    let (edge, one, two) = (keys("edge"), caller(), caller());
    let ip = |text: &str| Some(text.parse().unwrap());
    let token = edge.sign_identity(Some(&one), ip("192.0.2.1"));
    assert!(Arc::ptr_eq(
        &token,
        &edge.sign_identity(Some(&one), ip("192.0.2.1"))
    ));
    assert_ne!(token, edge.sign_identity(Some(&one), ip("192.0.2.2")));
    assert_ne!(token, edge.sign_identity(Some(&two), ip("192.0.2.1")));
}

#[test]
fn sc_1_no_service_but_the_edge_makes_identities() {
    let token = keys("profile").sign_identity(Some(&caller()), None);
    assert_eq!(keys("feed").verify_identity(&token), Err(Refused));
    let foreign = ServiceKeys::derived("edge", b"another secret", NAMES).unwrap();
    assert_eq!(
        keys("feed").verify_identity(&foreign.sign_identity(None, None)),
        Err(Refused)
    );
}

#[test]
fn sc_2_a_service_token_names_its_caller_to_its_audience_only() {
    let (profile, feed) = (keys("profile"), keys("feed"));
    let token = profile.service_token("feed");
    assert_eq!(&*feed.verify_service(&token).unwrap(), "profile");
    assert_eq!(&*feed.verify_service(&token).unwrap(), "profile");
    assert_eq!(keys("edge").verify_service(&token), Err(Refused));
    assert!(Arc::ptr_eq(&token, &profile.service_token("feed")));
    let stranger = ServiceKeys::derived("stranger", b"one secret", NAMES).unwrap();
    assert_eq!(
        feed.verify_service(&stranger.service_token("feed")),
        Err(Refused)
    );
}

#[test]
fn sc_2_configured_keys_work_like_derived_ones_and_two_may_be_live() {
    let seed = jws::encode([7; 32]);
    let old = ServiceKeys::new("profile", &jws::encode([8; 32]), PublicKeys::default()).unwrap();
    let new = ServiceKeys::new("profile", &seed, PublicKeys::default()).unwrap();
    let mut public = PublicKeys::default();
    public.add("profile", &old.public_key()).unwrap();
    public.add("profile", &new.public_key()).unwrap();
    let feed = ServiceKeys::new("feed", &jws::encode([9; 32]), public).unwrap();
    for keys in [old, new] {
        assert_eq!(
            &*feed.verify_service(&keys.service_token("feed")).unwrap(),
            "profile"
        );
    }
    assert!(ServiceKeys::new("feed", "too short", PublicKeys::default()).is_err());
}

#[test]
fn t_16_forged_and_odd_service_tokens_are_refused() {
    let feed = keys("feed");
    let now = clock::unix();
    let good = serde_json::json!({"iss": "profile", "aud": "feed", "iat": now, "exp": now + 60});
    let sign =
        |claims: &serde_json::Value| forged(b"one secret", "profile", SERVICE_TYP, ALG, claims);
    assert!(
        feed.verify_service(&sign(&good)).is_ok(),
        "the forger can forge"
    );
    let with = |name: &str, value: serde_json::Value| {
        let mut claims = good.clone();
        claims[name] = value;
        sign(&claims)
    };
    let odd = [
        with("iss", "edge".into()),
        with("aud", "edge".into()),
        with("aud", serde_json::json!(["feed"])),
        with("exp", (now + 61).into()),
        with("exp", (now + 3600).into()),
        with("exp", now.into()),
        with("exp", "later".into()),
        with("exp", 1e300.into()),
        with("iat", i64::MIN.into()),
        with("extra", true.into()),
        sign(
            &serde_json::json!({"iss": "profile", "aud": "feed", "iat": now - 120, "exp": now - 60}),
        ),
        sign(
            &serde_json::json!({"iss": "profile", "aud": "feed", "iat": now + 40, "exp": now + 60}),
        ),
        sign(&serde_json::json!({"iss": "profile", "aud": "feed", "iat": now})),
        forged(b"one secret", "profile", IDENTITY_TYP, ALG, &good),
        forged(b"one secret", "profile", SERVICE_TYP, "none", &good),
        forged(b"one secret", "profile", SERVICE_TYP, "HS256", &good),
        forged(b"another secret", "profile", SERVICE_TYP, ALG, &good),
        forged(b"one secret", "feed' OR 1=1", SERVICE_TYP, ALG, &good),
        String::new(),
        "..".to_owned(),
        "a.b.c".to_owned(),
        sign(&good) + ".x",
        sign(&good).replace('.', ""),
        sign(&good) + "=",
        "x".repeat(10_000),
    ];
    for (n, token) in odd.iter().enumerate() {
        assert_eq!(feed.verify_service(token), Err(Refused), "variant {n}");
    }
    let token = sign(&good);
    let (unsigned, signature) = token.rsplit_once('.').unwrap();
    let other =
        sign(&serde_json::json!({"iss": "profile", "aud": "feed", "iat": now - 1, "exp": now + 9}));
    let swapped = format!("{}.{signature}", other.rsplit_once('.').unwrap().0);
    assert_eq!(feed.verify_service(&swapped), Err(Refused));
    assert_eq!(feed.verify_service(&format!("{unsigned}.")), Err(Refused));
}

#[test]
fn n_6_clocks_may_differ_by_the_leeway() {
    let now = 1_000_000;
    assert!(is_current(now + 30, now + 90, now) && !is_current(now + 31, now + 91, now));
    assert!(is_current(now - 89, now - 29, now) && !is_current(now - 90, now - 30, now));
    assert!(!is_current(i64::MIN, i64::MAX, now) && !is_current(now, now, now));
}
