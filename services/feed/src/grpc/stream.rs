//! The stream between the contract and the operations: its cursors and items.

use contracts::Word;
use contracts::feed::v1::{FeedItem, PostType, StreamFeedRequest};
use fault::{Fault, Result};
use identity::{Context, clock};
use store::cursor::{Binding, Refused};

use super::post;
use crate::app::stream::{Item, Start};

/// The gRPC path of the stream.
const STREAM: &str = "/smilefactory.feed.v1.FeedService/StreamFeed";
/// A new post.
const NEW: &str = "post:new";
/// Posts may have been missed: what the client shows is to be read anew.
const RESYNC: &str = "resync";

/// What is asked for.
#[derive(Debug)]
pub(super) struct Asked {
    /// Posts of one type only.
    pub(super) kind: Option<PostType>,
    /// Where the stream begins.
    pub(super) start: Start,
    /// What its cursors are bound to.
    pub(super) binding: Binding,
}

/// Reads the request.
pub(super) fn asked(ctx: &Context, request: &StreamFeedRequest, key: &[u8]) -> Result<Asked> {
    let kind = request.r#type();
    let word = kind.word();
    let facts = [word.unwrap_or_default()];
    let binding = Binding::new(key, STREAM, &ctx.viewer(), &facts);
    let start = match request.after.as_str() {
        "" => Start::Now,
        cursor => match binding.open(cursor, clock::unix()) {
            Ok(position) => Start::After(position),
            Err(Refused::Old) => Start::Forgotten,
            Err(Refused::Foreign) => {
                return Err(Fault::invalid(
                    "after",
                    "is not a cursor of this stream for this viewer and type",
                ));
            }
        },
    };
    Ok(Asked {
        kind: word.map(|_| kind),
        start,
        binding,
    })
}

/// One item with its cursor.
pub(super) fn item(item: Item, binding: &Binding) -> Result<FeedItem> {
    let cursor = binding.seal(&item.position, clock::unix())?;
    let post = item.post.map(post::card);
    let event = if post.is_some() { NEW } else { RESYNC };
    Ok(FeedItem {
        cursor,
        event: event.to_owned(),
        post,
    })
}
