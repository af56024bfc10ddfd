//! Two edges and two replicas of every service, as separate processes on one database and one Redis.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use chassis::{Shutdown, Tasks};
use e2e::Client;
use edge::Inbox;
use serde_json::json;
use smilefactory::smtp::{Sink, newest_code};
use testkit::{Rig, eventually};

use crate::process::{Process, free_address};

/// Buckets a test's own traffic could fill.
const BUCKETS: [&str; 8] = [
    "ip",
    "anon-read",
    "account",
    "write",
    "auth",
    "otp-send",
    "otp-verify",
    "otp-verify-wrong",
];

/// What processes are made from: servers of their own, one file of settings, one captured inbox.
pub(crate) struct Ground {
    pub(crate) rig: Rig,
    folder: PathBuf,
    inbox: Inbox,
    /// Owned, so that the sink ends with the test.
    _sink: Tasks,
}

impl Ground {
    pub(crate) async fn prepare() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let nth = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("sf-cluster-{}-{nth}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let inbox = Inbox::default();
        let sink = Sink::bind(inbox.clone()).await.unwrap();
        let smtp = sink.address().unwrap();
        let mut tasks = Tasks::new(Shutdown::new());
        tasks.spawn(sink.task());
        let ground = Self {
            rig: Rig::start().await,
            folder,
            inbox,
            _sink: tasks,
        };
        std::fs::write(ground.settings(), ground.toml(smtp)).unwrap();
        ground
    }

    fn settings(&self) -> PathBuf {
        self.folder.join("settings.toml")
    }

    fn toml(&self, smtp: SocketAddr) -> String {
        let host = self.rig.config();
        let key = identity::access::generate_pem().unwrap();
        let mut text = format!(
            "secret = {:?}\n[database]\nurl = {:?}\nrole_secret = {:?}\n[redis]\nurl = {:?}\n\
             [auth.otp]\nresend_gap_seconds = 0\n[auth.signing]\nactive = '''\n{}'''\n\
             [auth.smtp]\nhost = \"{}\"\nport = {}\n[drain]\npause_ms = 1000\n[log]\nformat = \"text\"\nfilter = \"info,edge=error\"\n",
            host.secret.expose(),
            host.database.url.expose(),
            host.database.role_secret.expose(),
            host.redis.url.expose(),
            key.as_str(),
            smtp.ip(),
            smtp.port(),
        );
        for bucket in BUCKETS {
            text += &format!(
                "[edge.buckets.{bucket}]\nlimit = 1000000\nwindow_seconds = 60\nredis_down = \"open\"\n"
            );
        }
        text
    }

    /// Describes a process with the common settings and these of its own.
    pub(crate) fn process(
        &self,
        name: &str,
        command: &[&str],
        environment: &[(&str, String)],
    ) -> Process {
        let file = self.settings();
        let mut arguments = vec!["--config", file.to_str().unwrap()];
        arguments.extend(command);
        Process::new(name, &arguments, environment, &self.folder)
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        // What a failed test leaves behind is looked at.
        if !std::thread::panicking() {
            let _gone = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// The cluster: six processes. auth and profile share one, so that both ways of calling are taken.
pub(crate) struct Cluster {
    pub(crate) ground: Ground,
    pub(crate) edges: [SocketAddr; 2],
    /// Where feed, and auth with profile, are called.
    pub(crate) feeds: [SocketAddr; 2],
    pub(crate) accounts: [SocketAddr; 2],
    pub(crate) processes: Vec<Process>,
}

impl Cluster {
    /// Starts everything at once and waits until it is ready.
    pub(crate) async fn start() -> Self {
        let ground = Ground::prepare().await;
        let [edges, feeds, accounts] = [(); 3].map(|()| [free_address(), free_address()]);
        let listed = |addresses: [SocketAddr; 2]| addresses.map(|it| it.to_string()).join(",");
        let peers = [
            ("SF__MESH__PEERS__AUTH", listed(accounts)),
            ("SF__MESH__PEERS__PROFILE", listed(accounts)),
            ("SF__MESH__PEERS__FEED", listed(feeds)),
        ];
        let mut processes = Vec::new();
        for nth in 0..2 {
            let listen = |address: SocketAddr| ("SF__LISTEN__ADDRESS", address.to_string());
            let with = |own: &[(&'static str, String)]| [&peers[..], own].concat();
            let own = [
                ("SF__EDGE__HOST", Ipv4Addr::LOCALHOST.to_string()),
                ("SF__EDGE__PORT", edges[nth].port().to_string()),
            ];
            let mut add = |name: &str, roles: &[&str], own: &[(&'static str, String)]| {
                let command = [&["serve"], roles].concat();
                processes.push(ground.process(&format!("{name}-{nth}"), &command, &with(own)));
            };
            add("accounts", &["auth", "profile"], &[listen(accounts[nth])]);
            add("feed", &["feed"], &[listen(feeds[nth])]);
            add("edge", &["edge"], &own);
        }
        processes.iter_mut().for_each(Process::start);
        for process in &mut processes {
            process.ready().await;
        }
        Self {
            ground,
            edges,
            feeds,
            accounts,
            processes,
        }
    }

    /// Speaks to one of the edges without a token.
    pub(crate) fn client(&self, nth: usize) -> Client {
        Client::new(self.edges[nth])
    }

    pub(crate) fn process(&mut self, name: &str) -> &mut Process {
        let found = self.processes.iter_mut().find(|it| it.name == name);
        found.expect("a process of this name")
    }

    /// Signs somebody in at one of the edges and returns the access token.
    pub(crate) async fn sign_in(&self, nth: usize, email: &str) -> String {
        let client = self.client(nth);
        let asked = client
            .post("/api/v1/auth/send-otp", json!({"email": email}))
            .await;
        assert_eq!(asked.status, 200, "{}", asked.json());
        let code = eventually(|| async { newest_code(&self.ground.inbox, email) }).await;
        let given = json!({"email": email, "code": code});
        let reply = client.post("/api/v1/auth/verify-otp", given).await;
        let token = reply.data(200)["accessToken"].clone();
        token.as_str().unwrap().to_owned()
    }

    /// Ends a process in order, starts it again and waits until it is ready.
    pub(crate) async fn restart(&mut self, name: &str) {
        let process = self.process(name);
        process.terminate().await;
        let status = process.ended().await;
        assert!(status.success(), "{name}: {status}\n{}", process.said());
        process.start();
        process.ready().await;
    }

    /// Ends every process in order, edges first.
    pub(crate) async fn stop(mut self) {
        self.processes
            .sort_by_key(|it| !it.name.starts_with("edge"));
        for process in &mut self.processes {
            process.terminate().await;
        }
        for process in &mut self.processes {
            assert!(process.ended().await.success(), "{}", process.said());
        }
    }
}
