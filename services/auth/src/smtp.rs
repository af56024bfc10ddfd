//! Handing mails to the SMTP server; the only place that sees lettre.

use std::fmt;
use std::time::Duration;

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls as Protection, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use uuid::Uuid;

use crate::config::{Smtp, Tls};
use crate::domain::mail::Letter;

/// The longest any one command to the server may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Why a mail was not handed over; neither address nor text is in the words.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Trying again may help.
    Passing(String),
    /// It never will.
    Final(String),
}

/// The server and the address mails come from.
pub(crate) struct Post {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Post {
    /// Takes the configuration; nothing is connected yet.
    ///
    /// # Errors
    /// A From address that is none, or TLS that cannot be set up.
    pub(crate) fn new(config: &Smtp) -> anyhow::Result<Self> {
        let from: Mailbox = config
            .from
            .parse()
            .map_err(|error| anyhow::anyhow!("smtp.from is not an address: {error}"))?;
        let tls = match config.tls {
            Tls::None => Protection::None,
            Tls::Starttls => Protection::Required(TlsParameters::new(config.host.clone())?),
            Tls::Implicit => Protection::Wrapper(TlsParameters::new(config.host.clone())?),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&config.host)
            .port(config.port)
            .tls(tls)
            .timeout(Some(TIMEOUT));
        if let Some(user) = &config.user {
            let password = config
                .password
                .as_ref()
                .map(|secret| secret.expose().clone());
            builder =
                builder.credentials(Credentials::new(user.clone(), password.unwrap_or_default()));
        }
        Ok(Self {
            transport: builder.build(),
            from,
        })
    }

    /// Hands one mail over.
    pub(crate) async fn send(&self, id: Uuid, to: &str, letter: &Letter) -> Result<(), Failure> {
        let message = self.compose(id, to, letter)?;
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_permanent() => Err(Failure::Final(class(&error))),
            Err(error) => Err(Failure::Passing(class(&error))),
        }
    }

    fn compose(&self, id: Uuid, to: &str, letter: &Letter) -> Result<Message, Failure> {
        let to = to
            .parse()
            .map_err(|_| Failure::Final("the address is none".to_owned()))?;
        let automatic = HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        );
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(letter.subject())
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())))
            .raw_header(automatic)
            .multipart(MultiPart::alternative_plain_html(
                letter.text(),
                letter.html(),
            ))
            .map_err(|error| Failure::Final(error.to_string()))
    }
}

/// The kind of an SMTP failure without the server's words, which may repeat the address.
fn class(error: &lettre::transport::smtp::Error) -> String {
    match error.status() {
        Some(code) => format!("the server answered {code}"),
        None if error.is_timeout() => "the server did not answer in time".to_owned(),
        None => "the connection failed".to_owned(),
    }
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post")
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}
