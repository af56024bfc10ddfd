//! The demo community.

use e2e::World;
use smilefactory::seed::Made;

#[tokio::test(flavor = "multi_thread")]
async fn db_9_the_demo_community_is_made_once() {
    let world = World::start().await;
    let made = world.up().seed().await.unwrap();
    assert_eq!(made.people, 40);
    assert!(made.posts >= 150, "{made:?}");
    assert!(made.comments >= 100, "{made:?}");
    assert_eq!(
        world.up().seed().await.unwrap(),
        Made::default(),
        "a second run changes nothing"
    );

    let feed = world.client().get("/api/v1/feed?limit=100").await.json();
    assert_eq!(feed["data"].as_array().unwrap().len(), 100);
    let somebody_liked = feed["data"]
        .as_array()
        .unwrap()
        .iter()
        .any(|post| post["likesCount"].as_i64() > Some(0));
    assert!(somebody_liked);
    // Signing in as one of them works as for anybody.
    let ada = world.sign_in(smilefactory::seed::EXAMPLE_EMAIL).await;
    let profiles = ada.client.get("/api/v1/profiles").await.data(200);
    assert_eq!(profiles[0]["displayName"], "Ada Brandt");
    assert_eq!(profiles[0]["profileType"], "innovator");
    assert_eq!(profiles[0]["isPlaceholder"], false);
    world.stop().await;
}
