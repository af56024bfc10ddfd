//! One message and its frame: what a unary call sends and what it gets.
//!
//! tonic's client copies messages through buffers that grow; here a reply that came in one piece stays where it is.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use fault::{Fault, Result};
use http::{
    HeaderValue, Method, Request, Response, StatusCode, Version,
    header::{CONTENT_TYPE, TE},
    uri::PathAndQuery,
};
use http_body_util::{BodyExt as _, Full};
use tonic::{Code, Status, body::Body, metadata::MetadataMap};

use super::{MESSAGE_LIMIT, Reply, failure};

/// A byte that says whether the message is compressed, and four of its length.
const PREFIX: usize = 5;

/// Returns the request of a unary call.
pub(super) fn request(
    path: PathAndQuery,
    metadata: MetadataMap,
    message: &[u8],
) -> Result<Request<Body>> {
    let length = u32::try_from(message.len()).map_err(Fault::internal)?;
    let mut framed = BytesMut::with_capacity(PREFIX + message.len());
    framed.put_u8(0);
    framed.put_u32(length);
    framed.put_slice(message);
    let mut request = Request::new(Body::new(Full::new(framed.freeze())));
    *request.method_mut() = Method::POST;
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = path.into();
    *request.headers_mut() = metadata.into_headers();
    let headers = request.headers_mut();
    headers.insert(TE, HeaderValue::from_static("trailers"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    Ok(request)
}

/// Reads the reply of a unary call, or why there is none.
pub(super) async fn reply(reply: Response<Body>) -> Result<Reply> {
    let (head, mut body) = reply.into_parts();
    let mut metadata = head.headers;
    let mut framed = Pieces::default();
    while let Some(frame) = body.frame().await {
        match frame.map_err(failure)?.into_data() {
            Ok(data) => framed.add(data)?,
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    metadata.extend(trailers);
                }
            }
        }
    }
    match Status::from_header_map(&metadata) {
        Some(status) if status.code() == Code::Ok => {}
        Some(status) => return Err(failure(status)),
        None => return Err(without_status(head.status)),
    }
    Ok(Reply {
        message: message(framed.whole())?,
        metadata: MetadataMap::from_headers(metadata),
    })
}

/// The data of a reply so far.
#[derive(Default)]
struct Pieces {
    first: Bytes,
    joined: BytesMut,
}

impl Pieces {
    fn add(&mut self, piece: Bytes) -> Result<()> {
        let length = self.first.len() + self.joined.len() + piece.len();
        if length > PREFIX + MESSAGE_LIMIT {
            return Err(Fault::internal("a reply above the limit"));
        }
        if self.first.is_empty() && self.joined.is_empty() {
            self.first = piece;
            return Ok(());
        }
        if self.joined.is_empty() {
            // The prefix says how much there will be.
            let announced = announced(&self.first)
                .unwrap_or_default()
                .min(MESSAGE_LIMIT);
            self.joined.reserve(length.max(PREFIX + announced));
            self.joined.put_slice(&std::mem::take(&mut self.first));
        }
        self.joined.put_slice(&piece);
        Ok(())
    }

    fn whole(self) -> Bytes {
        if self.joined.is_empty() {
            self.first
        } else {
            self.joined.freeze()
        }
    }
}

fn announced(framed: &[u8]) -> Option<usize> {
    let (&[_, a, b, c, d], _) = framed.split_first_chunk::<PREFIX>()?;
    usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()
}

/// Takes the one message out of its frame.
fn message(mut framed: Bytes) -> Result<Bytes> {
    let Some(announced) = announced(&framed) else {
        return Err(Fault::internal("a reply without a message"));
    };
    if framed[0] != 0 {
        return Err(Fault::internal("a reply that is compressed unasked"));
    }
    framed.advance(PREFIX);
    if framed.len() != announced {
        return Err(Fault::internal("a reply of another length than it says"));
    }
    Ok(framed)
}

/// What came was no gRPC: from something in between, as a rule.
fn without_status(status: StatusCode) -> Fault {
    let what = format!("a reply without a gRPC status: HTTP {status}");
    match status {
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Fault::unavailable(what),
        _ => Fault::internal(what),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use fault::Reason;
    use futures_util::stream;
    use http::HeaderMap;
    use http_body::Frame;
    use http_body_util::StreamBody;

    use super::*;

    /// What a reply of these pieces and this status is read as.
    async fn read(pieces: &[&[u8]], grpc_status: Option<&'static str>) -> Result<Reply> {
        let mut trailers = HeaderMap::new();
        if let Some(status) = grpc_status {
            trailers.insert("grpc-status", HeaderValue::from_static(status));
            trailers.insert("x-told-last", HeaderValue::from_static("yes"));
        }
        let data = pieces
            .iter()
            .map(|piece| Frame::data(Bytes::copy_from_slice(piece)));
        let frames: Vec<_> = data
            .chain([Frame::trailers(trailers)])
            .map(Ok::<_, Status>)
            .collect();
        reply(Response::new(Body::new(StreamBody::new(stream::iter(
            frames,
        )))))
        .await
    }

    #[tokio::test]
    async fn tr_9_a_reply_is_one_message_however_it_is_cut() {
        let framed: &[u8] = &[0, 0, 0, 0, 3, 7, 8, 9];
        for cut in 0..framed.len() {
            let (one, other) = framed.split_at(cut);
            for pieces in [vec![one, other], vec![one, &[][..], other]] {
                let reply = read(&pieces, Some("0")).await.unwrap();
                assert_eq!(reply.message, &[7, 8, 9][..]);
                assert_eq!(reply.metadata.get("x-told-last").unwrap(), "yes");
            }
        }
        assert!(
            read(&[&[0, 0, 0, 0, 0]], Some("0"))
                .await
                .unwrap()
                .message
                .is_empty()
        );
    }

    #[tokio::test]
    async fn tr_9_what_is_no_whole_message_is_the_callees_defect() {
        for pieces in [
            &[][..],
            &[&[0, 0, 0, 0][..]],
            &[&[0, 0, 0, 0, 3, 7, 8]],
            &[&[0, 0, 0, 0, 1, 7, 8]],
            &[&[1, 0, 0, 0, 1, 7]],
            &[&[0, 255, 255, 255, 255, 7], &[8]],
        ] {
            let fault = read(pieces, Some("0")).await.unwrap_err();
            assert_eq!(fault.reason(), Reason::InternalError, "{pieces:?}");
        }
        let message: &[u8] = &[0, 0, 0, 0, 1, 7];
        assert_eq!(
            read(&[message], Some("5")).await.unwrap_err().reason(),
            Reason::NotFound
        );
        assert_eq!(
            read(&[message], None).await.unwrap_err().reason(),
            Reason::InternalError
        );
        let large = vec![0; MESSAGE_LIMIT + PREFIX];
        assert_eq!(
            read(&[message, &large], Some("0"))
                .await
                .unwrap_err()
                .reason(),
            Reason::InternalError
        );
    }
}
