//! Whose request it is by address: the peer, or what our own proxies say about theirs (GW-7).

use std::net::{IpAddr, Ipv6Addr};

use http::HeaderMap;

/// Returns the client's address behind `hops` trusted proxies. Each proxy appends the address it saw to
/// `X-Forwarded-For`, so the client's is the `hops`-th from the right; everything left of it is the client's own claim.
pub(crate) fn client(peer: IpAddr, headers: &HeaderMap, hops: usize) -> IpAddr {
    let peer = peer.to_canonical();
    if hops == 0 {
        return peer;
    }
    let line = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok());
    let seen: Vec<&str> = line
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    let index = seen.len().saturating_sub(hops);
    seen.get(index)
        .and_then(|text| text.parse::<IpAddr>().ok())
        .map_or(peer, |ip| ip.to_canonical())
}

/// Reports whether the request reached our outermost proxy over TLS.
pub(crate) fn over_tls(headers: &HeaderMap, hops: usize) -> bool {
    hops > 0
        && headers
            .get("x-forwarded-proto")
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"https"))
}

/// Returns what limits are counted for: the address, or the /64 an IPv6 address belongs to.
pub(crate) fn subject(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for line in lines {
            map.append("x-forwarded-for", line.parse().unwrap());
        }
        map
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn gw_7_forwarded_addresses_count_only_from_trusted_hops() {
        let spoofed = headers(&["9.9.9.9, 8.8.8.8", "7.7.7.7"]);
        assert_eq!(client(ip("10.0.0.1"), &spoofed, 0), ip("10.0.0.1"));
        assert_eq!(client(ip("10.0.0.1"), &spoofed, 1), ip("7.7.7.7"));
        assert_eq!(client(ip("10.0.0.1"), &spoofed, 2), ip("8.8.8.8"));
        assert_eq!(client(ip("10.0.0.1"), &headers(&[]), 1), ip("10.0.0.1"));
        assert_eq!(
            client(ip("10.0.0.1"), &headers(&["unknown"]), 1),
            ip("10.0.0.1")
        );
    }

    #[test]
    fn ipv6_is_counted_by_its_64_and_mapped_ipv4_as_ipv4() {
        assert_eq!(subject(ip("2001:db8:1:2:3:4:5:6")), ip("2001:db8:1:2::"));
        assert_eq!(subject(ip("::ffff:10.1.2.3")), ip("10.1.2.3"));
    }
}
