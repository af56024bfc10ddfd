//! A hand-driven HTTP/2 client: it sends what no library would (RFC 9113, RFC 7541).

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::house::House;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// `SETTINGS_HEADER_TABLE_SIZE` and `SETTINGS_INITIAL_WINDOW_SIZE`.
pub(crate) const TABLE_SIZE: u16 = 1;
pub(crate) const WINDOW_SIZE: u16 = 4;

/// One frame as the door sent it.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

/// What became of a stream, or of the connection under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Status(u16),
    Reset(u32),
    GoAway(u32),
    Closed,
}

/// One connection.
pub(crate) struct Client {
    stream: TcpStream,
    /// Whether pings and settings are acknowledged, as a client must.
    pub(crate) polite: bool,
}

impl Client {
    /// Connects and says the preface. The door must not compress by reference, so that every status can be read.
    pub(crate) async fn connect(house: &House, settings: &[(u16, u32)]) -> Self {
        let mut stream = house.connect().await;
        stream
            .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            .await
            .unwrap();
        let mut client = Self {
            stream,
            polite: true,
        };
        let mut payload = Vec::new();
        for (name, value) in [(TABLE_SIZE, 0)].iter().chain(settings) {
            payload.extend(name.to_be_bytes());
            payload.extend(value.to_be_bytes());
        }
        client.send(SETTINGS, 0, 0, &payload).await.unwrap();
        client
    }

    pub(crate) async fn send(
        &mut self,
        kind: u8,
        flags: u8,
        stream: u32,
        payload: &[u8],
    ) -> io::Result<()> {
        self.bytes(&frame(kind, flags, stream, payload)).await
    }

    /// Sends bytes as they are; an error means that the door has gone.
    pub(crate) async fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Sends a whole request without a body.
    pub(crate) async fn ask(&mut self, stream: u32, fields: &[Field<'_>]) -> io::Result<()> {
        let flags = END_STREAM | END_HEADERS;
        self.send(HEADERS, flags, stream, &block(fields)).await
    }

    /// Returns the next frame, or nothing when the door has closed.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        let next = tokio::time::timeout(testkit::LONGEST, self.read());
        let frame = next.await.expect("a frame or the end").ok()?;
        if self.polite && frame.flags & ACK == 0 && matches!(frame.kind, SETTINGS | PING) {
            let payload = if frame.kind == PING {
                &frame.payload[..]
            } else {
                &[]
            };
            // The door may have gone meanwhile; what it sent before is still to be read.
            let _gone = self.send(frame.kind, ACK, 0, payload).await;
        }
        Some(frame)
    }

    async fn read(&mut self) -> io::Result<Frame> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).await?;
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        self.stream.read_exact(&mut payload).await?;
        Ok(Frame {
            kind: head[3],
            flags: head[4],
            stream: u32::from_be_bytes([head[5], head[6], head[7], head[8]]),
            payload,
        })
    }

    /// Waits for what becomes of a stream.
    pub(crate) async fn outcome(&mut self, stream: u32) -> Outcome {
        while let Some(frame) = self.next().await {
            match frame.kind {
                HEADERS if frame.stream == stream => {
                    return Outcome::Status(status(&frame.payload));
                }
                RST_STREAM if frame.stream == stream => {
                    return Outcome::Reset(number(&frame.payload));
                }
                GOAWAY => return Outcome::GoAway(number(&frame.payload[4..])),
                _ => {}
            }
        }
        Outcome::Closed
    }

    /// Reads on until the door closes; returns the error of its GOAWAY, if it said one, and how many streams it reset.
    pub(crate) async fn end(&mut self) -> (Option<u32>, usize) {
        let (mut error, mut resets) = (None, 0);
        while let Some(frame) = self.next().await {
            match frame.kind {
                GOAWAY => error = error.max(Some(number(&frame.payload[4..]))),
                RST_STREAM => resets += 1,
                _ => {}
            }
        }
        (error, resets)
    }
}

/// One header field.
pub(crate) type Field<'a> = (&'a [u8], &'a [u8]);

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// Writes fields as they are: literals that are neither indexed nor compressed.
pub(crate) fn block(fields: &[Field<'_>]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            length(&mut block, text.len());
            block.extend(*text);
        }
    }
    block
}

/// Writes a string's length: an integer with a prefix of 7 bits (RFC 7541 §5.1).
fn length(block: &mut Vec<u8>, length: usize) {
    let Some(mut rest) = length.checked_sub(127) else {
        return block.push(u8::try_from(length).unwrap());
    };
    block.push(127);
    while rest > 127 {
        block.push(0x80 | u8::try_from(rest & 127).unwrap());
        rest >>= 7;
    }
    block.push(u8::try_from(rest).unwrap());
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes[..4].try_into().unwrap())
}

/// Reads the status, which is a reply's first field.
fn status(block: &[u8]) -> u16 {
    let at = block.iter().position(|byte| byte & 0xe0 != 0x20).unwrap();
    let indexed = [200, 204, 206, 304, 400, 404, 500];
    match block[at] {
        index @ 0x88..=0x8e => indexed[usize::from(index - 0x88)],
        0x08 | 0x18 | 0x48 => digits(&block[at + 1..]),
        other => panic!("no status: {other:#x}"),
    }
}

/// Reads a number written as a string, compressed or not: digits have 5 or 6 bits in HPACK's code.
fn digits(text: &[u8]) -> u16 {
    let bytes = &text[1..=usize::from(text[0] & 0x7f)];
    if text[0] & 0x80 == 0 {
        return std::str::from_utf8(bytes).unwrap().parse().unwrap();
    }
    let bits = bytes
        .iter()
        .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
    let mut left = bytes.len() * 8;
    let mut number = 0;
    for _ in 0..3 {
        let five = u16::try_from(bits >> (left - 5) & 31).unwrap();
        let (digit, taken) = if five < 3 {
            (five, 5)
        } else {
            (u16::try_from(bits >> (left - 6) & 63).unwrap() - 22, 6)
        };
        number = number * 10 + digit;
        left -= taken;
    }
    number
}

/// A request the feed service answers, field by field.
pub(crate) const METHOD: Field<'_> = (b":method", b"GET");
pub(crate) const SCHEME: Field<'_> = (b":scheme", b"http");
pub(crate) const AUTHORITY: Field<'_> = (b":authority", b"d");
pub(crate) const PATH: Field<'_> = (b":path", b"/api/v1/feed?search=marker");
pub(crate) const GOOD: [Field<'_>; 4] = [METHOD, SCHEME, AUTHORITY, PATH];

/// Asserts that the door still serves others.
pub(crate) async fn honest(house: &House) {
    let mut client = Client::connect(house, &[]).await;
    client
        .ask(1, &[METHOD, SCHEME, AUTHORITY, (b":path", b"/livez")])
        .await
        .unwrap();
    assert_eq!(client.outcome(1).await, Outcome::Status(200));
    assert_eq!(house.get("/livez", &[]).await.status, 200);
}
