//! HTTP/1 requests that two servers could take apart in two ways are refused, and nothing behind them is heard (T17).

use tokio::io::AsyncWriteExt;

use crate::house::{House, rest, without_limits};

/// A second request behind the first, as a smuggler hides it.
const MARKER: &str = "GET /api/v1/feed?search=marker HTTP/1.1\r\nHost: d\r\n\r\n";

/// A whole request that is right, as an honest client pipelines it.
const HONEST: &str = "GET /api/v1/feed?search=honest HTTP/1.1\r\nHost: d\r\n\r\n";

/// Whole heads of a request whose length, end, names or target can be read in two ways. `{CL}` and `{TE}` stand for the
/// two right ways to state the length of the body behind them.
#[rustfmt::skip] // one vector a line
const HEADS: &[(&str, &str)] = &[
    // The length of the body, said twice or not at all clearly (RFC 9112 §6.3).
    ("length, then chunks", "POST / HTTP/1.1\r\nHost: d\r\n{CL}{TE}\r\n"),
    ("chunks, then length", "POST / HTTP/1.1\r\nHost: d\r\n{TE}{CL}\r\n"),
    ("two equal lengths", "POST / HTTP/1.1\r\nHost: d\r\n{CL}{CL}\r\n"),
    ("two lengths", "POST / HTTP/1.1\r\nHost: d\r\n{CL}Content-Length: 9\r\n\r\n"),
    ("two lengths in odd case", "POST / HTTP/1.1\r\nHost: d\r\n{CL}cOnTeNt-LeNgTh: 9\r\n\r\n"),
    ("a list of equal lengths", "POST / HTTP/1.1\r\nHost: d\r\nContent-Length: 5, 5\r\n\r\n"),
    ("a list of lengths", "POST / HTTP/1.1\r\nHost: d\r\nContent-Length: 5, 9\r\n\r\n"),
    ("a length with a sign", "POST / HTTP/1.1\r\nHost: d\r\nContent-Length: +5\r\n\r\n"),
    ("a negative length", "POST / HTTP/1.1\r\nHost: d\r\nContent-Length: -5\r\n\r\n"),
    ("a length in hexadecimal", "POST / HTTP/1.1\r\nHost: d\r\nContent-Length: 0x5\r\n\r\n"),
    ("a length with a fraction", "POST / HTTP/1.1\r\nHost: d\r\nContent-Length: 5.0\r\n\r\n"),
    ("a length with a parameter", "POST / HTTP/1.1\r\nHost: d\r\nContent-Length: 5;q=1\r\n\r\n"),
    ("two numbers as a length", "POST / HTTP/1.1\r\nHost: d\r\nContent-Length: 5 5\r\n\r\n"),
    ("a length in quotes", "POST / HTTP/1.1\r\nHost: d\r\nContent-Length: \"5\"\r\n\r\n"),
    ("an empty length", "POST / HTTP/1.1\r\nHost: d\r\nContent-Length:\r\n\r\n"),
    ("a length in other digits", "POST / HTTP/1.1\r\nHost: d\r\nContent-Length: ５\r\n\r\n"),
    ("a length beyond 64 bits", "POST / HTTP/1.1\r\nHost: d\r\nContent-Length: 18446744073709551621\r\n\r\n"),
    // Codings that are not exactly `chunked` (RFC 9112 §6.1).
    ("an unknown coding", "POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: xchunked\r\n\r\n"),
    ("chunked and then something", "POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked, identity\r\n\r\n"),
    ("something and then chunked", "POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: identity, chunked\r\n\r\n"),
    ("compressed and chunked", "POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
    ("chunked twice", "POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked, chunked\r\n\r\n"),
    ("chunked on two lines", "POST / HTTP/1.1\r\nHost: d\r\n{TE}{TE}\r\n"),
    ("two codings on two lines", "POST / HTTP/1.1\r\nHost: d\r\n{TE}Transfer-Encoding: identity\r\n\r\n"),
    ("chunked with a parameter", "POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked;q=1\r\n\r\n"),
    ("chunked in quotes", "POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: \"chunked\"\r\n\r\n"),
    ("an empty list element", "POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: , chunked\r\n\r\n"),
    ("identity", "POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: identity\r\n\r\n"),
    ("no coding", "POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding:\r\n\r\n"),
    ("a vertical tab", "POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: \x0bchunked\r\n\r\n"),
    ("a coding behind a tab, and a length", "POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding:\tchunked\r\n{CL}\r\n"),
    ("chunks in HTTP/1.0", "POST / HTTP/1.0\r\nHost: d\r\nConnection: keep-alive\r\n{TE}\r\n"),
    // Names and lines.
    ("space before the colon of the coding", "POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding : chunked\r\n\r\n"),
    ("space before the colon of the length", "POST / HTTP/1.1\r\nHost: d\r\nContent-Length : 5\r\n\r\n"),
    ("a tab before the colon", "POST / HTTP/1.1\r\nHost: d\r\nContent-Length\t: 5\r\n\r\n"),
    ("space before the first name", "POST / HTTP/1.1\r\n Host: d\r\n{TE}\r\n"),
    ("space before a name", "POST / HTTP/1.1\r\nHost: d\r\n Transfer-Encoding: chunked\r\n\r\n"),
    ("a folded line", "POST / HTTP/1.1\r\nHost: d\r\nX-A: b\r\n Transfer-Encoding: chunked\r\n\r\n"),
    ("a line folded with a tab", "POST / HTTP/1.1\r\nHost: d\r\nX-A: b\r\n\tContent-Length: 5\r\n\r\n"),
    ("a folded coding", "POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding:\r\n chunked\r\n\r\n"),
    ("a bare line feed", "POST / HTTP/1.1\r\nHost: d\r\nX-A: b\nTransfer-Encoding: chunked\r\n\r\n"),
    ("a bare line feed at the head's end", "POST / HTTP/1.1\r\nHost: d\r\n{CL}\n"),
    ("bare line feeds throughout", "POST / HTTP/1.1\nHost: d\nContent-Length: 5\n\n"),
    ("a bare carriage return", "POST / HTTP/1.1\r\nHost: d\r\nX-A: b\rTransfer-Encoding: chunked\r\n\r\n"),
    ("a doubled carriage return", "POST / HTTP/1.1\r\nHost: d\r\nX-A: b\r\r\n{CL}\r\n"),
    ("NUL in a value", "POST / HTTP/1.1\r\nHost: d\r\nX-A: b\0c\r\n\r\n"),
    ("NUL in a name", "POST / HTTP/1.1\r\nHost: d\r\nContent-Length\0: 5\r\n\r\n"),
    ("a space in a name", "POST / HTTP/1.1\r\nHost: d\r\nX A: b\r\n\r\n"),
    ("a bracket in a name", "POST / HTTP/1.1\r\nHost: d\r\nContent-Length[]: 5\r\n\r\n"),
    ("an empty name", "POST / HTTP/1.1\r\nHost: d\r\n: b\r\n\r\n"),
    ("a line without a colon", "POST / HTTP/1.1\r\nHost: d\r\nContent-Length 5\r\n\r\n"),
    ("DEL in a value", "POST / HTTP/1.1\r\nHost: d\r\nX-A: b\x7fc\r\n\r\n"),
    // Whom the request is for (RFC 9112 §3.2, RFC 9110 §7.2).
    ("no Host", "POST / HTTP/1.1\r\n{CL}\r\n"),
    ("two Hosts", "POST / HTTP/1.1\r\nHost: d\r\nHost: e\r\n{CL}\r\n"),
    ("the same Host twice", "POST / HTTP/1.1\r\nHost: d\r\nHost: d\r\n{CL}\r\n"),
    ("a list of Hosts", "POST / HTTP/1.1\r\nHost: d, e\r\n{CL}\r\n"),
    ("a Host with a path", "POST / HTTP/1.1\r\nHost: d/api\r\n{CL}\r\n"),
    ("a Host with a user", "POST / HTTP/1.1\r\nHost: d@e\r\n{CL}\r\n"),
    ("a Host with a space", "POST / HTTP/1.1\r\nHost: d e\r\n{CL}\r\n"),
    ("a target for another Host", "POST http://e/ HTTP/1.1\r\nHost: d\r\n{CL}\r\n"),
    ("a target for another port", "POST http://d:81/ HTTP/1.1\r\nHost: d:80\r\n{CL}\r\n"),
    // The request line.
    ("no version", "POST /\r\n\r\n"),
    ("a version to come", "POST / HTTP/1.2\r\nHost: d\r\n{CL}\r\n"),
    ("the other version", "POST / HTTP/2.0\r\nHost: d\r\n{CL}\r\n"),
    ("two spaces", "POST  / HTTP/1.1\r\nHost: d\r\n{CL}\r\n"),
    ("tabs for spaces", "POST\t/\tHTTP/1.1\r\nHost: d\r\n{CL}\r\n"),
    ("a space in the target", "POST /a /b HTTP/1.1\r\nHost: d\r\n{CL}\r\n"),
    ("NUL in the target", "POST /\0 HTTP/1.1\r\nHost: d\r\n{CL}\r\n"),
    ("a carriage return in the target", "POST /\r/ HTTP/1.1\r\nHost: d\r\n{CL}\r\n"),
    ("NUL before the method", "\0POST / HTTP/1.1\r\nHost: d\r\n{CL}\r\n"),
    ("a colon in the method", "PO:ST / HTTP/1.1\r\nHost: d\r\n{CL}\r\n"),
];

#[tokio::test]
async fn t17_a_head_that_can_be_read_in_two_ways_is_400_and_closed() {
    let house = House::open(without_limits).await;
    let mut wrong = Vec::new();
    for (what, head) in HEADS {
        let head = head
            .replace(" / HTTP", " /api/v1/auth/send-otp HTTP")
            .replace("{CL}", "Content-Length: 5\r\n")
            .replace("{TE}", "Transfer-Encoding: chunked\r\n");
        // Both readings of the body end where the marker begins.
        for request in [
            format!("{head}0\r\n\r\n{MARKER}"),
            // The same head behind an honest request of the same segment is no better.
            format!("{HONEST}{head}0\r\n\r\n{MARKER}"),
        ] {
            let heard = house.raw(request.as_bytes()).await;
            // A segment is refused as a whole; had it come in two, the honest request is answered before.
            let honest = request.starts_with(HONEST) && statuses(&heard) == [200, 400];
            if statuses(&heard) != [400] && !honest {
                wrong.push(format!("{what}: {request:?}: {heard:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(house.auth.calls("SendOtp").is_empty());
    no_marker(&house);
}

/// Bodies in chunks whose end can be read in two ways (RFC 9112 §7.1), behind a head that is right.
#[rustfmt::skip] // one vector a line
const BODIES: &[(&str, &str)] = &[
    ("no size", "\r\n{}\r\n0\r\n\r\n"),
    ("a size that is no number", "x\r\n{}\r\n0\r\n\r\n"),
    ("a size with a sign", "+2\r\n{}\r\n0\r\n\r\n"),
    ("a negative size", "-2\r\n{}\r\n0\r\n\r\n"),
    ("a size with 0x", "0x2\r\n{}\r\n0\r\n\r\n"),
    ("a size with an underscore", "0_2\r\n{}\r\n0\r\n\r\n"),
    ("space before the size", " 2\r\n{}\r\n0\r\n\r\n"),
    ("two sizes", "2 2\r\n{}\r\n0\r\n\r\n"),
    ("a size of 2^64", "10000000000000000\r\n{}\r\n0\r\n\r\n"),
    ("a size of 2^64 + 2", "10000000000000002\r\n{}\r\n0\r\n\r\n"),
    ("a size that ends in a line feed", "2\n{}\r\n0\r\n\r\n"),
    ("an extension with a line feed", "2;a\nb\r\n{}\r\n0\r\n\r\n"),
    ("an extension with a carriage return", "2;a\rb\r\n{}\r\n0\r\n\r\n"),
    ("a chunk longer than it says", "1\r\n{}\r\n0\r\n\r\n"),
    ("a chunk that ends in a line feed", "2\r\n{}\n0\r\n\r\n"),
    ("a chunk that ends in two characters", "2\r\n{}XX0\r\n\r\n"),
    ("a last chunk that ends in a line feed", "2\r\n{}\r\n0\n\n"),
    ("a trailer with a line feed", "2\r\n{}\r\n0\r\nX-A: b\nX-B: c\r\n\r\n"),
    ("a trailer with a carriage return", "2\r\n{}\r\n0\r\nX-A: b\rc\r\n\r\n"),
    ("a trailer with NUL", "2\r\n{}\r\n0\r\nX-A: b\0c\r\n\r\n"),
    ("a trailer with a space before its colon", "2\r\n{}\r\n0\r\nX-A : b\r\n\r\n"),
    ("a trailer without a colon", "2\r\n{}\r\n0\r\nX-A\r\n\r\n"),
    ("a folded trailer", "2\r\n{}\r\n0\r\nX-A: b\r\n c\r\n\r\n"),
];

#[tokio::test]
async fn t17_chunks_that_can_be_read_in_two_ways_are_400_and_closed() {
    let house = House::open(without_limits).await;
    let head =
        "POST /api/v1/auth/send-otp HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n";
    let vast = format!("2;{}\r\n{{}}\r\n0\r\n\r\n", "x".repeat(20_000));
    let crowded = format!("2\r\n{{}}\r\n0\r\n{}\r\n", "X-A: b\r\n".repeat(300));
    let vast: [(&str, &str); 2] = [("an extension of 20 kB", &vast), ("300 trailers", &crowded)];
    let mut wrong = Vec::new();
    for (what, body) in BODIES.iter().chain(&vast) {
        let heard = house.raw(format!("{head}{body}{MARKER}").as_bytes()).await;
        if statuses(&heard) != [400] {
            wrong.push(format!("{what}: {heard:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(house.auth.calls("SendOtp").is_empty());
    assert!(house.feed.calls("ListFeed").is_empty());
}

/// What RFC 9112 allows, or what cannot be read in two ways: served, once each, and the connection goes on.
#[rustfmt::skip] // one vector a line
const ALLOWED: &[(&str, &str, u16)] = &[
    ("empty lines before the request (§2.2)", "\r\n\r\n{POST}Content-Length: 29\r\n\r\n{JSON}", 200),
    ("space around a length", "{POST}Content-Length:  29 \r\n\r\n{JSON}", 200),
    ("a length with zeros", "{POST}Content-Length: 0029\r\n\r\n{JSON}", 200),
    ("chunked in odd case", "{POST}tRANSFER-eNCODING: cHuNkEd\r\n\r\n1d\r\n{JSON}\r\n0\r\n\r\n", 200),
    ("zeros before a size", "{POST}Transfer-Encoding: chunked\r\n\r\n0001D\r\n{JSON}\r\n000\r\n\r\n", 200),
    ("an extension", "{POST}Transfer-Encoding: chunked\r\n\r\n1d;a=\"b\"\r\n{JSON}\r\n0\r\n\r\n", 200),
    ("a line feed inside a chunk", "{POST}Transfer-Encoding: chunked\r\n\r\n1\r\n\n\r\n1d\r\n{JSON}\r\n0\r\n\r\n", 200),
    ("a request inside a chunk", "{POST}Transfer-Encoding: chunked\r\n\r\n33\r\nGET /api/v1/feed?s=marker HTTP/1.1\r\nHost: chunk\r\n\r\n\r\n0\r\n\r\n", 400),
    ("a target for this Host", "POST http://d/api/v1/auth/send-otp HTTP/1.1\r\nHost: d\r\nContent-Length: 29\r\n\r\n{JSON}", 200),
    ("names that only look like a length", "{POST}X-Content-Length: 2\r\nContent_Length: 2\r\nTransfer_Encoding: chunked\r\nContent-Length: 29\r\n\r\n{JSON}", 200),
    ("a body without a length is none", "{POST}\r\n", 200),
    ("CONNECT goes nowhere", "CONNECT d:80 HTTP/1.1\r\nHost: d:80\r\n\r\n", 400),
    ("OPTIONS for no path", "OPTIONS * HTTP/1.1\r\nHost: d\r\n\r\n", 400),
];

#[tokio::test]
async fn t17_what_has_one_reading_is_answered_once_and_the_next_request_too() {
    let house = House::open(|config| {
        without_limits(config);
        config.limits.keep_alive_ms = 2_000;
    })
    .await;
    house.auth.answer(|_| {
        Ok(crate::script::Answer::new(
            &contracts::auth::v1::SendOtpResponse::default(),
        ))
    });
    for (what, request, status) in ALLOWED {
        let request = request
            .replace(
                "{POST}",
                "POST /api/v1/auth/send-otp HTTP/1.1\r\nHost: d\r\n",
            )
            .replace("{JSON}", "{\"email\":\"ada@example.org\"}  ");
        let last = HONEST.replace("Host: d", "Host: d\r\nConnection: close");
        let heard = house.raw(format!("{request}{last}").as_bytes()).await;
        assert_eq!(statuses(&heard), [*status, 200], "{what}: {heard:?}");
        assert!(!heard.contains("marker"), "{what}");
    }
    assert_eq!(house.feed.calls("ListFeed").len(), ALLOWED.len());
    no_marker(&house);
}

#[tokio::test]
async fn t17_trailers_change_nothing_about_a_request() {
    let house = House::open(without_limits).await;
    let token = house.token(&house.rig.caller());
    for trailer in [
        format!("Authorization: Bearer {token}"),
        "Content-Length: 5".to_owned(),
        "Transfer-Encoding: chunked".to_owned(),
        "Host: e".to_owned(),
        "X-SF-Identity: forged".to_owned(),
        "X-Request-Id: from-the-trailer".to_owned(),
    ] {
        // A class that needs a token: the trailer's is none.
        let request = format!(
            "POST /api/v1/posts HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n{trailer}\r\n\r\n{}",
            HONEST.replace("Host: d", "Host: d\r\nConnection: close")
        );
        let heard = house.raw(request.as_bytes()).await;
        assert_eq!(statuses(&heard), [401, 200], "{trailer}: {heard:?}");
        assert!(!heard.contains("from-the-trailer"), "{heard:?}");
    }
    assert!(house.feed.calls("CreatePost").is_empty());
}

#[tokio::test]
async fn t17_heads_in_pieces_are_judged_like_whole_ones() {
    let house = House::open(without_limits).await;
    let head = "POST /api/v1/auth/send-otp HTTP/1.1\r\nHost: d\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    for behind in ["", HONEST] {
        let whole = format!("{behind}{head}{MARKER}");
        for cut in (1..whole.len()).step_by(7) {
            let (first, second) = whole.split_at(cut);
            let mut stream = house.connect().await;
            stream.write_all(first.as_bytes()).await.unwrap();
            tokio::task::yield_now().await;
            // The door may have refused and closed by now.
            let _sent = stream.write_all(second.as_bytes()).await;
            let heard = rest(&mut stream).await;
            let statuses = statuses(&heard);
            assert!(
                statuses == [400] || (!behind.is_empty() && statuses == [200, 400]),
                "cut at {cut} of {whole:?}: {heard:?}"
            );
        }
    }
    assert!(house.auth.calls("SendOtp").is_empty());
    no_marker(&house);
}

/// Asserts that no hidden request reached the service.
#[track_caller]
fn no_marker(house: &House) {
    for call in house.feed.calls("ListFeed") {
        let message = String::from_utf8_lossy(&call.message).into_owned();
        assert!(message.contains("honest"), "{message:?}");
    }
}

/// The status of every reply in what came back.
fn statuses(heard: &str) -> Vec<u16> {
    heard
        .match_indices("HTTP/1.1 ")
        .map(|(at, line)| heard[at + line.len()..][..3].parse().unwrap())
        .collect()
}
