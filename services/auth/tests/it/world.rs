//! What every test begins with: the service, its peers, and somebody who signs in.

use std::time::Duration;

use auth::{Auth, Config};
use chassis::Secret;
use contracts::auth::v1::auth_service_client::AuthServiceClient;
use contracts::auth::v1::*;
use fault::Fault;
use identity::Context;
use identity::access::{AccessClaims, Jwks, RefreshClaims, Verifier, generate_pem};
use mesh::Channel;
use prost::{Message, Name};
use redis::Script;
use sea_orm::{ConnectionTrait, DbBackend, Statement, TryGetable};
use testkit::Rig;
use uuid::Uuid;

use crate::peer::Peer;
use crate::sink::{Mail, Sink};

/// The service with its surroundings.
pub(crate) struct World {
    pub(crate) rig: Rig,
    pub(crate) sink: Sink,
    pub(crate) peer: Peer,
}

/// Somebody who signed in.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    pub(crate) reply: VerifyOtpResponse,
    pub(crate) claims: AccessClaims,
    pub(crate) ctx: Context,
}

impl Guest {
    pub(crate) fn account_id(&self) -> String {
        self.claims.sub.to_string()
    }
}

impl World {
    /// Starts with the defaults, except that one address may be sent to without a gap.
    pub(crate) async fn start() -> Self {
        Self::with(|config| config.otp.resend_gap_seconds = 0).await
    }

    /// Starts with a changed configuration.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let rig = Rig::start().await;
        Self::around(rig, change).await
    }

    /// Starts in a rig that was prepared.
    pub(crate) async fn around(rig: Rig, change: impl FnOnce(&mut Config)) -> Self {
        let sink = Sink::start(&rig).await;
        let peer = Peer::host(&rig);
        let mut config = Config::default();
        config.signing.active = Secret::new(generate_pem().expect("a key").to_string());
        config.smtp.host = sink.address.ip().to_string();
        config.smtp.port = sink.address.port();
        change(&mut config);
        rig.host::<Auth>(config).await;
        Self { rig, sink, peer }
    }

    /// A client as the edge has it.
    pub(crate) fn client(&self, ctx: &Context) -> AuthServiceClient<Channel> {
        AuthServiceClient::new(self.rig.channel("auth", ctx))
    }

    /// A client for somebody who has not signed in.
    pub(crate) fn stranger(&self) -> AuthServiceClient<Channel> {
        self.client(&self.rig.anonymous().with_user_agent("tests/1.0"))
    }

    pub(crate) async fn send(&self, email: &str) -> Result<SendOtpResponse, Fault> {
        let request = SendOtpRequest {
            email: email.to_owned(),
        };
        Ok(self.stranger().send_otp(request).await?.into_inner())
    }

    pub(crate) async fn verify(&self, email: &str, code: &str) -> Result<VerifyOtpResponse, Fault> {
        let request = VerifyOtpRequest {
            email: email.to_owned(),
            code: code.to_owned(),
            device_name: Some("laptop".to_owned()),
        };
        Ok(self.stranger().verify_otp(request).await?.into_inner())
    }

    pub(crate) async fn refresh(&self, token: &str) -> Result<RefreshTokenResponse, Fault> {
        let request = RefreshTokenRequest {
            refresh_token: token.to_owned(),
        };
        Ok(self.stranger().refresh_token(request).await?.into_inner())
    }

    /// Sends a code and returns the mail it came in.
    pub(crate) async fn mail(&self, email: &str) -> Mail {
        let before = self.sink.to(email).len();
        self.send(email).await.expect("sent");
        let arrived = || async { self.sink.to(email).get(before).cloned() };
        self.rig.eventually(arrived).await
    }

    /// Sends a code and returns it.
    pub(crate) async fn code(&self, email: &str) -> String {
        self.mail(email).await.code()
    }

    /// Signs somebody in.
    pub(crate) async fn sign_in(&self, email: &str) -> Guest {
        let code = self.code(email).await;
        self.guest(self.verify(email, &code).await.expect("signed in"))
            .await
    }

    /// Who a reply is about.
    pub(crate) async fn guest(&self, reply: VerifyOtpResponse) -> Guest {
        let claims = self.claims(&reply.access_token).await;
        let ctx = self.rig.user(&claims.caller());
        Guest { reply, claims, ctx }
    }

    /// Checks tokens as the edge does.
    pub(crate) async fn verifier(&self) -> Verifier {
        let jwks = self
            .stranger()
            .get_jwks(GetJwksRequest {})
            .await
            .expect("keys");
        let jwks = Jwks::from_json(&jwks.into_inner().data).expect("a JWK set");
        let config = Config::default();
        Verifier::new(&config.issuer, &config.audience, &jwks).expect("good keys")
    }

    pub(crate) async fn claims(&self, token: &str) -> AccessClaims {
        self.verifier()
            .await
            .access(token)
            .expect("an access token")
    }

    pub(crate) async fn refresh_claims(&self, token: &str) -> RefreshClaims {
        self.verifier()
            .await
            .refresh(token)
            .expect("a refresh token")
    }

    /// Runs a statement as the superuser; returns how many rows it changed.
    pub(crate) async fn sql(&self, statement: &str) -> u64 {
        let done = self.rig.owner().execute_unprepared(statement).await;
        done.expect("the statement runs").rows_affected()
    }

    /// Returns the first column of the first row.
    pub(crate) async fn ask<T: TryGetable>(&self, question: &str) -> T {
        self.all(question).await.into_iter().next().expect("a row")
    }

    /// Returns the first column of all rows.
    pub(crate) async fn all<T: TryGetable>(&self, question: &str) -> Vec<T> {
        let statement = Statement::from_string(DbBackend::Postgres, question);
        let rows = self
            .rig
            .owner()
            .query_all_raw(statement)
            .await
            .expect("rows");
        rows.iter()
            .map(|row| row.try_get_by_index(0).expect("the type asked for"))
            .collect()
    }

    pub(crate) async fn count(&self, what: &str) -> i64 {
        self.ask(&format!("select count(*) from {what}")).await
    }

    /// The events of a type that were published, oldest first.
    pub(crate) async fn events<M: Message + Name + Default>(&self) -> Vec<M> {
        let name = M::full_name();
        let payloads: Vec<Vec<u8>> = self
            .all(&format!(
                "select payload from account.outbox where type = '{name}' order by seq"
            ))
            .await;
        payloads
            .iter()
            .map(|bytes| M::decode(bytes.as_slice()).expect("the type"))
            .collect()
    }

    /// The outcomes of the audit rows of an action, oldest first.
    pub(crate) async fn audit(&self, action: &str) -> Vec<String> {
        self.all(&format!(
            "select outcome from account.audit_log where action = '{action}' order by at"
        ))
        .await
    }

    /// Makes what Redis counts of all addresses older.
    pub(crate) async fn age(&self, by: Duration) {
        static AGE: Script = Script::new(
            r"
for _, kind in ipairs({'sends', 'wrong'}) do
  for _, key in ipairs(redis.call('KEYS', 'otp:*:' .. kind)) do
    for _, member in ipairs(redis.call('ZRANGE', key, 0, -1)) do
      redis.call('ZINCRBY', key, -ARGV[1], member)
    end
  end
end
return 0",
        );
        let by = i64::try_from(by.as_millis()).expect("a short time");
        self.rig
            .redis()
            .eval(&AGE, &[], &[by.into()])
            .await
            .expect("aged");
    }
}

/// A code that is not this one.
pub(crate) fn other(code: &str) -> String {
    let number: u32 = code.parse().expect("digits");
    format!("{:06}", (number + 1) % 1_000_000)
}

/// An address nobody used before.
pub(crate) fn fresh_address() -> String {
    format!("u{}@example.com", Uuid::new_v4().simple())
}
