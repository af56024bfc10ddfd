//! Honest, odd and forged tokens (AU-7, AU-18, AU-19; threats T12 and T13).

use std::{sync::LazyLock, time::Duration};

use fault::{Fault, Reason};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::{Role, clock, jws};

const ISSUER: &str = "https://smilefactory.example";
const AUDIENCE: &str = "smilefactory";

static PEM: LazyLock<String> = LazyLock::new(|| generate_pem().unwrap().to_string());
static FOREIGN: LazyLock<String> = LazyLock::new(|| generate_pem().unwrap().to_string());

fn signer() -> Signer {
    Signer::new(ISSUER, AUDIENCE, &PEM, &[]).unwrap()
}

fn verifier() -> Verifier {
    Verifier::new(ISSUER, AUDIENCE, signer().jwks()).unwrap()
}

fn kid() -> String {
    signer().jwks().keys[0].kid.clone()
}

fn header() -> Value {
    json!({"alg": "ES256", "typ": "at+jwt", "kid": kid()})
}

fn claims() -> Value {
    let now = clock::unix();
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": Uuid::now_v7(), "email": "ada@example.org",
        "profileId": Uuid::now_v7(), "sid": Uuid::now_v7(), "role": "user", "type": "access",
        "iat": now, "nbf": now, "exp": now + 3600, "jti": Uuid::new_v4(),
    })
}

/// Returns an object with one member changed, or removed when the value is null.
fn with(object: &Value, name: &str, value: Value) -> Value {
    let mut object = object.clone();
    let members = object.as_object_mut().unwrap();
    match value {
        Value::Null => members.remove(name),
        value => members.insert(name.to_owned(), value),
    };
    object
}

/// Signs any header and any payload with a real key.
fn sign(header: &str, payload: &str, pem: &str) -> String {
    let key = EncodingKey::from_ec_pem(pem.as_bytes()).unwrap();
    let unsigned = format!("{}.{}", jws::encode(header), jws::encode(payload));
    let signature = crypto::sign(unsigned.as_bytes(), &key, Algorithm::ES256).unwrap();
    format!("{unsigned}.{signature}")
}

/// The values of the claims as a list, in the order of the struct.
fn listed(claims: &Value) -> String {
    let names = [
        "iss",
        "aud",
        "sub",
        "email",
        "profileId",
        "sid",
        "role",
        "type",
        "iat",
        "nbf",
        "exp",
        "jti",
    ];
    json!(names.map(|name| &claims[name])).to_string()
}

fn forged(header: &Value, claims: &Value) -> String {
    sign(&header.to_string(), &claims.to_string(), &PEM)
}

fn reason(refused: Refused) -> Reason {
    Fault::from(refused).reason()
}

#[test]
fn au_7_an_access_token_carries_its_claims_to_the_edge() {
    let grant = AccessGrant {
        account_id: Uuid::now_v7(),
        email: "ada@example.org",
        profile_id: Uuid::now_v7(),
        session_id: Uuid::now_v7(),
        role: Role::Admin,
    };
    let now = clock::unix();
    let token = signer()
        .access(&grant, now, Duration::from_secs(3600))
        .unwrap();
    let claims = verifier().access(&token).unwrap();
    assert_eq!(claims.caller().account_id, grant.account_id);
    assert_eq!(claims.caller().profile_id, grant.profile_id);
    assert_eq!((claims.iat, claims.nbf, claims.exp), (now, now, now + 3600));
    assert_eq!(
        (claims.role, claims.sid, claims.email.as_str()),
        (Role::Admin, grant.session_id, grant.email)
    );
    let header: Value =
        serde_json::from_slice(&base64_of(token.split('.').next().unwrap())).unwrap();
    assert_eq!(header, self::header());
}

fn base64_of(text: &str) -> Vec<u8> {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

#[test]
fn au_8_the_same_refresh_grant_gives_the_same_claims() {
    let now = clock::unix();
    let grant = RefreshGrant {
        account_id: Uuid::now_v7(),
        session_id: Uuid::now_v7(),
        jti: "abc",
        issued_at: now,
        expires_at: now + 2_592_000,
    };
    let signer = signer();
    let [one, two] = [(); 2].map(|()| signer.refresh(&grant).unwrap());
    assert_ne!(one, two, "ES256 is randomised");
    assert_eq!(signer.verify_refresh(&one), signer.verify_refresh(&two));
    assert_eq!(signer.verify_refresh(&one).unwrap().jti, "abc");
}

#[test]
fn au_19_two_keys_are_published_and_an_unknown_one_is_told_apart() {
    let old = Signer::new(ISSUER, AUDIENCE, &PEM, &[]).unwrap();
    let new = Signer::new(ISSUER, AUDIENCE, &FOREIGN, &[&PEM]).unwrap();
    assert_eq!(new.jwks().keys.len(), 2);
    let jwks = Jwks::from_json(new.jwks().to_json().as_bytes()).unwrap();
    assert_eq!(&jwks, new.jwks());
    let token = forged(&header(), &claims());
    let verifier = Verifier::new(ISSUER, AUDIENCE, &jwks).unwrap();
    assert!(
        verifier.access(&token).is_ok(),
        "the previous key is still accepted"
    );
    let newer = sign(
        &with(&header(), "kid", json!(new.jwks().keys[0].kid)).to_string(),
        &claims().to_string(),
        &FOREIGN,
    );
    let verifier = Verifier::new(ISSUER, AUDIENCE, old.jwks()).unwrap();
    assert_eq!(verifier.access(&newer), Err(Refused::UnknownKey));
    assert_eq!(reason(Refused::UnknownKey), Reason::Unauthorized);
    verifier.replace(&jwks).unwrap();
    assert!(verifier.access(&newer).is_ok());
}

#[test]
fn au_19_a_key_is_named_by_its_rfc_7638_thumbprint_and_nothing_else() {
    let mut jwks = signer().jwks().clone();
    jwks.keys[0].kid = "../../etc/passwd".to_owned();
    assert!(Verifier::new(ISSUER, AUDIENCE, &jwks).is_err());
    let text = signer().jwks().to_json();
    for (from, to) in [
        ("\"EC\"", "\"RSA\""),
        ("ES256", "HS256"),
        ("P-256", "P-384"),
        ("\"sig\"", "\"enc\""),
    ] {
        assert!(
            Jwks::from_json(text.replace(from, to).as_bytes()).is_err(),
            "{to}"
        );
    }
    assert!(Signer::new(ISSUER, AUDIENCE, "no key", &[]).is_err());
}

#[test]
fn au_18_times_have_thirty_seconds_of_leeway_and_only_exp_says_expired() {
    let now = clock::unix();
    let at = |iat: i64, nbf: i64, exp: i64| {
        let times = with(&with(&claims(), "iat", json!(iat)), "nbf", json!(nbf));
        verifier()
            .access(&forged(&header(), &with(&times, "exp", json!(exp))))
            .map(|_| ())
    };
    // The clock goes on while the test runs: what comes nearer with it is far enough away not to be reached.
    assert_eq!(at(now + 25, now + 25, now + 600), Ok(()));
    assert_eq!(at(now - 60, now - 60, now - 1), Ok(()));
    assert_eq!(at(now - 3700, now - 3700, now - 35), Err(Refused::Expired));
    assert_eq!(at(0, 0, 1), Err(Refused::Expired));
    assert_eq!(at(now, now + 400, now + 600), Err(Refused::Invalid));
    assert_eq!(at(now + 400, now, now + 600), Err(Refused::Invalid));
    assert_eq!(at(now, now, now), Err(Refused::Invalid));
    assert_eq!(reason(Refused::Expired), Reason::TokenExpired);
    let expired = with(
        &with(&with(&claims(), "iat", json!(0)), "nbf", json!(0)),
        "exp",
        json!(1),
    );
    let elsewhere = forged(&header(), &with(&expired, "aud", json!("elsewhere")));
    assert_eq!(
        verifier().access(&elsewhere),
        Err(Refused::Invalid),
        "expired and wrong is wrong"
    );
}

#[test]
fn t_12_forged_headers_and_signatures_are_refused() {
    let (header, claims) = (header(), claims());
    let good = forged(&header, &claims);
    assert!(verifier().access(&good).is_ok(), "the forger can forge");
    let head = |name: &str, value: Value| forged(&with(&header, name, value), &claims);
    let raw = |text: &str| sign(text, &claims.to_string(), &PEM);
    let (unsigned, signature) = good.rsplit_once('.').unwrap();
    let payload = unsigned.split_once('.').unwrap().1;
    let kid = kid();
    let own_key = json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"});
    let mut tokens = vec![
        head("alg", json!("none")),
        head("alg", json!("None")),
        head("alg", json!("HS256")),
        head("alg", json!("RS256")),
        head("alg", json!("ES384")),
        head("alg", json!("EdDSA")),
        head("alg", json!("es256")),
        head("alg", json!(["ES256"])),
        head("alg", Value::Null),
        head("typ", json!("JWT")),
        head("typ", json!("AT+JWT")),
        head("typ", json!("application/at+jwt")),
        head("typ", json!("rt+jwt")),
        head("typ", Value::Null),
        head("kid", Value::Null),
        head("kid", json!("")),
        head("kid", json!(1)),
        head("kid", json!("../../../../dev/null")),
        head("kid", json!("' OR '1'='1")),
        head("kid", json!("https://evil.example/jwks.json")),
        head("kid", json!("k".repeat(10_240))),
        head("kid", json!(format!("{kid}\u{0}"))),
        head("jwk", own_key),
        head("jku", json!("https://evil.example/jwks.json")),
        head("x5u", json!("https://evil.example/cert.pem")),
        head("x5c", json!(["MIIB"])),
        head("x5t", json!("AA")),
        head("crit", json!(["exp"])),
        head("b64", json!(false)),
        head("zip", json!("DEF")),
        head("cty", json!("JWT")),
        head("extra", json!(1)),
        raw(&format!(
            r#"{{"alg":"none","alg":"ES256","typ":"at+jwt","kid":"{kid}"}}"#
        )),
        raw(&format!(
            r#"{{"alg":"ES256","typ":"at+jwt","kid":"{kid}","kid":"{kid}"}}"#
        )),
        raw(&format!(
            r#"{{"alg":"ES256","typ":"at+jwt","kid":"{kid}"}} trailing"#
        )),
        raw(&format!(r#"["ES256","at+jwt","{kid}"]"#)),
        raw(""),
        raw("null"),
        sign(&header.to_string(), &claims.to_string(), &FOREIGN),
        format!("{unsigned}."),
        unsigned.to_owned(),
        format!("{unsigned}.{}", jws::encode([0; 64])),
        format!("{unsigned}.{}", jws::encode([0xff; 64])),
        format!("{unsigned}.{}", jws::encode([1; 32])),
        format!("{unsigned}.{signature}="),
        format!("{unsigned}.{signature}.{signature}"),
        format!("{unsigned}.{signature}..",),
        format!(" {good}"),
        format!("{good}\n"),
        format!("Bearer {good}"),
        format!(
            "{}.{payload}.{signature}",
            jws::encode(header.to_string() + " ")
        ),
        format!(".{payload}.{signature}"),
        format!("{}..{signature}", jws::encode(header.to_string())),
        json!({"payload": payload, "signature": signature}).to_string(),
        good.replace('.', ","),
        good.to_uppercase(),
        String::new(),
        "a.b.c".to_owned(),
        "….….…".to_owned(),
        "x".repeat(1 << 20),
    ];
    // The public key as the secret of an HMAC: the oldest trick.
    let secret = signer().jwks().keys[0].x.clone();
    let hs = with(&header, "alg", json!("HS256"));
    let unsigned = format!(
        "{}.{}",
        jws::encode(hs.to_string()),
        jws::encode(claims.to_string())
    );
    let key = EncodingKey::from_secret(secret.as_bytes());
    let signature = crypto::sign(unsigned.as_bytes(), &key, Algorithm::HS256).unwrap();
    tokens.push(format!("{unsigned}.{signature}"));
    assert!(tokens.len() >= 40, "{}", tokens.len());
    for (n, token) in tokens.iter().enumerate() {
        let refused = verifier()
            .access(token)
            .expect_err(&format!("token {n} was accepted"));
        assert_eq!(reason(refused), Reason::Unauthorized, "token {n}");
    }
}

#[test]
fn t_13_claim_tricks_are_refused() {
    let (header, claims) = (header(), claims());
    let claim = |name: &str, value: Value| forged(&header, &with(&claims, name, value));
    let raw = |text: String| sign(&header.to_string(), &text, &PEM);
    let now = clock::unix();
    let mut tokens: Vec<_> = claims
        .as_object()
        .unwrap()
        .keys()
        .map(|name| claim(name, Value::Null))
        .collect();
    for name in claims.as_object().unwrap().keys() {
        // The same claim twice, the second time as it was.
        let text = claims.to_string();
        tokens.push(raw(format!("{{\"{name}\":{},{}", claims[name], &text[1..])));
        let null = format!(
            "{{\"{name}\":null,{}",
            &with(&claims, name, Value::Null).to_string()[1..]
        );
        tokens.push(raw(null));
    }
    for time in ["exp", "nbf", "iat"] {
        for odd in [
            json!(now.to_string()),
            json!(now as f64 + 0.5),
            json!(true),
            json!([now]),
            json!(1e300),
        ] {
            tokens.push(claim(time, odd));
        }
        tokens.push(raw(claims.to_string().replace(
            &format!("\"{time}\":"),
            &format!("\"{time}\":99999999999999999999"),
        )));
    }
    tokens.extend([
        claim("aud", json!("elsewhere")),
        claim("aud", json!([AUDIENCE])),
        claim("aud", json!(format!("{AUDIENCE} "))),
        claim("iss", json!("https://evil.example")),
        claim("iss", json!(format!("{ISSUER}/"))),
        claim("type", json!("refresh")),
        claim("type", json!("ACCESS")),
        claim("type", json!({"access": null})),
        claim("role", json!("root")),
        claim("role", json!(["admin"])),
        claim("sub", json!("1")),
        claim("sid", json!("")),
        claim("profileId", json!(0)),
        claim("email", json!("")),
        claim("jti", json!("")),
        // Farther than the leeway, however long the test takes.
        claim("nbf", json!(now + 600)),
        claim("iat", json!(now + 600)),
        claim("exp", json!(now - 1)),
        raw(listed(&claims)),
        claim("role", json!({"admin": null})),
        raw("[]".to_owned()),
        raw("\"token\"".to_owned()),
        raw(format!("{claims}{claims}")),
        raw(String::new()),
    ]);
    assert!(tokens.len() >= 30);
    for (n, token) in tokens.iter().enumerate() {
        let refused = verifier()
            .access(token)
            .expect_err(&format!("token {n} was accepted: {token}"));
        assert_eq!(reason(refused), Reason::Unauthorized, "token {n}");
    }
}

#[test]
fn t_13_a_refresh_token_is_no_access_token_and_the_other_way_round() {
    let now = clock::unix();
    let grant = RefreshGrant {
        account_id: Uuid::now_v7(),
        session_id: Uuid::now_v7(),
        jti: "abc",
        issued_at: now,
        expires_at: now + 60,
    };
    let refresh = signer().refresh(&grant).unwrap();
    assert_eq!(verifier().access(&refresh), Err(Refused::Invalid));
    let access = forged(&header(), &claims());
    assert_eq!(signer().verify_refresh(&access), Err(Refused::Invalid));
    // Not even with all claims of both and the other's type in the header.
    let both = with(&header(), "typ", json!("rt+jwt"));
    assert_eq!(
        signer().verify_refresh(&forged(&both, &claims())),
        Err(Refused::Invalid)
    );
    let disguised = forged(&header(), &with(&claims(), "type", json!("refresh")));
    assert_eq!(verifier().access(&disguised), Err(Refused::Invalid));
}
