//! What events leave behind does not depend on their order, their number or their failures (I-9, T51).

use contracts::auth::v1::{
    AccountCreated, AccountDeactivated, AccountDeleted, AccountReactivated, AccountSettingsChanged,
};
use contracts::connection::v1::{
    ConnectionAccepted, ConnectionRemoved, ProfileBlocked, ProfileMuted,
};
use contracts::feed::v1::{PostArchived, PostCreated, PostFacts};
use events::Event;
use identity::Context;
use prost::{Message, Name};
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use testkit::{Told, twice_and_shuffled};
use uuid::Uuid;

use crate::world::World;

/// People of the story.
const PEOPLE: usize = 12;

/// Somebody of the story: an account with its first profile.
#[derive(Clone, Copy)]
struct Person {
    account: Uuid,
    profile: Uuid,
}

/// What is told, in two parts: there is nothing of a profile before this service has made it.
struct Story {
    ctx: Context,
    accounts: Vec<Told>,
    relations: Vec<Told>,
}

impl Story {
    fn new() -> Self {
        let mut story = Self {
            ctx: Context::background("story", std::time::Duration::from_secs(5)),
            accounts: Vec::new(),
            relations: Vec::new(),
        };
        let new = |_| Person {
            account: Uuid::now_v7(),
            profile: Uuid::now_v7(),
        };
        let people: Vec<Person> = (0..PEOPLE).map(new).collect();
        for (nth, person) in people.iter().enumerate() {
            story.account(nth, *person);
            (0..3).for_each(|post| story.post(*person, post > 0));
        }
        for (nth, near) in people.windows(3).enumerate() {
            story.pair(nth, near[0], near[1]);
            story.pair(nth, near[0], near[2]);
        }
        for person in people.iter().skip(3).step_by(4) {
            story.end(*person);
        }
        story
    }

    fn tell<M: Message + Name>(&self, teller: &'static str, of: Uuid, message: &M) -> Told {
        (teller, Event::of(of, 1, message).into_envelope(&self.ctx))
    }

    fn account(&mut self, nth: usize, Person { account, profile }: Person) {
        let account_id = account.to_string();
        let created = AccountCreated {
            account_id: account_id.clone(),
            initial_profile_id: profile.to_string(),
            display_name: format!("Person {nth}"),
        };
        let hidden = AccountSettingsChanged {
            account_id: account_id.clone(),
            private_account: nth.is_multiple_of(2),
            contact_visibility: "connections".to_owned(),
            version: 2,
            ..AccountSettingsChanged::default()
        };
        let suspended = AccountDeactivated {
            account_id: account_id.clone(),
            until: None,
            version: 3,
        };
        self.accounts.extend([
            self.tell("auth", account, &created),
            self.tell("auth", account, &hidden),
            self.tell("auth", account, &suspended),
        ]);
        let version = 4;
        let last = match nth % 4 {
            0 => self.tell(
                "auth",
                account,
                &AccountReactivated {
                    account_id,
                    version,
                },
            ),
            1 => self.tell(
                "auth",
                account,
                &AccountDeleted {
                    account_id,
                    version,
                },
            ),
            _ => return,
        };
        self.accounts.push(last);
    }

    /// An account ends among everything else that is told of it.
    fn end(&mut self, Person { account, .. }: Person) {
        let ended = AccountDeleted {
            account_id: account.to_string(),
            version: 5,
        };
        self.relations.push(self.tell("auth", account, &ended));
    }

    fn pair(&mut self, nth: usize, one: Person, other: Person) {
        let accepted = ConnectionAccepted {
            requester_profile_id: one.profile.to_string(),
            addressee_profile_id: other.profile.to_string(),
            version: 1,
            ..ConnectionAccepted::default()
        };
        let removed = ConnectionRemoved {
            requester_profile_id: one.profile.to_string(),
            addressee_profile_id: other.profile.to_string(),
            version: 2,
            ..ConnectionRemoved::default()
        };
        let blocked = ProfileBlocked {
            blocker_account_id: one.account.to_string(),
            blocked_account_id: other.account.to_string(),
            blocked_profile_id: other.profile.to_string(),
            version: 1,
        };
        let muted = ProfileMuted {
            account_id: one.account.to_string(),
            muted_profile_id: other.profile.to_string(),
            version: 1,
        };
        self.relations.extend([
            self.tell("connection", one.profile, &accepted),
            self.tell("connection", one.account, &blocked),
            self.tell("connection", one.account, &muted),
        ]);
        if nth.is_multiple_of(3) {
            self.relations
                .push(self.tell("connection", one.profile, &removed));
        }
    }

    fn post(&mut self, Person { account, profile }: Person, archived: bool) {
        let post = Uuid::now_v7();
        let (post_id, profile_id) = (post.to_string(), profile.to_string());
        let account_id = account.to_string();
        let facts = PostFacts {
            post_id: post_id.clone(),
            profile_id: profile_id.clone(),
            account_id: account_id.clone(),
            ..PostFacts::default()
        };
        let created = PostCreated { post: Some(facts) };
        self.relations.push(self.tell("feed", post, &created));
        if archived {
            let archived = PostArchived {
                post_id,
                profile_id,
                account_id,
                version: 2,
            };
            self.relations.push(self.tell("feed", post, &archived));
        }
    }
}

/// Tells the story and returns what there is at the end.
async fn told(accounts: &[Told], relations: &[Told], fails: bool) -> String {
    let world = World::start().await;
    if fails {
        world.rig.fail_first_tries("profile").await;
    }
    for part in [accounts, relations] {
        world.rig.tell("profile", part).await;
    }
    let left = "select string_agg(line, E'\\n' order by line) from (
         select concat_ws(' ', p.id, p.account_state, p.effective_visibility, p.deleted_at is not null, v.private_account,
           v.contact_visibility, v.settings_version, v.account_version, s.posts, s.connections) as line
         from profile.profiles p left join profile.profile_private v on v.profile_id = p.id
           left join profile.profile_stats s on s.profile_id = p.id
         union all select concat_ws(' ', 'connection', profile_a, profile_b, version, removed_at is null) from profile.connection_ref
         union all select concat_ws(' ', 'block', blocker_account, blocked_account, version, removed_at is null) from profile.block_ref
         union all select concat_ws(' ', 'mute', account_id, muted_profile_id, version, removed_at is null) from profile.mute_ref) lines";
    let left = Statement::from_string(DbBackend::Postgres, left);
    let row = world.rig.owner().query_one_raw(left).await.unwrap();
    row.unwrap().try_get_by_index(0).unwrap()
}

#[tokio::test]
async fn t_51_every_event_twice_shuffled_and_failing_at_first_leaves_the_same_profiles() {
    let Story {
        accounts,
        relations,
        ..
    } = Story::new();
    let in_order = Box::pin(told(&accounts, &relations, false)).await;
    assert_eq!(
        in_order.lines().count(),
        PEOPLE + 6 * (PEOPLE - 2),
        "{in_order}"
    );
    for state in ["live", "suspended", "deleted"] {
        assert!(in_order.contains(state), "{in_order}");
    }
    for kind in ["connection", "block", "mute"] {
        let pairs = in_order.lines().filter(|line| line.starts_with(kind));
        let (hold, ended): (Vec<_>, Vec<_>) = pairs.partition(|line| line.ends_with('t'));
        assert!(!hold.is_empty() && !ended.is_empty(), "{kind}s: {in_order}");
    }
    for _ in 0..2 {
        let ((one, accounts), (other, relations)) = (
            twice_and_shuffled(&accounts),
            twice_and_shuffled(&relations),
        );
        let left = Box::pin(told(&accounts, &relations, true)).await;
        assert_eq!(left, in_order, "seeds {one} {other}");
    }
}
