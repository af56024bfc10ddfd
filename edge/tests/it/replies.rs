//! What comes back: envelope, headers, statuses, deadlines, and what never comes back (HD-1..HD-3, PG-5, TR-17, CQ-4, T35).

use std::time::{Duration, Instant};

use contracts::common::v1::Pagination;
use contracts::feed::v1::{LikeState, ListFeedResponse, Post, PostCard};
use fault::{Fault, Reason};
use prost::Message;

use crate::house::House;
use crate::script::Answer;

const ID: &str = "018f0000-0000-7000-8000-000000000001";

impl House {
    fn bearer(&self) -> String {
        format!("Bearer {}", self.token(&self.rig.caller()))
    }
}

fn post() -> Post {
    Post {
        id: ID.to_owned(),
        metadata: "{\"b\":1.10,\"a\":2}".to_owned(),
        ..Post::default()
    }
}

#[tokio::test]
async fn cv_5_pg_5_a_list_has_its_pagination_beside_and_in_headers() {
    let house = House::open(|_| {}).await;
    house.feed.answer(|_| {
        let pagination = Pagination {
            page: Some(2),
            limit: 20,
            total: Some(41),
            total_pages: Some(3),
            ..Pagination::default()
        };
        let item = PostCard {
            id: ID.to_owned(),
            metadata: "{}".to_owned(),
            ..PostCard::default()
        };
        Ok(Answer::new(&ListFeedResponse {
            items: vec![item],
            pagination: Some(pagination),
            ..ListFeedResponse::default()
        }))
    });
    let reply = house.get("/api/v1/feed?page=2", &[]).await;
    let body = reply.json();
    assert_eq!((reply.status, &body["success"]), (200, &true.into()));
    assert_eq!(
        (body["data"][0]["id"].as_str(), &body["pagination"]["total"]),
        (Some(ID), &41.into())
    );
    assert_eq!(
        body["meta"]["requestId"].as_str(),
        reply.header("x-request-id")
    );
    assert_eq!(
        ["x-total-count", "x-page", "x-page-size"].map(|name| reply.header(name).unwrap()),
        ["41", "2", "20"]
    );
    let fields = house.get("/api/v1/feed?fields=content", &[]).await.json();
    let names: Vec<&String> = fields["data"][0].as_object().unwrap().keys().collect();
    assert_eq!(names, ["content", "id"], "fl_4");
}

#[tokio::test]
async fn hd_2_a_created_thing_has_a_location_and_tr_17_may_turn_out_not_to_be_new() {
    let house = House::open(|_| {}).await;
    house.feed.answer(|_| Ok(Answer::new(&post())));
    let auth = house.bearer();
    let headers = [("Authorization", auth.as_str())];
    let body = "{\"type\":\"general\",\"content\":\"hello\"}";
    for path in ["/api/v1/posts", "/api/posts", "/api/v1/posts/"] {
        let made = house.send("POST", path, &headers, body).await;
        assert_eq!(
            (made.status, made.header("location")),
            (
                201,
                Some("/api/v1/posts/018f0000-0000-7000-8000-000000000001")
            ),
            "{made:?}"
        );
        assert!(
            made.body.contains("{\"b\":1.10,\"a\":2}"),
            "tr_4: free JSON comes back as it was: {}",
            made.body
        );
    }
    house
        .feed
        .answer(|_| Ok(Answer::new(&post()).with("x-sf-status", "200")));
    let known = house.send("POST", "/api/v1/posts", &headers, body).await;
    assert_eq!(
        (
            known.status,
            known.header("location"),
            known.header("x-sf-status")
        ),
        (200, None, None)
    );
}

#[tokio::test]
async fn hd_1_gw_12_the_request_id_is_everywhere() {
    let house = House::open(|_| {}).await;
    let kept = house
        .get("/api/v1/feed", &[("X-Request-Id", "my-request.id_1")])
        .await;
    assert_eq!(kept.header("x-request-id"), Some("my-request.id_1"));
    assert_eq!(
        house.feed.calls("ListFeed")[0].ctx.request_id(),
        "my-request.id_1"
    );
    let replaced = house
        .get("/api/v1/nothing", &[("X-Request-Id", "bad id\t\"x")])
        .await;
    assert_ne!(replaced.header("x-request-id"), Some("bad id\t\"x"));
    replaced.code();
}

#[tokio::test]
async fn hd_3_every_reply_is_hardened_and_hsts_needs_a_trusted_proxy() {
    let house = House::open(|_| {}).await;
    for path in [
        "/api/v1/feed",
        "/nothing",
        "/api/docs",
        "/dev/inbox",
        "/livez",
        "/.well-known/jwks.json",
    ] {
        let reply = house.get(path, &[("X-Forwarded-Proto", "https")]).await;
        assert_eq!(
            reply.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
        assert_eq!(reply.header("x-frame-options"), Some("DENY"), "{path}");
        assert_eq!(
            reply.header("referrer-policy"),
            Some("no-referrer"),
            "{path}"
        );
        let policy = reply.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{path}"
        );
        assert_eq!(reply.header("strict-transport-security"), None, "{path}");
    }
    let behind = House::open(|config| config.trusted_hops = 1).await;
    let reply = behind
        .get("/livez", &[("X-Forwarded-Proto", "https")])
        .await;
    assert_eq!(
        reply.header("strict-transport-security"),
        Some("max-age=31536000")
    );
}

#[tokio::test]
async fn cq_4_what_depends_on_a_token_is_nobody_elses() {
    let house = House::open(|_| {}).await;
    let auth = house.bearer();
    let anonymous = house.get("/api/v1/feed", &[]).await;
    assert_eq!(
        anonymous.header("cache-control"),
        Some("public, max-age=0, must-revalidate")
    );
    assert!(anonymous.header("vary").unwrap().contains("Authorization"));
    let personal = house.get("/api/v1/feed", &[("Authorization", &auth)]).await;
    assert_eq!(personal.header("cache-control"), Some("private, no-store"));
    let keys = house.get("/.well-known/jwks.json", &[]).await;
    assert_eq!(
        (keys.header("cache-control"), keys.header("content-type")),
        (Some("public, max-age=300"), Some("application/json"))
    );
    assert!(keys.json()["keys"].is_array(), "tr_13: raw, no envelope");
    let code = house.ask_for_code().await;
    assert_eq!(code.header("cache-control"), Some("private, no-store"));
}

#[tokio::test]
async fn tr_7_faults_of_services_come_through_and_t35_causes_do_not() {
    let house = House::open(|_| {}).await;
    let path = format!("/api/v1/posts/{ID}");
    for (fault, code) in [
        (Fault::not_found("post"), "NOT_FOUND"),
        (Fault::of(Reason::LimitReached), "LIMIT_REACHED"),
        (Fault::of(Reason::AccountDisabled), "ACCOUNT_DISABLED"),
        (
            Fault::of(Reason::ServiceUnavailable).with_retry_after(Duration::from_secs(7)),
            "SERVICE_UNAVAILABLE",
        ),
        (
            Fault::internal("SELECT secret FROM account.user_accounts"),
            "INTERNAL_ERROR",
        ),
    ] {
        let told = fault.clone();
        house.feed.answer(move |_| Err(told.clone()));
        let reply = house.get(&path, &[]).await;
        assert_eq!(reply.code(), code);
        assert!(!reply.body.contains("SELECT"));
        assert_eq!(
            reply.header("retry-after"),
            fault.retry_after().map(|_| "7")
        );
    }
    house.feed.answer(|_| {
        Err(Fault::invalid("content", "is too long").with_violation("tags[2]", "is no tag"))
    });
    let details = house.get(&path, &[]).await.json()["error"]["details"].clone();
    assert_eq!(
        (details[0]["field"].as_str(), details[1]["field"].as_str()),
        (Some("content"), Some("tags[2]"))
    );
    // Bytes that are no such message: our fault, told as little.
    house.feed.answer(|_| {
        Ok(Answer::stream(Box::pin(futures_util::stream::iter([
            vec![0xff, 0xff, 0xff],
        ]))))
    });
    assert_eq!(house.get(&path, &[]).await.code(), "INTERNAL_ERROR");
    house.feed.answer(|_| panic!("a handler's bug"));
    assert_eq!(house.get(&path, &[]).await.code(), "INTERNAL_ERROR");
    house.rig.remove("feed");
    let gone = house.get(&path, &[]).await;
    assert_eq!(
        (gone.code().as_str(), gone.header("retry-after").is_some()),
        ("SERVICE_UNAVAILABLE", true)
    );
}

#[tokio::test]
async fn n_18_a_client_can_shorten_the_deadline_and_not_lengthen_it() {
    let house = House::open(|_| {}).await;
    house
        .feed
        .answer(|_| Ok(Answer::new(&ListFeedResponse::default()).after(Duration::from_secs(20))));
    let began = Instant::now();
    assert_eq!(
        house
            .get("/api/v1/feed", &[("X-Request-Timeout", "150")])
            .await
            .code(),
        "GATEWAY_TIMEOUT"
    );
    assert!(began.elapsed() < Duration::from_secs(4));
    let began = Instant::now();
    assert_eq!(
        house
            .get("/api/v1/feed", &[("X-Request-Timeout", "30000")])
            .await
            .code(),
        "GATEWAY_TIMEOUT"
    );
    assert!(
        began.elapsed() < Duration::from_secs(15),
        "the route's own 5 s"
    );
}

#[tokio::test]
async fn t30_the_path_wins_over_the_body() {
    let house = House::open(|_| {}).await;
    let auth = house.bearer();
    let other = "018f0000-0000-7000-8000-000000000002";
    let body = format!("{{\"id\":\"{other}\",\"content\":\"x\"}}");
    let reply = house
        .send(
            "PUT",
            &format!("/api/v1/posts/{ID}"),
            &[("Authorization", &auth)],
            &body,
        )
        .await;
    assert_eq!(reply.code(), "VALIDATION_ERROR");
    assert!(house.feed.calls("UpdatePost").is_empty());
    let reply = house
        .send(
            "POST",
            &format!("/api/v1/posts/{ID}/like"),
            &[("Authorization", &auth)],
            "{}",
        )
        .await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let call = &house.feed.calls("LikePost")[0];
    let id = contracts::feed::v1::LikePostRequest::decode(call.message.clone())
        .unwrap()
        .id;
    assert_eq!(id, ID);
    house
        .feed
        .answer(|_| Ok(Answer::new(&LikeState::default())));
}

#[tokio::test]
async fn the_service_learns_who_asks_from_where_and_with_what() {
    let house = House::open(|_| {}).await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    house
        .get(
            "/api/v1/feed",
            &[("User-Agent", "test/1.0"), ("traceparent", trace)],
        )
        .await;
    let ctx = house.feed.calls("ListFeed")[0].ctx.clone();
    assert_eq!(
        (ctx.ip(), ctx.user_agent()),
        (Some([127, 0, 0, 1].into()), Some("test/1.0"))
    );
    assert!(
        ctx.trace()
            .unwrap()
            .contains("0af7651916cd43dd8448eb211c80319c")
    );
}

#[tokio::test]
async fn dl_4_a_closing_door_finishes_what_it_began() {
    let house = House::open(|_| {}).await;
    house.feed.answer(|_| {
        Ok(Answer::new(&ListFeedResponse::default()).after(Duration::from_millis(600)))
    });
    let House {
        rig, door, feed, ..
    } = house;
    let address = door.local_addr();
    let asked = async {
        use tokio::io::AsyncWriteExt;
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream
            .write_all(b"GET /api/v1/feed HTTP/1.1\r\nHost: d\r\n\r\n")
            .await
            .unwrap();
        crate::house::rest(&mut stream).await
    };
    let close = async {
        rig.eventually(|| async { feed.calls("ListFeed").len() == 1 })
            .await;
        let began = Instant::now();
        door.shutdown().await;
        began.elapsed()
    };
    let (heard, took) = futures_util::join!(asked, close);
    assert!(heard.starts_with("HTTP/1.1 200"), "{heard:?}");
    assert!(took < Duration::from_secs(9), "{took:?}");
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
