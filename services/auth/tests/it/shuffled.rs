//! What events leave behind does not depend on their order, their number or their failures (I-9, T51).

use contracts::profile::v1::*;
use events::Event;
use testkit::{Told, twice_and_shuffled};
use uuid::Uuid;

use crate::world::World;

/// Accounts of the story.
const ACCOUNTS: usize = 8;

/// A profile as its service tells it.
#[derive(Clone)]
struct Teller {
    account: Uuid,
    id: Uuid,
    version: i32,
    is_primary: bool,
}

impl Teller {
    fn new(account: Uuid, is_primary: bool) -> Self {
        Self {
            account,
            id: Uuid::now_v7(),
            version: 1,
            is_primary,
        }
    }

    fn facts(&self, state: ProfileState) -> Option<ProfileRef> {
        Some(ProfileRef {
            profile_id: self.id.to_string(),
            account_id: self.account.to_string(),
            display_name: format!("as of {}", self.version),
            profile_type: ProfileType::Mentor.into(),
            state: state.into(),
            version: self.version,
            ..ProfileRef::default()
        })
    }

    fn summary(&self) -> Option<ProfileSummary> {
        Some(ProfileSummary {
            bio: Some(format!("about, as of {}", self.version)),
            status: ProfileStatus::Complete.into(),
            is_primary: self.is_primary,
            completion_percentage: 40 + self.version,
            is_placeholder: false,
        })
    }

    fn event<M: prost::Message + prost::Name>(&self, message: &M) -> Event {
        Event::of(self.id, self.version, message)
    }

    fn created(&self) -> Event {
        self.event(&ProfileCreated {
            profile: self.facts(ProfileState::Live),
            summary: self.summary(),
        })
    }

    fn updated(&mut self) -> Event {
        self.version += 1;
        self.event(&ProfileUpdated {
            profile: self.facts(ProfileState::Live),
            summary: self.summary(),
            changed: Vec::new(),
        })
    }

    /// The mark moves to this profile; no event tells the facts of these versions.
    fn becomes_primary(&mut self, previous: &mut Self) -> Event {
        (self.is_primary, previous.is_primary) = (true, false);
        self.version += 1;
        previous.version += 1;
        self.event(&ProfilePrimaryChanged {
            account_id: self.account.to_string(),
            profile_id: self.id.to_string(),
            previous_profile_id: previous.id.to_string(),
            version: self.version,
            previous_version: previous.version,
        })
    }

    fn deleted(&mut self, primary: &Self) -> Event {
        self.version += 1;
        self.event(&ProfileDeleted {
            profile: self.facts(ProfileState::Deleted),
            new_primary_id: primary.id.to_string(),
        })
    }

    fn completed(&self) -> Event {
        self.event(&ProfileCompleted {
            profile_id: self.id.to_string(),
            account_id: self.account.to_string(),
            profile_type: ProfileType::Mentor.into(),
        })
    }
}

/// An account with three profiles, of which the mark visits each and up to two go.
struct Account {
    id: Uuid,
    profiles: [Uuid; 3],
    events: Vec<Event>,
}

fn account(nth: usize) -> Account {
    let id = Uuid::now_v7();
    let [mut a, mut b, mut c] = [true, false, false].map(|primary| Teller::new(id, primary));
    let mut events = vec![a.created(), b.created(), c.created()];
    events.extend([b.updated(), b.becomes_primary(&mut a), b.completed()]);
    events.extend([a.updated(), c.updated()]);
    if nth.is_multiple_of(2) {
        events.push(b.updated());
    }
    if nth % 4 < 3 {
        events.push(c.becomes_primary(&mut b));
        events.push(b.deleted(&c));
    }
    if nth % 4 == 1 {
        events.push(a.becomes_primary(&mut c));
        events.push(c.deleted(&a));
        events.push(a.updated());
    }
    Account {
        id,
        profiles: [a.id, b.id, c.id],
        events,
    }
}

/// The accounts, each with a session on each of its profiles.
async fn prepare(world: &World, accounts: &[Account]) {
    for account in accounts {
        let (id, [first, ..]) = (account.id, account.profiles);
        world
            .sql(&format!(
                "insert into account.user_accounts (id, email, initial_profile_id) values ('{id}', '{id}@example.com', '{first}')"
            ))
            .await;
        for profile in account.profiles {
            world
                .sql(&format!(
                    "insert into account.sessions (account_id, active_profile_id, device_name, last_activity_at, expires_at, absolute_expires_at)
                     values ('{id}', '{profile}', '{profile}', now(), now() + interval '1 day', now() + interval '1 day')"
                ))
                .await;
        }
    }
}

/// What is left once everything was told: profiles, where sessions are, whether first sign-ins are over, what is revoked.
async fn left(world: &World) -> Vec<String> {
    world
        .all(
            "select line from (
               select concat_ws(' ', 'profile', profile_id, display_name, profile_type, bio, status, is_primary, completion,
                 version, greatest(version, primary_version), successor_id) as line from account.account_profiles
               union all select concat_ws(' ', 'session', device_name, active_profile_id) from account.sessions
               union all select concat_ws(' ', 'account', id, first_login) from account.user_accounts
               union all select concat_ws(' ', 'revoked', subject_id, count(*)) from account.revocations group by subject_id
             ) lines order by line",
        )
        .await
}

async fn told(accounts: &[Account], story: &[Told], fails: bool) -> Vec<String> {
    let world = World::start().await;
    prepare(&world, accounts).await;
    if fails {
        world.rig.fail_first_tries("auth").await;
    }
    world.rig.tell("auth", story).await;
    left(&world).await
}

#[tokio::test]
async fn t_51_every_event_twice_shuffled_and_failing_at_first_leaves_the_same_profiles_and_sessions()
 {
    let accounts: Vec<Account> = (0..ACCOUNTS).map(account).collect();
    let ctx = identity::Context::background("story", std::time::Duration::from_secs(5));
    let events = accounts.iter().flat_map(|account| account.events.iter());
    let story: Vec<Told> = events
        .map(|event| ("profile", event.clone().into_envelope(&ctx)))
        .collect();
    let in_order = Box::pin(told(&accounts, &story, false)).await;
    let primary = in_order
        .iter()
        .filter(|line| line.contains("complete t"))
        .count();
    assert_eq!(primary, ACCOUNTS, "one is primary in each: {in_order:#?}");
    for account in &accounts {
        let told = format!("account {} f", account.id);
        assert!(in_order.contains(&told), "{in_order:#?}");
    }
    for _ in 0..3 {
        let (seed, shuffled) = twice_and_shuffled(&story);
        let left = Box::pin(told(&accounts, &shuffled, true)).await;
        assert_eq!(left, in_order, "seed {seed}");
    }
}
