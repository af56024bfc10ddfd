//! Who sees what: posts, comments, likes and counts by the one rule (VIS, T-§7 post rows).

use contracts::auth::v1::AccountReactivated;
use contracts::connection::v1::{ConnectionRemoved, ProfileUnblocked};
use contracts::feed::v1::*;
use contracts::group::v1::{GroupCreated, GroupMemberJoined, GroupMemberLeft};
use contracts::profile::v1::{ProfileType, ProfileVisibility};
use events::Event;
use fault::Reason;
use identity::Caller;
use uuid::Uuid;

use crate::world::{World, general, profile, reason};

/// Everybody the matrix asks for.
struct Cast {
    author: Caller,
    sibling: Caller,
    friend: Caller,
    stranger: Caller,
}

impl Cast {
    async fn gather(world: &World) -> Self {
        let author = world.person("author");
        let cast = Self {
            sibling: world.sibling(&author, "sibling"),
            friend: world.person("friend"),
            stranger: world.person("stranger"),
            author,
        };
        world.connect(&cast.author, &cast.friend).await;
        cast
    }

    fn viewers(&self) -> [(&'static str, Option<&Caller>); 5] {
        [
            ("nobody", None),
            ("stranger", Some(&self.stranger)),
            ("friend", Some(&self.friend)),
            ("author", Some(&self.author)),
            ("sibling", Some(&self.sibling)),
        ]
    }

    /// Checks every surface of a post for every viewer: exactly those named see it.
    async fn check(&self, world: &World, post: &Post, case: &str, seen_by: &[&str]) {
        for (name, viewer) in self.viewers() {
            let sees = seen_by.contains(&name);
            let case = format!("{case} by {name}");
            assert_eq!(
                world.get(viewer, &post.id).await.is_ok(),
                sees,
                "detail: {case}"
            );
            assert_eq!(
                world.shown(viewer).await.contains(&post.id),
                sees && case_is_listed(post),
                "feed: {case}"
            );
            let list = ListCommentsRequest {
                id: post.id.clone(),
                ..Default::default()
            };
            assert_eq!(
                world.comments(viewer, list).await.is_ok(),
                sees,
                "comments: {case}"
            );
            if let Some(viewer) = viewer {
                assert_eq!(
                    world.like(viewer, &post.id).await.is_ok(),
                    sees,
                    "like: {case}"
                );
                assert_eq!(
                    world.unlike(viewer, &post.id).await.is_ok(),
                    sees,
                    "unlike: {case}"
                );
                assert_eq!(
                    world.comment(viewer, &post.id, "", "x").await.is_ok(),
                    sees,
                    "comment: {case}"
                );
            }
        }
    }
}

fn case_is_listed(post: &Post) -> bool {
    post.status() == PostStatus::Published
}

const ALL: [&str; 5] = ["nobody", "stranger", "friend", "author", "sibling"];
const OWN: [&str; 2] = ["author", "sibling"];

#[tokio::test]
async fn vis_3_each_visibility_admits_whom_it_names_on_every_surface() {
    let world = World::start().await;
    let cast = Cast::gather(&world).await;
    let of = |visibility: PostVisibility| CreatePostRequest {
        visibility: visibility.into(),
        ..general("x")
    };
    let friends = ["friend", "author", "sibling"];
    let signed_in = ["stranger", "friend", "author", "sibling"];
    let targeted = |kind: ProfileType, tag: &str| CreatePostRequest {
        target_profile_types: vec![kind.into()],
        target_tags: vec![tag.into()],
        ..of(PostVisibility::Targeted)
    };
    let cases = [
        ("public", of(PostVisibility::Public), ALL.as_slice()),
        ("connections", of(PostVisibility::Connections), &friends),
        ("private", of(PostVisibility::Private), &OWN),
        ("targeted at all", of(PostVisibility::Targeted), &signed_in),
        (
            "targeted at mentors with ai",
            targeted(ProfileType::Mentor, "ai"),
            &signed_in,
        ),
        (
            "targeted at mentors with robots",
            targeted(ProfileType::Mentor, "robots"),
            &OWN,
        ),
        (
            "targeted at investors",
            targeted(ProfileType::Investor, "ai"),
            &OWN,
        ),
        (
            "draft",
            CreatePostRequest {
                is_published: Some(false),
                ..of(PostVisibility::Public)
            },
            &OWN,
        ),
    ];
    for (case, request, seen_by) in cases {
        let post = world.create(&cast.author, request).await.unwrap();
        cast.check(&world, &post, case, seen_by).await;
    }
}

#[tokio::test]
async fn vis_3_a_group_admits_everybody_or_its_members() {
    let world = World::start().await;
    let cast = Cast::gather(&world).await;
    for (visibility, seen_by) in [
        ("public", ALL.as_slice()),
        ("private", &["friend", "author", "sibling"]),
    ] {
        let group = Uuid::now_v7();
        let made = GroupCreated {
            group_id: group.to_string(),
            name: "G".into(),
            visibility: visibility.into(),
            version: 1,
        };
        world.rig.emit("group", Event::of(group, 1, &made)).await;
        for who in [&cast.author, &cast.friend] {
            let joined = GroupMemberJoined {
                group_id: group.to_string(),
                profile_id: who.profile_id.to_string(),
                account_id: who.account_id.to_string(),
                role: "member".into(),
                version: 1,
            };
            world.rig.emit("group", Event::of(group, 1, &joined)).await;
        }
        let members = format!(
            "select count(*) from feed.group_ref join feed.group_member_ref using (group_id) where group_id = '{group}'"
        );
        world.wait_for(&members, 2).await;
        let request = CreatePostRequest {
            group_id: group.to_string(),
            ..general("x")
        };
        let post = world.create(&cast.author, request).await.unwrap();
        cast.check(&world, &post, visibility, seen_by).await;

        if visibility == "private" {
            let left = GroupMemberLeft {
                group_id: group.to_string(),
                profile_id: cast.friend.profile_id.to_string(),
                version: 2,
            };
            world.rig.emit("group", Event::of(group, 2, &left)).await;
            world
                .rig
                .eventually(async || world.get(&cast.friend, &post.id).await.is_err())
                .await;
            cast.check(&world, &post, "after leaving", &OWN).await;
        }
    }
}

#[tokio::test]
async fn vis_2_the_authors_own_visibility_narrows_everything() {
    let world = World::start().await;
    let cast = Cast::gather(&world).await;
    let post = world.post(&cast.author, "x").await;
    let as_author =
        |visibility: ProfileVisibility, version: i32| contracts::profile::v1::ProfileRef {
            visibility: visibility.into(),
            version,
            ..profile(&cast.author, "author")
        };
    world
        .becomes(as_author(ProfileVisibility::Connections, 2))
        .await;
    cast.check(
        &world,
        &post,
        "author for connections",
        &["friend", "author", "sibling"],
    )
    .await;
    world
        .becomes(as_author(ProfileVisibility::Private, 3))
        .await;
    cast.check(&world, &post, "private author", &OWN).await;
    // An older event that comes late changes nothing.
    let late = contracts::profile::v1::ProfileUpdated {
        profile: Some(as_author(ProfileVisibility::Public, 2)),
        ..Default::default()
    };
    world
        .rig
        .emit("profile", Event::of(cast.author.profile_id, 2, &late))
        .await;
    world
        .becomes(contracts::profile::v1::ProfileRef {
            version: 2,
            ..profile(&cast.stranger, "stranger")
        })
        .await;
    cast.check(&world, &post, "private author after a late event", &OWN)
        .await;
}

#[tokio::test]
async fn i_16_a_blocked_pair_sees_nothing_of_each_other() {
    let world = World::start().await;
    let (ada, eve, bob) = (
        world.person("ada"),
        world.person("eve"),
        world.person("bob"),
    );
    let second = world.sibling(&eve, "eve.two");
    let post = world.post(&ada, "of ada").await;
    let other = world.post(&bob, "of bob").await;
    let one = world.comment(&ada, &other.id, "", "1").await.unwrap();
    world
        .comment(&bob, &other.id, &one.id, "1.1")
        .await
        .unwrap();
    world.comment(&eve, &other.id, "", "2").await.unwrap();
    world.block(&ada, &eve).await;

    for who in [&eve, &second] {
        assert_eq!(reason(world.get(who, &post.id).await), Reason::NotFound);
        assert_eq!(reason(world.like(who, &post.id).await), Reason::NotFound);
        assert_eq!(world.shown(who).await, std::slice::from_ref(&other.id));
        let page = world.feed(who, ListFeedRequest::default()).await.unwrap();
        assert_eq!(page.pagination.unwrap().total, Some(1));
        // What is said under a comment that is not shown is not shown either, and not counted.
        assert_eq!(world.tree(who, &other.id).await.len(), 1);
        let flat = ListCommentsRequest {
            id: other.id.clone(),
            view: CommentView::Flat.into(),
            ..Default::default()
        };
        let flat = world.comments(who, flat).await.unwrap();
        assert_eq!(
            (flat.items.len(), flat.pagination.unwrap().total),
            (1, Some(1))
        );
        assert_eq!(world.get(who, &other.id).await.unwrap().comments_count, 1);
        let replies = ListRepliesRequest {
            id: one.id.clone(),
            ..Default::default()
        };
        assert_eq!(
            reason(
                world
                    .client(who)
                    .list_replies(replies)
                    .await
                    .map(|reply| reply.into_inner())
            ),
            Reason::NotFound
        );
        let like = LikeCommentRequest { id: one.id.clone() };
        assert_eq!(
            reason(
                world
                    .client(who)
                    .like_comment(like)
                    .await
                    .map(|reply| reply.into_inner())
            ),
            Reason::NotFound
        );
        assert!(world.comment(who, &other.id, &one.id, "hi").await.is_err());
    }
    assert_eq!(world.tree(&ada, &other.id).await.len(), 1);
    assert_eq!(world.get(&ada, &other.id).await.unwrap().comments_count, 2);
    assert_eq!(world.get(&bob, &other.id).await.unwrap().comments_count, 3);
    assert_eq!(world.get(None, &other.id).await.unwrap().comments_count, 3);

    let unblocked = ProfileUnblocked {
        blocker_account_id: ada.account_id.to_string(),
        blocked_account_id: eve.account_id.to_string(),
        version: 2,
    };
    world
        .rig
        .emit("connection", Event::of(Uuid::now_v7(), 2, &unblocked))
        .await;
    world
        .rig
        .eventually(async || world.get(&eve, &post.id).await.is_ok())
        .await;
}

#[tokio::test]
async fn vis_7_a_muted_author_leaves_the_feed_and_nothing_else() {
    let world = World::start().await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    let post = world.post(&eve, "of eve").await;
    world.mute(&ada, &eve).await;
    assert!(world.shown(&ada).await.is_empty());
    assert_eq!(
        world
            .feed(&ada, ListFeedRequest::default())
            .await
            .unwrap()
            .pagination
            .unwrap()
            .total,
        Some(0)
    );
    assert!(world.get(&ada, &post.id).await.is_ok());
    assert!(world.like(&ada, &post.id).await.is_ok());
    assert_eq!(world.shown(&eve).await.len(), 1, "mute is one-sided");
    assert_eq!(world.shown(None).await.len(), 1);
}

#[tokio::test]
async fn vis_1_the_things_of_a_suspended_account_vanish_until_it_returns() {
    let world = World::start().await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    let (own, other) = (
        world.post(&eve, "of eve").await,
        world.post(&ada, "of ada").await,
    );
    world.comment(&eve, &other.id, "", "hi").await.unwrap();
    world.like(&eve, &other.id).await.unwrap();
    world.suspend(&eve).await;
    assert!(world.get(&ada, &own.id).await.is_err());
    let seen = world.get(&ada, &other.id).await.unwrap();
    assert_eq!((seen.comments_count, seen.likes_count), (0, 0));
    assert!(world.tree(None, &other.id).await.is_empty());
    assert_eq!(world.shown(&ada).await, std::slice::from_ref(&other.id));

    let back = AccountReactivated {
        account_id: eve.account_id.to_string(),
        version: 3,
    };
    world
        .rig
        .emit("auth", Event::of(eve.account_id, 3, &back))
        .await;
    world
        .rig
        .eventually(async || world.get(&ada, &own.id).await.is_ok())
        .await;
    let seen = world.get(&ada, &other.id).await.unwrap();
    assert_eq!((seen.comments_count, seen.likes_count), (1, 1));
}

#[tokio::test]
async fn vis_10_the_end_of_a_connection_takes_its_sight() {
    let world = World::start().await;
    let (ada, bob) = (world.person("ada"), world.person("bob"));
    world.connect(&ada, &bob).await;
    let request = CreatePostRequest {
        visibility: PostVisibility::Connections.into(),
        ..general("for friends")
    };
    let post = world.create(&ada, request).await.unwrap();
    assert!(world.get(&bob, &post.id).await.is_ok());
    let removed = ConnectionRemoved {
        connection_id: Uuid::now_v7().to_string(),
        requester_profile_id: ada.profile_id.to_string(),
        addressee_profile_id: bob.profile_id.to_string(),
        version: 2,
    };
    world
        .rig
        .emit("connection", Event::of(Uuid::now_v7(), 2, &removed))
        .await;
    world
        .rig
        .eventually(async || world.get(&bob, &post.id).await.is_err())
        .await;
    assert!(world.shown(&bob).await.is_empty());
}
