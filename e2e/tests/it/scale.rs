//! The large community: what statements wrote is what the services would have written.

use e2e::{Member, World};
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use serde_json::json;
use smilefactory::seed::scale;
use testkit::eventually;

async fn number(world: &World, sql: &str) -> i64 {
    let select = Statement::from_string(DbBackend::Postgres, sql);
    let row = world.rig().owner().query_one_raw(select).await.unwrap();
    row.unwrap().try_get_by_index(0).unwrap()
}

async fn grow(world: &World, posts: u64) -> u64 {
    let url = world.rig().config().database.url.expose().clone();
    scale::grow(&url, posts, |_| {}).await.unwrap()
}

/// By somebody who signed in: what the edge keeps is for others.
async fn newest(somebody: &Member) -> Vec<String> {
    let feed = somebody.client.get("/api/v1/feed?limit=50").await.json();
    let posts = feed["data"].as_array().unwrap().iter();
    posts
        .map(|post| post["content"].as_str().unwrap().to_owned())
        .collect()
}

/// Rows that contradict each other, by what is wrong.
const CONTRADICTIONS: [(&str, &str); 8] = [
    (
        "likes of posts (I-1)",
        "select count(*) from feed.post_stats s where likes <> (select count(*) from feed.likes l where l.post_id = s.post_id)",
    ),
    (
        "likes of guarded profiles (VIS-8)",
        "select count(*) from feed.post_stats s where guarded_likes <> (select count(*) from feed.likes l
           join feed.profile_ref r on r.profile_id = l.profile_id where l.post_id = s.post_id and r.visibility <> 'public')",
    ),
    (
        "comments (I-2)",
        "select count(*) from feed.post_stats s where comments <> (select count(*) from feed.comments c where c.post_id = s.post_id)",
    ),
    (
        "likes of comments",
        "select count(*) from feed.comment_stats s where likes <> (select count(*) from feed.likes l where l.comment_id = s.comment_id)",
    ),
    (
        "replies",
        "select count(*) from feed.comment_stats s where replies <> (select count(*) from feed.comments c where c.parent_comment_id = s.comment_id)",
    ),
    (
        "posts of profiles",
        "select count(*) from profile.profile_stats s where posts <> (select count(*) from feed.posts p where p.profile_id = s.profile_id)",
    ),
    (
        "feed's copies of profiles (PJ-1)",
        "select count(*) from profile.profiles p full join feed.profile_ref r on r.profile_id = p.id
         where (p.user_account_id, p.display_name, p.username, p.profile_type::text, p.headline, p.location, p.tags,
             p.effective_visibility::text, p.version)
           is distinct from (r.account_id, r.display_name, r.username, r.profile_type, r.headline, r.location, r.tags,
             r.visibility, r.version)",
    ),
    (
        "auth's copies of profiles",
        "select count(*) from profile.profiles p full join account.account_profiles r on r.profile_id = p.id
           full join account.user_accounts a on a.initial_profile_id = p.id
         where (p.user_account_id, p.user_account_id, p.display_name, p.profile_type::text, p.bio, p.completion_percentage, p.version)
           is distinct from (r.account_id, a.id, r.display_name, r.profile_type, r.bio, r.completion, r.version)",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn db_9_a_community_of_any_size_holds_what_the_services_would_have_written() {
    let world = World::start().await;
    // Who was there before, with a post.
    let before = world.newcomer().await;
    let post = json!({"type": "general", "content": "I was here before."});
    before.client.post("/api/v1/posts", post).await.data(201);
    assert_eq!(grow(&world, 200).await, 200);
    let first = newest(&before).await;
    assert_eq!(first.len(), 50);

    // It grows into the past, and only by what is missing.
    assert_eq!(grow(&world, 600).await, 400);
    assert_eq!(grow(&world, 600).await, 0);
    assert_eq!(grow(&world, 100).await, 0, "what is there stays");
    assert_eq!(newest(&before).await, first);
    assert_eq!(number(&world, "select count(*) from feed.posts").await, 601);
    let people = number(&world, "select count(*) from profile.profiles").await;
    assert_eq!(people, 1 + i64::try_from(scale::people(600)).unwrap());
    for (what, contradictions) in CONTRADICTIONS {
        // What the events of the one post bring about takes its time.
        eventually(|| async { number(&world, contradictions).await == 0 }).await;
        assert_eq!(number(&world, contradictions).await, 0, "{what}");
    }
    let plenty = "select least((select count(*) from feed.likes), (select count(*) from feed.comments), (select max(likes) from feed.post_stats) * 30)";
    assert!(number(&world, plenty).await > 300, "popularity is skewed");

    // Nobody is told.
    let told = "select (select count(*) from feed.outbox where type like '%PostCreated')
      + (select count(*) from feed.posts where published_xid is not null)";
    assert_eq!(number(&world, told).await, 2, "of the one post from before");

    // Somebody of it signs in and goes on as anybody does; the demo community comes beside it.
    let member = world.sign_in(&scale::email(0)).await;
    let profiles = member.client.get("/api/v1/profiles").await.data(200);
    assert_eq!(profiles[0]["username"], "scale.0");
    let post = world.client().get("/api/v1/feed?limit=1").await.data(200)[0].clone();
    let like = format!("/api/v1/posts/{}/like", post["id"].as_str().unwrap());
    let liked = member.client.post(&like, json!({})).await;
    assert_eq!(liked.data(200)["liked"], true);
    assert_eq!(grow(&world, 600).await, 0);
    let mine = before.client.get("/api/v1/feed?tab=mine").await.data(200);
    assert_eq!(mine[0]["content"], "I was here before.");
    world.stop().await;
}

#[tokio::test]
async fn db_9_a_community_beyond_the_most_is_refused() {
    let refused = scale::grow(
        "postgres://nobody@127.0.0.1:1/none",
        scale::MOST + 1,
        |_| {},
    )
    .await;
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("5000001"), "{error}");
}
