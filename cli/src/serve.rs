//! `smilefactory serve`: one process of a deployment, which hosts the edge, services, or both (DL-1).
//!
//! It changes nothing in the database: it waits until Redis answers and the schema is the one it needs, which
//! `smilefactory migrate up` makes.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chassis::{Host, Listener, Readiness, Service, Shutdown, Tasks};
use clap::ValueEnum;
use edge::{Edge, EdgeKit, Running};

use crate::settings::Settings;
use crate::signals::Signals;

/// What a process can host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// The public door.
    Edge,
    /// The auth service.
    Auth,
    /// The profile service.
    Profile,
    /// The feed service.
    Feed,
}

impl Role {
    /// The name others call it by.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Edge => "edge",
            Self::Auth => auth::Auth::NAME,
            Self::Profile => profile::Profile::NAME,
            Self::Feed => feed::Feed::NAME,
        }
    }

    /// The services it calls.
    fn callees(self) -> impl Iterator<Item = Self> {
        let calls = move |callee: &Self| {
            let called = |rule: &contracts::RpcRule| {
                rule.domain() == callee.name()
                    && (rule.callers.contains(&self.name()) || (rule.public && self == Self::Edge))
            };
            *callee != self && contracts::rpcs().iter().any(called)
        };
        Self::value_variants().iter().copied().filter(calls)
    }
}

/// Refuses settings with which these roles cannot be hosted.
///
/// # Errors
/// Names the setting (DL-3).
pub fn check(settings: &Settings, roles: &[Role]) -> Result<()> {
    if roles.iter().any(|role| *role != Role::Edge) {
        settings.host().check()?;
    } else {
        settings.host().check_without_database()?;
    }
    let (edge, auth) = (roles.contains(&Role::Edge), roles.contains(&Role::Auth));
    if edge && auth {
        settings.check_tokens()?;
    }
    ensure!(
        !auth || !settings.auth.signing.active.is_unset(),
        "auth.signing.active is not set"
    );
    settings.mesh.check()?;
    for role in roles {
        for callee in role.callees().filter(|callee| !roles.contains(callee)) {
            let (caller, callee) = (role.name(), callee.name());
            ensure!(
                settings.mesh.peers.contains_key(callee),
                "mesh.peers.{callee} is not set: {caller} calls it, and this process does not host it"
            );
        }
    }
    Ok(())
}

/// The command.
///
/// # Errors
/// Whatever makes it impossible to serve, by name; not what may come back.
pub async fn command(settings: Settings, roles: Vec<Role>) -> Result<()> {
    telemetry::init(&settings.log)?;
    telemetry::log_panics();
    let roles: Vec<Role> = Role::value_variants()
        .iter()
        .copied()
        .filter(|role| roles.contains(role))
        .collect();
    check(&settings, &roles)?;
    let alone = match roles[..] {
        [role] => Some(role.name()),
        _ => None,
    };
    // Dropped last, so that what ends with the process is sent too.
    let _traces = telemetry::export(&settings.trace, alone.unwrap_or("smilefactory"))?;
    let mut signals = Signals::listen()?;
    let (readiness, stop) = (Readiness::new(), Shutdown::new());
    readiness.wait_for("the start");
    let admin = chassis::admin::bind(settings.admin.address).await?;
    let admin_address = admin.local_addr()?;
    // Answered from the first moment to the last, so that probes see why.
    let mut probes = Tasks::new(Shutdown::new());
    probes.spawn(chassis::admin::task(admin, readiness.clone()));
    let start = Process::start(&settings, &roles, &readiness, &stop);
    let process = tokio::select! {
        process = start => process?,
        () = signals.next() => {
            stop.begin();
            return Ok(());
        }
    };
    let Some(process) = process else {
        return Ok(());
    };
    process.announce(&roles, admin_address);
    let waiting = process.wait_for_callees(&settings, &roles, &readiness, &stop);
    tokio::select! {
        () = async { waiting.await; std::future::pending::<()>().await } => {}
        () = signals.next() => {}
    }
    readiness.drain();
    let ending = async {
        process.end(&settings).await;
        probes.drain(Duration::from_secs(1)).await;
    };
    signals.end(ending).await;
    Ok(())
}

/// What runs.
struct Process {
    host: Host,
    edge: Option<Running>,
    /// Where other processes call the services hosted here.
    mesh: Option<SocketAddr>,
}

impl Process {
    /// Starts everything; `None` when it is told to stop before.
    async fn start(
        settings: &Settings,
        roles: &[Role],
        readiness: &Readiness,
        stop: &Shutdown,
    ) -> Result<Option<Self>> {
        let services = roles.iter().any(|role| *role != Role::Edge);
        let listener = match services {
            true => Some(Listener::bind(settings.listen.clone()).await?),
            false => None,
        };
        let start =
            async || Host::start_with(settings.host(), stop.clone(), readiness.clone()).await;
        let Some(mut host) = readiness.until(stop, "Redis", start).await else {
            return Ok(None);
        };
        let needed = migration::names();
        for role in roles {
            if *role == Role::Edge {
                continue;
            }
            if host.wait_for_schema(role.name(), &needed).await?.is_none() {
                return Ok(None);
            }
            add(&mut host, *role, settings).await?;
        }
        let mesh = match &listener {
            Some(listener) => Some(listener.local_addr()?),
            None => None,
        };
        if let Some(listener) = listener {
            host.listen(listener).await?;
        }
        readiness.wait_for("what is called");
        let edge = match roles.contains(&Role::Edge) {
            true => Some(open(&host, settings).await?),
            false => None,
        };
        Ok(Some(Self { host, edge, mesh }))
    }

    /// Waits until the services answer that the edge is of no use without. Services are ready without those they
    /// call: in a circle all would wait for each other.
    async fn wait_for_callees(
        &self,
        settings: &Settings,
        roles: &[Role],
        readiness: &Readiness,
        stop: &Shutdown,
    ) {
        if roles.contains(&Role::Edge)
            && let Ok(peers) = self.host.peers(Role::Edge.name())
        {
            for name in &settings.edge.mandatory {
                let reached = async || {
                    ensure!(peers.reaches(name).await, "it does not answer");
                    Ok(())
                };
                let _reached = readiness.until(stop, name, reached).await;
                let (peers, asked) = (peers.clone(), name.clone());
                readiness.depend(name, move || {
                    let (peers, asked) = (peers.clone(), asked.clone());
                    async move { peers.reaches(&asked).await }
                });
            }
        }
        if !stop.is_begun() {
            readiness.started();
            tracing::info!("ready");
        }
    }

    fn announce(&self, roles: &[Role], admin: SocketAddr) {
        let hosted: Vec<&str> = roles.iter().map(|role| role.name()).collect();
        let shown = |address: Option<SocketAddr>| address.map(|it| it.to_string());
        tracing::info!(
            hosted = hosted.join(" "),
            public = shown(self.edge.as_ref().map(Running::local_addr)),
            listen = shown(self.mesh),
            admin = %admin,
            "serving"
        );
    }

    /// Ends everything, the outermost first (N-22). Readiness is false already: whoever balances load is given the
    /// time to see it.
    async fn end(self, settings: &Settings) {
        let drain = &settings.drain;
        tokio::time::sleep(Duration::from_millis(drain.pause_ms)).await;
        let most = Duration::from_millis(drain.most_ms);
        let ending = async {
            if let Some(edge) = self.edge {
                edge.shutdown().await;
            }
            self.host.shut_down(most).await;
        };
        if tokio::time::timeout(most, ending).await.is_err() {
            tracing::error!("not everything ended in time");
        }
    }
}

async fn add(host: &mut Host, role: Role, settings: &Settings) -> Result<()> {
    match role {
        Role::Edge => Ok(()),
        Role::Auth => host.add::<auth::Auth>(settings.auth.clone()).await,
        Role::Profile => host.add::<profile::Profile>(settings.profile.clone()).await,
        Role::Feed => host.add::<feed::Feed>(settings.feed.clone()).await,
    }
}

async fn open(host: &Host, settings: &Settings) -> Result<Running> {
    let kit = EdgeKit {
        peers: host.peers(Role::Edge.name())?,
        keys: host.service_keys(Role::Edge.name())?,
        redis: host.redis().clone(),
        readiness: host.readiness(),
        inbox: None,
    };
    Edge::start(kit, settings.edge.clone())
        .await
        .context("opening the public door")
}

#[cfg(test)]
mod tests {
    use chassis::Secret;

    use super::*;

    #[test]
    fn dl_3_what_a_role_needs_is_named() {
        let mut settings = Settings::default();
        let said =
            |settings: &Settings, roles: &[Role]| check(settings, roles).unwrap_err().to_string();
        assert_eq!(said(&settings, &[Role::Feed]), "database.url is not set");
        assert_eq!(said(&settings, &[Role::Edge]), "redis.url is not set");
        settings.database.url = Secret::new("postgres://x".to_owned());
        settings.redis.url = Secret::new("redis://x".to_owned());
        settings.secret = Secret::new("s".repeat(32));
        assert_eq!(
            said(&settings, &[Role::Auth]),
            "auth.signing.active is not set"
        );
        settings.auth.signing.active = Secret::new("a key".to_owned());
        assert_eq!(
            said(&settings, &[Role::Auth]),
            "mesh.peers.profile is not set: auth calls it, and this process does not host it"
        );
        assert!(check(&settings, &[Role::Auth, Role::Profile]).is_ok());
        settings.redis.url = Secret::new("redis://x/not-a-number".to_owned());
        let error = format!("{:#}", check(&settings, &[Role::Profile]).unwrap_err());
        assert!(error.starts_with("redis.url cannot be read"), "{error}");
        settings.redis.url = Secret::new("redis://x".to_owned());
        assert!(
            said(&settings, &[Role::Edge]).starts_with("mesh.peers.auth is not set: edge calls it")
        );
    }
}
