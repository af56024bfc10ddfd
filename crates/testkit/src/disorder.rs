//! Events as every consumer must bear them: twice, out of order, and with a first try that fails (T51, EB-4, I-9).

use std::collections::HashSet;

use contracts::common::v1::Envelope;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};

use crate::{Rig, eventually};

/// How far an event may be from where it belongs.
const WITHIN: usize = 100;

/// An event and the service that tells it.
pub type Told = (&'static str, Envelope);

/// Every event twice, shuffled within a hundred places; with the seed that makes the same order again.
#[must_use]
pub fn twice_and_shuffled(story: &[Told]) -> (u64, Vec<Told>) {
    let seed = rand::random();
    let mut told = [story, story].concat();
    let mut random = StdRng::seed_from_u64(seed);
    for within in told.chunks_mut(WITHIN) {
        within.shuffle(&mut random);
    }
    (seed, told)
}

impl Rig {
    /// Lets the first try of about every other event fail that the service consumes. It becomes a dead letter, so that what
    /// follows overtakes it.
    ///
    /// # Panics
    /// When PostgreSQL refuses.
    pub async fn fail_first_tries(&self, service: &str) {
        let schema = store::role::schema(service);
        let trouble = format!(
            "create function public.fail_first_try() returns trigger language plpgsql security definer as $$
               begin
                 if get_byte(uuid_send(new.event_id), 15) % 2 = 0
                   and not exists (select from {schema}.inbox i where i.event_id = new.event_id)
                   and not exists (select from {schema}.dead_letters d where d.event_id = new.event_id)
                 then raise exception 'the first try fails'; end if;
                 return new;
               end $$;
             create trigger fail_first_try before insert on {schema}.inbox
               for each row execute function public.fail_first_try();"
        );
        let made = self.owner().execute_unprepared(&trouble).await;
        made.expect("the trigger is made");
    }

    /// Delivers events and waits until the service has read them all, each has had its effect and none is left over.
    /// Whatever failed is tried again at once instead of in seconds or minutes.
    ///
    /// # Panics
    /// When it takes too long.
    #[track_caller]
    pub fn tell<'a>(
        &'a self,
        service: &'a str,
        story: &'a [Told],
    ) -> impl Future<Output = ()> + 'a {
        let schema = store::role::schema(service);
        let hurry = format!(
            "update {schema}.dead_letters set next_try_at = now(), attempts = 1, dead = false"
        );
        let ids: HashSet<&str> = story.iter().map(|(_, e)| e.event_id.as_str()).collect();
        let ids: Vec<String> = ids.iter().map(|id| format!("'{id}'")).collect();
        let had_effect = format!(
            "select (select count(*) from {schema}.inbox where event_id in ({})) = {}
               and not exists (select from {schema}.dead_letters) as had_effect",
            ids.join(", "),
            ids.len(),
        );
        let settled = eventually(move || {
            let (hurry, had_effect) = (hurry.clone(), had_effect.clone());
            async move {
                let hurried = self.owner().execute_unprepared(&hurry).await;
                hurried.expect("the letters are due");
                let asked = Statement::from_string(DbBackend::Postgres, had_effect);
                let row = self.owner().query_one_raw(asked).await.expect("an answer");
                let had = row.map(|row| row.try_get("", "had_effect").expect("a boolean"));
                had == Some(true) && self.is_read(service, story).await
            }
        });
        async move {
            for (teller, envelope) in story {
                self.deliver(teller, envelope).await;
            }
            settled.await;
        }
    }

    /// Whether the service has read and acknowledged all of the streams of a story.
    async fn is_read(&self, service: &str, story: &[Told]) -> bool {
        let tellers: HashSet<&str> = story.iter().map(|(teller, _)| *teller).collect();
        for teller in tellers {
            let groups = self.redis().groups(&events::stream(teller)).await;
            let groups = groups.expect("Redis answers");
            let group = groups.iter().find(|group| group.name == service);
            if !group.is_some_and(|group| group.pending == 0 && group.lag == Some(0)) {
                return false;
            }
        }
        true
    }
}
