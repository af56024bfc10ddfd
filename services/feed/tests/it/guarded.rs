//! Counts of likes by the rule of visibility, however they are counted (VIS-8).

use contracts::profile::v1::{ProfileRef, ProfileVisibility};
use fault::Reason;
use identity::Caller;
use sea_orm::{ConnectionTrait, TransactionTrait};
use uuid::Uuid;

use crate::world::{World, profile, reason};

/// Rows that contradict each other once all is at rest: marks and profiles, counters and marks.
const DRIFT: &str = "select (select count(*) from feed.likes l join feed.profile_ref r on r.profile_id = l.profile_id
      where l.is_guarded <> r.is_guarded)
    + (select count(*) from feed.profile_ref r where r.is_guarded <> (r.visibility <> 'public'
        or exists (select from feed.account_ref a where a.account_id = r.account_id and a.state <> 'live')))
    + (select count(*) from feed.post_stats s where s.guarded_likes + (
        select coalesce(sum(l.guarded_likes), 0) from feed.post_stats_late l where l.post_id = s.post_id)
      <> (select count(*) from feed.likes l where l.post_id = s.post_id and l.is_guarded))";

/// How many likes the rule lets this viewer count.
async fn by_the_rule(world: &World, viewer: Option<&Caller>, thing: &str, id: &str) -> i64 {
    let sql = format!(
        "select count(*) from feed.likes l where l.{thing} = $3
           and feed.can_see($1, $2, l.profile_id, l.account_id, 'public', '{{}}', '{{}}', null)"
    );
    let id: Uuid = id.parse().unwrap();
    let viewer = (
        viewer.map(|viewer| viewer.profile_id),
        viewer.map(|viewer| viewer.account_id),
    );
    let values = vec![viewer.0.into(), viewer.1.into(), id.into()];
    world.value(&sql, values).await
}

/// Who likes and comments: how visible, how related to the viewer (see [`relate`]), suspended or not.
type Liker = (Caller, ProfileVisibility, u8, bool);

/// One of every kind.
async fn likers(world: &World, viewer: &Caller) -> Vec<Liker> {
    let mut likers = Vec::new();
    let visibilities = [
        ProfileVisibility::Public,
        ProfileVisibility::Connections,
        ProfileVisibility::Private,
    ];
    for visibility in visibilities {
        for relation in 0..5 {
            for suspended in [false, true] {
                let name = format!("{visibility:?}.{relation}.{suspended}").to_lowercase();
                let who = match (relation, suspended) {
                    (4, true) => continue,
                    (4, false) => world.sibling(viewer, &name),
                    _ => world.person(&name),
                };
                likers.push((who, visibility, relation, suspended));
            }
        }
    }
    likers
}

async fn relate(world: &World, viewer: &Caller, likers: &[Liker]) {
    for (who, _, relation, suspended) in likers {
        match relation {
            1 => world.connect(viewer, who).await,
            2 => world.block(viewer, who).await,
            3 => world.block(who, viewer).await,
            _ => {}
        }
        if *suspended {
            world.suspend(who).await;
        }
    }
}

#[tokio::test]
async fn vis_8_likes_are_counted_as_the_rule_says_for_every_kind_of_liker() {
    let world = World::start().await;
    let (author, viewer) = (world.person("author"), world.person("viewer"));
    let post = world.post(&author, "x").await;
    let comment = world.comment(&author, &post.id, "", "hi").await.unwrap();
    let likers = likers(&world, &viewer).await;
    for (nth, (who, visibility, ..)) in likers.iter().enumerate() {
        let becomes = async || {
            world
                .becomes(ProfileRef {
                    visibility: (*visibility).into(),
                    version: 2,
                    ..profile(who, &format!("liker{nth}"))
                })
                .await;
        };
        // Some like first and change then, some the other way round.
        if nth % 2 == 0 {
            becomes().await;
        }
        world.like(who, &post.id).await.unwrap();
        world.like_comment(who, &comment.id).await;
        if nth % 2 == 1 {
            becomes().await;
        }
    }
    relate(&world, &viewer, &likers).await;
    let nobody = by_the_rule(&world, None, "post_id", &post.id).await;
    // Who is public and not suspended, whatever the relation.
    assert_eq!(nobody, 5);
    let viewers = likers.iter().filter(|(_, _, _, suspended)| !suspended);
    let viewers: Vec<_> = viewers.map(|(who, ..)| Some(who)).collect();
    for who in viewers
        .into_iter()
        .chain([None, Some(&viewer), Some(&author)])
    {
        let right = by_the_rule(&world, who, "post_id", &post.id).await;
        let case = format!("{:?}", who.map(|who| who.profile_id));
        // Who blocks the viewer does not block the author: everybody here may see the post.
        let seen = world.get(who, &post.id).await.unwrap();
        assert_eq!(i64::from(seen.likes_count), right, "{case}");
        let page = world.feed(who, Default::default()).await.unwrap();
        assert_eq!(i64::from(page.items[0].likes_count), right, "feed: {case}");
        let right = by_the_rule(&world, who, "comment_id", &comment.id).await;
        let tree = world.tree(who, &post.id).await;
        assert_eq!(i64::from(tree[0].likes_count), right, "comment: {case}");
        if let Some(who) = who {
            let again = world.like(who, &post.id).await.unwrap();
            let likes = by_the_rule(&world, Some(who), "post_id", &post.id).await;
            assert_eq!(i64::from(again.likes_count), likes, "like: {case}");
            let taken = world.unlike(who, &post.id).await.unwrap();
            assert_eq!(i64::from(taken.likes_count), likes - 1, "unlike: {case}");
            let back = world.like(who, &post.id).await.unwrap();
            assert_eq!(i64::from(back.likes_count), likes, "once more: {case}");
        }
    }
    assert_eq!(world.value::<i64>(DRIFT, vec![]).await, 0);
}

/// Replies to a comment, and answers to the replies: who hides a comment hides what stands under it.
#[tokio::test]
async fn vis_8_comments_are_counted_as_the_rule_says_of_few_and_of_many() {
    let world = World::start().await;
    let (author, viewer) = (world.person("author"), world.person("viewer"));
    let post = world.post(&author, "x").await;
    let first = world.comment(&author, &post.id, "", "hi").await.unwrap();
    let likers = likers(&world, &viewer).await;
    for (nth, (who, visibility, ..)) in likers.iter().enumerate() {
        let said = world.comment(who, &post.id, &first.id, "so").await;
        let under = world
            .comment(&author, &post.id, &said.unwrap().id, "no")
            .await;
        under.unwrap();
        world
            .becomes(ProfileRef {
                visibility: (*visibility).into(),
                version: 2,
                ..profile(who, &format!("liker{nth}"))
            })
            .await;
    }
    relate(&world, &viewer, &likers).await;
    let said = "select count(*) from feed.comments c where c.parent_comment_id = $3
        and feed.can_see($1, $2, c.profile_id, c.account_id, 'public', '{}', '{}', null)";
    let first_id: Uuid = first.id.parse().unwrap();
    let sees = likers.iter().filter(|(.., suspended)| !suspended);
    let sees: Vec<_> = sees.map(|(who, ..)| Some(who)).collect();
    for others in [0, 250] {
        let more = format!(
            "insert into feed.comments (post_id, profile_id, account_id, parent_comment_id, depth, content)
               select post_id, profile_id, account_id, id, 2, 'more' from feed.comments, generate_series(1, {others}) where id = '{0}';
             update feed.comment_stats set replies = replies + {others} where comment_id = '{0}';
             update feed.post_stats set comments = comments + {others}", first.id);
        world.run(&more).await;
        for who in sees.iter().copied().chain([None, Some(&viewer)]) {
            let values = vec![
                who.map(|who| who.profile_id).into(),
                who.map(|who| who.account_id).into(),
                first_id.into(),
            ];
            let replies = world.value::<i64>(said, values).await;
            let case = format!("{:?} {others}", who.map(|who| who.profile_id));
            let seen = world.get(who, &post.id).await.unwrap();
            // The first, the replies, and what stands under those that were there before.
            let right = 1 + 2 * replies - others;
            assert_eq!(i64::from(seen.comments_count), right, "post: {case}");
            let tree = world.tree(who, &post.id).await;
            assert_eq!(i64::from(tree[0].replies_count), replies, "tree: {case}");
        }
    }
}

/// As a process of the version before leaves them: marks are behind what is known until the next night.
#[tokio::test]
async fn vis_1_who_sees_a_post_is_decided_by_facts_and_not_by_marks() {
    let world = World::start().await;
    let (ada, eve, kim) = (
        world.person("ada"),
        world.person("eve"),
        world.person("kim"),
    );
    let (private, suspended) = (world.post(&ada, "x").await, world.post(&eve, "y").await);
    for post in [&private, &suspended] {
        assert!(world.get(&kim, &post.id).await.is_ok());
    }
    let behind = format!(
        "update feed.profile_ref set visibility = 'private' where profile_id = '{}';
         insert into feed.account_ref (account_id, state, version) values ('{}', 'suspended', 2);",
        ada.profile_id, eve.account_id
    );
    world.run(&behind).await;
    let marks = "select count(*) from feed.profile_ref where is_guarded";
    assert_eq!(world.value::<i64>(marks, vec![]).await, 0);
    for post in [&private, &suspended] {
        for viewer in [None, Some(&kim)] {
            assert_eq!(reason(world.get(viewer, &post.id).await), Reason::NotFound);
        }
        assert_eq!(reason(world.like(&kim, &post.id).await), Reason::NotFound);
    }
    assert!(world.get(&ada, &private.id).await.is_ok(), "one's own");
}

/// What makes a profile guarded, and is not committed, is waited for by its likes, and seen by them.
#[tokio::test]
async fn vis_8_a_like_made_while_its_profile_becomes_private_is_a_guarded_one() {
    let world = World::start().await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    let post = world.post(&ada, "x").await;
    world.like(&eve, &post.id).await.unwrap();
    world.unlike(&eve, &post.id).await.unwrap();
    let consumer = world.rig.owner().begin().await.unwrap();
    let hide = "update feed.profile_ref set visibility = 'private', is_guarded = true where username = 'eve'";
    consumer.execute_unprepared(hide).await.unwrap();
    let like = world.like(&eve, &post.id);
    let commit = async {
        let waits = "select count(*) from pg_stat_activity where datname = current_database()
            and wait_event_type = 'Lock' and query like '%for share%'";
        world.wait_for(waits, 1).await;
        consumer.commit().await.unwrap();
    };
    let (liked, ()) = tokio::join!(like, commit);
    assert_eq!(liked.unwrap().likes_count, 1);
    let guarded = "select count(*) from feed.likes where is_guarded";
    assert_eq!(world.value::<i64>(guarded, vec![]).await, 1);
    assert_eq!(world.get(&ada, &post.id).await.unwrap().likes_count, 0);
    assert_eq!(world.get(&eve, &post.id).await.unwrap().likes_count, 1);
    assert_eq!(world.value::<i64>(DRIFT, vec![]).await, 0);
}

/// Likes, what takes them back, and changes of who is guarded, all at once.
#[tokio::test]
async fn vis_8_counters_of_guarded_likes_are_exact_whatever_races() {
    let world = World::start().await;
    let ada = world.person("ada");
    let posts = [world.post(&ada, "x").await, world.post(&ada, "y").await];
    let people: Vec<_> = (0..8).map(|n| world.person(&format!("fan{n}"))).collect();
    for who in &people {
        world.like(who, &posts[0].id).await.unwrap();
    }
    let likes = people.iter().enumerate().map(|(n, who)| {
        let (world, posts) = (&world, &posts);
        async move {
            for round in 0..6 {
                let post = &posts[(n + round) % 2].id;
                world.like(who, post).await.unwrap();
                if (n + round) % 3 == 0 {
                    world.unlike(who, post).await.unwrap();
                }
            }
        }
    });
    let changes = people.iter().enumerate().map(|(n, who)| {
        let world = &world;
        async move {
            for version in 2..6 {
                let visibility = [ProfileVisibility::Public, ProfileVisibility::Private];
                world
                    .becomes(ProfileRef {
                        visibility: visibility[(n + usize::try_from(version).unwrap()) % 2].into(),
                        version,
                        ..profile(who, &format!("fan{n}"))
                    })
                    .await;
            }
        }
    });
    tokio::join!(
        futures_util::future::join_all(likes),
        futures_util::future::join_all(changes)
    );
    assert_eq!(world.value::<i64>(DRIFT, vec![]).await, 0);
    for post in &posts {
        let right = by_the_rule(&world, None, "post_id", &post.id).await;
        let seen = world.get(None, &post.id).await.unwrap();
        assert_eq!(i64::from(seen.likes_count), right);
    }
}
