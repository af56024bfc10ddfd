//! Projections compared with their owners (PJ-5), by the system as it runs.

use contracts::profile::v1::{
    ProfileRef, ProfileState, ProfileType, ProfileUpdated, ProfileVisibility,
};
use e2e::World;
use events::Event;
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use testkit::eventually;
use uuid::Uuid;

/// Profiles that make the comparison need three pages.
const CROWD: i64 = 1100;

async fn run(world: &World, sql: &str) {
    world.rig().owner().execute_unprepared(sql).await.unwrap();
}

async fn number(world: &World, sql: &str) -> i64 {
    let select = Statement::from_string(DbBackend::Postgres, sql);
    let row = world.rig().owner().query_one_raw(select).await.unwrap();
    row.unwrap().try_get_by_index(0).unwrap()
}

async fn until(world: &World, sql: &str) {
    eventually(|| async { number(world, sql).await == 1 }).await;
}

/// Profiles the service has and feed was never told of, but for the last that is to be.
async fn crowd(world: &World) {
    let columns = "id, version, user_account_id, profile_type, display_name, status, visibility, effective_visibility";
    run(
        world,
        &format!(
            "insert into profile.profiles ({columns})
               select gen_random_uuid(), 3, gen_random_uuid(), 'mentor', 'One of many', 'complete', 'public', 'public'
               from generate_series(1, {CROWD});
             insert into feed.profile_ref (profile_id, account_id, display_name, profile_type, visibility, state, version)
               select id, user_account_id, display_name, 'mentor', 'public', 'live', version from profile.profiles
               where display_name = 'One of many';"
        ),
    )
    .await;
}

/// What the process has counted; the tests of this binary share it.
fn repairs(service: &str, projection: &str, difference: &str) -> u64 {
    let series = format!(
        r#"sf_projection_repairs_total{{service="{service}",projection="{projection}",difference="{difference}"}} "#
    );
    let figures = telemetry::render();
    let line = figures.lines().find_map(|line| line.strip_prefix(&series));
    line.map_or(0, |count| count.parse().unwrap())
}

/// Lets the night come, and starts the system anew, which looks at once.
async fn next_night(world: World, place: &str) -> World {
    Box::pin(nights(world, &["feed"], place)).await
}

/// The same for several schemas.
async fn nights(world: World, schemas: &[&str], place: &str) -> World {
    for schema in schemas {
        let job = format!("select count(*) from {schema}.job_runs where job = 'projections'");
        until(&world, &job).await;
        let due = format!(
            "update {schema}.job_runs set last_ok_at = now() - interval '2 days', state = '{place}' where job = 'projections'"
        );
        run(&world, &due).await;
    }
    let world = Box::pin(world.restart()).await;
    for schema in schemas {
        let done = format!(
            "select count(*) from {schema}.job_runs where job = 'projections' and state = '{{}}'
               and last_ok_at > now() - interval '1 day'"
        );
        until(&world, &done).await;
    }
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn pj_5_what_projections_lost_or_made_up_is_repaired_and_stays_so() {
    let world = World::start().await;
    let (lost, behind, ahead) = (
        world.newcomer().await,
        world.newcomer().await,
        world.newcomer().await,
    );
    crowd(&world).await;
    let known =
        |id: &str| format!("select count(*) from feed.profile_ref where profile_id = '{id}'");
    for member in [&lost, &behind, &ahead] {
        until(&world, &known(&member.profile_id)).await;
    }
    let (lost_id, behind_id, ahead_id) = (&lost.profile_id, &behind.profile_id, &ahead.profile_id);
    let stranger = Uuid::new_v4();
    run(
        &world,
        &format!(
            "delete from feed.profile_ref where profile_id = '{lost_id}';
             delete from feed.profile_ref where profile_id in (
               select profile_id from feed.profile_ref where display_name = 'One of many' order by random() limit 7);
             update feed.profile_ref set version = 0, display_name = 'Forged' where profile_id = '{behind_id}';
             update feed.profile_ref set version = 9000, display_name = 'Forged' where profile_id = '{ahead_id}';
             insert into feed.profile_ref (profile_id, account_id, display_name, profile_type, visibility, state, version)
               values ('{stranger}', '{stranger}', 'Forged', 'mentor', 'public', 'live', 1);
             insert into feed.account_ref (account_id, state, version) values ('{stranger}', 'deleted', 1);
             insert into feed.account_ref (account_id, state, version)
               select user_account_id, 'suspended', 0 from profile.profiles where id = '{lost_id}';
             update feed.profile_ref set is_guarded = true where profile_id = '{ahead_id}';
             update account.user_accounts set is_active = false, version = version + 1
               where id = (select user_account_id from profile.profiles where id = '{behind_id}')"
        ),
    )
    .await;
    let world = next_night(world, "{}").await;
    let wrong = "select count(*) from profile.profiles p full join feed.profile_ref r on r.profile_id = p.id
        where p.id is null or r.profile_id is null or r.version <> p.version or r.display_name <> p.display_name";
    assert_eq!(number(&world, wrong).await, 0);
    let guarded = format!(
        "select count(*) from feed.profile_ref where is_guarded <> (profile_id = '{behind_id}')"
    );
    assert_eq!(number(&world, &guarded).await, 0);
    let states = format!(
        "select count(*) from feed.account_ref a join profile.profiles p on p.user_account_id = a.account_id
         where (p.id = '{lost_id}' and a.state = 'live') or (p.id = '{behind_id}' and a.state = 'suspended')"
    );
    assert_eq!(number(&world, &states).await, 2);
    assert_eq!(
        number(&world, "select count(*) from feed.account_ref").await,
        2
    );
    for (projection, difference, at_least) in [
        ("profile_ref", "missing", 8),
        ("profile_ref", "behind", 1),
        ("profile_ref", "ahead", 1),
        ("profile_ref", "unknown", 1),
        ("account_ref", "missing", 1),
        ("account_ref", "behind", 1),
        ("account_ref", "unknown", 1),
        ("likes", "behind", 2),
    ] {
        let counted = repairs("feed", projection, difference);
        assert!(counted >= at_least, "{projection} {difference}: {counted}");
    }
    an_event_of_the_past_changes_nothing(&world, ahead_id).await;
    world.stop().await;
}

/// A repair is not undone by a late event, and a newer one counts.
async fn an_event_of_the_past_changes_nothing(world: &World, id: &str) {
    let version = format!("select version::bigint from feed.profile_ref where profile_id = '{id}'");
    let repaired = i32::try_from(number(world, &version).await).unwrap();
    for (version, name) in [(repaired - 1, "Of the past"), (repaired + 5, "Of today")] {
        let profile = ProfileRef {
            profile_id: id.to_owned(),
            account_id: Uuid::now_v7().to_string(),
            display_name: name.to_owned(),
            profile_type: ProfileType::Mentor.into(),
            visibility: ProfileVisibility::Public.into(),
            state: ProfileState::Live.into(),
            version,
            ..ProfileRef::default()
        };
        let updated = ProfileUpdated {
            profile: Some(profile),
            ..ProfileUpdated::default()
        };
        let event = Event::of(id.parse().unwrap(), version, &updated);
        let envelope = event.into_envelope(&world.rig().anonymous());
        world.rig().deliver("profile", &envelope).await;
        let read = format!(
            "select count(*) from feed.inbox where event_id = '{}'",
            envelope.event_id
        );
        until(world, &read).await;
        let named = format!(
            "select count(*) from feed.profile_ref where profile_id = '{id}' and display_name = '{name}'"
        );
        assert_eq!(number(world, &named).await, i64::from(version > repaired));
    }
}

/// What a counter lost or counted twice is put right, whatever brought that about.
#[tokio::test(flavor = "multi_thread")]
async fn d_12_counters_that_drifted_are_right_the_next_day() {
    let world = World::start().await;
    let member = world.newcomer().await;
    let id = &member.profile_id;
    let known = format!("select count(*) from feed.profile_ref where profile_id = '{id}'");
    until(&world, &known).await;
    run(
        &world,
        &format!(
            "with author as (select profile_id, account_id from feed.profile_ref where profile_id = '{id}'),
             post as (insert into feed.posts (profile_id, account_id, post_type, content, status, published_at)
               select profile_id, account_id, 'general', 'Counted wrongly', 'published', now() from author returning id),
             counts as (insert into feed.post_stats (post_id, likes, guarded_likes, comments) select id, 5, 2, 0 from post),
             late as (insert into feed.post_stats_late (post_id, comments) select id, 7 from post),
             liked as (insert into feed.likes (profile_id, account_id, likeable_type, post_id)
               select profile_id, account_id, 'post', post.id from author, post),
             said as (insert into feed.comments (post_id, profile_id, account_id, depth, content)
               select post.id, profile_id, account_id, 1, 'First' from author, post returning id)
             insert into feed.comment_stats (comment_id, likes, replies) select id, 3, 1 from said"
        ),
    )
    .await;
    let world = next_night(world, "{}").await;
    let right = "select count(*) from feed.post_stats s
        cross join lateral (select coalesce(sum(likes), 0) as likes, coalesce(sum(guarded_likes), 0) as guarded_likes,
            coalesce(sum(comments), 0) as comments from feed.post_stats_late l where l.post_id = s.post_id) l
        join feed.posts p on p.id = s.post_id where p.content = 'Counted wrongly'
          and (s.likes + l.likes, s.guarded_likes + l.guarded_likes, s.comments + l.comments) = (1, 0, 1)";
    assert_eq!(number(&world, right).await, 1);
    let right =
        "select count(*) from feed.comment_stats s join feed.comments c on c.id = s.comment_id
        where c.content = 'First' and (s.likes, s.replies) = (0, 0)";
    assert_eq!(number(&world, right).await, 1);
    let figures = telemetry::render();
    for of in ["post_stats", "comment_stats"] {
        let series = format!(r#"sf_counter_drift_total{{of="{of}"}}"#);
        assert!(figures.contains(&series), "{series}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jb_1_a_comparison_that_broke_off_goes_on_where_it_was() {
    let world = World::start().await;
    let member = world.newcomer().await;
    let id = &member.profile_id;
    until(
        &world,
        &format!("select count(*) from feed.profile_ref where profile_id = '{id}'"),
    )
    .await;
    run(
        &world,
        &format!(
            "update feed.profile_ref set version = 0, display_name = 'Forged' where profile_id = '{id}';
             insert into feed.account_ref (account_id, state, version) values (gen_random_uuid(), 'deleted', 1)"
        ),
    )
    .await;
    let forged = "select count(*) from feed.profile_ref where display_name = 'Forged'";
    // It had the profiles behind it.
    let place = format!(r#"{{"in": "account_ref", "after": "{}"}}"#, Uuid::nil());
    let world = next_night(world, &place).await;
    assert_eq!(
        number(&world, "select count(*) from feed.account_ref").await,
        0
    );
    assert_eq!(number(&world, forged).await, 1);
    // The next one begins anew.
    let world = next_night(world, "{}").await;
    assert_eq!(number(&world, forged).await, 0);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pj_5_what_auth_keeps_of_profiles_and_profile_of_accounts_is_repaired() {
    let world = World::start().await;
    let mut members = Vec::new();
    for _ in 0..5 {
        members.push(world.newcomer().await);
    }
    let ids: Vec<&str> = members.iter().map(|one| &*one.profile_id).collect();
    let [lost, behind, ahead, buried, gone] = ids[..] else {
        unreachable!("five members")
    };
    for id in &ids {
        let told =
            format!("select count(*) from account.account_profiles where profile_id = '{id}'");
        until(&world, &told).await;
    }
    let account =
        |id: &str| format!("(select user_account_id from profile.profiles where id = '{id}')");
    let stranger = Uuid::new_v4();
    run(
        &world,
        &format!(
            "delete from account.account_profiles where profile_id = '{lost}';
             update account.account_profiles set version = 0, display_name = 'Forged' where profile_id = '{behind}';
             update account.account_profiles set primary_version = 9000, is_primary = false where profile_id = '{ahead}';
             update account.account_profiles set status = 'deleted', version = 0 where profile_id = '{buried}';
             insert into account.account_profiles (profile_id, account_id, display_name, profile_type, status, is_primary, completion, version)
               values ('{stranger}', '{stranger}', 'Forged', 'mentor', 'draft', true, 20, 1);
             update profile.profiles set account_state = 'suspended' where id = '{lost}';
             update profile.profile_private set account_version = 9000 where profile_id = '{lost}';
             update account.user_accounts set is_active = false, version = version + 1 where id = {};
             update account.account_settings set private_account = true, contact_visibility = 'connections', version = version + 1
               where account_id = {};
             update account.user_accounts set deleted_at = now(), version = version + 1 where id = {};",
            account(behind),
            account(ahead),
            account(gone),
        ),
    )
    .await;
    let world = Box::pin(nights(world, &["account", "profile"], "{}")).await;
    let rows = format!(
        "select count(*) from profile.profiles p full join account.account_profiles a on a.profile_id = p.id
         where p.id is null or a.profile_id is null or (p.id <> '{gone}' and (a.display_name <> p.display_name
           or a.is_primary <> p.is_primary or a.status <> p.status::text or greatest(a.version, a.primary_version) > p.version))"
    );
    let facts = format!(
        "select count(*) from profile.profiles p left join profile.profile_private v on v.profile_id = p.id
         where (p.id = '{lost}' and p.account_state = 'live')
           or (p.id = '{behind}' and p.account_state = 'suspended')
           or (p.id = '{ahead}' and v.private_account and v.contact_visibility = 'connections' and p.effective_visibility = 'connections')
           or (p.id = '{gone}' and p.account_state = 'deleted' and p.deleted_at is not null)"
    );
    // The end of a profile, and a visibility that changed, are told by events.
    eventually(|| async { number(&world, &rows).await == 0 }).await;
    assert_eq!(number(&world, &facts).await, 4);
    for (service, projection, difference, at_least) in [
        ("auth", "account_profiles", "missing", 1),
        ("auth", "account_profiles", "behind", 2),
        ("auth", "account_profiles", "ahead", 1),
        ("auth", "account_profiles", "unknown", 1),
        ("profile", "account_facts", "ahead", 1),
        ("profile", "account_facts", "behind", 3),
    ] {
        let counted = repairs(service, projection, difference);
        assert!(counted >= at_least, "{projection} {difference}: {counted}");
    }
    world.stop().await;
}
