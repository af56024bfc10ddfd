//! Two edges, two replicas of every service and an inbox, as separate processes.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::{Ask, Door, LONGEST, LOOK, Place, Process, Site, free_address};

/// Which services share a process: each has its own, as in production.
pub const GROUPS: &[&[&str]] = &[&["auth"], &["profile"], &["feed"]];

/// The processes and where they are.
#[derive(Debug)]
pub struct Cluster {
    /// What they have in common.
    pub site: Site,
    /// All but the inbox: `auth-0`, `edge-1`.
    pub processes: Vec<Process>,
    /// The way in.
    pub entry: Entry,
    peers: BTreeMap<&'static str, [SocketAddr; 2]>,
    inbox: Process,
}

/// Both edges, and the inbox: all a client needs.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The edges.
    pub edges: [Door; 2],
    inbox: Door,
}

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub struct Session {
    /// The address codes go to.
    pub email: String,
    /// The code that was redeemed.
    pub code: String,
    /// The access token.
    pub access: String,
    /// The refresh token.
    pub refresh: String,
    /// The account's id.
    pub account: String,
    /// The id of the active profile.
    pub profile: String,
}

impl Cluster {
    /// Describes the processes; none runs yet. Each of `groups` is what one process hosts.
    ///
    /// # Errors
    /// The folder of the settings cannot be written.
    pub fn new(place: Place, groups: &[&[&'static str]]) -> Result<Self> {
        let site = Site::new(place)?;
        let edges = [free_address(), free_address()];
        let mut peers = BTreeMap::new();
        for group in groups {
            let addresses = [free_address(), free_address()];
            peers.extend(group.iter().map(|service| (*service, addresses)));
        }
        let listed: Vec<(String, String)> = peers
            .iter()
            .map(|(service, [one, other])| {
                let name = format!("SF__MESH__PEERS__{}", service.to_uppercase());
                (name, format!("{one},{other}"))
            })
            .collect();
        let listed: Vec<(&str, String)> = listed
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()))
            .collect();
        let mut processes = Vec::new();
        for nth in 0..2 {
            let mut add = |name: &str, roles: &[&str], own: &[(&'static str, String)]| {
                let command = [&["serve"], roles].concat();
                let environment = [&listed[..], own].concat();
                processes.push(site.process(&format!("{name}-{nth}"), &command, &environment));
            };
            for group in groups {
                let listen = peers[group[0]][nth].to_string();
                add(group[0], group, &[("SF__LISTEN__ADDRESS", listen)]);
            }
            let host = ("SF__EDGE__HOST", Ipv4Addr::LOCALHOST.to_string());
            let port = ("SF__EDGE__PORT", edges[nth].port().to_string());
            add("edge", &["edge"], &[host, port]);
        }
        let mails = free_address();
        let own = [
            ("SF__DEVELOPMENT__SMTP_ADDRESS", site.smtp.to_string()),
            ("SF__DEVELOPMENT__INBOX_ADDRESS", mails.to_string()),
        ];
        let inbox = site.process("inbox", &["inbox"], &own);
        let entry = Entry {
            edges: edges.map(Door::new),
            inbox: Door::new(mails),
        };
        Ok(Self {
            site,
            processes,
            entry,
            peers,
            inbox,
        })
    }

    /// Starts everything at once and waits until it is ready.
    ///
    /// # Errors
    /// A process ends or is not ready within two minutes.
    pub async fn start(place: Place, groups: &[&[&'static str]]) -> Result<Self> {
        let mut cluster = Self::new(place, groups)?;
        cluster.launch()?;
        cluster.ready().await?;
        Ok(cluster)
    }

    /// Starts every process that does not run.
    ///
    /// # Errors
    /// One cannot be run.
    pub fn launch(&mut self) -> Result<()> {
        let all = self.processes.iter_mut().chain([&mut self.inbox]);
        for process in all.filter(|it| it.id().is_err()) {
            process.start()?;
        }
        Ok(())
    }

    /// Waits until every process is ready and mail is taken.
    ///
    /// # Errors
    /// One ends or is not ready within two minutes.
    pub async fn ready(&mut self) -> Result<()> {
        for process in &mut self.processes {
            process.ready().await?;
        }
        let inbox = async || Ok(self.entry.inbox.send(&Ask::get("/mails")).await.is_ok());
        super::until("the inbox answers", inbox).await?;
        Ok(())
    }

    /// The schema, by `smilefactory migrate up`.
    ///
    /// # Errors
    /// It fails.
    pub async fn migrate(&self) -> Result<()> {
        let (done, said) = self
            .site
            .process("migrate", &["migrate", "up"], &[])
            .run()
            .await?;
        anyhow::ensure!(done, "migrate up: {said}");
        Ok(())
    }

    /// Where a service is called.
    #[must_use]
    pub fn peers(&self, service: &str) -> [SocketAddr; 2] {
        self.peers[service]
    }

    /// The process of this name.
    ///
    /// # Errors
    /// There is none.
    pub fn process(&mut self, name: &str) -> Result<&mut Process> {
        let found = self.processes.iter_mut().find(|it| it.name == name);
        found.with_context(|| format!("no process is called {name}"))
    }

    /// The names of all processes.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.processes.iter().map(|it| it.name.clone()).collect()
    }

    /// Ends a process in order, starts it again, waits until it is ready, and returns how long the end took.
    ///
    /// # Errors
    /// It ends with another status than 0, or is not ready within two minutes.
    pub async fn restart(&mut self, name: &str) -> Result<Duration> {
        let process = self.process(name)?;
        let took = process.stop().await?;
        process.start()?;
        process.ready().await?;
        Ok(took)
    }

    /// Kills a process outright, starts it again and waits until it is ready.
    ///
    /// # Errors
    /// It is not ready within two minutes.
    pub async fn kill(&mut self, name: &str) -> Result<()> {
        let process = self.process(name)?;
        process.kill().await?;
        process.start()?;
        process.ready().await
    }

    /// Ends every process in order, edges first.
    ///
    /// # Errors
    /// One ends with another status than 0.
    pub async fn stop(mut self) -> Result<()> {
        self.processes
            .sort_by_key(|it| !it.name.starts_with("edge"));
        for process in &mut self.processes {
            process.stop().await?;
        }
        self.inbox.stop().await?;
        Ok(())
    }
}

impl Entry {
    /// Signs somebody in at one of the edges.
    ///
    /// # Errors
    /// A request is refused, or no mail comes within two minutes.
    pub async fn sign_in(&self, edge: usize, email: &str) -> Result<Session> {
        let door = &self.edges[edge];
        let asked = Ask::post("/api/v1/auth/send-otp", &json!({"email": email}));
        door.send(&asked).await?.with(200)?;
        let code = self.code(email, "").await?;
        let given = json!({"email": email, "code": code});
        let redeemed = Ask::post("/api/v1/auth/verify-otp", &given);
        let reply = door.send(&redeemed).await?.with(200)?;
        Ok(Session::of(email, code, &reply.json()["data"]))
    }

    /// The newest code sent to an address that is not `other`.
    ///
    /// # Errors
    /// None comes within two minutes.
    pub async fn code(&self, email: &str, other: &str) -> Result<String> {
        let search = async {
            loop {
                if let Some(code) = self.newest(email).await.filter(|it| it != other) {
                    return code;
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        let code = tokio::time::timeout(LONGEST, search).await;
        code.with_context(|| format!("no code reaches {email}"))
    }

    async fn newest(&self, email: &str) -> Option<String> {
        let reply = self.inbox.send(&Ask::get("/mails")).await.ok()?.json();
        let mail = reply.as_array()?.iter().find(|it| it["to"] == email)?;
        let text = mail["text"].as_str()?;
        let is_code = |word: &&str| word.len() == 6 && word.bytes().all(|b| b.is_ascii_digit());
        text.split_whitespace().find(is_code).map(str::to_owned)
    }
}

impl Session {
    /// From the reply to a redeemed code.
    #[must_use]
    pub fn of(email: &str, code: String, data: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Self {
            email: email.to_owned(),
            code,
            access: text(&data["accessToken"]),
            refresh: text(&data["refreshToken"]),
            account: text(&data["user"]["id"]),
            profile: text(&data["activeProfileId"]),
        }
    }
}
