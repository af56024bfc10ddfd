//! Replies kept for requests without a token: GW-18, CA-1, CA-2, T36, FD-19.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use contracts::feed::v1::{
    CreatePostRequest, ListCommentsResponse, ListFeedRequest, ListFeedResponse, Post, PostCard,
};
use fault::{Fault, Reason};
use futures_util::future::join_all;
use identity::Caller;
use redis::changes::{self, Change};
use tokio::task::JoinSet;

use crate::house::{House, Reply, without_limits};
use crate::rpc::Wire;
use crate::script::{Answer, Call};

const FEED: &str = "/api/v1/feed";

/// A feed whose only post says `content`.
fn feed(content: &str) -> Answer {
    let item = PostCard {
        content: content.to_owned(),
        metadata: "{}".to_owned(),
        ..PostCard::default()
    };
    Answer::new(&ListFeedResponse {
        items: vec![item],
        ..ListFeedResponse::default()
    })
}

fn content(reply: &Reply) -> String {
    let content = &reply.json()["data"][0]["content"];
    content
        .as_str()
        .unwrap_or_else(|| panic!("{reply:?}"))
        .to_owned()
}

/// A house whose feed service says that it is there, until the set is dropped.
async fn house() -> (House, JoinSet<()>) {
    let house = House::open(without_limits).await;
    house.feed.answer(|_| Ok(feed("first")));
    let redis = house.rig.redis().clone();
    let mut voice = JoinSet::new();
    voice.spawn(async move {
        loop {
            let sign = changes::write("feed", Change::None);
            redis.publish(changes::CHANNEL, sign).await.unwrap();
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    heard(&house).await;
    (house, voice)
}

/// Waits until the door hears the feed service: then one of two equal requests is not asked.
async fn heard(house: &House) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        house.get("/api/v1/feed?limit=99", &[]).await;
        let before = house.feed.calls("ListFeed").len();
        house.get("/api/v1/feed?limit=99", &[]).await;
        if house.feed.calls("ListFeed").len() == before {
            return;
        }
        assert!(Instant::now() < deadline, "nothing is kept");
    }
}

async fn change(house: &House) {
    let signal = changes::write("feed", Change::Changed);
    let redis = house.rig.redis();
    redis.publish(changes::CHANNEL, signal).await.unwrap();
}

fn calls(house: &House) -> usize {
    house.feed.calls("ListFeed").len()
}

#[tokio::test]
async fn gw_18_a_reply_to_nobody_is_computed_once_and_wrapped_anew() {
    let (house, _voice) = house().await;
    let before = calls(&house);
    let first = house
        .get("/api/v1/feed?limit=7&sort=publishedAt", &[])
        .await;
    let second = house
        .get("/api/v1/feed?sort=publishedAt&limit=7&utm_x=1", &[])
        .await;
    let head = house
        .send("HEAD", "/api/v1/feed?limit=7&sort=publishedAt", &[], "")
        .await;
    assert_eq!(calls(&house), before + 1);
    assert_eq!((first.status, second.status, head.status), (200, 200, 200));
    assert_eq!(content(&first), content(&second));
    assert_eq!(first.header("etag"), second.header("etag"));
    assert_eq!(first.header("etag"), head.header("etag"));
    let (one, other) = (first.json(), second.json());
    assert_ne!(one["meta"]["requestId"], other["meta"]["requestId"]);
    assert_eq!(
        other["meta"]["requestId"].as_str(),
        second.header("x-request-id")
    );
    assert_eq!(
        second.header("cache-control"),
        Some("public, max-age=0, must-revalidate")
    );
    let left = |reply: &Reply| -> u32 {
        let left = reply.header("x-ratelimit-remaining").unwrap();
        left.parse().unwrap()
    };
    assert!(
        left(&second) < left(&first),
        "limits count what is kept too"
    );
    house
        .get("/api/v1/feed?limit=8&sort=publishedAt", &[])
        .await;
    assert_eq!(calls(&house), before + 2, "another question");
}

/// A body without what its `meta` says of it alone.
fn shared(reply: &Reply) -> String {
    let json = reply.json();
    let own = ["timestamp", "requestId"].map(|name| json["meta"][name].to_string());
    own.iter().fold(reply.body.clone(), |body, own| {
        assert_eq!(body.matches(own).count(), 1, "{own} in {body}");
        body.replace(own, "")
    })
}

#[tokio::test]
async fn gw_18_k_4_what_is_kept_is_sent_as_it_was_printed() {
    let (house, _voice) = house().await;
    house.feed.answer(|_| {
        let item = PostCard {
            content: "x".repeat(3000),
            metadata: "{}".to_owned(),
            ..PostCard::default()
        };
        Ok(Answer::new(&ListFeedResponse {
            items: vec![item],
            total_capped: true,
            ..ListFeedResponse::default()
        }))
    });
    let path = "/api/v1/feed?limit=11";
    let before = calls(&house);
    let first = house.get(path, &[]).await;
    assert_eq!(first.json()["meta"]["totalCapped"], true, "it is lifted");
    let second = house.get(path, &[]).await;
    assert_eq!(shared(&second), shared(&first));
    let length = |reply: &Reply| reply.header("content-length").unwrap().to_owned();
    assert_eq!(length(&second), second.body.len().to_string());
    let own =
        |name: &str| ["x-request-id", "date"].contains(&name) || name.starts_with("x-ratelimit");
    let said = |reply: &Reply| -> Vec<(String, String)> {
        let headers = reply.headers.iter();
        headers.filter(|(name, _)| !own(name)).cloned().collect()
    };
    assert_eq!(said(&second), said(&first));
    let head = house.send("HEAD", path, &[], "").await;
    assert_eq!((&*head.body, length(&head)), ("", length(&second)));
    let tag = second.header("etag").unwrap();
    let unchanged = house.get(path, &[("If-None-Match", tag)]).await;
    assert_eq!((unchanged.status, &*unchanged.body), (304, ""));
    assert_eq!(unchanged.header("etag"), Some(tag));
    let other = house.get(path, &[("If-None-Match", "\"0-0\"")]).await;
    assert_eq!((other.status, shared(&other)), (200, shared(&first)));
    assert_eq!(calls(&house), before + 1);
}

#[tokio::test]
async fn gw_18_fl_4_other_fields_are_another_reply() {
    let (house, _voice) = house().await;
    let names = |reply: &Reply| -> Vec<String> {
        let post = reply.json()["data"][0].clone();
        let mut names: Vec<String> = post.as_object().unwrap().keys().cloned().collect();
        names.sort();
        names
    };
    for _ in 0..2 {
        let one = house.get("/api/v1/feed?limit=12&fields=content", &[]).await;
        assert_eq!(names(&one), ["content", "id"]);
        let two = house
            .get("/api/v1/feed?limit=12&fields=title,content", &[])
            .await;
        assert_eq!(names(&two), ["content", "id", "title"]);
        let all = house.get("/api/v1/feed?limit=12", &[]).await;
        assert!(names(&all).len() > 3, "{all:?}");
        let tags = [&one, &two, &all].map(|reply| reply.header("etag").unwrap());
        assert!(tags[0] != tags[1] && tags[1] != tags[2] && tags[0] != tags[2]);
    }
}

#[tokio::test]
async fn gw_18_a_change_drops_what_was_kept_within_2_s() {
    let (house, _voice) = house().await;
    assert_eq!(content(&house.get(FEED, &[]).await), "first");
    house.feed.answer(|_| Ok(feed("second")));
    assert_eq!(content(&house.get(FEED, &[]).await), "first", "kept");
    let told = Instant::now();
    change(&house).await;
    while content(&house.get(FEED, &[]).await) == "first" {
        assert!(told.elapsed() < testkit::unhurried(Duration::from_secs(2)));
    }
}

/// Lets every write go well, and the feed say `content` from now on.
fn publish(house: &House, content: &'static str) {
    house.feed.answer(move |call| {
        Ok(match call.rpc.as_str() {
            "ListFeed" => feed(content),
            _ => Answer::new(&Post {
                metadata: "{}".to_owned(),
                ..Post::default()
            }),
        })
    });
}

#[tokio::test]
async fn gw_18_who_writes_reads_what_was_written() {
    let (house, _voice) = house().await;
    assert_eq!(content(&house.get(FEED, &[]).await), "first");
    publish(&house, "second");
    let token = format!("Bearer {}", house.token(&house.rig.caller()));
    let body = "{\"type\":\"general\",\"content\":\"second\"}";
    let headers = [("Authorization", &*token)];
    let written = house.send("POST", "/api/v1/posts", &headers, body).await;
    assert_eq!(written.status, 201);
    assert_eq!(content(&house.get(FEED, &[]).await), "second");
}

#[tokio::test]
async fn gw_18_gw_28_who_writes_over_grpc_reads_what_was_written() {
    let (house, _voice) = house().await;
    let token = format!("Bearer {}", house.token(&house.rig.caller()));
    let metadata = [("authorization", &*token)];
    for (wire, said) in [(Wire::Native, "second"), (Wire::Web, "third")] {
        let before = content(&house.get(FEED, &[]).await);
        publish(&house, said);
        assert_eq!(content(&house.get(FEED, &[]).await), before, "it is kept");
        let call = |rpc: &str| format!("/smilefactory.feed.v1.FeedService/{rpc}");
        // A read changes nothing.
        let path = call("ListFeed");
        house
            .call(wire, &path, &metadata, &ListFeedRequest::default())
            .await;
        assert_eq!(content(&house.get(FEED, &[]).await), before);
        let path = call("CreatePost");
        let request = CreatePostRequest::default();
        let written = house.call(wire, &path, &metadata, &request).await;
        written.message::<Post>();
        assert_eq!(content(&house.get(FEED, &[]).await), said);
    }
}

#[tokio::test]
async fn gw_18_what_was_computed_before_a_change_is_not_kept_after_it() {
    let (house, _voice) = house().await;
    let slow = "/api/v1/feed?limit=41";
    house
        .feed
        .answer(|_| Ok(feed("old").after(Duration::from_millis(600))));
    let (old, ()) = tokio::join!(house.get(slow, &[]), async {
        let asked = calls(&house) + 1;
        while calls(&house) < asked {
            tokio::task::yield_now().await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        house.feed.answer(|_| Ok(feed("new")));
        change(&house).await;
        // The door has heard it once another reply that was kept is gone.
        while content(&house.get("/api/v1/feed?limit=99", &[]).await) != "new" {}
    });
    assert_eq!(content(&old), "old");
    assert_eq!(content(&house.get(slow, &[]).await), "new");
}

#[tokio::test]
async fn gw_18_without_news_of_the_service_nothing_is_kept() {
    let (house, voice) = house().await;
    drop(voice);
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let before = calls(&house);
        house.get("/api/v1/feed?limit=99", &[]).await;
        house.get("/api/v1/feed?limit=99", &[]).await;
        if calls(&house) == before + 2 {
            break;
        }
        assert!(Instant::now() < deadline, "still kept");
    }
}

#[tokio::test]
async fn t_36_replies_to_tokens_are_never_shared_nor_kept() {
    let (house, _voice) = house().await;
    house.feed.answer(|call: &Call| {
        let whose = call
            .ctx
            .caller()
            .map(|caller| caller.profile_id.to_string());
        Ok(feed(whose.as_deref().unwrap_or("nobody")))
    });
    change(&house).await;
    while content(&house.get(FEED, &[]).await) != "nobody" {}
    let people: Vec<Caller> = (0..2).map(|_| house.rig.caller()).collect();
    let tokens: Vec<String> = people
        .iter()
        .map(|caller| format!("Bearer {}", house.token(caller)))
        .collect();
    let before = calls(&house);
    for round in 0..100 {
        for (caller, token) in people.iter().zip(&tokens) {
            let mine = house.get(FEED, &[("Authorization", token)]).await;
            assert_eq!(content(&mine), caller.profile_id.to_string(), "{round}");
            assert_eq!(mine.header("cache-control"), Some("private, no-store"));
        }
        assert_eq!(content(&house.get(FEED, &[]).await), "nobody", "{round}");
    }
    assert!(calls(&house) >= before + 200, "each token asks for itself");
}

#[tokio::test]
async fn ca_2_concurrent_misses_of_one_key_compute_once() {
    let (house, _voice) = house().await;
    let computed = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&computed);
    house.feed.answer(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        Ok(feed("slow").after(Duration::from_millis(500)))
    });
    let replies = join_all((0..30).map(|_| house.get("/api/v1/feed?limit=31", &[]))).await;
    assert!(replies.iter().all(|reply| content(reply) == "slow"));
    assert_eq!(computed.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn ca_2_an_impatient_client_ends_nobody_elses_wait() {
    let (house, _voice) = house().await;
    house
        .feed
        .answer(|_| Ok(feed("slow").after(Duration::from_millis(400))));
    let path = "/api/v1/feed?limit=32";
    let impatient = [("X-Request-Timeout", "100")];
    let (hurried, calm) = tokio::join!(house.get(path, &impatient), house.get(path, &[]));
    assert_eq!((hurried.status, calm.status), (504, 200));
}

#[tokio::test]
async fn gw_18_failures_are_not_kept() {
    let (house, _voice) = house().await;
    let path = "/api/v1/feed?limit=33";
    house
        .feed
        .answer(|_| Err(Fault::of(Reason::ServiceUnavailable)));
    assert_eq!(house.get(path, &[]).await.status, 503);
    house.feed.answer(|_| Ok(feed("back")));
    assert_eq!(content(&house.get(path, &[]).await), "back");
}

#[tokio::test]
async fn fd_19_reading_a_post_reaches_its_service_each_time() {
    let (house, _voice) = house().await;
    house.feed.answer(|call| {
        Ok(match call.rpc.as_str() {
            "GetPost" => Answer::new(&Post {
                metadata: "{}".to_owned(),
                ..Post::default()
            }),
            _ => Answer::new(&ListCommentsResponse::default()),
        })
    });
    let post = "/api/v1/posts/018f0000-0000-7000-8000-000000000001";
    for _ in 0..3 {
        house.get(post, &[]).await;
        house.get(&format!("{post}/comments"), &[]).await;
    }
    assert_eq!(house.feed.calls("GetPost").len(), 3, "each is a view");
    assert_eq!(house.feed.calls("ListComments").len(), 1);
}

#[tokio::test]
async fn gw_13_while_the_breaker_is_open_readers_without_a_token_get_the_last_good_reply() {
    let (house, voice) = house().await;
    assert_eq!(content(&house.get(FEED, &[]).await), "first");
    drop(voice);
    house
        .feed
        .answer(|_| Err(Fault::of(Reason::ServiceUnavailable)));
    // What was read lately is read without asking for as long as the service is heard; then it is asked in vain.
    let deadline = Instant::now() + Duration::from_secs(30);
    let stale = loop {
        let reply = house.get(FEED, &[]).await;
        if reply.status == 200 && reply.json()["meta"]["stale"] == true {
            break reply;
        }
        assert!([200, 503].contains(&reply.status), "{reply:?}");
        assert!(reply.header("warning").is_none(), "{reply:?}");
        assert!(Instant::now() < deadline, "{reply:?}");
    };
    assert_eq!(content(&stale), "first");
    assert_eq!(stale.header("warning"), Some("110 - \"Response is Stale\""));
    // Never to somebody in particular, and nothing that nobody has read.
    let bearer = format!("Bearer {}", house.token(&house.rig.caller()));
    let mine = house.get(FEED, &[("Authorization", &bearer)]).await;
    assert_eq!(mine.status, 503, "{mine:?}");
    let other = house.get("/api/v1/feed?limit=7", &[]).await;
    assert_eq!(other.status, 503, "{other:?}");
    // What is known to have changed is shown no more.
    change(&house).await;
    loop {
        let reply = house.get(FEED, &[]).await;
        if reply.status == 503 {
            break;
        }
        assert_eq!(reply.json()["meta"]["stale"], true, "{reply:?}");
        assert!(Instant::now() < deadline, "{reply:?}");
    }
}
