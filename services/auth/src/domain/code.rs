//! One-time codes: made, hashed, never kept in the clear (AU-2, AU-4, C1).

use std::fmt;
use std::time::Duration;

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};

/// How many codes there are: 000000..999999.
const CODES: u32 = 1_000_000;
/// The greatest multiple of [`CODES`] in a `u32`; numbers from here on would favour small codes.
const FAIR: u32 = u32::MAX - u32::MAX % CODES;
/// Wrong tries that kill one code (N-1, fixed).
pub(crate) const TRIES: i64 = 3;

/// Six decimal digits that came from us or from a client; hidden from logs.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Code(String);

impl Code {
    /// Draws a code, uniform over all of them, from the operating system's randomness.
    pub(crate) fn random() -> Result<Self, Unspecified> {
        let random = SystemRandom::new();
        loop {
            let mut bytes = [0; 4];
            random.fill(&mut bytes)?;
            let number = u32::from_le_bytes(bytes);
            if number < FAIR {
                return Ok(Self(format!("{:06}", number % CODES)));
            }
        }
    }

    /// Takes a code as the contract has checked it.
    pub(crate) fn given(digits: String) -> Self {
        Self(digits)
    }

    /// The digits, for the mail.
    pub(crate) fn digits(&self) -> &str {
        &self.0
    }

    /// What is stored instead of the code: an HMAC-SHA-256 bound to purpose and address (AU-4).
    pub(crate) fn digest(&self, key: &[u8], purpose: Purpose, address: &str) -> String {
        hex(&identity::keyed_hash(
            key,
            &[purpose.word(), address, &self.0],
        ))
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(******)")
    }
}

/// What a code is good for; codes and counters of different purposes are apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Signing in or up.
    SignIn,
}

impl Purpose {
    /// The word in Redis keys and digests.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
        }
    }
}

/// The figures codes live by (N-1), all by the Redis clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Life of a code.
    pub(crate) lifetime: Duration,
    /// Sends to one address in any window.
    pub(crate) sends: u32,
    /// Least time between two sends to one address.
    pub(crate) gap: Duration,
    /// Wrong tries on one address in any window, over all its codes.
    pub(crate) wrong: u32,
    /// The rolling window of both.
    pub(crate) window: Duration,
}

/// Lower-case hexadecimal digits of some bytes.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |n: u8| char::from(DIGITS[usize::from(n & 15)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(*byte)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 300 codes × 6 digits: chi-square over ten digits, nine degrees of freedom, p = 0.001 is 27.88.
    /// A fair source fails once in a thousand runs, so three draws in a row must fail.
    #[test]
    fn t_3_codes_are_uniform_keep_leading_zeros_and_do_not_repeat_in_sequence() {
        let unfair = (0..3).all(|_| {
            let codes: Vec<Code> = (0..300)
                .map(|_| Code::random().expect("randomness"))
                .collect();
            assert!(codes.iter().all(|code| code.0.len() == 6));
            let zero_first = codes.iter().any(|code| code.0.starts_with('0'));
            let repeats = codes.windows(2).any(|pair| pair[0] == pair[1]);
            let mut seen = [0_f64; 10];
            for digit in codes.iter().flat_map(|code| code.0.bytes()) {
                seen[usize::from(digit - b'0')] += 1.0;
            }
            let chi: f64 = seen.iter().map(|n| (n - 180.0).powi(2) / 180.0).sum();
            !zero_first || repeats || chi > 27.88
        });
        assert!(!unfair);
    }

    #[test]
    fn au_4_a_digest_is_bound_to_key_address_and_code_and_shows_none_of_them() {
        let code = Code::given("012345".to_owned());
        let digest = code.digest(b"key", Purpose::SignIn, "a@example.com");
        assert_eq!(digest.len(), 64);
        assert!(!digest.contains("012345"));
        assert_ne!(
            digest,
            code.digest(b"other", Purpose::SignIn, "a@example.com")
        );
        assert_ne!(
            digest,
            code.digest(b"key", Purpose::SignIn, "b@example.com")
        );
        let other = Code::given("012346".to_owned());
        assert_ne!(
            digest,
            other.digest(b"key", Purpose::SignIn, "a@example.com")
        );
        assert_eq!(format!("{code:?}"), "Code(******)");
    }

    #[test]
    fn hex_writes_every_nibble() {
        assert_eq!(hex(&[0x00, 0x0f, 0xa5, 0xff]), "000fa5ff");
    }
}
