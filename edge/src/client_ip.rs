//! Whose request it is by address: the peer, or what our own proxies say about theirs (GW-7).

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::HeaderMap;

/// Returns the client's address behind `hops` trusted proxies. Each proxy appends the address it saw to
/// `X-Forwarded-For`, so the client's is the `hops`-th from the right; everything left of it is the client's own claim.
/// Where that entry is missing or no address, nobody but the peer is known.
pub(crate) fn client(peer: IpAddr, headers: &HeaderMap, hops: usize) -> IpAddr {
    if hops == 0 {
        return peer.to_canonical();
    }
    let written = entries(headers, "x-forwarded-for");
    let entry = written.iter().rev().nth(hops - 1);
    let seen = entry.and_then(|bytes| address(bytes));
    seen.unwrap_or(peer).to_canonical()
}

/// Reports whether the request reached our outermost proxy over TLS. Proxies append to `X-Forwarded-Proto` or set it:
/// a single entry is that of the outermost, since only ours are asked.
pub(crate) fn over_tls(headers: &HeaderMap, hops: usize) -> bool {
    if hops == 0 {
        return false;
    }
    let written = entries(headers, "x-forwarded-proto");
    let entry = match written.as_slice() {
        [single] => Some(single),
        several => several.iter().rev().nth(hops - 1),
    };
    entry.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"https"))
}

/// Splits a list header at its commas, over all its lines in their order. By bytes: what a client wrote into the line of a
/// proxy need not be text, and must not make the rest of it unreadable.
fn entries<'h>(headers: &'h HeaderMap, name: &str) -> Vec<&'h [u8]> {
    let lines = headers.get_all(name).iter();
    lines
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|entry| !entry.is_empty())
        .collect()
}

/// Reads an address, with or without a port, IPv6 with or without brackets.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?;
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    let with_port = || text.parse().ok().map(|address: SocketAddr| address.ip());
    bare.parse().ok().or_else(with_port)
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
        let peer = ip("10.0.0.1");
        for (lines, hops, seen) in [
            (&["9.9.9.9, 8.8.8.8", "7.7.7.7"][..], 0, "10.0.0.1"),
            (&["9.9.9.9, 8.8.8.8", "7.7.7.7"], 1, "7.7.7.7"),
            (&["9.9.9.9, 8.8.8.8", "7.7.7.7"], 2, "8.8.8.8"),
            (&["9.9.9.9,8.8.8.8 ,\t7.7.7.7"], 2, "8.8.8.8"),
            // What a client wrote in front, in its own line or in that of the proxy.
            (&["spoof", "unknown, , 7.7.7.7"], 1, "7.7.7.7"),
            (&["1.1.1.1, 2.2.2.2, 3.3.3.3, 7.7.7.7"], 1, "7.7.7.7"),
            (&[",,,", "7.7.7.7,"], 1, "7.7.7.7"),
            // The shapes proxies write.
            (&["7.7.7.7:4711"], 1, "7.7.7.7"),
            (&["2001:db8::1"], 1, "2001:db8::1"),
            (&["[2001:db8::1]"], 1, "2001:db8::1"),
            (&["[2001:db8::1]:4711"], 1, "2001:db8::1"),
            (&["::ffff:7.7.7.7"], 1, "7.7.7.7"),
            // Fewer entries than proxies, or none that is an address.
            (&[], 1, "10.0.0.1"),
            (&["7.7.7.7"], 2, "10.0.0.1"),
            (&["7.7.7.7, unknown"], 1, "10.0.0.1"),
            (&["7.7.7.7, _hidden"], 1, "10.0.0.1"),
            (&["7.7.7.7:"], 1, "10.0.0.1"),
            (&["7.7.7.7 8.8.8.8"], 1, "10.0.0.1"),
            (&["[7.7.7.7"], 1, "10.0.0.1"),
            (&["fe80::1%eth0"], 1, "10.0.0.1"),
            (&["7.7.7.256"], 1, "10.0.0.1"),
            (&["07.7.7.7"], 1, "10.0.0.1"),
        ] {
            assert_eq!(
                client(peer, &headers(lines), hops),
                ip(seen),
                "{lines:?} {hops}"
            );
        }
    }

    #[test]
    fn gw_7_what_is_no_text_hides_nobody() {
        let mut map = HeaderMap::new();
        let line = http::HeaderValue::from_bytes(b"\xff\xfe, 7.7.7.7").unwrap();
        map.append("x-forwarded-for", line);
        assert_eq!(client(ip("10.0.0.1"), &map, 1), ip("7.7.7.7"));
    }

    #[test]
    fn gw_19_the_scheme_is_the_outermost_proxys_word() {
        for (lines, hops, tls) in [
            (&["https"][..], 0, false),
            (&["https"], 1, true),
            (&["HTTPS"], 1, true),
            (&["https"], 2, true),
            (&["http"], 1, false),
            (&["http"], 2, false),
            (&[], 1, false),
            (&["https, http"], 1, false),
            (&["https", "http"], 1, false),
            (&["https, http"], 2, true),
            (&["https, http"], 3, false),
            (&["https", "http, http"], 2, false),
            (&["httpss"], 1, false),
        ] {
            let mut map = HeaderMap::new();
            for line in lines {
                map.append("x-forwarded-proto", line.parse().unwrap());
            }
            assert_eq!(over_tls(&map, hops), tls, "{lines:?} {hops}");
        }
    }

    #[test]
    fn ipv6_is_counted_by_its_64_and_mapped_ipv4_as_ipv4() {
        assert_eq!(subject(ip("2001:db8:1:2:3:4:5:6")), ip("2001:db8:1:2::"));
        assert_eq!(subject(ip("::ffff:10.1.2.3")), ip("10.1.2.3"));
    }
}
