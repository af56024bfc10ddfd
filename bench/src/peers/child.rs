//! Processes of the comparison: each on its core, with a log of its own, ended with the comparison.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::Instant;

/// Longest wait for a process to listen.
const START: Duration = Duration::from_secs(60);

/// A process that runs until this is dropped.
#[derive(Debug)]
pub(super) struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
    /// Where it listens.
    pub(super) address: SocketAddr,
}

impl Process {
    /// Starts a program on a core; `arguments` get the address it is to listen at.
    pub(super) fn start(
        name: &'static str,
        folder: &Path,
        core: usize,
        program: &Path,
        arguments: impl FnOnce(SocketAddr) -> Result<Vec<String>>,
    ) -> Result<Self> {
        let address = free_address()?;
        let log = folder.join(format!("{name}.log"));
        let out = File::create(&log).with_context(|| log.display().to_string())?;
        let child = Command::new("taskset")
            .args(["-c", &core.to_string()])
            .arg(program)
            .args(arguments(address)?)
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        Ok(Self {
            name,
            child,
            log,
            address,
        })
    }

    /// Waits until it takes connections.
    pub(super) async fn listening(mut self) -> Result<Self> {
        let until = Instant::now() + START;
        while TcpStream::connect(self.address).await.is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!(
                    "{} ended with {status}: see {}",
                    self.name,
                    self.log.display()
                );
            }
            if Instant::now() > until {
                bail!("{} does not listen: see {}", self.name, self.log.display());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(self)
    }

    /// Its number.
    pub(super) fn pid(&self) -> Result<u32> {
        self.child
            .id()
            .with_context(|| format!("{} ended: see {}", self.name, self.log.display()))
    }

    /// Ends it now.
    pub(super) async fn end(mut self) -> Result<()> {
        self.child
            .kill()
            .await
            .with_context(|| format!("ending {}", self.name))
    }
}

/// Returns an address nobody listens at now.
pub(super) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
