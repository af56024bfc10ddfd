//! A PostgreSQL of one test's own, which it may kill.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use crate::own_redis::{NOBODY, free_port, is_root};

/// Longest time a server takes to answer, crash recovery included, on a machine that does much else.
const STARTED: Duration = Duration::from_secs(60);

/// A PostgreSQL server with an empty database cluster on a port of its own; both end with the value.
#[derive(Debug)]
pub struct OwnPostgres {
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
    password: String,
    settings: Vec<String>,
    server: Option<Child>,
}

impl OwnPostgres {
    /// Makes a database cluster and starts its server with these settings (`name=value`).
    ///
    /// # Panics
    /// When PostgreSQL is not installed or does not start.
    pub async fn start(settings: &[&str]) -> Self {
        let folder = std::env::temp_dir().join(format!("sf-postgres-{}", Uuid::new_v4().simple()));
        let mut own = Self {
            programs: programs(),
            folder,
            port: free_port(),
            password: Uuid::new_v4().simple().to_string(),
            settings: settings.iter().map(|&it| it.to_owned()).collect(),
            server: None,
        };
        own.make();
        own.restart().await;
        own
    }

    /// The URL of its superuser, the same after every restart.
    #[must_use]
    pub fn url(&self) -> String {
        let Self { port, password, .. } = self;
        format!("postgres://postgres:{password}@127.0.0.1:{port}/postgres")
    }

    /// Kills it outright (SIGKILL), so that its next start recovers from its log. Nothing when it is not running.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            // Either fails only when the process has ended. Its children end when they see that it is gone.
            let _killed = server.kill();
            let _waited = server.wait();
        }
    }

    /// Starts it again on the same port and waits until it answers.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn restart(&mut self) {
        self.kill();
        let end = Instant::now() + STARTED;
        while Instant::now() < end {
            if self.server.is_none() {
                self.server = Some(self.run());
            }
            let ended = self.server.as_mut().map(Child::try_wait);
            if let Some(Ok(Some(_))) = ended {
                // A child of the one that was killed still lives, or somebody else was faster at this port.
                self.server = None;
            } else if let Ok(connection) = PgConnection::connect(&self.url()).await
                && connection.close().await.is_ok()
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        panic!("PostgreSQL does not answer on port {}: {log}", self.port);
    }

    fn make(&self) {
        std::fs::create_dir(&self.folder).expect("a folder for PostgreSQL");
        let secret = self.folder.join("password");
        std::fs::write(&secret, &self.password).expect("its password");
        if is_root() {
            for path in [&self.folder, &secret] {
                std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).expect("root may");
            }
        }
        let made = self
            .command("initdb")
            .args(["--username", "postgres", "--encoding", "UTF8"])
            .args(["--locale", "C.UTF-8", "--auth", "scram-sha-256"])
            .arg("--no-sync")
            .arg("--pwfile")
            .arg(&secret)
            .output()
            .expect("initdb is installed");
        let said = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "initdb: {said}");
    }

    fn run(&self) -> Child {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.join("log"));
        let mut command = self.command("postgres");
        command
            .args(["-p", &self.port.to_string()])
            .args(["-c", "listen_addresses=127.0.0.1"])
            .args(["-c", "unix_socket_directories="])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.expect("a log"));
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        command.spawn().expect("postgres is installed")
    }

    /// One of its programs, as a user it accepts.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command
            .arg("-D")
            .arg(self.folder.join("data"))
            .current_dir("/");
        if is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            // An immediate shutdown, which waits for its children.
            let id = server.id().to_string();
            let _sent = Command::new("kill").args(["-QUIT", &id]).status();
        }
        if let Some(mut server) = self.server.take() {
            let _waited = server.wait();
        }
        let _gone = std::fs::remove_dir_all(&self.folder);
    }
}

/// Where PostgreSQL's programs are: beside those in `PATH`, else the newest of the system's packages.
fn programs() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut packaged: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let version = entry.ok()?.file_name().to_str()?.parse().ok()?;
            Some((version, format!("/usr/lib/postgresql/{version}/bin").into()))
        })
        .collect();
    packaged.sort();
    let packaged = packaged.into_iter().rev().map(|(_, folder)| folder);
    std::env::split_paths(&path)
        .chain(packaged)
        .find(|folder| has(folder, "initdb") && has(folder, "postgres"))
        .expect("PostgreSQL is installed")
}

fn has(folder: &Path, program: &str) -> bool {
    folder.join(program).is_file()
}
