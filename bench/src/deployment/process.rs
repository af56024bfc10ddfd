//! One process of a deployment: the built binary, its settings, its log.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::process::{Child, Command};

use super::{Ask, Door, LONGEST, LOOK, Reply, free_address};

/// A process that is started, told to end and started again at the same addresses.
#[derive(Debug)]
pub struct Process {
    /// What it is called here.
    pub name: String,
    binary: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    log: PathBuf,
    /// Its admin listener.
    pub admin: SocketAddr,
    door: Door,
    child: Option<Child>,
}

impl Process {
    pub(super) fn new(
        binary: &Path,
        name: &str,
        arguments: Vec<String>,
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
            binary: binary.to_owned(),
            arguments,
            environment,
            log: folder.join(format!("{name}.log")),
            admin,
            door: Door::new(admin),
            child: None,
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Starts it; it need not be ready.
    ///
    /// # Errors
    /// It cannot be run.
    pub fn start(&mut self) -> Result<()> {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(&self.log)?;
        let mut command = self.command();
        command.stdout(log.try_clone()?).stderr(log);
        let child = command.spawn();
        self.child = Some(child.with_context(|| format!("{}", self.binary.display()))?);
        Ok(())
    }

    /// Runs it to its end and returns whether it succeeded, and what it said on standard error.
    ///
    /// # Errors
    /// It cannot be run or does not end within two minutes.
    pub async fn run(&self) -> Result<(bool, String)> {
        let output = tokio::time::timeout(LONGEST, self.command().output()).await;
        let output = output.with_context(|| format!("{} does not end", self.name))??;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Ok((output.status.success(), said))
    }

    /// Asks the admin listener; `None` while nobody answers.
    pub async fn ask(&self, path: &str) -> Option<Reply> {
        self.door.send(&Ask::get(path)).await.ok()
    }

    /// Whether it says that it is ready.
    pub async fn is_ready(&self) -> bool {
        self.ask("/readyz").await.is_some_and(|it| it.status == 200)
    }

    /// Waits until it says that it is ready.
    ///
    /// # Errors
    /// It ended, or two minutes have passed.
    pub async fn ready(&mut self) -> Result<()> {
        let began = Instant::now();
        while !self.is_ready().await {
            let ended = self.child.as_mut().map(Child::try_wait).transpose()?;
            let ended = ended.flatten();
            if ended.is_some() || began.elapsed() > LONGEST {
                bail!("{} is not ready: {ended:?}\n{}", self.name, self.said());
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Its process id.
    ///
    /// # Errors
    /// It does not run.
    pub fn id(&self) -> Result<u32> {
        let id = self.child.as_ref().and_then(Child::id);
        id.with_context(|| format!("{} does not run", self.name))
    }

    /// Sends a signal: `TERM`, `STOP`, `CONT`.
    ///
    /// # Errors
    /// It does not run.
    pub async fn signal(&self, name: &str) -> Result<()> {
        let id = self.id()?.to_string();
        let signal = format!("-{name}");
        let sent = Command::new("kill").args([&signal, &id]).status().await?;
        ensure!(sent.success(), "{} takes no signal", self.name);
        Ok(())
    }

    /// Kills it outright (SIGKILL).
    ///
    /// # Errors
    /// It does not run.
    pub async fn kill(&mut self) -> Result<()> {
        let mut child = self.child.take().context("it does not run")?;
        Ok(child.kill().await?)
    }

    /// Tells it to end (SIGTERM), waits, and returns how long that took.
    ///
    /// # Errors
    /// It ends with another status than 0, or not within two minutes.
    pub async fn stop(&mut self) -> Result<Duration> {
        let began = Instant::now();
        self.signal("TERM").await?;
        let status = self.ended().await?;
        let said = || format!("{}: {status}\n{}", self.name, self.said());
        ensure!(status.success(), said());
        Ok(began.elapsed())
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// It does not end within two minutes.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        let mut child = self.child.take().context("it does not run")?;
        let status = tokio::time::timeout(LONGEST, child.wait()).await;
        Ok(status.with_context(|| format!("{} does not end\n{}", self.name, self.said()))??)
    }

    /// What it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The end of its log.
    #[must_use]
    pub fn said(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}
