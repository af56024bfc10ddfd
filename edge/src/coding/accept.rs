//! Which codings a client takes: `Accept-Encoding` with its weights (RFC 9110 §12.5.3).

use fault::{Fault, Reason};
use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

use super::Coding;
use crate::negotiate::{Weight, weight};

/// What a client takes of what the door can send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// The coding to use, if the client prefers any to none.
    pub(crate) coding: Option<Coding>,
    /// Whether a reply without any coding is taken too.
    pub(crate) identity: bool,
}

impl Accepted {
    /// Reads the header. Without it no coding is used: who does not ask for one may not expect any.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut weights = Weights::default();
        for value in headers.get_all(ACCEPT_ENCODING) {
            let items = value.to_str().unwrap_or_default().split(',');
            items
                .filter_map(item)
                .for_each(|(name, weight)| weights.note(name, weight));
        }
        weights.choose()
    }

    /// Refuses a request that takes neither a coding of ours nor none.
    pub(crate) fn check(self) -> Result<(), Fault> {
        if self.coding.is_some() || self.identity {
            return Ok(());
        }
        Err(Fault::new(
            Reason::NotAcceptable,
            "The reply is sent as it is or as gzip, br or zstd, all of which Accept-Encoding rules out",
        ))
    }
}

/// The weight of everything named.
#[derive(Debug, Default)]
struct Weights {
    /// In the order of [`Coding::ALL`].
    codings: [Option<Weight>; 3],
    identity: Option<Weight>,
    /// Of all that is not named: `*`.
    rest: Option<Weight>,
}

impl Weights {
    fn note(&mut self, name: &str, weight: Weight) {
        let slot = if name == "*" {
            &mut self.rest
        } else if name.eq_ignore_ascii_case("identity") {
            &mut self.identity
        } else if let Some(coding) = Coding::named(name) {
            &mut self.codings[coding as usize]
        } else {
            return;
        };
        *slot = Some(weight);
    }

    fn choose(&self) -> Accepted {
        // Not named and no `*`: a coding is not taken, no coding is.
        let weight = |named: Option<Weight>| named.or(self.rest);
        let identity = weight(self.identity);
        let best = Coding::ALL
            .into_iter()
            .filter_map(|coding| Some((coding, weight(self.codings[coding as usize])?)))
            .filter(|(_, weight)| *weight > 0)
            // The first of equals, since `max_by_key` takes the last.
            .rev()
            .max_by_key(|(_, weight)| *weight)
            .filter(|(_, weight)| self.identity.is_none_or(|plain| plain <= *weight));
        Accepted {
            coding: best.map(|(coding, _)| coding),
            identity: identity != Some(0),
        }
    }
}

/// Reads `name` or `name;q=0.5`; what is neither names nothing.
fn item(text: &str) -> Option<(&str, Weight)> {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().filter(|name| !name.is_empty())?;
    let weight = match parts.next() {
        None => 1000,
        Some(parameter) => weight(parameter)?,
    };
    parts.next().is_none().then_some((name, weight))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(lines: &[&str]) -> Accepted {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(ACCEPT_ENCODING, line.parse().unwrap());
        }
        Accepted::of(&headers)
    }

    #[test]
    fn hd_2_the_heaviest_coding_is_used_and_the_cheapest_of_equals() {
        use Coding::{Brotli, Gzip, Zstd};
        for (lines, coding) in [
            (&[][..], None),
            (&[""], None),
            (&["gzip"], Some(Gzip)),
            (&["GZip"], Some(Gzip)),
            (&["x-gzip"], Some(Gzip)),
            (&["br"], Some(Brotli)),
            (&["gzip, deflate, br, zstd"], Some(Zstd)),
            (&["gzip, deflate, br"], Some(Gzip)),
            (&["gzip;q=0.8, br;q=0.9, zstd;q=0.1"], Some(Brotli)),
            (&["gzip;q=0.8", "br;q=0.9"], Some(Brotli)),
            (&["gzip ; q=0.001"], Some(Gzip)),
            (&["gzip;Q=1.000 ,br;q=0.999"], Some(Gzip)),
            (&["*"], Some(Zstd)),
            (&["*;q=0.5, zstd;q=0"], Some(Gzip)),
            (&["*, gzip;q=0.5"], Some(Zstd)),
            (&["gzip;q=0"], None),
            (&["gzip;q=0.0, br;q=0.000"], None),
            (&["identity"], None),
            (&["identity, gzip;q=0.5"], None),
            (&["identity;q=0.5, gzip;q=0.5"], Some(Gzip)),
            (&["identity;q=0.5, *"], Some(Zstd)),
            (&["deflate, compress, sdch"], None),
            // None of these is a weight, so none of these names a coding.
            (
                &["gzip;q=2, br;q=1.1, zstd;q=0.0001, gzip;q=, br;q=-1, zstd;v=1"],
                None,
            ),
            (&["gzip;q=1;x=2, ;q=1, gzip;q=1.0.0, br;q=.5"], None),
        ] {
            let got = accepted(lines);
            assert_eq!((got.coding, got.identity), (coding, true), "{lines:?}");
            assert!(got.check().is_ok());
        }
    }

    #[test]
    fn hd_2_no_coding_at_all_can_be_refused_by_name_or_by_star() {
        for (line, coding, fine) in [
            ("identity;q=0, gzip", Some(Coding::Gzip), true),
            ("*;q=0, br", Some(Coding::Brotli), true),
            ("identity;q=0", None, false),
            ("*;q=0", None, false),
            ("*;q=0, deflate", None, false),
            ("identity;q=0.000, gzip;q=0", None, false),
        ] {
            let got = accepted(&[line]);
            assert_eq!((got.coding, got.identity), (coding, false), "{line}");
            assert_eq!(got.check().is_ok(), fine, "{line}");
        }
        let plain = accepted(&["*;q=0, identity"]);
        assert_eq!((plain.coding, plain.identity), (None, true));
    }
}
