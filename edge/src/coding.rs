//! Content codings: gzip, br and zstd, for replies (HD-2) and for request bodies (GW-29).

mod accept;
mod compress;
mod decompress;

pub(crate) use self::accept::Accepted;
pub(crate) use self::compress::compress;
pub(crate) use self::decompress::{decompress, of_request};

/// Work on more bytes than this leaves the runtime's thread: at 100 MB/s they take two thirds of a millisecond.
const INLINE: usize = 64 * 1024;

/// A content coding the door writes and reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    /// `zstd` (RFC 8878), with the window RFC 9659 allows.
    Zstd,
    /// `gzip` (RFC 1952).
    Gzip,
    /// `br` (RFC 7932).
    Brotli,
}

impl Coding {
    /// All of them, the one that costs least for what it saves first.
    const ALL: [Self; 3] = [Self::Zstd, Self::Gzip, Self::Brotli];

    /// Its name in `Content-Encoding`.
    const fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
            Self::Brotli => "br",
        }
    }

    /// Finds a coding by name; `x-gzip` is an old name of gzip (RFC 9110 §8.4.1.3).
    fn named(name: &str) -> Option<Self> {
        let is = |it: &str| name.eq_ignore_ascii_case(it);
        if is("x-gzip") {
            return Some(Self::Gzip);
        }
        Self::ALL.into_iter().find(|coding| is(coding.name()))
    }
}
