//! Sealing what is stored for a short while and must not be read there: AES-256-GCM with
//! random nonces.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};

pub use aws_lc_rs::error::Unspecified;

/// Seals and opens with one key.
#[derive(Debug)]
pub struct Sealer(RandomizedNonceKey);

impl Sealer {
    /// Takes the key.
    ///
    /// # Errors
    /// None in practice: 32 bytes are a key.
    pub fn new(key: &[u8; 32]) -> Result<Self, Unspecified> {
        RandomizedNonceKey::new(&AES_256_GCM, key).map(Self)
    }

    /// Returns nonce, ciphertext and tag. Only the same `context` opens it again, so that
    /// no value can be moved to another row or column.
    ///
    /// # Errors
    /// None in practice: the operating system's randomness failed.
    pub fn seal(&self, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let mut text = plain.to_vec();
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(context), &mut text)?;
        let mut sealed = nonce.as_ref().to_vec();
        sealed.append(&mut text);
        Ok(sealed)
    }

    /// Returns what was sealed in the same context.
    ///
    /// # Errors
    /// Another key, another context, or changed bytes; which of them is not said.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or(Unspecified)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce)?;
        let mut text = text.to_vec();
        let plain = self.0.open_in_place(nonce, Aad::from(context), &mut text)?;
        Ok(plain.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_in_its_context_only_and_shows_nothing() {
        let sealer = Sealer::new(&[7; 32]).expect("a key");
        let sealed = sealer.seal(b"row 1", b"012345").expect("sealed");
        assert!(!sealed.windows(6).any(|bytes| bytes == b"012345"));
        assert_ne!(sealed, sealer.seal(b"row 1", b"012345").expect("sealed"));
        assert_eq!(sealer.open(b"row 1", &sealed).expect("opened"), b"012345");
        assert!(sealer.open(b"row 2", &sealed).is_err());
        assert!(
            Sealer::new(&[8; 32])
                .expect("a key")
                .open(b"row 1", &sealed)
                .is_err()
        );
        assert!(sealer.open(b"row 1", &sealed[..10]).is_err());
        let mut bent = sealed;
        bent[NONCE_LEN] ^= 1;
        assert!(sealer.open(b"row 1", &bent).is_err());
    }
}
