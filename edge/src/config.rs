//! What can be set about the public door, field by field, with the figures of the specification as defaults.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use chassis::Capacity;
use serde::{Deserialize, Serialize};

use crate::ratelimit::Figures;

/// The door's configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address the public listener binds. Default `0.0.0.0`; `up` passes the loopback address.
    pub host: IpAddr,
    /// Port of the public listener; 0 takes a free one. Default 3000 (N-76).
    pub port: u16,
    /// Origins whose pages may read replies (HD-4), each `scheme://host[:port]`. `*` admits every origin and then
    /// never with credentials. Default: ports 8080, 5173 and 3000 of `localhost` and `127.0.0.1`.
    pub origins: Vec<String>,
    /// The address clients reach the door by, as the OpenAPI document names it. Default `/`: wherever the document came from.
    pub public_url: String,
    /// Versions under `/api/v<n>` that existed once and answer 410 `GONE` (CV-1). Default none.
    pub retired_versions: Vec<u32>,
    /// Whether gRPC reflection is answered (SC-7); it names only RPCs that have a route. Default false; `up` turns it on.
    pub reflection: bool,
    /// How many proxies in front of the door are ours. Their entries at the right end of `X-Forwarded-For` and their
    /// `X-Forwarded-Proto` are believed, nothing else is (GW-7). Default 0.
    pub trusted_hops: usize,
    /// Whether requests that came without TLS are sent to https, or refused if they do more than read (GW-19). Probes are
    /// answered all the same. Needs `trusted_hops`, since TLS ends in a proxy. Default false.
    pub production: bool,
    /// The issuer access tokens must name; the auth service's own. Default `smilefactory`.
    pub issuer: String,
    /// The audience access tokens must name; the auth service's own. Default `smilefactory-api`.
    pub audience: String,
    /// Services without which `/health` answers 503. Default `auth`, `profile`.
    pub mandatory: Vec<String>,
    /// Limits on connections, heads, bodies and time.
    pub limits: Limits,
    /// Most bytes of replies kept for requests without a token (GW-18); 0 keeps none. Default 67 108 864.
    pub cache_bytes: u64,
    /// Figures of rate-limit buckets that differ from the table (edge.md); a name not in the table stops the start.
    pub buckets: BTreeMap<String, Figures>,
}

/// Limits that act before or while a request is read (N-14, N-16, N-17, N-19). Times are milliseconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// From accepting a connection to its first byte. Default 5 000.
    pub first_byte_ms: u64,
    /// From the first byte of a request head to its last. Default 10 000.
    pub head_ms: u64,
    /// Longest pause inside a request body, and longest a reply or stream may wait for a reader who takes nothing. Default 30 000.
    pub idle_body_ms: u64,
    /// Pause after which a stream without items says that it is alive (ST-4, N-52). Default 15 000.
    pub stream_heartbeat_ms: u64,
    /// Least speed of a body, in bytes a second, beyond the first `idle_body_ms`. Default 1 024.
    pub body_min_rate: u64,
    /// How long a connection is kept without a request. Default 60 000.
    pub keep_alive_ms: u64,
    /// How long requests in flight may take to finish once the door closes. Default 10 000.
    pub drain_ms: u64,
    /// How long the rate-limit store may take to answer before it counts as unreachable. Default 250.
    pub ratelimit_ms: u64,
    /// Bytes of all header names and values of a request. Default 32 768.
    pub header_bytes: usize,
    /// Header fields of a request. Default 100.
    pub header_fields: usize,
    /// Bytes of path and query together. Default 8 192.
    pub uri_bytes: usize,
    /// Bytes from which a reply is compressed for clients that take it. Default 1 024 (N-77).
    pub compress_bytes: usize,
    /// Most bytes one byte of a compressed request body may become. Default 100 (N-15).
    pub decompress_ratio: usize,
    /// Open connections of one address (IPv6: one /64). Not applied behind trusted hops, where all connections are the
    /// proxy's. Default 256.
    pub connections_per_ip: usize,
    /// Open connections altogether. Default 4 096.
    pub connections: usize,
    /// Requests worked on at once; more are refused with 503 (GW-27). Probes are not counted. Default 1 000.
    pub in_flight: usize,
    /// How many of them, in percent, only signing in and out may use. Default 10 (N-21).
    pub reserve_percent: u8,
    /// Streams sent at once; more are refused with 503. Default 2 000.
    pub streams: usize,
    /// Traces a second that callers may have sampled by asking for it in `traceparent`; beyond it chance decides, as for
    /// any other. Default 10.
    pub forced_traces: u32,
    /// Concurrent HTTP/2 streams of one connection. Default 128.
    pub h2_streams: u32,
    /// HTTP/2 streams the door may have to reset itself before it gives the connection up. Default 64.
    pub h2_local_resets: usize,
    /// Pause between HTTP/2 keep-alive pings. Default 20 000.
    pub h2_ping_ms: u64,
    /// How long a feed of revocations may be silent before every request asks the auth service (AU-9). Default 2 000.
    pub revocation_age_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        let origins = ["localhost", "127.0.0.1"]
            .iter()
            .flat_map(|host| [8080, 5173, 3000].map(|port| format!("http://{host}:{port}")))
            .collect();
        Self {
            host: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            port: 3000,
            origins,
            public_url: "/".to_owned(),
            retired_versions: Vec::new(),
            reflection: false,
            trusted_hops: 0,
            production: false,
            issuer: "smilefactory".to_owned(),
            audience: "smilefactory-api".to_owned(),
            mandatory: vec!["auth".to_owned(), "profile".to_owned()],
            limits: Limits::default(),
            cache_bytes: 64 * 1024 * 1024,
            buckets: BTreeMap::new(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            first_byte_ms: 5_000,
            head_ms: 10_000,
            idle_body_ms: 30_000,
            stream_heartbeat_ms: 15_000,
            body_min_rate: 1_024,
            keep_alive_ms: 60_000,
            drain_ms: 10_000,
            ratelimit_ms: 250,
            header_bytes: 32 * 1024,
            header_fields: 100,
            uri_bytes: 8 * 1024,
            compress_bytes: 1024,
            decompress_ratio: 100,
            connections_per_ip: 256,
            connections: 4_096,
            in_flight: 1_000,
            reserve_percent: 10,
            streams: 2_000,
            forced_traces: 10,
            h2_streams: 128,
            h2_local_resets: 64,
            h2_ping_ms: 20_000,
            revocation_age_ms: 2_000,
        }
    }
}

impl Limits {
    pub(crate) fn first_byte(&self) -> Duration {
        Duration::from_millis(self.first_byte_ms)
    }

    pub(crate) fn head(&self) -> Duration {
        Duration::from_millis(self.head_ms)
    }

    pub(crate) fn idle_body(&self) -> Duration {
        Duration::from_millis(self.idle_body_ms)
    }

    pub(crate) fn stream_heartbeat(&self) -> Duration {
        Duration::from_millis(self.stream_heartbeat_ms)
    }

    pub(crate) fn keep_alive(&self) -> Duration {
        Duration::from_millis(self.keep_alive_ms)
    }

    pub(crate) fn capacity(&self) -> Capacity {
        Capacity {
            in_flight: self.in_flight,
            reserve_percent: self.reserve_percent,
            streams: self.streams,
        }
    }

    pub(crate) fn drain(&self) -> Duration {
        Duration::from_millis(self.drain_ms)
    }

    pub(crate) fn revocation_age(&self) -> Duration {
        Duration::from_millis(self.revocation_age_ms)
    }
}
