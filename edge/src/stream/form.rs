//! The three forms a stream is sent in, and which of them a request asks for (ST-1, ST-2).

use bytes::Bytes;
use fault::{Fault, Reason};
use http::{HeaderMap, HeaderValue};
use transcode::Item;

use crate::negotiate::{Fit, Ranges};
use crate::pump::{Chunk, Ending, Last, Printer};
use crate::respond;

/// How the items of a stream are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// One JSON array, which ends after some items or some time.
    Array,
    /// One JSON text on each line.
    Lines,
    /// Server-sent events (WHATWG HTML §9.2).
    Events,
}

impl Form {
    /// In the order that decides between forms that fit equally well.
    const ALL: [Self; 3] = [Self::Array, Self::Lines, Self::Events];

    const fn name(self) -> (&'static str, &'static str) {
        match self {
            Self::Array => ("application", "json"),
            Self::Lines => ("application", "x-ndjson"),
            Self::Events => ("text", "event-stream"),
        }
    }

    /// The value of `Content-Type`.
    pub(crate) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Array => "application/json",
            Self::Lines => "application/x-ndjson",
            Self::Events => "text/event-stream",
        })
    }

    /// Returns the form `Accept` weighs highest (RFC 9110 §12.5.1); of equal ones that named most exactly, then that named
    /// first, then the array. Without `Accept` it is the array.
    ///
    /// # Errors
    /// `NOT_ACCEPTABLE` when it rules all forms out.
    pub(crate) fn accepted(headers: &HeaderMap) -> Result<Self, Fault> {
        let ranges = Ranges::of(headers);
        if ranges.is_empty() {
            return Ok(Self::Array);
        }
        let mut best: Option<(Fit, Self)> = None;
        for form in Self::ALL {
            let (kind, subtype) = form.name();
            if let Some(fit) = ranges.fit(kind, subtype)
                && best.is_none_or(|(so_far, _)| fit > so_far)
            {
                best = Some((fit, form));
            }
        }
        best.map(|(_, form)| form).ok_or_else(|| {
            Fault::new(
                Reason::NotAcceptable,
                "A stream is text/event-stream, application/x-ndjson or application/json, which Accept rules out",
            )
        })
    }

    /// What stands after the last item.
    fn closing(self) -> &'static [u8] {
        if self == Self::Array { b"]" } else { b"" }
    }
}

impl Printer for Form {
    type Item = Item;

    fn opening(&self) -> &'static [u8] {
        if *self == Self::Array { b"[" } else { b"" }
    }

    fn heartbeat(&self) -> Option<&'static [u8]> {
        Some(match self {
            Self::Array | Self::Lines => b"\n",
            Self::Events => b":\n\n",
        })
    }

    fn item(&self, item: Item, first: bool) -> Bytes {
        let Item { mut json, cursor } = item;
        match self {
            Self::Array => element(&json, first),
            Self::Lines => {
                unbreak(&mut json);
                json.push(b'\n');
                json.into()
            }
            Self::Events => {
                unbreak(&mut json);
                let mut event = Vec::with_capacity(json.len() + 64);
                if let Some(cursor) = cursor.filter(|cursor| !cursor.contains(char::is_control)) {
                    event.extend_from_slice(b"id: ");
                    event.extend_from_slice(cursor.as_bytes());
                    event.push(b'\n');
                }
                event.extend_from_slice(b"data: ");
                event.extend_from_slice(&json);
                event.extend_from_slice(b"\n\n");
                event.into()
            }
        }
    }

    /// Only a token that is no longer good is a failure: what else ends a stream, its reader goes on from.
    fn outcome(&self, ending: Ending) -> Result<(), Fault> {
        match ending {
            Ending::Lapsed(fault) => Err(fault),
            Ending::Due | Ending::Closing => Ok(()),
        }
    }

    fn complete(&self) -> Last {
        Last {
            bytes: Bytes::from_static(self.closing()),
            end: Some(Chunk::End),
        }
    }

    /// The error body stands where the next item would, then the connection breaks (ST-2).
    fn failure(&self, fault: Fault, request_id: &str, first: bool) -> Last {
        let mut body = fault::http::body(&fault, request_id, &respond::now());
        let bytes = match self {
            Self::Array => [&element(&body, first), self.closing()].concat().into(),
            Self::Lines => {
                body.push(b'\n');
                body.into()
            }
            Self::Events => [b"event: error\ndata: ", &body[..], b"\n\n"]
                .concat()
                .into(),
        };
        Last { bytes, end: None }
    }
}

fn element(json: &[u8], first: bool) -> Bytes {
    let before: &[u8] = if first { b"" } else { b"," };
    [before, json].concat().into()
}

/// Puts a JSON text on one line. Free JSON keeps its white space (TR-4); inside of strings line ends are escaped.
fn unbreak(json: &mut [u8]) {
    for byte in json {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
}

#[cfg(test)]
mod tests {
    use http::header::ACCEPT;

    use super::*;

    fn accepted(accept: &str) -> Option<Form> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.parse().unwrap());
        Form::accepted(&headers).ok()
    }

    #[test]
    fn st_1_accept_decides_the_form() {
        assert_eq!(Form::accepted(&HeaderMap::new()).unwrap(), Form::Array);
        let rows = [
            ("", Form::Array),
            ("*/*", Form::Array),
            ("application/*", Form::Array),
            ("application/json", Form::Array),
            ("APPLICATION/JSON; charset=utf-8", Form::Array),
            ("text/html, */*;q=0.8", Form::Array),
            ("application/x-ndjson", Form::Lines),
            ("application/x-ndjson, */*;q=0.1", Form::Lines),
            ("*/*, application/json;q=0", Form::Lines),
            ("text/event-stream", Form::Events),
            ("text/*", Form::Events),
            ("text/event-stream, */*", Form::Events),
            ("*/*, text/event-stream", Form::Events),
            ("application/json, text/event-stream", Form::Array),
            ("text/event-stream, application/json", Form::Events),
            (
                "text/event-stream;q=0.5, application/json;q=0.9",
                Form::Array,
            ),
            (
                "text/event-stream;q=0.9,application/*;q=0.899",
                Form::Events,
            ),
            ("application/json;q=0, application/*;q=0.2", Form::Lines),
            ("text/event-stream; Q=1.000", Form::Events),
            (
                "application/json;q=x, text/event-stream;q=0.001",
                Form::Events,
            ),
        ];
        for (accept, form) in rows {
            assert_eq!(accepted(accept), Some(form), "{accept:?}");
        }
        for none in [
            "text/html",
            "application/xml, image/*",
            "*/*;q=0",
            "application/json;q=0",
            "json",
            "text/event-stream;q=high",
            "text/event-stream;q=NaN",
        ] {
            assert_eq!(accepted(none), None, "{none:?}");
        }
    }

    #[test]
    fn st_2_items_are_framed_as_their_form_asks() {
        let item = || Item {
            json: b"{\"a\":\n[1,\r\n2]}".to_vec(),
            cursor: Some("c-1".to_owned()),
        };
        assert_eq!(
            Form::Events.item(item(), true),
            "id: c-1\ndata: {\"a\": [1,  2]}\n\n"
        );
        assert_eq!(Form::Lines.item(item(), false), "{\"a\": [1,  2]}\n");
        assert_eq!(Form::Array.item(item(), true), "{\"a\":\n[1,\r\n2]}");
        assert_eq!(Form::Array.item(item(), false), ",{\"a\":\n[1,\r\n2]}");
        let odd = Item {
            cursor: Some("a\nevent: error".to_owned()),
            ..item()
        };
        assert_eq!(Form::Events.item(odd, true), "data: {\"a\": [1,  2]}\n\n");
    }
}
