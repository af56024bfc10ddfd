//! Follows an HTTP/1 connection from request to request, to find what hyper lets pass in a head and other servers read
//! otherwise (T17): bare line feeds as line ends, and more than one statement of the body's length.
//!
//! Bodies are followed too, since the head of a pipelined request begins where the body before it ends. Where hyper is
//! the stricter reader, as it is with chunks, this one need not judge: hyper ends the connection.

/// How much of a line is looked at: the longest name, a length with room for zeros and spaces, the size of a chunk.
const LONGEST: usize = 64;

const PREFACE: &[u8] = b"pri * http/2.0\r";
const CONTENT_LENGTH: &[u8] = b"content-length:";
const TRANSFER_ENCODING: &[u8] = b"transfer-encoding:";

/// Where a connection is in its requests.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scan {
    place: Place,
    previous: u8,
    /// The beginning of the current line, in lower case, and how long the line is so far.
    line: [u8; LONGEST],
    length: usize,
    /// Whether the request line of the current head was read.
    begun: bool,
    first: bool,
    body: Option<Length>,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Head,
    /// In bytes that mean nothing here: so many are left of them, and then comes another chunk or another head.
    Data {
        left: u64,
        chunk: bool,
    },
    ChunkSize,
    Trailers,
    Http2,
}

/// What a head says about its body's length.
#[derive(Debug, Clone, Copy)]
enum Length {
    Bytes(u64),
    Chunked,
}

impl Scan {
    pub(super) fn start() -> Self {
        Self {
            place: Place::Head,
            previous: 0,
            line: [0; LONGEST],
            length: 0,
            begun: false,
            first: true,
            body: None,
        }
    }

    /// Reports whether the connection speaks HTTP/2, where nothing here applies.
    pub(super) fn is_http2(&self) -> bool {
        matches!(self.place, Place::Http2)
    }

    /// Reports whether a head has begun and not ended.
    pub(super) fn is_in_head(&self) -> bool {
        matches!(self.place, Place::Head) && (self.begun || self.length > 0)
    }

    /// Reads on; false means the request must be refused and nothing behind it can be told apart.
    pub(super) fn accepts(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            match self.place {
                Place::Http2 => return true,
                Place::Data { left, chunk } => {
                    let passed =
                        usize::try_from(left).map_or(bytes.len(), |it| it.min(bytes.len()));
                    bytes = &bytes[passed..];
                    self.place = match left - passed as u64 {
                        0 if chunk => Place::ChunkSize,
                        0 => Place::Head,
                        left => Place::Data { left, chunk },
                    };
                }
                Place::Head | Place::ChunkSize | Place::Trailers => {
                    let Some(rest) = self.read(bytes) else {
                        return false;
                    };
                    bytes = rest;
                }
            }
        }
        true
    }

    /// Reads to the end of the line, or as far as it goes, and returns what follows; nothing means it must be refused.
    fn read<'b>(&mut self, bytes: &'b [u8]) -> Option<&'b [u8]> {
        let end = memchr::memchr(b'\n', bytes);
        let (text, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        let room = self.line.get_mut(self.length..).unwrap_or_default();
        for (place, byte) in room.iter_mut().zip(text) {
            *place = byte.to_ascii_lowercase();
        }
        self.length += text.len();
        self.previous = text.last().copied().unwrap_or(self.previous);
        let Some((line_feed, rest)) = rest.split_first() else {
            return Some(rest);
        };
        let previous = std::mem::replace(&mut self.previous, *line_feed);
        let ended = previous == b'\r' && self.end_line().is_some();
        self.length = 0;
        ended.then_some(rest)
    }

    /// Acts on a whole line; nothing means it must be refused.
    fn end_line(&mut self) -> Option<()> {
        let line = &self.line[..self.length.min(LONGEST)];
        let empty = line == b"\r";
        match self.place {
            Place::Head if empty && self.begun => self.end_head(),
            // Empty lines before the request line are allowed (RFC 9112 §2.2).
            Place::Head if empty => {}
            Place::Head => {
                let stated = if let Some(value) = line.strip_prefix(CONTENT_LENGTH) {
                    Some(Length::Bytes(number(value)?))
                } else {
                    line.starts_with(TRANSFER_ENCODING)
                        .then_some(Length::Chunked)
                };
                if self.first && line == PREFACE {
                    self.place = Place::Http2;
                }
                self.begun = true;
                self.first = false;
                if stated.is_some() && std::mem::replace(&mut self.body, stated).is_some() {
                    return None;
                }
            }
            Place::ChunkSize => {
                self.place = match size(line)? {
                    0 => Place::Trailers,
                    size => Place::Data {
                        left: size.checked_add(b"\r\n".len() as u64)?,
                        chunk: true,
                    },
                }
            }
            Place::Trailers if empty => self.place = Place::Head,
            Place::Trailers | Place::Data { .. } | Place::Http2 => {}
        }
        Some(())
    }

    fn end_head(&mut self) {
        self.begun = false;
        self.place = match self.body.take() {
            None | Some(Length::Bytes(0)) => Place::Head,
            Some(Length::Bytes(left)) => Place::Data { left, chunk: false },
            Some(Length::Chunked) => Place::ChunkSize,
        };
    }
}

/// Returns the value of a length's line, which is digits and nothing else.
fn number(value: &[u8]) -> Option<u64> {
    let digits = value.trim_ascii();
    let text = std::str::from_utf8(digits).ok()?;
    digits
        .iter()
        .all(u8::is_ascii_digit)
        .then(|| text.parse().ok())?
}

/// Returns the size a chunk's first line begins with; what follows it is an extension.
fn size(line: &[u8]) -> Option<u64> {
    let digits = line
        .iter()
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count();
    let text = std::str::from_utf8(&line[..digits]).ok()?;
    // A line cut off within its digits says nothing.
    (digits < LONGEST)
        .then(|| u64::from_str_radix(text, 16).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(chunks: &[&[u8]]) -> bool {
        let mut scan = Scan::start();
        chunks.iter().all(|chunk| scan.accepts(chunk))
    }

    #[test]
    fn t17_heads_that_others_read_otherwise_are_refused() {
        assert!(scan(&[b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"]));
        assert!(scan(&[b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"]));
        assert!(
            scan(&[
                b"POST / HTTP/1.1\r",
                b"\nContent-Length: 5\r\n\r",
                b"\n{\n\n}\n"
            ]),
            "a body may hold anything"
        );
        assert!(scan(&[
            b"POST / HTTP/1.1\r\nContent-Length: 2\r\nX-Content-Length: 3\r\n\r\n{}"
        ]));
        for bad in [
            &b"POST / HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"[..],
            b"POST / HTTP/1.1\r\nCONTENT-LENGTH: 2\r\ncontent-length: 2\r\n\r\n",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: +2\r\n\r\n",
            b"GET / HTTP/1.1\nHost: a\n\n",
            b"GET / HTTP/1.1\r\nHost: a\n\r\n",
            b"\nGET / HTTP/1.1\r\n",
            b"GET / HTTP/1.1\r\nA: b\r\n\n",
            b"PRIX / HTTP/1.1\nHost: a\n\n",
        ] {
            assert!(!scan(&[bad]), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn t17_the_head_behind_a_body_is_found_however_the_bytes_arrive() {
        let bodies: [&[u8]; 5] = [
            b"\r\n",
            b"Content-Length: 0\r\n\r\n",
            b"Content-Length: 007\r\n\r\n\n\n\r\n\r\n\n",
            b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"Transfer-Encoding: chunked\r\n\r\n00A;x=y\r\n\n\n\n\n\n\n\n\n\n\n\r\n1\r\n\n\r\n0\r\nA: b\r\n\r\n",
        ];
        for body in bodies {
            let mut good = b"POST / HTTP/1.1\r\n".to_vec();
            good.extend_from_slice(body);
            let bad = [&good[..], b"GET / HTTP/1.1\n"].concat();
            for step in [1, 2, 3, 1000] {
                let pieces: Vec<&[u8]> = good.chunks(step).collect();
                let mut scan = Scan::start();
                assert!(pieces.iter().all(|piece| scan.accepts(piece)));
                assert!(!scan.is_in_head(), "{}", good.escape_ascii());
                assert!(scan.accepts(b"G") && scan.is_in_head());
                assert!(
                    !bad.chunks(step).all({
                        let mut scan = Scan::start();
                        move |piece| scan.accepts(piece)
                    }),
                    "{}",
                    bad.escape_ascii()
                );
            }
        }
    }

    #[test]
    fn t17_only_the_whole_preface_ends_the_watch() {
        for (line, http2) in [
            (&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\n"[..], true),
            (b"PRI / HTTP/1.1\r\n\r\n", false),
            (b"GET / HTTP/1.1\r\n\r\nPRI * HTTP/2.0\r\n", false),
        ] {
            let mut scan = Scan::start();
            assert!(line.chunks(1).all(|byte| scan.accepts(byte)));
            assert_eq!(scan.is_http2(), http2, "{}", line.escape_ascii());
        }
    }
}
