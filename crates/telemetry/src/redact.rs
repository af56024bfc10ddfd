//! Personal data in the form logs may have it (OB-1).

use std::net::IpAddr;

/// Returns the keyed hash of an e-mail address, 16 hexadecimal digits: enough to follow
/// one address through the logs, useless without the key. Case and outer white space do
/// not matter.
pub fn email(key: &[u8], address: &str) -> String {
    let address = address.trim().to_lowercase();
    let digest = identity::keyed_hash(key, &["log e-mail", &address]);
    digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Returns an address shortened to its network: /24 of IPv4, /48 of IPv6.
pub fn ip(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}::/48")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ob_1_addresses_are_hashed_and_shortened() {
        let hash = email(b"key", " Ada@Example.org ");
        assert_eq!(hash, email(b"key", "ada@example.org"));
        assert_ne!(hash, email(b"other", "ada@example.org"));
        assert_eq!(hash.len(), 16);
        assert_eq!(ip("192.0.2.77".parse().unwrap()), "192.0.2.0/24");
        assert_eq!(ip("::ffff:192.0.2.77".parse().unwrap()), "192.0.2.0/24");
        assert_eq!(ip("2001:db8:1:2::3".parse().unwrap()), "2001:db8:1::/48");
    }
}
