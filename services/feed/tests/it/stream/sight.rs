//! Who is sent what (VIS-1..VIS-7, FD-15).

use contracts::connection::v1::ProfileUnblocked;
use contracts::feed::v1::*;
use contracts::group::v1::{GroupCreated, GroupMemberJoined};
use contracts::profile::v1::{ProfileRef, ProfileType, ProfileVisibility};
use events::Event;
use feed::Config;
use identity::Caller;
use prost_types::Timestamp;
use sea_orm::{ConnectionTrait, TransactionTrait};
use uuid::Uuid;

use super::Reader;
use super::cursor::insert;
use crate::world::{World, general, profile};

/// What is published at the end of a case: whoever gets it has missed nothing before it.
const END: &str = "end of the case";

/// What a reader gets until the end of the case.
async fn sent(reader: &mut Reader) -> Vec<String> {
    let mut sent = Vec::new();
    loop {
        let (_, post) = reader.next().await;
        if post.content == END {
            return sent;
        }
        sent.push(post.content);
    }
}

fn of(visibility: PostVisibility) -> CreatePostRequest {
    CreatePostRequest {
        visibility: visibility.into(),
        ..general("x")
    }
}

fn targeted(kind: ProfileType) -> CreatePostRequest {
    CreatePostRequest {
        target_profile_types: vec![kind.into()],
        ..of(PostVisibility::Targeted)
    }
}

async fn private_group(world: &World, members: [&Caller; 2]) -> CreatePostRequest {
    let group = Uuid::now_v7();
    let made = GroupCreated {
        group_id: group.to_string(),
        name: "G".into(),
        visibility: "private".into(),
        version: 1,
    };
    world.rig.emit("group", Event::of(group, 1, &made)).await;
    for who in members {
        let joined = GroupMemberJoined {
            group_id: group.to_string(),
            profile_id: who.profile_id.to_string(),
            account_id: who.account_id.to_string(),
            role: "member".into(),
            version: 1,
        };
        world.rig.emit("group", Event::of(group, 1, &joined)).await;
    }
    world
        .wait_for(
            "select count(*) from feed.group_ref join feed.group_member_ref using (group_id)",
            2,
        )
        .await;
    CreatePostRequest {
        group_id: group.to_string(),
        ..general("x")
    }
}

#[tokio::test]
async fn vis_3_each_post_is_sent_to_those_it_admits() {
    let world = World::start().await;
    let author = world.person("author");
    let (sibling, friend) = (world.sibling(&author, "sibling"), world.person("friend"));
    let (stranger, crier) = (world.person("stranger"), world.person("crier"));
    world.connect(&author, &friend).await;
    let viewers = [
        ("author", &author),
        ("sibling", &sibling),
        ("friend", &friend),
        ("stranger", &stranger),
    ];
    let own = ["author", "sibling"];
    let close = ["author", "sibling", "friend"];
    let all = ["author", "sibling", "friend", "stranger"];
    let draft = CreatePostRequest {
        is_published: Some(false),
        ..general("x")
    };
    let cases = [
        ("public", of(PostVisibility::Public), all.as_slice()),
        ("connections", of(PostVisibility::Connections), &close),
        ("private", of(PostVisibility::Private), &own),
        ("for mentors", targeted(ProfileType::Mentor), &all),
        ("for investors", targeted(ProfileType::Investor), &own),
        (
            "group",
            private_group(&world, [&author, &friend]).await,
            &close,
        ),
        ("draft", draft, &[]),
    ];
    let mut readers = Vec::new();
    for (name, who) in viewers {
        readers.push((name, world.listen(who).await));
    }
    for (case, request, admitted) in cases {
        world.create(&author, request).await.unwrap();
        world.post(&crier, END).await;
        for (name, reader) in &mut readers {
            let got = sent(reader).await.len();
            assert_eq!(got, usize::from(admitted.contains(name)), "{case}, {name}");
        }
    }
}

#[tokio::test]
async fn vis_2_a_change_of_the_authors_visibility_holds_for_the_next_post() {
    let world = World::start().await;
    let (ada, eve, crier) = (
        world.person("ada"),
        world.person("eve"),
        world.person("crier"),
    );
    let mut reader = world.listen(&eve).await;
    world.post(&ada, "1").await;
    assert_eq!(reader.texts(1).await, ["1"]);
    let ada_is = |visibility: ProfileVisibility, version| ProfileRef {
        visibility: visibility.into(),
        version,
        ..profile(&ada, "ada")
    };
    world.becomes(ada_is(ProfileVisibility::Private, 2)).await;
    world.post(&ada, "2").await;
    world.post(&crier, END).await;
    assert!(sent(&mut reader).await.is_empty());
    world.becomes(ada_is(ProfileVisibility::Public, 3)).await;
    world.post(&ada, "3").await;
    world.post(&crier, END).await;
    // What was passed over is not made up for.
    assert_eq!(sent(&mut reader).await, ["3"]);
}

#[tokio::test]
async fn vis_6_a_block_holds_for_the_next_post_in_both_directions() {
    let world = World::start().await;
    let (ada, eve, crier) = (
        world.person("ada"),
        world.person("eve"),
        world.person("crier"),
    );
    let second = world.sibling(&eve, "eve.two");
    let mut to_ada = world.listen(&ada).await;
    let mut to_eve = world.listen(&second).await;
    world.post(&ada, "of ada").await;
    world.post(&eve, "of eve").await;
    assert_eq!(to_ada.texts(2).await, ["of ada", "of eve"]);
    assert_eq!(to_eve.texts(2).await, ["of ada", "of eve"]);
    world.block(&ada, &eve).await;
    world.post(&ada, "of ada, later").await;
    world.post(&eve, "of eve, later").await;
    world.post(&crier, END).await;
    assert_eq!(sent(&mut to_ada).await, ["of ada, later"]);
    assert_eq!(sent(&mut to_eve).await, ["of eve, later"]);

    let unblocked = ProfileUnblocked {
        blocker_account_id: ada.account_id.to_string(),
        blocked_account_id: eve.account_id.to_string(),
        version: 2,
    };
    world
        .rig
        .emit("connection", Event::of(Uuid::now_v7(), 1, &unblocked))
        .await;
    let lifted = "select count(*) from feed.block_ref where removed_at is not null";
    world.wait_for(lifted, 1).await;
    world.post(&ada, "of ada, at last").await;
    assert_eq!(to_eve.texts(1).await, ["of ada, at last"]);
}

#[tokio::test]
async fn vis_7_who_is_muted_is_left_out() {
    let world = World::start().await;
    let (ada, eve, crier) = (
        world.person("ada"),
        world.person("eve"),
        world.person("crier"),
    );
    let mut reader = world.listen(&eve).await;
    world.post(&ada, "1").await;
    assert_eq!(reader.texts(1).await, ["1"]);
    world.mute(&eve, &ada).await;
    world.post(&ada, "2").await;
    world.post(&crier, END).await;
    assert!(sent(&mut reader).await.is_empty());
}

#[tokio::test]
async fn vis_10_what_waits_to_be_sent_is_looked_up_again() {
    let world = World::start().await;
    let (ada, bob, eve) = (
        world.person("ada"),
        world.person("bob"),
        world.person("eve"),
    );
    let mut reader = world.listen(&eve).await;
    // All are published, and so read, together. Of large ones, a connection takes the first few in advance, and never
    // as many as come before ada's.
    let mut expected: Vec<_> = (0..12).map(|n| n.to_string()).collect();
    let together = world.rig.owner().begin().await.unwrap();
    for text in &expected {
        let sql = insert(&bob, text);
        together.execute_unprepared(&sql).await.unwrap();
    }
    for sql in [
        insert(&ada, "of ada"),
        "update feed.posts set metadata = jsonb_build_object('note', repeat('x', 15000))"
            .to_owned(),
    ] {
        together.execute_unprepared(&sql).await.unwrap();
    }
    together.commit().await.unwrap();
    world.post(&bob, "last").await;
    let first = expected.remove(0);
    assert_eq!(reader.texts(1).await, [first]);
    // Then the client takes nothing for longer than what was read stays fresh.
    let began = std::time::Instant::now();
    world.block(&eve, &ada).await;
    world
        .rig
        .eventually(async || began.elapsed().as_millis() > 1_100)
        .await;
    expected.push("last".into());
    assert_eq!(reader.texts(expected.len()).await, expected);
}

#[tokio::test]
async fn a_deleted_post_is_not_sent() {
    let world = World::start().await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    let mut reader = world.listen(&eve).await;
    let first = world.post(&ada, "1").await;
    world.post(&ada, "2").await;
    world.delete(&ada, &first.id).await.unwrap();
    assert_eq!(reader.texts(1).await, ["2"]);
}

#[tokio::test]
async fn a_stream_may_be_of_one_type() {
    let world = World::start().await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    let asked = StreamFeedRequest {
        r#type: PostType::Project.into(),
        ..Default::default()
    };
    let mut reader = world.stream(&eve, asked.clone()).await.unwrap();
    for kind in [PostType::General, PostType::Project, PostType::Update] {
        let request = CreatePostRequest {
            r#type: kind.into(),
            ..general("x")
        };
        world.create(&ada, request).await.unwrap();
    }
    let request = CreatePostRequest {
        r#type: PostType::Project.into(),
        ..general("y")
    };
    world.create(&ada, request).await.unwrap();
    assert_eq!(reader.texts(2).await, ["x", "y"]);
}

#[tokio::test]
async fn fd_15_a_post_is_new_when_it_is_published_first() {
    let world = World::with(Config {
        publish_every_ms: 50,
        ..Config::default()
    })
    .await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    let draft = CreatePostRequest {
        is_published: Some(false),
        ..general("draft")
    };
    let planned = CreatePostRequest {
        publish_at: Some(Timestamp {
            seconds: identity::clock::unix() + 3600,
            nanos: 0,
        }),
        ..general("planned")
    };
    let draft = world.create(&ada, draft).await.unwrap();
    let planned = world.create(&ada, planned).await.unwrap();
    let mut reader = world.listen(&eve).await;
    let set = async |published: bool, content: &str| {
        let change = UpdatePostRequest {
            id: draft.id.clone(),
            is_published: Some(published),
            content: Some(content.to_owned()),
            ..Default::default()
        };
        world.update(&ada, change).await.unwrap();
    };
    set(true, "no longer a draft").await;
    let (cursor, post) = reader.next().await;
    assert_eq!(
        (post.id.as_str(), post.content.as_str()),
        (&*draft.id, "no longer a draft")
    );

    // Changed, taken back, published again: nothing new.
    set(true, "changed").await;
    set(false, "taken back").await;
    set(true, "back").await;
    world
        .run(&format!(
            "update feed.posts set publish_at = now() - interval '1 s' where id = '{}'",
            planned.id
        ))
        .await;
    let (_, post) = reader.next().await;
    assert_eq!(
        (post.id.as_str(), post.content.as_str()),
        (&*planned.id, "planned")
    );
    // Nor for who comes back.
    assert_eq!(
        world.resume(&eve, &cursor).await.texts(1).await,
        ["planned"]
    );
}

#[tokio::test]
async fn posts_that_were_published_long_ago_are_no_news() {
    let world = World::start().await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    let mut reader = world.listen(&eve).await;
    let imported = "insert into feed.posts (profile_id, account_id, post_type, content, status, published_at)
      select profile_id, account_id, 'general', 'imported', 'published', now() - interval '3 days' from feed.profile_ref limit 1";
    world.post(&ada, "1").await;
    world.run(imported).await;
    world.post(&ada, "2").await;
    assert_eq!(reader.texts(2).await, ["1", "2"]);
    assert!(world.shown(&eve).await.len() == 3, "it is in the feed");
}

#[tokio::test]
async fn fd_2_an_item_is_a_card_as_the_feed_shows_it() {
    let world = World::start().await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    let mut reader = world.listen(&eve).await;
    let mut to_ada = world.listen(&ada).await;
    let request = CreatePostRequest {
        tags: vec!["ai".into()],
        ..general(&"x".repeat(700))
    };
    let made = world.create(&ada, request).await.unwrap();
    let (_, card) = reader.next().await;
    assert!(card.is_truncated && card.content.len() == 600 && !card.is_author);
    assert_eq!(card.author.as_ref().unwrap().name, "Name of ada");
    assert!(to_ada.next().await.1.is_author);
    let page = world.feed(&eve, ListFeedRequest::default()).await.unwrap();
    assert_eq!(page.items, [card]);
    assert_eq!(made.id, page.items[0].id);
}
