//! Replies that are printed once and sent many times.

use bytes::Bytes;

use super::{Reply, ReplyMeta};

/// What a body has whenever it is sent: all of it but what `meta` says of one reply alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    // As far as `meta`'s brace; all of a raw reply.
    front: Bytes,
    // What was lifted into `meta`, and what closes the envelope; none in a raw reply.
    back: Option<Bytes>,
}

impl From<Reply> for Kept {
    fn from(mut reply: Reply) -> Self {
        // It takes no more room than it says.
        reply.body.shrink_to_fit();
        let body = Bytes::from(reply.body);
        if reply.own.is_empty() {
            return Self {
                front: body,
                back: None,
            };
        }
        Self {
            front: body.slice(..reply.own.start),
            back: Some(body.slice(reply.own.end..)),
        }
    }
}

impl Kept {
    /// The body of a reply that says this of itself, in two parts: what all replies share, and what is this one's alone.
    #[must_use]
    pub fn body(&self, meta: &ReplyMeta<'_>) -> [Bytes; 2] {
        let rest = self.back.as_ref().map_or_else(Bytes::new, |back| {
            let mut rest = Vec::with_capacity(ReplyMeta::USUAL + back.len());
            meta.print(&mut rest);
            rest.extend_from_slice(back);
            rest.into()
        });
        [self.front.clone(), rest]
    }

    /// How many bytes are kept.
    #[must_use]
    pub fn size(&self) -> usize {
        self.front.len() + self.back.as_ref().map_or(0, Bytes::len)
    }
}
