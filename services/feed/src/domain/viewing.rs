//! Who viewed what, without saying who (FD-19).

use std::net::{IpAddr, Ipv6Addr};

use identity::Viewer;
use time::Date;
use uuid::Uuid;

/// One viewer's views of one post on one day, which count as one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct View {
    /// The post.
    pub(crate) post: Uuid,
    /// Stands for the viewer.
    pub(crate) viewer: [u8; 32],
    /// The day, in UTC.
    pub(crate) day: Date,
}

/// What stands for a viewer: a keyed hash of the active profile, of nobody in particular that of the address (IPv6: its
/// /64, since one device has many addresses). None when there is neither.
pub(crate) fn viewer_key(key: &[u8], viewer: &Viewer, ip: Option<IpAddr>) -> Option<[u8; 32]> {
    if let Some(profile) = viewer.profile_id {
        return Some(identity::keyed_hash::<&[u8]>(
            key,
            &[b"profile", profile.as_bytes()],
        ));
    }
    let subject = match ip?.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).to_string(),
        v4 @ IpAddr::V4(_) => v4.to_string(),
    };
    Some(identity::keyed_hash::<&[u8]>(
        key,
        &[b"address", subject.as_bytes()],
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fd_19_viewers_are_told_apart_by_profile_then_by_network() {
        let nobody = Viewer::default();
        let of = |ip: &str| viewer_key(b"key", &nobody, Some(ip.parse().unwrap())).unwrap();
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(viewer_key(b"key", &nobody, None), None);
        let somebody = Viewer {
            profile_id: Some(Uuid::nil()),
            account_id: None,
        };
        let profile = viewer_key(b"key", &somebody, None);
        assert_eq!(
            profile,
            viewer_key(b"key", &somebody, Some(IpAddr::from([192, 0, 2, 1])))
        );
        assert_ne!(profile, viewer_key(b"other", &somebody, None));
    }
}
