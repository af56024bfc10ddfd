//! What events leave behind does not depend on their order, their number or their failures (I-9, T51).

use contracts::auth::v1::{AccountDeactivated, AccountDeleted, AccountReactivated};
use contracts::connection::v1::{ConnectionAccepted, ProfileBlocked, ProfileMuted};
use contracts::profile::v1::{ProfileDeleted, ProfileRef, ProfileState, ProfileUpdated};
use events::Event;
use identity::{Caller, Context};
use prost::{Message, Name};
use testkit::{Told, twice_and_shuffled};
use uuid::Uuid;

use crate::world::{World, profile};

/// People of the story, each with two profiles.
const PEOPLE: usize = 8;

/// Who the people are, the same in every world: two profiles each.
struct Cast(Vec<[(Uuid, Uuid); 2]>);

impl Cast {
    fn new() -> Self {
        let person = |_| {
            let account = Uuid::now_v7();
            [(account, Uuid::now_v7()), (account, Uuid::now_v7())]
        };
        Self((0..PEOPLE).map(person).collect())
    }

    /// The people as callers of a world, which the profile service there knows.
    fn callers(&self, world: &World) -> Vec<[Caller; 2]> {
        let mut people = Vec::new();
        for (nth, profiles) in self.0.iter().enumerate() {
            people.push(profiles.map(|(account_id, profile_id)| {
                let caller = Caller {
                    account_id,
                    profile_id,
                    ..world.rig.caller()
                };
                world
                    .profiles
                    .know(profile(&caller, &name(nth, profile_id)));
                caller
            }));
        }
        people
    }

    /// Everybody's facts change; some are suspended, one of two profiles goes, or the account does with both.
    fn story(&self) -> Vec<Told> {
        let ctx = Context::background("story", std::time::Duration::from_secs(5));
        let mut story = Vec::new();
        for (nth, [first, second]) in self.0.iter().enumerate() {
            let account_id = first.0.to_string();
            for who in [first, second] {
                for version in 2..4 {
                    let facts = Some(facts(nth, *who, version, ProfileState::Live));
                    let updated = ProfileUpdated {
                        profile: facts,
                        ..ProfileUpdated::default()
                    };
                    story.push(tell(&ctx, "profile", who.1, &updated));
                }
            }
            let suspended = AccountDeactivated {
                account_id: account_id.clone(),
                until: None,
                version: 2,
            };
            story.push(tell(&ctx, "auth", first.0, &suspended));
            let version = 3;
            match nth % 4 {
                0 => story.push(tell(
                    &ctx,
                    "auth",
                    first.0,
                    &AccountReactivated {
                        account_id,
                        version,
                    },
                )),
                1 => story.push(tell(
                    &ctx,
                    "profile",
                    second.1,
                    &gone(nth, *second, first.1),
                )),
                2 => {
                    story.push(tell(
                        &ctx,
                        "auth",
                        first.0,
                        &AccountDeleted {
                            account_id,
                            version,
                        },
                    ));
                    for who in [first, second] {
                        story.push(tell(&ctx, "profile", who.1, &gone(nth, *who, Uuid::nil())));
                    }
                }
                _ => {}
            }
        }
        for pair in self.0.windows(2) {
            relate(&ctx, &mut story, pair[0][0], pair[1][1]);
        }
        story
    }
}

fn name(nth: usize, profile: Uuid) -> String {
    format!("person.{nth}.{}", &profile.simple().to_string()[28..])
}

fn facts(nth: usize, who: (Uuid, Uuid), version: i32, state: ProfileState) -> ProfileRef {
    let (account_id, profile_id) = who;
    ProfileRef {
        profile_id: profile_id.to_string(),
        account_id: account_id.to_string(),
        display_name: format!("as of {version}"),
        username: Some(name(nth, profile_id)),
        profile_type: contracts::profile::v1::ProfileType::Mentor.into(),
        visibility: contracts::profile::v1::ProfileVisibility::Public.into(),
        state: state.into(),
        version,
        ..ProfileRef::default()
    }
}

fn gone(nth: usize, who: (Uuid, Uuid), primary: Uuid) -> ProfileDeleted {
    ProfileDeleted {
        profile: Some(facts(nth, who, 4, ProfileState::Deleted)),
        new_primary_id: primary.to_string(),
    }
}

fn relate(ctx: &Context, story: &mut Vec<Told>, one: (Uuid, Uuid), other: (Uuid, Uuid)) {
    let accepted = ConnectionAccepted {
        requester_profile_id: one.1.to_string(),
        addressee_profile_id: other.1.to_string(),
        version: 1,
        ..ConnectionAccepted::default()
    };
    let blocked = ProfileBlocked {
        blocker_account_id: one.0.to_string(),
        blocked_account_id: other.0.to_string(),
        blocked_profile_id: other.1.to_string(),
        version: 1,
    };
    let muted = ProfileMuted {
        account_id: one.0.to_string(),
        muted_profile_id: other.1.to_string(),
        version: 1,
    };
    story.push(tell(ctx, "connection", one.1, &accepted));
    story.push(tell(ctx, "connection", one.0, &blocked));
    story.push(tell(ctx, "connection", one.0, &muted));
}

fn tell<M: Message + Name>(ctx: &Context, teller: &'static str, of: Uuid, message: &M) -> Told {
    (teller, Event::of(of, 1, message).into_envelope(ctx))
}

/// Everybody writes a post by each profile, likes the post of the next, comments it, and answers the comment of the one
/// before.
async fn write(world: &World, people: &[[Caller; 2]]) {
    let mut posts = Vec::new();
    for [one, other] in people {
        for author in [one, other] {
            posts.push(
                world
                    .post(author, &format!("post of {}", author.profile_id))
                    .await
                    .id,
            );
        }
    }
    for (nth, [one, other]) in people.iter().enumerate() {
        let post = &posts[(2 * nth + 2) % posts.len()];
        for liker in [one, other] {
            world.like(liker, post).await.unwrap();
        }
        let text = format!("comment of {}", one.profile_id);
        let comment = world.comment(one, post, "", &text).await.unwrap();
        let answerer = &people[(nth + 1) % people.len()][1];
        let text = format!("answer of {}", answerer.profile_id);
        let answer = world
            .comment(answerer, post, &comment.id, &text)
            .await
            .unwrap();
        let like = contracts::feed::v1::LikeCommentRequest { id: answer.id };
        world.client(other).like_comment(like).await.unwrap();
    }
}

/// What there is of everybody, whatever its ids.
const LEFT: &str = "select string_agg(line, E'\\n' order by line) from (
    select 'profile ' || to_jsonb(p)::text as line from feed.profile_ref p
    union all select 'account ' || to_jsonb(a)::text from feed.account_ref a
    union all select concat_ws(' ', 'connection', profile_a, profile_b, version, removed_at is null) from feed.connection_ref
    union all select concat_ws(' ', 'block', blocker_account, blocked_account, version, removed_at is null) from feed.block_ref
    union all select concat_ws(' ', 'mute', account_id, muted_profile_id, version, removed_at is null) from feed.mute_ref
    union all select concat_ws(' ', 'post', t.profile_id, t.status, t.deleted_at is null, t.content, t.version,
        s.likes + (select coalesce(sum(l.likes), 0) from feed.post_stats_late l where l.post_id = t.id),
        s.guarded_likes + (select coalesce(sum(l.guarded_likes), 0) from feed.post_stats_late l where l.post_id = t.id),
        s.comments + (select coalesce(sum(l.comments), 0) from feed.post_stats_late l where l.post_id = t.id))
      from feed.posts t join feed.post_stats s on s.post_id = t.id
    union all select concat_ws(' ', 'comment', coalesce(c.profile_id::text, 'nobody'), c.status, c.content, c.version, s.likes, s.replies)
      from feed.comments c join feed.comment_stats s on s.comment_id = c.id
    union all select concat_ws(' ', 'like', l.profile_id, l.post_id is not null, l.is_guarded) from feed.likes l
    union all select concat_ws(' ', 'told', type, count(*)) from feed.outbox group by type) lines";

async fn told(cast: &Cast, story: &[Told], fails: bool) -> String {
    let world = World::start().await;
    let people = cast.callers(&world);
    write(&world, &people).await;
    if fails {
        world.rig.fail_first_tries("feed").await;
    }
    world.rig.tell("feed", story).await;
    world.value(LEFT, vec![]).await
}

#[tokio::test]
async fn t_51_every_event_twice_shuffled_and_failing_at_first_leaves_the_same_posts_and_counters() {
    let cast = Cast::new();
    let story = cast.story();
    let in_order = Box::pin(told(&cast, &story, false)).await;
    let lines = |word: &str| {
        in_order
            .lines()
            .filter(|line| line.starts_with(word))
            .count()
    };
    assert_eq!(
        (lines("post "), lines("comment ")),
        (2 * PEOPLE, 2 * PEOPLE)
    );
    assert!(lines("like ") < 3 * PEOPLE, "some are gone: {in_order}");
    for left in ["archived", "tombstone", "comment nobody deleted"] {
        assert!(in_order.contains(left), "{left}: {in_order}");
    }
    for _ in 0..2 {
        let (seed, shuffled) = twice_and_shuffled(&story);
        let left = Box::pin(told(&cast, &shuffled, true)).await;
        assert_eq!(left, in_order, "seed {seed}");
    }
}
