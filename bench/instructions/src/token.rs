//! The check of an access token that is seen for the first time.

use std::hint::black_box;
use std::time::Duration;

use anyhow::ensure;
use identity::access::{AccessGrant, Signer, Verifier, generate_pem};
use identity::{Role, clock};
use uuid::Uuid;

use crate::case::Case;

/// The cases of tokens.
pub(crate) fn cases() -> Vec<Case> {
    vec![Case {
        name: "token: ES256 verified".to_owned(),
        yardstick: None,
        prepare: Box::new(verified),
    }]
}

fn verified() -> anyhow::Result<Box<dyn FnMut()>> {
    let (issuer, audience) = ("smilefactory", "smilefactory-api");
    let signer = Signer::new(issuer, audience, &generate_pem()?, &[])?;
    let grant = AccessGrant {
        account_id: Uuid::from_u128(1),
        email: "ada@example.org",
        profile_id: Uuid::from_u128(2),
        session_id: Uuid::from_u128(3),
        role: Role::User,
    };
    let token = signer.access(&grant, clock::unix(), Duration::from_secs(3600))?;
    let verifier = Verifier::new(issuer, audience, signer.jwks())?;
    ensure!(verifier.access(&token).is_ok(), "the token is refused");
    Ok(Box::new(move || {
        drop(black_box(verifier.access(black_box(&token))));
    }))
}
