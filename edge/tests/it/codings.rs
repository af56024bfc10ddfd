//! Content codings over the wire: compressed replies (HD-2, N-77, K-10) and compressed bodies (GW-29, N-15, T22).

use std::io::{Read, Write};

use brotli::enc::BrotliEncoderParams;
use contracts::auth::v1::SendOtpRequest;
use contracts::feed::v1::Post;
use edge::{Config, Figures, RedisDown};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::house::{House, Reply};
use crate::script::Answer;

const CODINGS: [&str; 3] = ["gzip", "br", "zstd"];
const SEND_OTP: &str = "/api/v1/auth/send-otp";
const POST: &str = "/api/v1/posts/018f0000-0000-7000-8000-000000000001";

/// A reply whose body is bytes: the head, in which [`Reply`] finds no body, and the body.
struct Coded {
    head: Reply,
    body: Vec<u8>,
}

impl Coded {
    fn coding(&self) -> Option<&str> {
        self.head.header("content-encoding")
    }

    /// What the body says, whatever coding the head names.
    fn plain(&self) -> String {
        let mut plain = Vec::new();
        match self.coding() {
            None => plain.clone_from(&self.body),
            Some("gzip") => drop(GzDecoder::new(&*self.body).read_to_end(&mut plain).unwrap()),
            Some("br") => brotli::BrotliDecompress(&mut &*self.body, &mut plain).unwrap(),
            Some("zstd") => plain = zstd::decode_all(&*self.body).unwrap(),
            Some(other) => panic!("nobody asked for {other}"),
        }
        String::from_utf8(plain).unwrap()
    }
}

/// A house in which nobody is refused for asking often.
async fn house(change: impl FnOnce(&mut Config)) -> House {
    House::open(|config| {
        for name in ["ip", "anon-read", "auth", "otp-send"] {
            let figures = Figures {
                limit: 100_000,
                window_seconds: 60,
                redis_down: RedisDown::Open,
            };
            config.buckets.insert(name.to_owned(), figures);
        }
        change(config);
    })
    .await
}

async fn send(
    house: &House,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Coded {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: door\r\nConnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    let mut stream = house.connect().await;
    stream
        .write_all(&[head.as_bytes(), body].concat())
        .await
        .unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).await.unwrap();
    let end = all.windows(4).position(|it| it == b"\r\n\r\n").unwrap() + 4;
    let head = std::str::from_utf8(&all[..end]).unwrap();
    Coded {
        head: Reply::parse(head),
        body: all[end..].to_vec(),
    }
}

async fn get(house: &House, path: &str, accept_encoding: &str) -> Coded {
    let headers = [("Accept-Encoding", accept_encoding)];
    send(house, "GET", path, &headers, b"").await
}

fn coded(coding: &str, plain: &[u8]) -> Vec<u8> {
    match coding {
        "gzip" => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        "br" => {
            let (mut coded, quality) = (Vec::new(), 3);
            let params = BrotliEncoderParams {
                quality,
                ..BrotliEncoderParams::default()
            };
            brotli::BrotliCompress(&mut &*plain, &mut coded, &params).unwrap();
            coded
        }
        _ => zstd::encode_all(plain, 1).unwrap(),
    }
}

/// Makes the feed service answer a post with this much text.
fn post_of(house: &House, length: usize) {
    house.feed.answer(move |_| {
        Ok(Answer::new(&Post {
            id: "018f0000-0000-7000-8000-000000000001".to_owned(),
            content: (0..length)
                .map(|n| char::from(b'a' + (n % 23) as u8))
                .collect(),
            metadata: "{}".to_owned(),
            ..Post::default()
        }))
    });
}

#[tokio::test]
async fn hd_2_replies_are_compressed_as_the_client_takes_them_and_say_so() {
    let house = house(|_| {}).await;
    post_of(&house, 9000);
    let plain = get(&house, POST, "identity").await;
    assert_eq!((plain.head.status, plain.coding()), (200, None));
    for coding in CODINGS {
        let reply = get(&house, POST, coding).await;
        assert_eq!((reply.head.status, reply.coding()), (200, Some(coding)));
        assert_eq!(
            reply.head.header("content-length"),
            Some(reply.body.len().to_string().as_str())
        );
        assert!(reply.body.len() < plain.body.len() / 4, "{coding}");
        let data = |it: &Coded| {
            let text: serde_json::Value = serde_json::from_str(&it.plain()).unwrap();
            text["data"].clone()
        };
        assert_eq!(data(&reply), data(&plain), "{coding}");
    }
    let best = get(&house, POST, "gzip;q=0.5, br;q=0.9, deflate").await;
    assert_eq!(best.coding(), Some("br"));
}

#[tokio::test]
async fn hd_2_large_replies_of_the_door_itself_are_compressed_too() {
    let house = house(|_| {}).await;
    let path = "/api/docs/openapi.json";
    let plain = get(&house, path, "").await;
    assert!(plain.body.len() > 64 * 1024, "it is no large reply");
    for coding in CODINGS {
        let reply = get(&house, path, coding).await;
        assert_eq!(reply.coding(), Some(coding));
        assert!(reply.plain().as_bytes() == plain.body, "{coding}");
    }
}

#[tokio::test]
async fn n_77_hd_2_small_replies_and_those_without_body_have_no_coding_and_the_same_vary() {
    let house = house(|_| {}).await;
    post_of(&house, 10);
    for path in [POST, "/livez", "/nothing"] {
        let reply = get(&house, path, "gzip, br, zstd").await;
        assert!(reply.body.len() < 1024);
        assert_eq!(reply.coding(), None, "{path}");
    }
    post_of(&house, 9000);
    for coding in ["", "identity", "gzip"] {
        let reply = get(&house, POST, coding).await;
        assert_eq!(
            reply.head.header("vary"),
            Some("Authorization, Accept, Accept-Encoding, Origin"),
            "CQ-4, {coding}"
        );
    }
}

#[tokio::test]
async fn tr_19_head_says_what_get_says() {
    let house = house(|_| {}).await;
    post_of(&house, 9000);
    // The request id is part of the body, and so of its length.
    for coding in ["identity", "gzip", "br", "zstd"] {
        let headers = [
            ("Accept-Encoding", coding),
            ("X-Request-Id", "the-same-one"),
        ];
        let head = send(&house, "HEAD", POST, &headers, b"").await;
        let get = send(&house, "GET", POST, &headers, b"").await;
        assert!(head.body.is_empty());
        for name in ["content-encoding", "content-type", "vary", "cache-control"] {
            assert_eq!(head.head.header(name), get.head.header(name), "{name}");
        }
        let length = |it: &Coded| {
            let text = it.head.header("content-length").unwrap();
            text.parse::<i64>().unwrap()
        };
        // The moment in the body compresses to a byte more or less.
        assert!((length(&head) - length(&get)).abs() <= 8, "{coding}");
    }
}

#[tokio::test]
async fn cq_1_a_tag_is_the_same_in_every_coding_and_revalidates_in_any() {
    let house = house(|_| {}).await;
    post_of(&house, 9000);
    let plain = get(&house, POST, "").await;
    let tag = plain.head.header("etag").unwrap();
    for coding in CODINGS {
        let reply = get(&house, POST, coding).await;
        assert_eq!(reply.head.header("etag"), Some(tag), "{coding}");
        let headers = [("Accept-Encoding", coding), ("If-None-Match", tag)];
        let same = send(&house, "GET", POST, &headers, b"").await;
        assert_eq!((same.head.status, same.coding()), (304, None), "{coding}");
        assert!(same.body.is_empty());
        assert_eq!(same.head.header("vary"), reply.head.header("vary"));
    }
}

#[tokio::test]
async fn hd_2_a_client_that_rules_everything_out_gets_406_and_nothing_is_done() {
    let house = house(|_| {}).await;
    post_of(&house, 10);
    let refused = get(&house, POST, "identity;q=0, deflate").await;
    assert_eq!(refused.head.status, 406);
    assert!(refused.plain().contains("NOT_ACCEPTABLE"), "in plain text");
    assert!(house.feed.calls("GetPost").is_empty());
    // One that takes a coding and nothing else gets small replies in it too.
    let reply = get(&house, POST, "*;q=0, zstd").await;
    assert_eq!((reply.head.status, reply.coding()), (200, Some("zstd")));
    assert!(reply.plain().contains("\"success\":true"));
}

#[tokio::test]
async fn gw_29_bodies_come_in_any_of_the_codings() {
    let house = house(|_| {}).await;
    for (index, coding) in CODINGS.into_iter().enumerate() {
        let body = coded(coding, b"{\"email\":\"ada@example.org\"}");
        let headers = [
            ("Content-Encoding", coding),
            ("Content-Type", "application/json"),
        ];
        let reply = send(&house, "POST", SEND_OTP, &headers, &body).await;
        assert_eq!(reply.head.status, 200, "{coding}: {}", reply.plain());
        let calls = house.auth.calls("SendOtp");
        let sent = SendOtpRequest::decode(&*calls[index].message).unwrap();
        assert_eq!(sent.email, "ada@example.org");
    }
}

#[tokio::test]
async fn gw_29_bad_codings_are_415_with_a_list_and_bad_bytes_400() {
    let house = house(|_| {}).await;
    let json = b"{\"email\":\"ada@example.org\"}";
    for header in ["deflate", "gzip, br", "compress"] {
        let reply = send(
            &house,
            "POST",
            SEND_OTP,
            &[("Content-Encoding", header)],
            json,
        )
        .await;
        assert_eq!(reply.head.status, 415, "{header}");
        assert_eq!(reply.head.header("accept-encoding"), Some("gzip, br, zstd"));
    }
    for coding in CODINGS {
        let whole = coded(coding, json);
        for body in [&whole[..whole.len() - 1], json.as_slice()] {
            let headers = [("Content-Encoding", coding)];
            let reply = send(&house, "POST", SEND_OTP, &headers, body).await;
            assert_eq!(reply.head.status, 400, "{coding}");
        }
    }
    assert!(house.auth.calls("SendOtp").is_empty());
    // Nobody reads the body of this one (TR-20).
    let headers = [("Content-Encoding", "deflate")];
    let read = send(&house, "GET", POST, &headers, b"???").await;
    assert_eq!(read.head.status, 200);
}

#[tokio::test]
async fn gw_29_n_15_t22_bombs_and_what_is_too_large_unpacked_are_413() {
    let house = house(|_| {}).await;
    for coding in CODINGS {
        let headers = [("Content-Encoding", coding)];
        // More than a mebibyte of text that is less as it is sent, and half a mebibyte of nothing that is a bomb.
        let numbers: String = (0..200_000).map(|n| format!("{n} ")).collect();
        for plain in [numbers.as_bytes(), &vec![b' '; 1 << 19]] {
            let body = coded(coding, plain);
            assert!(body.len() < 1 << 20, "{coding} is too large as it is");
            let reply = send(&house, "POST", SEND_OTP, &headers, &body).await;
            assert_eq!(reply.head.status, 413, "{coding}");
        }
    }
    assert!(house.auth.calls("SendOtp").is_empty());
}

#[tokio::test]
async fn hd_2_the_coding_figures_can_be_set() {
    let house = house(|config| {
        config.limits.compress_bytes = 20_000;
        config.limits.decompress_ratio = 2;
    })
    .await;
    post_of(&house, 9000);
    assert_eq!(get(&house, POST, "gzip").await.coding(), None);
    let spaced = format!("{{\"email\":\"ada@example.org\"{}}}", " ".repeat(500));
    let body = coded("gzip", spaced.as_bytes());
    let headers = [("Content-Encoding", "gzip")];
    let reply = send(&house, "POST", SEND_OTP, &headers, &body).await;
    assert_eq!(reply.head.status, 413);
}
