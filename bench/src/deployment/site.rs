//! What the processes of one deployment have in common: a binary, servers, one file of settings.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result};

use super::{Process, Servers, free_address};

/// Buckets a run's own traffic could fill.
const BUCKETS: [&str; 4] = ["ip", "anon-read", "account", "write"];

/// Where a deployment is made, and of what.
#[derive(Debug, Clone)]
pub struct Place {
    /// The built `smilefactory`.
    pub binary: PathBuf,
    /// Its servers.
    pub servers: Servers,
    /// Further settings, in TOML, after those every deployment gets here.
    pub settings: String,
}

/// A folder with the settings and the logs of processes. It goes with the value unless its thread panics.
#[derive(Debug)]
pub struct Site {
    place: Place,
    folder: PathBuf,
    /// Where mail is taken.
    pub(super) smtp: std::net::SocketAddr,
}

impl Site {
    /// Writes the settings.
    ///
    /// Client addresses are those of `X-Forwarded-For` (one trusted hop), and the buckets that many requests of one account or address
    /// would fill are opened wide; those of codes and signing in are as in production.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn new(place: Place) -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let nth = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("sf-site-{}-{nth}", std::process::id()));
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("a folder at {}", folder.display()))?;
        let site = Self {
            place,
            folder,
            smtp: free_address(),
        };
        std::fs::write(site.file(), site.toml()?)?;
        Ok(site)
    }

    fn file(&self) -> PathBuf {
        self.folder.join("settings.toml")
    }

    fn toml(&self) -> Result<String> {
        let Servers {
            database,
            role_secret,
            redis,
            secret,
        } = &self.place.servers;
        let key = identity::access::generate_pem().context("a signing key")?;
        let mut text = format!(
            "secret = {secret:?}\n[database]\nurl = {database:?}\nrole_secret = {role_secret:?}\n[redis]\nurl = {redis:?}\n\
             [auth.otp]\nresend_gap_seconds = 0\n[auth.signing]\nactive = '''\n{}'''\n\
             [auth.smtp]\nhost = \"{}\"\nport = {}\ntls = \"none\"\n[drain]\npause_ms = 1000\n\
             [log]\nformat = \"text\"\nfilter = \"info,edge=error\"\n[edge]\ntrusted_hops = 1\n\
             [edge.limits]\nconnections_per_ip = 4096\n",
            key.as_str(),
            self.smtp.ip(),
            self.smtp.port(),
        );
        for bucket in BUCKETS {
            text += &format!(
                "[edge.buckets.{bucket}]\nlimit = 1000000\nwindow_seconds = 60\nredis_down = \"open\"\n"
            );
        }
        Ok(text + &self.place.settings)
    }

    /// Where logs are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its servers.
    #[must_use]
    pub fn servers(&self) -> &Servers {
        &self.place.servers
    }

    /// Describes a process with the common settings and these of its own.
    #[must_use]
    pub fn process(&self, name: &str, command: &[&str], environment: &[(&str, String)]) -> Process {
        let file = self.file().to_string_lossy().into_owned();
        let mut arguments = vec!["--config".to_owned(), file];
        arguments.extend(command.iter().map(|&it| it.to_owned()));
        Process::new(
            &self.place.binary,
            name,
            arguments,
            environment,
            &self.folder,
        )
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // What a failed test leaves behind is looked at.
        if !std::thread::panicking() {
            let _gone = std::fs::remove_dir_all(&self.folder);
        }
    }
}
