//! What clients do with HTTP/2 that no honest one does (T18, N-16).

use crate::frames::{
    AUTHORITY, CONTINUATION, Client, DATA, END_HEADERS, END_STREAM, Field, GOOD, HEADERS, METHOD,
    Outcome, PATH, PING, RST_STREAM, SCHEME, SETTINGS, WINDOW_UPDATE, block, frame, honest,
};
use crate::house::{House, without_limits};

/// RFC 9113 §7.
const PROTOCOL_ERROR: u32 = 1;

/// Requests whose fields are malformed (RFC 9113 §8.2, §8.3), each made from the good one: what is said in its place and
/// what is said besides.
#[rustfmt::skip] // one vector a line
const FIELDS: &[(&str, &[Field<'_>])] = &[
    // Characters that end a line, or a string, for somebody behind the door.
    ("CR in a value", &[METHOD, SCHEME, AUTHORITY, PATH, (b"x-a", b"b\rc")]),
    ("LF in a value", &[METHOD, SCHEME, AUTHORITY, PATH, (b"x-a", b"b\nc: d")]),
    ("CRLF in a value", &[METHOD, SCHEME, AUTHORITY, PATH, (b"x-a", b"b\r\nx-sf-identity: c")]),
    ("NUL in a value", &[METHOD, SCHEME, AUTHORITY, PATH, (b"x-a", b"b\0c")]),
    ("DEL in a value", &[METHOD, SCHEME, AUTHORITY, PATH, (b"x-a", b"b\x7fc")]),
    ("CRLF in a name", &[METHOD, SCHEME, AUTHORITY, PATH, (b"x-a\r\nx-b", b"c")]),
    ("LF in a name", &[METHOD, SCHEME, AUTHORITY, PATH, (b"x-a\nx-b", b"c")]),
    ("NUL in a name", &[METHOD, SCHEME, AUTHORITY, PATH, (b"x-a\0", b"c")]),
    ("a space in a name", &[METHOD, SCHEME, AUTHORITY, PATH, (b"x a", b"c")]),
    ("a colon in a name", &[METHOD, SCHEME, AUTHORITY, PATH, (b"x-a:b", b"c")]),
    ("an empty name", &[METHOD, SCHEME, AUTHORITY, PATH, (b"", b"c")]),
    ("an upper-case name", &[METHOD, SCHEME, AUTHORITY, PATH, (b"X-A", b"c")]),
    ("a letter of a name in upper case", &[METHOD, SCHEME, AUTHORITY, PATH, (b"authorizatioN", b"c")]),
    ("CRLF in the path", &[METHOD, SCHEME, AUTHORITY, (b":path", b"/api/v1/feed HTTP/1.1\r\nx-a: b")]),
    ("LF in the path", &[METHOD, SCHEME, AUTHORITY, (b":path", b"/api/v1/feed\n")]),
    ("NUL in the path", &[METHOD, SCHEME, AUTHORITY, (b":path", b"/api/v1/feed\0")]),
    ("a space in the path", &[METHOD, SCHEME, AUTHORITY, (b":path", b"/api/v1/feed x")]),
    ("CRLF in the authority", &[METHOD, SCHEME, (b":authority", b"d\r\nx-a: b"), PATH]),
    ("CRLF in the method", &[(b":method", b"GET / HTTP/1.1\r\nHost: e\r\n\r\nGET"), SCHEME, AUTHORITY, PATH]),
    ("CRLF in the scheme", &[METHOD, (b":scheme", b"http\r\n"), AUTHORITY, PATH]),
    // Fields that belong to one connection (§8.2.2).
    ("connection", &[METHOD, SCHEME, AUTHORITY, PATH, (b"connection", b"close")]),
    ("keep-alive", &[METHOD, SCHEME, AUTHORITY, PATH, (b"keep-alive", b"timeout=5")]),
    ("proxy-connection", &[METHOD, SCHEME, AUTHORITY, PATH, (b"proxy-connection", b"close")]),
    ("transfer-encoding", &[METHOD, SCHEME, AUTHORITY, PATH, (b"transfer-encoding", b"chunked")]),
    ("upgrade", &[METHOD, SCHEME, AUTHORITY, PATH, (b"upgrade", b"h2c")]),
    ("te with a coding", &[METHOD, SCHEME, AUTHORITY, PATH, (b"te", b"gzip")]),
    // Paths that are none (§8.3.1).
    ("no slash", &[METHOD, SCHEME, AUTHORITY, (b":path", b"api/v1/feed")]),
    ("an empty path", &[METHOD, SCHEME, AUTHORITY, (b":path", b"")]),
    ("an asterisk", &[METHOD, SCHEME, AUTHORITY, (b":path", b"*")]),
    ("a whole address", &[METHOD, SCHEME, AUTHORITY, (b":path", b"http://d/api/v1/feed")]),
    ("two slashes", &[METHOD, SCHEME, AUTHORITY, (b":path", b"//d/api/v1/feed")]),
    // What a request must say once.
    ("no method", &[SCHEME, AUTHORITY, PATH]),
    ("no scheme", &[METHOD, AUTHORITY, PATH]),
    ("no path", &[METHOD, SCHEME, AUTHORITY]),
    ("two methods", &[METHOD, (b":method", b"POST"), SCHEME, AUTHORITY, PATH]),
    ("two schemes", &[METHOD, SCHEME, (b":scheme", b"https"), AUTHORITY, PATH]),
    ("two paths", &[METHOD, SCHEME, AUTHORITY, PATH, (b":path", b"/livez")]),
    ("an unknown pseudo-header", &[METHOD, SCHEME, AUTHORITY, PATH, (b":protocol-x", b"a")]),
    ("a pseudo-header of replies", &[METHOD, SCHEME, AUTHORITY, PATH, (b":status", b"200")]),
    ("an upper-case pseudo-header", &[METHOD, SCHEME, AUTHORITY, PATH, (b":Path", b"/livez")]),
    ("a pseudo-header behind a field", &[METHOD, SCHEME, AUTHORITY, (b"x-a", b"b"), PATH]),
    ("CONNECT with a path", &[(b":method", b"CONNECT"), SCHEME, AUTHORITY, PATH]),
    ("CONNECT for a protocol", &[(b":method", b"CONNECT"), (b":protocol", b"websocket"), SCHEME, AUTHORITY, PATH]),
    // Whom the request is for.
    ("two authorities", &[METHOD, SCHEME, AUTHORITY, (b":authority", b"e"), PATH]),
    ("the same authority twice", &[METHOD, SCHEME, AUTHORITY, AUTHORITY, PATH]),
    ("another host", &[METHOD, SCHEME, AUTHORITY, PATH, (b"host", b"e")]),
    ("two hosts", &[METHOD, SCHEME, AUTHORITY, PATH, (b"host", b"d"), (b"host", b"e")]),
    ("an authority with a user", &[METHOD, SCHEME, (b":authority", b"a@d"), PATH]),
    ("an authority with a path", &[METHOD, SCHEME, (b":authority", b"d/e"), PATH]),
    ("a host with a path and no authority", &[METHOD, SCHEME, PATH, (b"host", b"d/e")]),
    ("two tokens", &[METHOD, SCHEME, AUTHORITY, PATH, (b"authorization", b"Bearer a"), (b"authorization", b"Bearer b")]),
    // A length the body, which is none, does not have.
    ("a length without a body", &[METHOD, SCHEME, AUTHORITY, PATH, (b"content-length", b"5")]),
    ("a length that is none", &[METHOD, SCHEME, AUTHORITY, PATH, (b"content-length", b"+0")]),
    ("two lengths", &[METHOD, SCHEME, AUTHORITY, PATH, (b"content-length", b"0"), (b"content-length", b"5")]),
];

#[tokio::test]
async fn t18_malformed_fields_end_in_a_stream_error_or_400_and_no_call() {
    let house = House::open(without_limits).await;
    let mut wrong = Vec::new();
    for (what, fields) in FIELDS {
        let mut client = Client::connect(&house, &[]).await;
        client.ask(1, fields).await.unwrap();
        let outcome = client.outcome(1).await;
        let refused = matches!(
            outcome,
            Outcome::Reset(PROTOCOL_ERROR) | Outcome::GoAway(_) | Outcome::Status(400)
        );
        if !refused || !house.feed.calls("ListFeed").is_empty() {
            wrong.push((what, outcome, house.feed.calls("ListFeed").len()));
        }
        // A malformed stream is no reason to refuse the next one.
        if matches!(outcome, Outcome::Reset(_) | Outcome::Status(_)) {
            client
                .ask(3, &[METHOD, SCHEME, AUTHORITY, (b":path", b"/livez")])
                .await
                .unwrap();
            assert_eq!(client.outcome(3).await, Outcome::Status(200), "{what}");
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    honest(&house).await;
}

#[tokio::test]
async fn t18_what_the_protocol_allows_is_served() {
    let house = House::open(without_limits).await;
    let mut client = Client::connect(&house, &[]).await;
    let allowed: [&[Field<'_>]; 4] = [
        &[(b"te", b"trailers")],
        &[(b"host", b"d")],
        &[(b"content-length", b"0")],
        &[(b"cookie", b"a=b"), (b"cookie", b"c=d")],
    ];
    for (stream, more) in (1..).step_by(2).zip(allowed) {
        client
            .ask(stream, &[&GOOD[..], more].concat())
            .await
            .unwrap();
        assert_eq!(
            client.outcome(stream).await,
            Outcome::Status(200),
            "{more:?}"
        );
    }
    assert_eq!(house.feed.calls("ListFeed").len(), allowed.len());
}

#[tokio::test]
async fn t18_a_body_that_is_not_as_long_as_it_says_reaches_nobody() {
    let house = House::open(without_limits).await;
    let head = |length: &'static [u8]| {
        block(&[
            (b":method", b"POST"),
            SCHEME,
            AUTHORITY,
            (b":path", b"/api/v1/auth/send-otp"),
            (b"content-length", length),
        ])
    };
    for (length, body) in [(&b"2"[..], &b"{} "[..]), (b"4", b"{} "), (b"0", b"{}")] {
        let mut client = Client::connect(&house, &[]).await;
        client
            .send(HEADERS, END_HEADERS, 1, &head(length))
            .await
            .unwrap();
        client.send(DATA, END_STREAM, 1, body).await.unwrap();
        assert_eq!(client.outcome(1).await, Outcome::Reset(PROTOCOL_ERROR));
    }
    assert!(house.auth.calls("SendOtp").is_empty());
    honest(&house).await;
}

#[tokio::test]
async fn t18_frames_out_of_order_end_the_connection() {
    let house = House::open(without_limits).await;
    let good = block(&GOOD);
    let whole = END_STREAM | END_HEADERS;
    for (what, frames) in [
        (
            "a stream of the server's",
            vec![frame(HEADERS, whole, 2, &good)],
        ),
        (
            "a request on stream 0",
            vec![frame(HEADERS, whole, 0, &good)],
        ),
        (
            "a body without a request",
            vec![frame(DATA, END_STREAM, 1, b"{}")],
        ),
        ("a reset of nothing", vec![frame(RST_STREAM, 0, 1, &[0; 4])]),
        (
            "a continuation of nothing",
            vec![frame(CONTINUATION, END_HEADERS, 1, &good)],
        ),
        (
            "another frame within a head",
            vec![
                frame(HEADERS, END_STREAM, 1, &good),
                frame(PING, 0, 0, &[0; 8]),
            ],
        ),
        (
            "a head continued for another stream",
            vec![
                frame(HEADERS, END_STREAM, 1, &good),
                frame(CONTINUATION, END_HEADERS, 3, &[]),
            ],
        ),
        (
            "a head that cannot be decoded",
            vec![frame(HEADERS, whole, 1, &[0xff; 40])],
        ),
        (
            "a frame larger than allowed",
            vec![frame(DATA, 0, 1, &[0; 20_000])],
        ),
        (
            "a window opened by nothing",
            vec![frame(WINDOW_UPDATE, 0, 0, &[0; 4])],
        ),
        ("a ping of 4 bytes", vec![frame(PING, 0, 0, &[0; 4])]),
        ("settings on a stream", vec![frame(SETTINGS, 0, 1, &[])]),
    ] {
        let mut client = Client::connect(&house, &[]).await;
        client.bytes(&frames.concat()).await.unwrap();
        let (error, _) = client.end().await;
        assert!(error.is_some_and(|error| error > 0), "{what}: {error:?}");
    }
    assert!(house.feed.calls("ListFeed").is_empty());
    honest(&house).await;
}

#[tokio::test]
async fn n_16_heads_over_the_limit_are_refused() {
    let house = House::open(without_limits).await;
    let fat = vec![b'x'; 33 * 1024];
    let fields: Vec<String> = (0..101).map(|n| format!("x-h-{n}")).collect();
    let many = fields.iter().map(|name| (name.as_bytes(), &b"v"[..]));
    let many: Vec<Field<'_>> = GOOD.into_iter().chain(many).collect();
    let large = [&GOOD[..], &[(b"x-fat", &fat)]].concat();
    // Far beyond, hyper refuses before the door sees anything.
    let vast = [&GOOD[..], &[(&b"x-fat"[..], &fat[..]); 3]].concat();
    for fields in [many, large, vast] {
        let mut client = Client::connect(&house, &[]).await;
        let block = block(&fields);
        let mut pieces = block.chunks(16 * 1024).peekable();
        let (mut kind, mut flags) = (HEADERS, END_STREAM);
        while let Some(piece) = pieces.next() {
            flags |= if pieces.peek().is_none() {
                END_HEADERS
            } else {
                0
            };
            client.send(kind, flags, 1, piece).await.unwrap();
            (kind, flags) = (CONTINUATION, 0);
        }
        assert_eq!(client.outcome(1).await, Outcome::Status(431));
    }
    assert!(house.feed.calls("ListFeed").is_empty());
    honest(&house).await;
}
