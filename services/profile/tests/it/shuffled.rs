//! What events leave behind does not depend on their order or number (I-9, T51).

use std::collections::HashSet;

use contracts::auth::v1::{
    AccountCreated, AccountDeactivated, AccountDeleted, AccountReactivated, AccountSettingsChanged,
};
use contracts::common::v1::Envelope;
use contracts::connection::v1::{ConnectionAccepted, ConnectionRemoved};
use contracts::feed::v1::{PostArchived, PostCreated, PostFacts};
use events::Event;
use rand::seq::SliceRandom as _;
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use uuid::Uuid;

use crate::world::World;

/// The stories of a few accounts, as their services tell them.
fn story() -> Vec<(&'static str, Envelope)> {
    let ctx = identity::Context::background("story", std::time::Duration::from_secs(5));
    let mut story = Vec::new();
    let mut tell = |service, event: Event| story.push((service, event.into_envelope(&ctx)));
    let people: Vec<(Uuid, Uuid)> = (0..6).map(|_| (Uuid::now_v7(), Uuid::now_v7())).collect();
    for (nth, (account, profile)) in people.iter().enumerate() {
        let account_id = account.to_string();
        let created = AccountCreated {
            account_id: account_id.clone(),
            initial_profile_id: profile.to_string(),
            display_name: format!("Person {nth}"),
        };
        tell("auth", Event::of(*account, 1, &created));
        let hidden = AccountSettingsChanged {
            account_id: account_id.clone(),
            private_account: nth % 2 == 0,
            contact_visibility: "connections".to_owned(),
            version: 2,
            ..AccountSettingsChanged::default()
        };
        tell("auth", Event::of(*account, 2, &hidden));
        let suspended = AccountDeactivated {
            account_id: account_id.clone(),
            until: None,
            version: 3,
        };
        tell("auth", Event::of(*account, 3, &suspended));
        let (account_id, version) = (account_id.clone(), 4);
        match nth % 3 {
            0 => tell(
                "auth",
                Event::of(
                    *account,
                    4,
                    &AccountReactivated {
                        account_id,
                        version,
                    },
                ),
            ),
            1 => tell(
                "auth",
                Event::of(
                    *account,
                    4,
                    &AccountDeleted {
                        account_id,
                        version,
                    },
                ),
            ),
            _ => {}
        }
        for post in 0..3 {
            post_and_maybe_archive(&mut tell, *account, *profile, post > 0);
        }
    }
    for pair in people.windows(2) {
        let (one, other) = (pair[0].1.to_string(), pair[1].1.to_string());
        let accepted = ConnectionAccepted {
            requester_profile_id: one.clone(),
            addressee_profile_id: other.clone(),
            version: 1,
            ..ConnectionAccepted::default()
        };
        tell("connection", Event::of(pair[0].1, 1, &accepted));
        let removed = ConnectionRemoved {
            requester_profile_id: one,
            addressee_profile_id: other,
            version: 2,
            ..ConnectionRemoved::default()
        };
        tell("connection", Event::of(pair[0].1, 2, &removed));
    }
    story
}

fn post_and_maybe_archive(
    tell: &mut impl FnMut(&'static str, Event),
    account: Uuid,
    profile: Uuid,
    archived: bool,
) {
    let post = Uuid::now_v7();
    let (post_id, profile_id, account_id) =
        (post.to_string(), profile.to_string(), account.to_string());
    let facts = PostFacts {
        post_id: post_id.clone(),
        profile_id: profile_id.clone(),
        account_id: account_id.clone(),
        ..PostFacts::default()
    };
    tell(
        "feed",
        Event::of(post, 1, &PostCreated { post: Some(facts) }),
    );
    if archived {
        let archived = PostArchived {
            post_id,
            profile_id,
            account_id,
            version: 2,
        };
        tell("feed", Event::of(post, 2, &archived));
    }
}

async fn one<T: sea_orm::TryGetable>(world: &World, sql: &str) -> T {
    let select = Statement::from_string(DbBackend::Postgres, sql);
    let row = world.rig.owner().query_one_raw(select).await.unwrap();
    row.unwrap().try_get_by_index(0).unwrap()
}

/// Delivers the accounts' events, then the others: there is nothing of a profile before this service has made it.
/// Returns what there is at the end.
async fn told(deliveries: &[(&'static str, Envelope)]) -> String {
    let world = World::start().await;
    let (accounts, others): (Vec<_>, Vec<_>) = deliveries
        .iter()
        .partition(|(service, _)| *service == "auth");
    let mut ids = HashSet::new();
    for part in [accounts, others] {
        for (service, envelope) in part {
            world.rig.deliver(service, envelope).await;
            ids.insert(&envelope.event_id);
        }
        settled(&world, i64::try_from(ids.len()).unwrap()).await;
    }
    one(
        &world,
        "select string_agg(line, E'\\n' order by line) from (
           select concat_ws(' ', p.id, p.account_state, p.effective_visibility, p.deleted_at is not null, v.private_account,
             v.contact_visibility, v.settings_version, s.posts, s.connections) as line
           from profile.profiles p left join profile.profile_private v on v.profile_id = p.id
             left join profile.profile_stats s on s.profile_id = p.id
           union all select concat_ws(' ', profile_a, profile_b, version, removed_at is not null) from profile.connection_ref) lines",
    )
    .await
}

/// Waits until so many events had their effect and none is left over.
async fn settled(world: &World, events: i64) {
    world
        .rig
        .eventually(|| async {
            // What came too early is tried again, now instead of in seconds or minutes.
            let hurry = "update profile.dead_letters set next_try_at = now(), attempts = 1";
            world.rig.owner().execute_unprepared(hurry).await.unwrap();
            one::<i64>(world, "select count(*) from profile.inbox").await == events
        })
        .await;
    world
        .rig
        .eventually(|| async {
            one::<i64>(world, "select count(*) from profile.dead_letters").await == 0
        })
        .await;
}

#[tokio::test]
async fn t_51_every_event_twice_and_shuffled_leaves_the_same_profiles() {
    let story = story();
    let in_order = told(&story).await;
    assert_eq!(in_order.lines().count(), 6 + 5, "{in_order}");
    for state in ["live", "suspended", "deleted"] {
        assert!(in_order.contains(state), "{in_order}");
    }
    for _ in 0..2 {
        let mut shuffled = [story.clone(), story.clone()].concat();
        shuffled.shuffle(&mut rand::rng());
        assert_eq!(told(&shuffled).await, in_order);
    }
}
