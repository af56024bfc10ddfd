//! Bodies as large, as deep and as wide as allowed, and one more (T22, N-14, N-15, TR-16).

use tokio::io::AsyncWriteExt;

use crate::house::{House, Reply, rest, without_limits};

const LIMIT: usize = 1024 * 1024;
const SEND_OTP: &str = "POST /api/v1/auth/send-otp HTTP/1.1\r\nHost: d\r\nConnection: close\r\n";

/// A right body of exactly so many bytes.
fn body(size: usize) -> String {
    let json = "{\"email\":\"ada@example.org\"}";
    format!("{json}{}", " ".repeat(size - json.len()))
}

/// A body in chunks of sizes that do not divide it.
fn chunked(body: &str) -> String {
    let mut framed = String::new();
    for piece in body.as_bytes().chunks(60_007) {
        let piece = std::str::from_utf8(piece).unwrap();
        framed.push_str(&format!("{:x}\r\n{piece}\r\n", piece.len()));
    }
    framed + "0\r\n\r\n"
}

#[tokio::test]
async fn n_14_the_limit_holds_to_the_byte_however_the_body_is_framed() {
    let house = House::open(without_limits).await;
    for (size, status) in [
        (LIMIT - 1, 200),
        (LIMIT, 200),
        (LIMIT + 1, 413),
        (LIMIT * 3, 413),
    ] {
        let body = body(size);
        for request in [
            format!("{SEND_OTP}Content-Length: {size}\r\n\r\n{body}"),
            format!(
                "{SEND_OTP}Transfer-Encoding: chunked\r\n\r\n{}",
                chunked(&body)
            ),
        ] {
            house.auth.take();
            let mut stream = house.connect().await;
            // The door may have said no and closed before it took everything.
            let _sent = stream.write_all(request.as_bytes()).await;
            let reply = Reply::parse(&rest(&mut stream).await);
            assert_eq!(reply.status, status, "{size} bytes: {reply:?}");
            let served = house.auth.calls("SendOtp").len();
            assert_eq!(served, usize::from(status == 200), "{size} bytes");
        }
    }
}

#[tokio::test]
async fn t22_bodies_that_are_too_much_or_not_json_are_400_and_reach_nobody() {
    let house = House::open(without_limits).await;
    let nested = |open: &str, close: &str, depth: usize| {
        format!("{{\"x\":{}1{}}}", open.repeat(depth), close.repeat(depth))
    };
    let wide = |count: usize| format!("{{\"email\":[{}]}}", vec!["1"; count].join(","));
    let mut wrong = Vec::new();
    for (what, body) in [
        ("64 levels", nested("[", "]", 64).into_bytes()),
        ("100 000 lists", nested("[", "]", 100_000).into_bytes()),
        (
            "100 000 objects",
            nested("{\"a\":", "}", 100_000).into_bytes(),
        ),
        (
            "100 000 lists without end",
            "[".repeat(100_000).into_bytes(),
        ),
        ("500 000 levels", "[".repeat(500_000).into_bytes()),
        ("10 001 elements", wide(10_001).into_bytes()),
        ("500 000 elements", wide(500_000).into_bytes()),
        (
            "a key twice",
            b"{\"email\":\"a@example.org\",\"email\":\"b@example.org\"}".to_vec(),
        ),
        (
            "a key twice, once escaped",
            b"{\"email\":\"a@example.org\",\"\\u0065mail\":\"b@example.org\"}".to_vec(),
        ),
        (
            "text behind the value",
            b"{\"email\":\"a@example.org\"}x".to_vec(),
        ),
        (
            "another value behind it",
            b"{\"email\":\"a@example.org\"}{}".to_vec(),
        ),
        ("NUL behind it", b"{\"email\":\"a@example.org\"}\0".to_vec()),
        (
            "a comma too many",
            b"{\"email\":\"a@example.org\",}".to_vec(),
        ),
        ("single quotes", b"{'email':'a@example.org'}".to_vec()),
        ("a comment", b"{/**/\"email\":\"a@example.org\"}".to_vec()),
        ("NaN", b"{\"email\":NaN}".to_vec()),
        (
            "a byte order mark",
            b"\xef\xbb\xbf{\"email\":\"a@example.org\"}".to_vec(),
        ),
        ("UTF-16", b"{\0\"\0e\0\"\0:\x001\0}\0".to_vec()),
        (
            "a byte that is no UTF-8",
            b"{\"email\":\"a\xff@example.org\"}".to_vec(),
        ),
        (
            "over-long UTF-8",
            b"{\"email\":\"a\xc0\xae@example.org\"}".to_vec(),
        ),
        (
            "a cut character",
            b"{\"email\":\"a@example.org\xc3\"}".to_vec(),
        ),
        (
            "half a surrogate pair",
            b"{\"email\":\"a\\ud800@example.org\"}".to_vec(),
        ),
        (
            "a line feed in a text",
            b"{\"email\":\"a\n@example.org\"}".to_vec(),
        ),
        ("a list", b"[{\"email\":\"a@example.org\"}]".to_vec()),
        ("a text", b"\"a@example.org\"".to_vec()),
        (
            "a number of 100 000 digits",
            format!("{{\"email\":{}}}", "9".repeat(100_000)).into_bytes(),
        ),
        (
            "an object for a text",
            b"{\"email\":{\"$ne\":null}}".to_vec(),
        ),
    ] {
        let head = format!("{SEND_OTP}Content-Length: {}\r\n\r\n", body.len());
        let mut stream = house.connect().await;
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&body).await.unwrap();
        let reply = Reply::parse(&rest(&mut stream).await);
        if reply.status != 400 || reply.code() != "VALIDATION_ERROR" || reply.body.len() > 4096 {
            wrong.push((what, reply.status, reply.body.len()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(house.auth.calls("SendOtp").is_empty());
    let honest = house.ask_for_code().await;
    assert_eq!(honest.status, 200);
}
