//! One service's key pair, everyone's public keys, and the tokens made and checked with
//! them.

use std::{collections::HashMap, fmt, net::IpAddr, sync::Arc};

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use zeroize::Zeroizing;

use super::{
    ALG, EDGE, IDENTITY_TYP, Identity, IdentityClaims, LEEWAY, LIFETIME, REUSE, Refused,
    SERVICE_TYP, ServiceClaims, is_current, remembered::Remembered,
};
use crate::{
    Caller, clock,
    hash::derive,
    jws::{self, Header, Parts},
};

/// Most identities remembered, made or verified; one entry is a few hundred bytes.
const IDENTITIES: usize = 20_000;
/// Most service tokens remembered; there are fourteen services.
const SERVICES: usize = 1_000;

type Digest = [u8; 32];

/// A key that is not 32 bytes in base64url, or none.
#[derive(Debug)]
pub struct BadServiceKey(&'static str);

impl fmt::Display for BadServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for BadServiceKey {}

/// Everyone's public keys, by service name. Two per service are usual while keys change.
#[derive(Clone, Debug, Default)]
pub struct PublicKeys(HashMap<String, Vec<[u8; 32]>>);

impl PublicKeys {
    /// Adds a public key: 32 bytes in base64url without padding.
    ///
    /// # Errors
    /// Other text.
    pub fn add(&mut self, service: &str, key: &str) -> Result<(), BadServiceKey> {
        self.0
            .entry(service.to_owned())
            .or_default()
            .push(read_key(key)?);
        Ok(())
    }
}

/// What one service signs and checks internal tokens with.
pub struct ServiceKeys {
    name: Arc<str>,
    pair: Ed25519KeyPair,
    public: HashMap<String, Vec<[u8; 32]>>,
    own_tokens: Remembered<Arc<str>, Arc<str>>,
    own_identities: Remembered<(Option<Caller>, Option<IpAddr>), Arc<str>>,
    peers: Remembered<Digest, Arc<str>>,
    identities: Remembered<Digest, Identity>,
}

impl ServiceKeys {
    /// Takes a service's own private key (the 32-byte seed in base64url without padding)
    /// and everyone's public keys.
    ///
    /// # Errors
    /// A private key that is none.
    pub fn new(name: &str, private: &str, public: PublicKeys) -> Result<Self, BadServiceKey> {
        let seed = Zeroizing::new(read_key(private)?);
        Ok(Self::of(name, pair(&seed)?, public.0))
    }

    /// Derives every key from one secret, which every service then holds. Whoever holds
    /// it can speak as any service: right for one process and for development;
    /// deployments that keep services apart give each its own pair.
    ///
    /// # Errors
    /// None in practice: every 32 bytes are a key.
    pub fn derived(name: &str, secret: &[u8], services: &[&str]) -> Result<Self, BadServiceKey> {
        let derived = |service: &str| {
            let seed = Zeroizing::new(derive(secret, &format!("service key {service}")));
            pair(&seed)
        };
        let mut public = HashMap::new();
        for service in services {
            public.insert((*service).to_owned(), vec![public_of(&derived(service)?)]);
        }
        Ok(Self::of(name, derived(name)?, public))
    }

    fn of(name: &str, pair: Ed25519KeyPair, public: HashMap<String, Vec<[u8; 32]>>) -> Self {
        Self {
            name: name.into(),
            pair,
            public,
            own_tokens: Remembered::new(SERVICES),
            own_identities: Remembered::new(IDENTITIES),
            peers: Remembered::new(SERVICES),
            identities: Remembered::new(IDENTITIES),
        }
    }

    /// Returns the name of the service these keys are of.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the own public key, as [`PublicKeys::add`] takes it.
    pub fn public_key(&self) -> String {
        jws::encode(public_of(&self.pair))
    }

    /// Returns the service token for calls to `audience`: at most 30 s old, valid 60 s.
    pub fn service_token(&self, audience: &str) -> Arc<str> {
        let now = clock::unix();
        if let Some(token) = self.own_tokens.get(audience, now) {
            return token;
        }
        let audience: Arc<str> = audience.into();
        let claims = ServiceClaims {
            iss: Arc::clone(&self.name),
            aud: Arc::clone(&audience),
            iat: now,
            exp: now + LIFETIME,
        };
        let token = self.sign(SERVICE_TYP, &claims);
        self.own_tokens
            .put(audience, Arc::clone(&token), now + REUSE, now);
        token
    }

    /// Returns the signed identity of a caller, or of nobody, at an address: at most
    /// 30 s old, valid 60 s. Services accept only what the edge's keys signed.
    pub fn sign_identity(&self, caller: Option<&Caller>, ip: Option<IpAddr>) -> Arc<str> {
        let now = clock::unix();
        let key = (caller.cloned(), ip);
        if let Some(token) = self.own_identities.get(&key, now) {
            return token;
        }
        let claims = IdentityClaims {
            iss: Arc::clone(&self.name),
            iat: now,
            exp: now + LIFETIME,
            caller: caller.map(Into::into),
            ip,
        };
        let token = self.sign(IDENTITY_TYP, &claims);
        self.own_identities
            .put(key, Arc::clone(&token), now + REUSE, now);
        token
    }

    /// Checks a service token and returns the name of the caller.
    ///
    /// # Errors
    /// [`Refused`]: not well formed, not signed by the service it names, not for this
    /// service, or not valid now.
    pub fn verify_service(&self, token: &str) -> Result<Arc<str>, Refused> {
        let now = clock::unix();
        let hash = hash_of(token);
        if let Some(name) = self.peers.get(&hash, now) {
            return Ok(name);
        }
        let parts = Parts::of(token)?;
        let signer = self.verify(&parts, SERVICE_TYP)?;
        let claims: ServiceClaims = parts.claims()?;
        if *claims.iss != *signer
            || claims.aud != self.name
            || !is_current(claims.iat, claims.exp, now)
        {
            return Err(Refused);
        }
        self.peers
            .put(hash, Arc::clone(&claims.iss), claims.exp + LEEWAY, now);
        Ok(claims.iss)
    }

    /// Checks a signed identity.
    ///
    /// # Errors
    /// [`Refused`]: not well formed, not signed by the edge, or not valid now.
    pub fn verify_identity(&self, token: &str) -> Result<Identity, Refused> {
        let now = clock::unix();
        let hash = hash_of(token);
        if let Some(identity) = self.identities.get(&hash, now) {
            return Ok(identity);
        }
        let parts = Parts::of(token)?;
        let signer = self.verify(&parts, IDENTITY_TYP)?;
        let claims: IdentityClaims = parts.claims()?;
        if signer != EDGE || *claims.iss != *EDGE || !is_current(claims.iat, claims.exp, now) {
            return Err(Refused);
        }
        let identity = Identity {
            caller: claims.caller.map(Into::into),
            ip: claims.ip,
        };
        self.identities
            .put(hash, identity.clone(), claims.exp + LEEWAY, now);
        Ok(identity)
    }

    /// Checks header and signature; returns the name of the service that signed.
    fn verify<'p>(&self, parts: &'p Parts<'_>, typ: &str) -> Result<&'p str, Refused> {
        let signer = parts.key_id(ALG, typ)?;
        let signature = parts.signature()?;
        let keys = self.public.get(signer).ok_or(Refused)?;
        keys.iter()
            .any(|key| {
                let key = UnparsedPublicKey::new(&ED25519, key);
                key.verify(parts.signed.as_bytes(), &signature).is_ok()
            })
            .then_some(signer)
            .ok_or(Refused)
    }

    fn sign(&self, typ: &str, claims: &impl Serialize) -> Arc<str> {
        let header = Header {
            alg: ALG,
            typ,
            kid: &self.name,
        };
        // Plain claims always serialise; an empty token would be refused by everyone.
        let unsigned = jws::unsigned(&header, claims).unwrap_or_default();
        let signature = jws::encode(self.pair.sign(unsigned.as_bytes()));
        format!("{unsigned}.{signature}").into()
    }
}

impl fmt::Debug for ServiceKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceKeys")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

fn pair(seed: &[u8; 32]) -> Result<Ed25519KeyPair, BadServiceKey> {
    Ed25519KeyPair::from_seed_unchecked(seed)
        .map_err(|_| BadServiceKey("not an Ed25519 private key"))
}

fn public_of(pair: &Ed25519KeyPair) -> [u8; 32] {
    let mut key = [0; 32];
    key.copy_from_slice(pair.public_key().as_ref());
    key
}

fn read_key(text: &str) -> Result<[u8; 32], BadServiceKey> {
    let bytes = URL_SAFE_NO_PAD.decode(text.trim()).unwrap_or_default();
    bytes
        .try_into()
        .map_err(|_| BadServiceKey("not 32 bytes in base64url without padding"))
}

fn hash_of(token: &str) -> Digest {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    hash
}
