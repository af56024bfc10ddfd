//! `smilefactory up`: the whole system in one process, for a laptop and for tests.
//!
//! Nothing but addresses differs from a deployment: calls between the services pass the same layers. Two ports are
//! opened, the edge's and the admin listener's, and one on loopback for the mail that is captured.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use chassis::{Host, Shutdown};
use edge::inbox::Inbox;
use edge::{Edge, EdgeKit, Running};
use sea_orm::Database;

use crate::settings::Settings;
use crate::signals::Signals;
use crate::smtp::Sink;
use crate::{development, migrate, seed};

/// Time the tasks get to end.
const DRAIN: Duration = Duration::from_secs(10);

/// A system that runs in this process.
#[derive(Debug)]
pub struct Up {
    host: Host,
    stop: Shutdown,
    inbox: Inbox,
    edge: Running,
    admin: SocketAddr,
    settings: Settings,
}

impl Up {
    /// Migrates the database and starts every service and the edge; they answer when this returns.
    ///
    /// # Errors
    /// The first part that cannot start, by name.
    pub async fn start(mut settings: Settings) -> Result<Self> {
        development::fill(&mut settings)?;
        settings.check()?;
        migration::up(&migrate::target(&settings))
            .await
            .context("migrating the database")?;

        let stop = Shutdown::new();
        let inbox = Inbox::default();
        let mut host = Host::start(settings.host(), stop.clone()).await?;
        let sink = Sink::bind(inbox.clone())
            .await
            .context("opening the captured inbox")?;
        send_mail_to(&mut settings.auth.smtp, sink.address()?);
        settings.edge.reflection = true;
        host.spawn(sink.task());
        host.add::<profile::Profile>(settings.profile.clone())
            .await?;
        host.add::<feed::Feed>(settings.feed.clone()).await?;
        host.add::<auth::Auth>(settings.auth.clone()).await?;

        let admin = chassis::admin::bind(settings.admin.address).await?;
        let admin_address = admin.local_addr()?;
        host.spawn(chassis::admin::task(admin, host.readiness()));
        let edge = start_edge(&host, &settings, inbox.clone()).await?;
        Ok(Self {
            host,
            stop,
            inbox,
            edge,
            admin: admin_address,
            settings,
        })
    }

    /// Where the API is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.edge.local_addr()
    }

    /// Where metrics and probes are.
    #[must_use]
    pub fn admin_address(&self) -> SocketAddr {
        self.admin
    }

    /// The captured mail.
    #[must_use]
    pub fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// What the system was started with, made secrets included.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Makes the demo community, as far as it is missing.
    ///
    /// # Errors
    /// See [`seed::Seed::run`].
    pub async fn seed(&self) -> Result<seed::Made> {
        let owner = Database::connect(self.settings.database.url.expose()).await?;
        let seed = seed::Seed {
            peers: self.host.peers("edge")?,
            keys: self.host.service_keys("edge")?,
            inbox: self.inbox.clone(),
            owner,
        };
        seed.run().await
    }

    /// Closes the door, then ends everything behind it.
    pub async fn stop(self) {
        self.edge.shutdown().await;
        self.stop.begin();
        self.host.run(DRAIN).await;
    }

    /// Runs until the process is told to stop.
    async fn until_told(self, mut signals: Signals) {
        signals.next().await;
        say("stopping");
        signals.end(self.stop()).await;
    }
}

async fn start_edge(host: &Host, settings: &Settings, inbox: Inbox) -> Result<Running> {
    let kit = EdgeKit {
        peers: host.peers("edge")?,
        keys: host.service_keys("edge")?,
        redis: host.redis().clone(),
        readiness: host.readiness(),
        inbox: Some(inbox),
    };
    Edge::start(kit, settings.edge.clone())
        .await
        .context("opening the public door")
}

fn send_mail_to(smtp: &mut auth::config::Smtp, address: SocketAddr) {
    smtp.host = address.ip().to_string();
    smtp.port = address.port();
    smtp.tls = auth::config::Tls::None;
    smtp.user = None;
    smtp.password = None;
}

/// The command.
///
/// # Errors
/// Whatever keeps the system from starting.
pub async fn command(mut settings: Settings) -> Result<()> {
    telemetry::init(&settings.log)?;
    telemetry::log_panics();
    // Dropped last, so that what ends with the system is sent too.
    let _traces = telemetry::export(&settings.trace, "smilefactory")?;
    settings.edge.host = std::net::Ipv4Addr::LOCALHOST.into();
    let started = std::time::Instant::now();
    let up = Up::start(settings).await?;
    if up.settings.development.seed {
        say("making the demo community, as far as it is missing");
        let made = up.seed().await?;
        if made != seed::Made::default() {
            say(&format!(
                "made {} people, {} posts, {} comments",
                made.people, made.posts, made.comments
            ));
        }
    }
    welcome(&up, started.elapsed());
    up.until_told(Signals::listen()?).await;
    Ok(())
}

fn welcome(up: &Up, took: Duration) {
    let base = format!("http://localhost:{}", up.address().port());
    say(&format!(
        "SmileFactory is up after {:.1} s\n\
         \n\
         \x20   API        {base}/api/v1        try: curl -s '{base}/api/v1/feed?limit=3'\n\
         \x20   docs       {base}/api/docs\n\
         \x20   inbox      {base}/dev/inbox\n\
         \x20   metrics    http://{}/metrics\n\
         \n\
         \x20   Sign in:   POST {base}/api/v1/auth/send-otp with any address; the code appears in the inbox.\n\
         \x20   Somebody with posts: {}\n\
         \x20   Ctrl-C stops everything.",
        took.as_secs_f64(),
        up.admin_address(),
        seed::EXAMPLE_EMAIL,
    ));
}

/// Prints for the person at the terminal; logs go their own way.
pub(crate) fn say(text: &str) {
    let _closed = writeln!(std::io::stdout(), "{text}");
}

/// Prints why a command failed, cause by cause.
pub fn complain(error: &anyhow::Error) {
    let _closed = writeln!(std::io::stderr(), "smilefactory: {error:#}");
}
