//! The way of a newcomer over gRPC and gRPC-Web (GW-28), by clients that have nothing generated from the contracts.

use std::time::Duration;

use e2e::{Grpc, World};
use serde_json::json;
use tonic::Code;
use tonic_types::StatusExt;

const AUTH: &str = "/smilefactory.auth.v1.AuthService";
const FEED: &str = "/smilefactory.feed.v1.FeedService";

#[tokio::test(flavor = "multi_thread")]
async fn gw_28_a_newcomer_arrives_over_grpc_by_reflection_alone() {
    let world = World::start().await;
    let anonymous = Grpc::reflected(world.client().base()).await;
    let email = "grace@example.com";
    // The code is asked for over REST and used over gRPC: there is one system behind both.
    anonymous
        .call(
            &format!("{AUTH}/SendOtp"),
            json!({"email": "ada@example.com"}),
        )
        .await
        .unwrap();
    let code = world.code_for(email).await;
    let session = anonymous
        .call(
            &format!("{AUTH}/VerifyOtp"),
            json!({"email": email, "code": code}),
        )
        .await
        .unwrap();
    let grace = anonymous.with_token(session["accessToken"].as_str().unwrap());

    let me = grace
        .call(&format!("{AUTH}/GetMe"), json!({}))
        .await
        .unwrap();
    assert_eq!(me["email"], email);
    assert_eq!(me["firstLogin"], true);

    let post = json!({"type": "POST_TYPE_GENERAL", "content": "Hello over gRPC!", "tags": ["#First Steps"]});
    let post = grace
        .call(&format!("{FEED}/CreatePost"), post)
        .await
        .unwrap();
    assert_eq!(post["tags"], json!(["first-steps"]));
    let id = post["id"].as_str().unwrap();
    let liked = grace
        .call(&format!("{FEED}/LikePost"), json!({"id": id}))
        .await
        .unwrap();
    assert_eq!(liked, json!({"liked": true, "likesCount": 1}));
    let comment = json!({"id": id, "content": "And a comment."});
    let comment = grace
        .call(&format!("{FEED}/CreateComment"), comment)
        .await
        .unwrap();
    assert_eq!(comment["depth"], 1);

    let filter = json!({"filter": r#"{"tags":"first-steps"}"#});
    let feed = anonymous
        .call(&format!("{FEED}/ListFeed"), filter)
        .await
        .unwrap();
    assert_eq!(feed["items"][0]["id"], id);
    assert_eq!(feed["items"][0]["commentsCount"], 1);
    // What was written over one protocol is read over the other.
    let rest = world
        .client()
        .get(&format!("/api/v1/posts/{id}"))
        .await
        .data(200);
    assert_eq!(rest["content"], "Hello over gRPC!");

    let wrong = json!({"type": "POST_TYPE_GENERAL"});
    let refused = grace
        .call(&format!("{FEED}/CreatePost"), wrong)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let details = refused.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "VALIDATION_ERROR");
    assert_eq!(
        details.bad_request().unwrap().field_violations[0].field,
        "content"
    );
    assert!(details.request_info().is_some());

    // Without a mask the fields that are there are changed, and only those (TR-5).
    let change = json!({"id": id, "content": "Hello once more!"});
    let changed = grace
        .call(&format!("{FEED}/UpdatePost"), change)
        .await
        .unwrap();
    assert_eq!(changed["content"], "Hello once more!");
    assert_eq!(changed["tags"], json!(["first-steps"]));

    // A logout over one protocol holds over every other within 2 s (I-12, N-5).
    let rest = world
        .client()
        .with_token(session["accessToken"].as_str().unwrap());
    grace
        .call(&format!("{AUTH}/Logout"), json!({}))
        .await
        .unwrap();
    let out = testkit::eventually(|| async {
        let over_grpc = grace.call(&format!("{AUTH}/GetMe"), json!({})).await;
        let over_rest = rest.get("/api/v1/auth/me").await;
        let codes = (
            over_grpc.err().map(|ended| ended.code()),
            over_rest.status.as_u16(),
        );
        (codes == (Some(Code::Unauthenticated), 401)).then_some(())
    });
    tokio::time::timeout(testkit::unhurried(Duration::from_secs(2)), out)
        .await
        .expect("in time");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gw_28_reflection_shows_what_has_a_route_and_a_deployment_shows_nothing() {
    let world = World::start().await;
    let mut shown: Vec<_> = Grpc::reflected(world.client().base())
        .await
        .paths()
        .collect();
    shown.sort();
    let public = contracts::rpcs().iter().filter(|rule| rule.public);
    assert_eq!(shown, public.map(|rule| rule.path).collect::<Vec<_>>());
    assert!(!edge::Config::default().reflection, "off unless asked for");
    world.stop().await;
}

/// The script runs as it is in `e2e/grpc-web/`, in the folder where `./dev test` installed what it imports.
#[tokio::test(flavor = "multi_thread")]
async fn gw_28_a_newcomer_arrives_over_grpc_web_under_node() {
    let installed = testkit::variable("SF_TEST_GRPC_WEB");
    let world = World::start().await;
    let descriptors =
        std::env::temp_dir().join(format!("smilefactory-{}.binpb", std::process::id()));
    // Two sets one after the other are one set: the contracts, and what details of errors are made of.
    let set = [contracts::DESCRIPTOR, tonic_types::pb::FILE_DESCRIPTOR_SET].concat();
    std::fs::write(&descriptors, set).unwrap();
    let journey = tokio::process::Command::new("node")
        .args([
            "--input-type=module",
            "--eval",
            include_str!("../../grpc-web/journey.mjs"),
        ])
        .args(["--", world.client().base()])
        .arg(&descriptors)
        .current_dir(installed)
        .output()
        .await
        .unwrap();
    std::fs::remove_file(&descriptors).unwrap();
    let [said, complained] =
        [&journey.stdout, &journey.stderr].map(|it| String::from_utf8_lossy(it));
    assert!(journey.status.success(), "{complained}");
    assert_eq!(said.trim(), "arrived");
    world.stop().await;
}
