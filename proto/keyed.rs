//! What an idempotency key is compared by: the request as its service understands it (ID-1, ID-3).

use std::fmt;

use prost::Message;

use crate::validation::{Validate, checked};

/// What answers the repeat of a keyed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Replay {
    /// The outcome that was stored with the effect.
    Outcome,
    /// The RPC itself, which gives a repeat the same answer without a record.
    Rpc,
    /// A new reply for the session the first call began (ID-5).
    Session,
}

/// How the keyed calls of an RPC are kept apart and answered.
#[derive(Clone, Copy)]
pub struct Idempotency {
    /// What answers a repeat.
    pub replay: Replay,
    /// Reads the encoded request.
    pub read: fn(&[u8]) -> Keyed,
}

impl fmt::Debug for Idempotency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Idempotency")
            .field("replay", &self.replay)
            .finish_non_exhaustive()
    }
}

/// A request as far as its idempotency key is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyed {
    /// The request encoded anew, fields in number order: equal for equal requests, however
    /// they were written. Normalised when the request is valid, which else is compared as
    /// it came.
    pub message: Vec<u8>,
    /// The address or token that says whose key it is while nobody is signed in; empty
    /// when the request carries none.
    pub scope: String,
}

impl Keyed {
    /// Reads a request of type `T`.
    pub(crate) fn read<T: Message + Default + Validate>(
        bytes: &[u8],
        scope: fn(&T) -> &str,
    ) -> Self {
        let Ok(as_sent) = T::decode(bytes) else {
            return Self {
                message: bytes.to_vec(),
                scope: String::new(),
            };
        };
        let encoded = as_sent.encode_to_vec();
        match checked(as_sent) {
            Ok(request) => Self {
                message: request.encode_to_vec(),
                scope: scope(&request).to_owned(),
            },
            Err(_) => Self {
                message: encoded,
                scope: String::new(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::auth::v1::VerifyOtpRequest;

    use super::*;

    const SEND: &str = "/smilefactory.auth.v1.AuthService/VerifyOtp";

    fn keyed(email: &str, code: &str) -> Keyed {
        let request = VerifyOtpRequest {
            email: email.to_owned(),
            code: code.to_owned(),
            ..VerifyOtpRequest::default()
        };
        read(&request.encode_to_vec())
    }

    fn read(bytes: &[u8]) -> Keyed {
        let rule = crate::rpc(SEND).expect("the RPC has rules");
        (rule.idempotency.expect("it has a POST binding").read)(bytes)
    }

    #[test]
    fn id_3_equal_requests_are_equal_however_they_are_written() {
        let plain = keyed("ada@example.com", "123456");
        assert_eq!(plain.scope, "ada@example.com");
        assert_eq!(keyed("  Ada@Example.COM ", "123456"), plain);
        assert_ne!(keyed("ada@example.com", "123457"), plain);

        // The fields in another order, and one nobody knows.
        let (email, code) = ("ada@example.com", "123456");
        let mut turned = vec![0x12, code.len() as u8];
        turned.extend_from_slice(code.as_bytes());
        turned.extend_from_slice(&[0x0a, email.len() as u8]);
        turned.extend_from_slice(email.as_bytes());
        turned.extend_from_slice(&[0xf8, 0x07, 0x01]);
        assert_eq!(read(&turned), plain);
    }

    #[test]
    fn id_4_a_request_that_is_refused_is_compared_as_it_came() {
        let wrong = keyed("nobody", "123456");
        assert_eq!(wrong, keyed("nobody", "123456"));
        assert_eq!(wrong.scope, "");
        assert_ne!(wrong, keyed("nobody ", "123456"));
        assert_eq!(read(b"\xff\xff").message, b"\xff\xff");
    }

    #[test]
    fn id_1_every_rpc_with_a_post_binding_takes_a_key_and_no_other() {
        let replay = |path: &str| {
            let rule = crate::rpc(path).expect("the RPC has rules");
            rule.idempotency.map(|idempotency| idempotency.replay)
        };
        let feed = |name: &str| format!("/smilefactory.feed.v1.FeedService/{name}");
        let auth = |name: &str| format!("/smilefactory.auth.v1.AuthService/{name}");
        assert_eq!(replay(&feed("CreatePost")), Some(Replay::Outcome));
        assert_eq!(replay(&auth("SwitchActiveProfile")), Some(Replay::Outcome));
        assert_eq!(replay(&auth("VerifyOtp")), Some(Replay::Session));
        assert_eq!(replay(&auth("RefreshToken")), Some(Replay::Rpc));
        assert_eq!(replay(&feed("GetPost")), None);
        assert_eq!(replay(&feed("UpdatePost")), None);
        assert_eq!(replay(&auth("CheckSession")), None);
    }
}
