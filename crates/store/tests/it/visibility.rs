//! The matrix of VIS-11: function, predicate and the rule as the specification words it, over every combination.

mod scene;

use std::collections::HashSet;

use identity::Viewer;
use sea_orm::sea_query::Query;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use store::visibility::{Columns, Projections, not_muted, visible};
use uuid::Uuid;

use scene::{Groups, RELATIONS, Relation, Scene, Thing, run, scene, viewer};

const COLUMNS: Columns = Columns {
    author_profile: "thing.profile_id",
    author_account: "thing.account_id",
    visibility: "thing.visibility",
    target_types: "thing.target_types",
    target_tags: "thing.target_tags",
    group_id: "thing.group_id",
};

/// VIS-1 to VIS-3 in plain words; `None` is nobody.
fn expected(thing: &Thing, groups: Groups, viewer: &Viewer, relation: Option<Relation>) -> bool {
    let author = &thing.author;
    let alive = !matches!(author.account_state, Some("suspended" | "deleted"));
    let deleted = matches!(author.shown, Some((_, "deleted")));
    let blocked = matches!(relation, Some(Relation::Blocker | Relation::Blocked));
    if !alive || deleted || blocked {
        return false;
    }
    if viewer.account_id == Some(author.account) {
        return true;
    }
    let connected = relation == Some(Relation::Connected);
    let admitted = match author.shown {
        Some(("public", _)) => true,
        Some(("connections", _)) => connected,
        _ => false,
    };
    let shown = match thing.visibility {
        "public" => true,
        "connections" => connected,
        "targeted" => {
            // Types name mentors or nobody here, tags rust or nobody: who suits one suits the other.
            let suits = |wanted: &[&str], has: &str| {
                wanted.is_empty() || (relation == Some(Relation::Suited) && wanted.contains(&has))
            };
            relation.is_some() && suits(thing.types, "mentor") && suits(thing.tags, "rust")
        }
        "group" => {
            let member = relation == Some(Relation::Member);
            thing.group == Some(groups.public) || (thing.group == Some(groups.private) && member)
        }
        _ => false,
    };
    admitted && shown
}

async fn by_function(scene: &Scene, viewer: &Viewer) -> HashSet<Uuid> {
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "select id from thing where can_see($1, $2, profile_id, account_id, visibility, target_types, target_tags, group_id)",
        [viewer.profile_id.into(), viewer.account_id.into()],
    );
    let rows = scene
        .rig
        .db("feed")
        .connection()
        .query_all_raw(statement)
        .await
        .unwrap();
    rows.iter()
        .map(|row| row.try_get_by_index(0).unwrap())
        .collect()
}

async fn by_predicate(scene: &Scene, viewer: &Viewer) -> HashSet<Uuid> {
    let select = Query::select()
        .column("id")
        .from("thing")
        .and_where(visible(Projections::WithGroups, &COLUMNS, viewer))
        .to_owned();
    let rows = scene
        .rig
        .db("feed")
        .connection()
        .query_all(&select)
        .await
        .unwrap();
    rows.iter()
        .map(|row| row.try_get_by_index(0).unwrap())
        .collect()
}

async fn check(scene: &Scene, viewer: &Viewer, relation: Option<Relation>) {
    let (function, predicate) = (
        by_function(scene, viewer).await,
        by_predicate(scene, viewer).await,
    );
    for thing in &scene.things {
        let right = expected(thing, scene.groups, viewer, relation);
        assert_eq!(
            function.contains(&thing.id),
            right,
            "function, {relation:?} {thing:?}"
        );
        assert_eq!(
            predicate.contains(&thing.id),
            right,
            "predicate, {relation:?} {thing:?}"
        );
    }
}

#[tokio::test]
async fn vis_11_function_predicate_and_rule_agree_on_every_combination() {
    let scene = scene().await;
    assert!(scene.things.len() > 400);
    check(&scene, &Viewer::default(), None).await;
    for relation in RELATIONS {
        let viewer = viewer(&scene, relation).await;
        check(&scene, &viewer, Some(relation)).await;
    }
    // Each author's own account, by another profile of it.
    let accounts: HashSet<Uuid> = scene
        .things
        .iter()
        .map(|thing| thing.author.account)
        .collect();
    for account in accounts {
        let owner = Viewer {
            profile_id: Some(Uuid::now_v7()),
            account_id: Some(account),
        };
        check(&scene, &owner, Some(Relation::Stranger)).await;
    }
}

#[tokio::test]
async fn vis_8_the_number_of_things_shown_differs_by_viewer() {
    let scene = scene().await;
    let nobody = by_predicate(&scene, &Viewer::default()).await.len();
    let connected = by_predicate(&scene, &viewer(&scene, Relation::Connected).await)
        .await
        .len();
    let blocked = by_predicate(&scene, &viewer(&scene, Relation::Blocked).await)
        .await
        .len();
    assert!(
        blocked == 0 && nobody > 0 && connected > nobody,
        "{blocked} {nobody} {connected}"
    );
}

#[tokio::test]
async fn vis_7_what_is_muted_leaves_the_muters_feeds_only() {
    let scene = scene().await;
    let muter = viewer(&scene, Relation::Stranger).await;
    let muted = scene.things[0].author.profile;
    let account = muter.account_id.unwrap();
    run(
        &scene.rig,
        &format!("insert into feed.mute_ref values ('{account}', '{muted}', 1, null)"),
    )
    .await;
    let listed = async |viewer: &Viewer| {
        let select = Query::select()
            .column("id")
            .from("thing")
            .and_where(not_muted("thing.profile_id", viewer))
            .to_owned();
        scene
            .rig
            .db("feed")
            .connection()
            .query_all(&select)
            .await
            .unwrap()
            .len()
    };
    let of_muted = scene
        .things
        .iter()
        .filter(|thing| thing.author.profile == muted)
        .count();
    assert_eq!(listed(&muter).await, scene.things.len() - of_muted);
    assert_eq!(listed(&Viewer::default()).await, scene.things.len());
}

#[tokio::test]
async fn vis_1_comments_and_likes_share_their_authors_visibility() {
    const AUTHOR: Columns = Columns::author("thing.profile_id", "thing.account_id");
    let scene = scene().await;
    let select = Query::select()
        .column("id")
        .from("thing")
        .and_where(visible(
            Projections::WithGroups,
            &AUTHOR,
            &Viewer::default(),
        ))
        .to_owned();
    let shown = scene
        .rig
        .db("feed")
        .connection()
        .query_all(&select)
        .await
        .unwrap()
        .len();
    let public = |thing: &&Thing| {
        thing.author.shown == Some(("public", "live"))
            && !matches!(thing.author.account_state, Some("suspended" | "deleted"))
    };
    assert_eq!(shown, scene.things.iter().filter(public).count());
}

#[tokio::test]
async fn k_12_the_predicate_reads_no_growing_table_from_end_to_end() {
    let scene = scene().await;
    let viewer = viewer(&scene, Relation::Connected).await;
    let select = Query::select()
        .column("id")
        .from("thing")
        .and_where(visible(Projections::WithGroups, &COLUMNS, &viewer))
        .and_where(not_muted("thing.profile_id", &viewer))
        .to_owned();
    let tx = scene
        .rig
        .db("feed")
        .begin(&scene.rig.anonymous())
        .await
        .unwrap();
    tx.execute_unprepared("set local enable_seqscan = off")
        .await
        .unwrap();
    let (sql, values) = select.build(sea_orm::sea_query::PostgresQueryBuilder);
    let explain =
        Statement::from_sql_and_values(DbBackend::Postgres, format!("explain {sql}"), values);
    let lines = tx.query_all_raw(explain).await.unwrap();
    let plan: Vec<String> = lines
        .iter()
        .map(|line| line.try_get_by_index(0).unwrap())
        .collect();
    let scans: Vec<&String> = plan
        .iter()
        .filter(|line| line.contains("Seq Scan") && !line.contains(" on thing"))
        .collect();
    assert!(scans.is_empty(), "{plan:#?}");
}
