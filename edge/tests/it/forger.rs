//! Makes tokens nobody should accept, with keys of its own and with ours.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use identity::access::{AccessGrant, Signer, generate_pem};
use identity::{Caller, Role, clock};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::house::House;

/// Tokens made by somebody who has no key of ours, or has one and changes the header.
pub(crate) fn forged(house: &House, elsewhere: &str) -> Vec<(&'static str, String)> {
    let (header, claims) = (header(house), claims());
    let foreign = generate_pem().unwrap();
    let head = |name: &str, value: Value| sign(&with(&header, name, value), &claims, &house.pem);
    let own = |name: &str, value: Value| sign(&with(&header, name, value), &claims, &foreign);
    let stranger = Signer::new("smilefactory", "smilefactory-api", &foreign, &[]).unwrap();
    let good = sign(&header, &claims, &house.pem);
    let (unsigned, signature) = good.rsplit_once('.').unwrap();
    let (first, payload) = unsigned.split_once('.').unwrap();
    let admin = BASE64.encode(with(&claims, "role", json!("admin")).to_string());
    let key = json!(stranger.jwks().keys[0]);
    let public = json!(house.signer.jwks().keys[0])["x"]
        .as_str()
        .unwrap()
        .to_owned();
    let kid = |value: &str| own("kid", json!(value));
    vec![
        ("alg none", unsigned_with(&header, &claims, "none")),
        ("alg None", unsigned_with(&header, &claims, "None")),
        ("alg NONE and a signature", head("alg", json!("NONE"))),
        ("no alg", head("alg", Value::Null)),
        (
            "an HMAC with our public key",
            hmac(&header, &claims, &public),
        ),
        ("an HMAC with nothing", hmac(&header, &claims, "")),
        ("alg RS256", head("alg", json!("RS256"))),
        ("alg PS256", head("alg", json!("PS256"))),
        ("alg ES384", head("alg", json!("ES384"))),
        ("alg ES512", head("alg", json!("ES512"))),
        ("alg EdDSA", head("alg", json!("EdDSA"))),
        ("alg in lower case", head("alg", json!("es256"))),
        ("a list of algs", head("alg", json!(["ES256"]))),
        (
            "another key under our name",
            sign(&header, &claims, &foreign),
        ),
        (
            "another key under its own",
            kid(&stranger.jwks().keys[0].kid),
        ),
        ("its own key in the header", own("jwk", key.clone())),
        (
            "its own key set in the header",
            own("jwks", json!({ "keys": [key] })),
        ),
        (
            "the address of its keys",
            own("jku", json!(format!("{elsewhere}/jwks.json"))),
        ),
        (
            "the address of its certificate",
            own("x5u", json!(format!("{elsewhere}/x.pem"))),
        ),
        ("its own certificate", own("x5c", json!(["MIIB"]))),
        ("a certificate's hash", own("x5t", json!("AA"))),
        (
            "a name that is an address",
            kid(&format!("{elsewhere}/jwks.json")),
        ),
        ("a name that is a path", kid("../../../../dev/null")),
        ("a name that is a file", kid("file:///proc/self/environ")),
        ("a name that is SQL", kid("' UNION SELECT 'key' --")),
        ("a name that is a command", kid("|/bin/true")),
        ("a name with NUL", kid("a\0b")),
        ("a name of 10 kB", kid(&"k".repeat(10_240))),
        ("an empty name", kid("")),
        ("a name that is a number", own("kid", json!(0))),
        ("no name", own("kid", Value::Null)),
        ("a critical extension", head("crit", json!(["exp"]))),
        ("an unencoded payload", head("b64", json!(false))),
        ("compression", head("zip", json!("DEF"))),
        ("type JWT", head("typ", json!("JWT"))),
        ("type rt+jwt", head("typ", json!("rt+jwt"))),
        ("no type", head("typ", Value::Null)),
        ("no signature", format!("{unsigned}.")),
        ("two parts", unsigned.to_owned()),
        (
            "a signature of zeros",
            format!("{unsigned}.{}", BASE64.encode([0; 64])),
        ),
        (
            "a signature of ones",
            format!("{unsigned}.{}", BASE64.encode([0xff; 64])),
        ),
        (
            "half a signature",
            format!("{unsigned}.{}", &signature[..43]),
        ),
        ("a padded signature", format!("{unsigned}.{signature}==")),
        ("more after the signature", format!("{good}A")),
        ("four parts", format!("{good}.{signature}")),
        (
            "other claims under the signature",
            format!("{first}.{admin}.{signature}"),
        ),
        ("another header over the signature", {
            let spaced = BASE64.encode(format!("{header} "));
            format!("{spaced}.{payload}.{signature}")
        }),
        (
            "a token within a token",
            sign(&header, &json!(good), &house.pem),
        ),
        (
            "the JSON form",
            json!({"payload": payload, "signature": signature}).to_string(),
        ),
    ]
}

pub(crate) fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

pub(crate) fn grant(caller: &Caller) -> AccessGrant<'static> {
    AccessGrant {
        account_id: caller.account_id,
        email: "ada@example.org",
        profile_id: caller.profile_id,
        session_id: caller.session_id,
        role: Role::User,
    }
}

pub(crate) fn header(house: &House) -> Value {
    json!({"alg": "ES256", "typ": "at+jwt", "kid": house.signer.jwks().keys[0].kid})
}

pub(crate) fn claims() -> Value {
    let now = clock::unix();
    json!({
        "iss": "smilefactory", "aud": "smilefactory-api", "sub": Uuid::now_v7(),
        "email": "ada@example.org", "profileId": Uuid::now_v7(), "sid": Uuid::now_v7(),
        "role": "user", "type": "access", "iat": now, "nbf": now, "exp": now + 3600,
        "jti": Uuid::new_v4(),
    })
}

/// An object with one member changed, or removed when the value is null.
pub(crate) fn with(object: &Value, name: &str, value: Value) -> Value {
    let mut object = object.clone();
    let members = object.as_object_mut().unwrap();
    match value {
        Value::Null => members.remove(name),
        value => members.insert(name.to_owned(), value),
    };
    object
}

pub(crate) fn sign(header: &Value, claims: &Value, pem: &str) -> String {
    signed(&header.to_string(), &claims.to_string(), pem)
}

pub(crate) fn signed(header: &str, payload: &str, pem: &str) -> String {
    let key = EncodingKey::from_ec_pem(pem.as_bytes()).unwrap();
    closed(header, payload, &key, Algorithm::ES256)
}

fn hmac(header: &Value, claims: &Value, secret: &str) -> String {
    let header = with(header, "alg", json!("HS256")).to_string();
    let key = EncodingKey::from_secret(secret.as_bytes());
    closed(&header, &claims.to_string(), &key, Algorithm::HS256)
}

fn closed(header: &str, payload: &str, key: &EncodingKey, algorithm: Algorithm) -> String {
    let unsigned = format!("{}.{}", BASE64.encode(header), BASE64.encode(payload));
    let signature = crypto::sign(unsigned.as_bytes(), key, algorithm).unwrap();
    format!("{unsigned}.{signature}")
}

fn unsigned_with(header: &Value, claims: &Value, alg: &str) -> String {
    let header = with(header, "alg", json!(alg)).to_string();
    let claims = claims.to_string();
    format!("{}.{}.", BASE64.encode(header), BASE64.encode(claims))
}
