//! Random schedules of deliveries, repetitions, crashes, failures and claims: every effect once, no projection goes back
//! (I-9).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chassis::Tasks;
use contracts::common::v1::Envelope;
use contracts::profile::v1::{ProfileCompleted, ProfileUpdated};
use events::{Consumer, Event, projections, stream};
use fault::Fault;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use testkit::Rig;
use uuid::Uuid;

use crate::scene;
use crate::story::profile;

const COUNTED: usize = 120;
const PROFILES: usize = 15;
const VERSIONS: i32 = 6;
const MOVES: usize = 30;

/// Notes every step back, and every second effect, whoever makes it.
const WATCH: &str = "create table public.steps_back (what text);
    create function public.watch() returns trigger language plpgsql security definer as $$
      begin
        if new.version <= old.version then insert into public.steps_back values (old::text || new::text); end if;
        return new;
      end $$;
    create trigger watch before update on feed.profile_ref for each row execute function public.watch();";

/// The counting consumer and the profiles' projection; one in twenty tries fails as long as there is trouble.
fn consumer(rig: &Rig, trouble: &Arc<AtomicBool>) -> Consumer {
    let trouble = Arc::clone(trouble);
    let consumer = Consumer::new("feed", rig.db("feed"), rig.redis().clone());
    projections::profiles(consumer)
        .on::<ProfileCompleted>(move |tx, _, event| {
            let fails = trouble.load(Ordering::SeqCst) && rand::rng().random_bool(0.05);
            Box::pin(async move {
                scene::count(&**tx, &event.account_id).await?;
                if fails {
                    return Err(Fault::conflict("as the schedule has it"));
                }
                Ok(())
            })
        })
        .claims_after(Duration::from_millis(150))
}

/// Every event twice, each at most about a hundred places from where it belongs.
fn deliveries(random: &mut StdRng) -> Vec<Envelope> {
    let ctx = identity::Context::background("schedule", Duration::from_secs(5));
    let mut events: Vec<Event> = (0..COUNTED)
        .map(|_| scene::completed(Uuid::now_v7()))
        .collect();
    for _ in 0..PROFILES {
        let (id, account) = (Uuid::now_v7(), Uuid::now_v7());
        events.extend((1..=VERSIONS).map(|version| {
            let updated = ProfileUpdated {
                profile: profile(id, account, version),
                ..Default::default()
            };
            Event::of(id, version, &updated)
        }));
    }
    let once: Vec<Envelope> = events
        .into_iter()
        .map(|event| event.into_envelope(&ctx))
        .collect();
    let mut twice = [once.clone(), once].concat();
    for within in twice.chunks_mut(100) {
        within.shuffle(random);
    }
    twice
}

async fn play(seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let rig = Rig::start().await;
    scene::execute(&rig, WATCH).await;
    let trouble = Arc::new(AtomicBool::new(true));
    let deliveries = deliveries(&mut random);
    let mut running: Vec<Tasks> = Vec::new();
    for part in deliveries.chunks(deliveries.len().div_ceil(MOVES)) {
        for envelope in part {
            rig.deliver("profile", envelope).await;
        }
        if running.len() < 3 {
            running.push(scene::start(consumer(&rig, &trouble).tasks()));
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(0..60))).await;
        // Killed wherever it is: before, in or after an effect, and before it is acknowledged.
        if random.random_bool(0.6) {
            running.swap_remove(random.random_range(0..running.len()));
        }
    }
    trouble.store(false, Ordering::SeqCst);
    running.push(scene::start(consumer(&rig, &trouble).tasks()));
    scene::until_effects(&rig, COUNTED as i64).await;
    let profiles = stream("profile");
    rig.eventually(|| async {
        let group = rig.redis().groups(&profiles).await.unwrap().remove(0);
        group.pending == 0 && group.lag == Some(0)
    })
    .await;
    let letters = "select count(*) from feed.dead_letters";
    rig.eventually(|| async { scene::number(&rig, letters).await == 0 })
        .await;
    let all = COUNTED as i64;
    assert_eq!(scene::effects(&rig).await, (all, all), "seed {seed}");
    let last = format!("select count(*) from feed.profile_ref where version = {VERSIONS}");
    assert_eq!(
        scene::number(&rig, &last).await,
        PROFILES as i64,
        "seed {seed}"
    );
    let back = "select count(*) from public.steps_back";
    assert_eq!(scene::number(&rig, back).await, 0, "seed {seed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn i_9_under_random_schedules_every_effect_happens_once_and_no_projection_goes_back() {
    for _ in 0..2 {
        play(rand::random()).await;
    }
}
