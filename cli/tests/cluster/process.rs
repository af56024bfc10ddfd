//! One process of a deployment: the built binary, its settings, its log.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// Longest wait for a process; a slow machine starts eight of them at once.
const LONGEST: Duration = Duration::from_secs(120);

/// A process that is started, told to end and started again at the same addresses.
pub(crate) struct Process {
    pub(crate) name: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    log: PathBuf,
    pub(crate) admin: SocketAddr,
    child: Option<Child>,
}

impl Process {
    /// Describes a process; it does not run yet. Its log is in `folder`.
    pub(crate) fn new(
        name: &str,
        arguments: &[&str],
        environment: &[(&str, String)],
        folder: &Path,
    ) -> Self {
        let admin = free_address();
        let mut environment: Vec<_> = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        environment.push(("SF__ADMIN__ADDRESS".to_owned(), admin.to_string()));
        Self {
            name: name.to_owned(),
            arguments: arguments.iter().map(|it| (*it).to_owned()).collect(),
            environment,
            log: folder.join(format!("{name}.log")),
            admin,
            child: None,
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_smilefactory"));
        command
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Starts it; it need not be ready.
    pub(crate) fn start(&mut self) {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(&self.log)
            .unwrap();
        let mut command = self.command();
        command.stdout(log.try_clone().unwrap()).stderr(log);
        self.child = Some(command.spawn().unwrap());
    }

    /// Runs it to its end and returns what it said.
    pub(crate) async fn fail(&self) -> String {
        let output = tokio::time::timeout(LONGEST, self.command().output()).await;
        let output = output.expect("it ends").unwrap();
        assert!(!output.status.success(), "{}", self.name);
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// Asks the admin listener; `None` while nobody listens.
    pub(crate) async fn ask(&self, path: &str) -> Option<(u16, String)> {
        get(self.admin, path).await
    }

    /// Waits until it says that it is ready.
    pub(crate) async fn ready(&mut self) {
        let began = Instant::now();
        loop {
            let answer = self.ask("/readyz").await;
            if answer.as_ref().is_some_and(|(status, _)| *status == 200) {
                return;
            }
            let ended = self.child.as_mut().and_then(|it| it.try_wait().unwrap());
            assert!(
                ended.is_none() && began.elapsed() < LONGEST,
                "{} is not ready: {answer:?} {ended:?}\n{}",
                self.name,
                self.said()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Sends SIGTERM.
    pub(crate) async fn terminate(&self) {
        let id = self.child.as_ref().and_then(Child::id).expect("it runs");
        let sent = Command::new("kill")
            .args(["-TERM", &id.to_string()])
            .status()
            .await;
        assert!(sent.unwrap().success());
    }

    /// Kills it outright.
    pub(crate) async fn kill(&mut self) {
        self.child.take().expect("it runs").kill().await.unwrap();
    }

    /// Waits for its end after [`Process::terminate`].
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("it runs");
        let status = tokio::time::timeout(LONGEST, child.wait()).await;
        status
            .unwrap_or_else(|_| panic!("{} does not end\n{}", self.name, self.said()))
            .unwrap()
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The end of its log.
    pub(crate) fn said(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

/// One GET on a connection of its own; `None` when nobody takes it.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    let head = format!("GET {path} HTTP/1.1\r\nhost: cluster\r\nconnection: close\r\n\r\n");
    exchange(address, &head).await.ok().flatten()
}

/// One request on a connection of its own, and its reply; `None` when nobody listens, an error when whoever took it
/// did not answer whole.
pub(crate) async fn exchange(
    address: SocketAddr,
    request: &str,
) -> std::io::Result<Option<(u16, String)>> {
    let Ok(mut stream) = TcpStream::connect(address).await else {
        return Ok(None);
    };
    stream.write_all(request.as_bytes()).await?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await?;
    let whole = reply.split_once("\r\n\r\n");
    let status = reply
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    match (whole, status) {
        (Some((_, body)), Some(status)) => Ok(Some((status, body.to_owned()))),
        _ => Err(std::io::Error::other(format!("no reply: {reply:?}"))),
    }
}

/// A loopback address nobody listens on, below the ports the system gives out for port 0.
pub(crate) fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 100).unwrap() * 100;
    loop {
        let port = 12_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 18_000;
        let address = (Ipv4Addr::LOCALHOST, port).into();
        if TcpListener::bind::<SocketAddr>(address).is_ok() {
            return address;
        }
    }
}
