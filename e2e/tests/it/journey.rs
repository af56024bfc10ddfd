//! The way of a newcomer: sign in, post, like, comment, read.

use e2e::World;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_signs_in_posts_likes_comments_and_reads_the_feed() {
    let world = World::start().await;
    let grace = world.sign_in("grace@example.com").await;

    let me = grace.client.get("/api/v1/auth/me").await.data(200);
    assert_eq!(me["email"], "grace@example.com");
    assert_eq!(me["firstLogin"], true);
    assert_eq!(me["activeProfile"]["id"], grace.profile_id.as_str());
    assert_eq!(me["activeProfile"]["displayName"], "grace");

    let reply = grace
        .client
        .post(
            "/api/v1/posts",
            json!({"type": "general", "content": "Hello, community!", "tags": ["#First Steps"]}),
        )
        .await;
    let post = reply.data(201);
    let id = post["id"].as_str().unwrap();
    assert_eq!(
        reply.header("location"),
        Some(format!("/api/v1/posts/{id}").as_str())
    );
    assert_eq!(post["tags"], json!(["first-steps"]));
    assert_eq!(post["author"]["name"], "grace");

    let liked = grace
        .client
        .post(&format!("/api/v1/posts/{id}/like"), json!({}))
        .await
        .data(200);
    assert_eq!(liked, json!({"liked": true, "likesCount": 1}));
    let comment = grace
        .client
        .post(
            &format!("/api/v1/posts/{id}/comments"),
            json!({"content": "And a comment."}),
        )
        .await
        .data(201);
    assert_eq!(comment["depth"], 1);

    let feed = world.client().get("/api/v1/feed?tags=first-steps").await;
    let json = feed.json();
    assert_eq!(feed.status, 200, "{json}");
    assert_eq!(json["data"][0]["id"], id);
    assert_eq!(json["data"][0]["likesCount"], 1);
    assert_eq!(json["data"][0]["commentsCount"], 1);
    assert_eq!(json["data"][0]["isLiked"], false, "nobody is looking");
    assert_eq!(json["pagination"]["total"], 1);
    assert_eq!(feed.header("x-total-count"), Some("1"));

    let mine = grace.client.get("/api/v1/feed?tab=mine").await.json();
    assert_eq!(mine["data"][0]["isLiked"], true);
    assert_eq!(mine["data"][0]["isAuthor"], true);
    world.stop().await;
}

/// The README's walk through is run as it is printed, with the address of this test's system.
#[tokio::test(flavor = "multi_thread")]
async fn the_walk_through_of_the_readme_works_as_printed() {
    let world = World::start().await;
    let readme = include_str!("../../../README.md");
    let section = readme.split("## A walk through the API").nth(1).unwrap();
    let script = section
        .split("```sh\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    assert!(script.contains("API=http://localhost:3000\n"));
    let script = script.replace("http://localhost:3000", world.client().base());
    let script = format!("set -eu -o pipefail\n{script}");

    let done = tokio::process::Command::new("bash")
        .arg("-c")
        .arg(script)
        .output()
        .await
        .unwrap();
    let printed = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(
        done.status.success(),
        "{printed}\n{}",
        String::from_utf8_lossy(&done.stderr)
    );

    for expected in [
        r#""email":"grace@example.com""#,
        r#""liked":true,"likesCount":1"#,
        r#""content":"And a first comment.""#,
        r#""content":"Hello, community!""#,
        r#""field":"contnet""#,
        // The trailers of the gRPC-Web call, and the stream's event.
        "grpc-status:0",
        r#"data: {"cursor":"#,
        "Live from the lab",
    ] {
        assert!(printed.contains(expected), "{expected} is not in {printed}");
    }
    // The last call is the one that is meant to be refused.
    assert_eq!(
        printed.matches(r#""success":false"#).count(),
        1,
        "{printed}"
    );
    world.stop().await;
}
