//! A Redis of one test's own, which it may kill.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redis::Redis;
use uuid::Uuid;

/// The user `nobody`, whom a server started by root runs as.
pub(crate) const NOBODY: u32 = 65_534;
/// Longest time a server takes to answer, on a machine that does much else.
const STARTED: Duration = Duration::from_secs(20);

/// A Redis server without persistence on a port of its own; it ends with the value.
#[derive(Debug)]
pub struct OwnRedis {
    port: u16,
    password: String,
    server: Option<Child>,
}

impl OwnRedis {
    /// Starts an empty one.
    ///
    /// # Panics
    /// When `redis-server` cannot be run.
    pub async fn start() -> Self {
        let mut own = Self {
            port: free_port(),
            password: Uuid::new_v4().simple().to_string(),
            server: None,
        };
        own.restart().await;
        own
    }

    /// Its URL, the same after every restart.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://:{}@127.0.0.1:{}", self.password, self.port)
    }

    /// Kills it outright (SIGKILL); all it held is gone. Nothing when it is not running.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            // Either fails only when the process has ended.
            let _killed = server.kill();
            let _waited = server.wait();
        }
    }

    /// Starts it again, empty, on the same port, and waits until it answers.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn restart(&mut self) {
        self.kill();
        let end = Instant::now() + STARTED;
        while Instant::now() < end {
            let server = self
                .server
                .get_or_insert_with(|| run(self.port, &self.password));
            if let Ok(Some(_)) = server.try_wait() {
                // Somebody else was faster at this port; it may be free again.
                self.server = None;
            } else if let Ok(redis) = Redis::connect(&self.url()).await {
                redis.close().await;
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("redis-server does not answer on port {}", self.port);
    }
}

impl Drop for OwnRedis {
    fn drop(&mut self) {
        self.kill();
    }
}

fn run(port: u16, password: &str) -> Child {
    let mut command = Command::new("redis-server");
    command
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .args(["--requirepass", password, "--port", &port.to_string()])
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.spawn().expect("redis-server is installed")
}

/// Whether this process is root's; servers must not be.
pub(crate) fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
    listener.local_addr().expect("it is bound").port()
}
