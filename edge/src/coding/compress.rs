//! Compresses replies for clients that take it (HD-2, N-77): quickly rather than tightly.

use std::io::{self, Write};

use brotli::enc::BrotliEncoderParams;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};

use super::{Accepted, Coding, INLINE};
use crate::respond::{Reply, ReplyBody};

// Measured on pages of posts: higher levels cost up to twice the time for 3 to 6 % fewer bytes.
const GZIP_LEVEL: u32 = 2;
const BROTLI_QUALITY: i32 = 2;
const BROTLI_WINDOW: i32 = 18;
const ZSTD_LEVEL: i32 = 1;

/// Compresses the body of a reply of at least `least` bytes, if the client takes that, it is worth it and it is not done
/// already. Streams are left alone (K-10). The entity tag stays: it names a state of the data (CQ-1), not its bytes.
pub(crate) async fn compress(accepted: Accepted, least: usize, mut reply: Reply) -> Reply {
    let (Some(coding), Some(plain)) = (accepted.coding, reply.body().as_whole()) else {
        return reply;
    };
    // Who refuses replies as they are gets small ones compressed too.
    let least = if accepted.identity { least } else { 1 };
    if plain.len() < least || !compressible(reply.headers()) {
        return reply;
    }
    let plain = plain.joined();
    let length = plain.len();
    let coded = if length <= INLINE {
        encode(coding, &plain)
    } else {
        tokio::task::spawn_blocking(move || encode(coding, &plain))
            .await
            .unwrap_or_else(|lost| Err(io::Error::other(lost)))
    };
    match coded {
        Ok(coded) if coded.len() < length || !accepted.identity => {
            *reply.body_mut() = ReplyBody::whole(coded);
            reply
                .headers_mut()
                .insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
        }
        Ok(_larger) => {}
        Err(error) => tracing::error!(%error, coding = coding.name(), "a reply was not compressed"),
    }
    reply
}

/// Reports whether a reply is text that nobody compressed yet and nobody forbade to.
fn compressible(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if headers.contains_key(CONTENT_ENCODING)
        || text(CACHE_CONTROL).is_some_and(|control| control.contains("no-transform"))
    {
        return false;
    }
    let full = text(CONTENT_TYPE).unwrap_or_default();
    let essence = full.split(';').next().unwrap_or_default().trim();
    let essence = essence.to_ascii_lowercase();
    essence.starts_with("text/") && essence != "text/event-stream"
        || ["+json", "+xml"].iter().any(|end| essence.ends_with(end))
        || matches!(
            essence.as_str(),
            "application/json" | "application/javascript" | "application/xml"
        )
}

fn encode(coding: Coding, plain: &[u8]) -> io::Result<Bytes> {
    let room = Vec::with_capacity(plain.len() / 2);
    let coded = match coding {
        Coding::Zstd => zstd::bulk::compress(plain, ZSTD_LEVEL)?,
        Coding::Gzip => {
            let mut encoder = GzEncoder::new(room, Compression::new(GZIP_LEVEL));
            encoder.write_all(plain)?;
            encoder.finish()?
        }
        Coding::Brotli => {
            let mut coded = room;
            let params = BrotliEncoderParams {
                quality: BROTLI_QUALITY,
                lgwin: BROTLI_WINDOW,
                size_hint: plain.len(),
                ..BrotliEncoderParams::default()
            };
            brotli::BrotliCompress(&mut &*plain, &mut coded, &params)?;
            coded
        }
    };
    Ok(coded.into())
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::super::decompress;
    use super::*;
    use crate::respond;

    const ALL: Accepted = Accepted {
        coding: Some(Coding::Gzip),
        identity: true,
    };

    fn reply(content_type: &'static str, body: &str) -> Reply {
        respond::raw(
            StatusCode::OK,
            HeaderValue::from_static(content_type),
            body.to_owned(),
        )
    }

    #[tokio::test]
    async fn hd_2_every_coding_gives_back_what_was_sent_on_both_sides_of_the_inline_limit() {
        for length in [1024, INLINE, INLINE + 1, 3 * 1024 * 1024] {
            let text: String = (0..).map(|n| format!("{n:x},")).take(length).collect();
            let text = &text[..length];
            for coding in Coding::ALL {
                let accepted = Accepted {
                    coding: Some(coding),
                    identity: true,
                };
                let sent = compress(accepted, 1024, reply("application/json", text)).await;
                assert_eq!(sent.headers()[CONTENT_ENCODING], coding.name());
                let coded = sent.body().as_whole().unwrap().joined();
                assert!(coded.len() < length, "{coding:?} {length}");
                let back = decompress(coding, coded, length, 100).await.unwrap();
                assert!(back == text.as_bytes(), "{coding:?} {length}");
            }
        }
    }

    #[tokio::test]
    async fn hd_2_a_body_in_two_parts_is_compressed_as_one() {
        let [front, rest] = ["x".repeat(1000), "y".repeat(24)];
        let both = [front.clone(), rest.clone()].concat();
        let mut sent = reply("application/json", "");
        *sent.body_mut() = ReplyBody::in_parts([front.into(), rest.into()]);
        let sent = compress(ALL, 1024, sent).await;
        let coded = sent.body().as_whole().unwrap().joined();
        let back = decompress(Coding::Gzip, coded, 2048, 200).await.unwrap();
        assert_eq!(back, both);
    }

    #[tokio::test]
    async fn n_77_replies_below_a_kibibyte_stay_as_they_are_unless_that_is_refused() {
        let forced = Accepted {
            identity: false,
            ..ALL
        };
        for (accepted, length, coded) in [
            (ALL, 1023, false),
            (ALL, 1024, true),
            (forced, 1, true),
            (forced, 0, false),
        ] {
            let sent = compress(
                accepted,
                1024,
                reply("application/json", &"x".repeat(length)),
            )
            .await;
            assert_eq!(
                sent.headers().contains_key(CONTENT_ENCODING),
                coded,
                "{length}"
            );
        }
    }

    #[tokio::test]
    async fn k_10_streams_compressed_media_and_what_gets_no_smaller_are_left_alone() {
        let text = "x".repeat(4096);
        for (content_type, coded) in [
            ("text/html; charset=utf-8", true),
            ("Application/Problem+JSON", true),
            ("image/svg+xml", true),
            ("text/event-stream", false),
            ("application/x-ndjson", false),
            ("image/png", false),
            ("video/mp4", false),
            ("application/zip", false),
            ("application/octet-stream", false),
            ("application/grpc-web+proto", false),
        ] {
            let sent = compress(ALL, 1024, reply(content_type, &text)).await;
            assert_eq!(
                sent.headers().contains_key(CONTENT_ENCODING),
                coded,
                "{content_type}"
            );
        }
        let mut stream = reply("application/json", "");
        *stream.body_mut() = ReplyBody::stream(http_body_util::Full::new(Bytes::from(text)));
        let sent = compress(ALL, 1024, stream).await;
        assert!(!sent.headers().contains_key(CONTENT_ENCODING));
        let mut done = reply("application/json", &"x".repeat(4096));
        done.headers_mut()
            .insert(CONTENT_ENCODING, HeaderValue::from_static("br"));
        let sent = compress(ALL, 1024, done).await;
        assert_eq!(sent.headers()[CONTENT_ENCODING], "br");
        let noise: String = std::iter::repeat_with(|| uuid::Uuid::new_v4().to_string())
            .take(1)
            .collect();
        let sent = compress(ALL, 1, reply("text/plain", &noise)).await;
        assert!(!sent.headers().contains_key(CONTENT_ENCODING), "no smaller");
    }
}
