//! `smilefactory probe`: asks the process of this machine whether it is ready, for a container's health check.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::settings::Settings;

/// How long the process may take to answer; it gives what it depends on 2 s.
const PATIENCE: Duration = Duration::from_secs(4);

/// Longest answer that is read, in bytes.
const LONGEST: u64 = 16 * 1024;

/// The command.
///
/// # Errors
/// Nobody answers at `admin.address`, or what answers is not ready; it says why.
pub async fn command(settings: &Settings) -> Result<()> {
    let address = reachable(settings.admin.address);
    let answer = tokio::time::timeout(PATIENCE, ask(address))
        .await
        .map_err(|_late| anyhow::anyhow!("{address} did not answer in time"))?
        .with_context(|| format!("{address} cannot be asked"))?;
    let status = answer.split(' ').nth(1).unwrap_or_default();
    if status != "200" {
        bail!("{}", answer.lines().last().unwrap_or_default());
    }
    Ok(())
}

async fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream
        .write_all(b"GET /readyz HTTP/1.1\r\nhost: probe\r\nconnection: close\r\n\r\n")
        .await?;
    let mut answer = String::new();
    stream.take(LONGEST).read_to_string(&mut answer).await?;
    Ok(answer)
}

/// Where a listener on all addresses is found from here.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}
