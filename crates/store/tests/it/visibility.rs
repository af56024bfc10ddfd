//! The matrix of VIS-11: function, predicate and the rule as the specification words it, over every combination.

use std::collections::HashSet;

use identity::Viewer;
use sea_orm::sea_query::Query;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use store::visibility::{Columns, Projections, not_muted, visible};
use testkit::Rig;
use uuid::Uuid;

const COLUMNS: Columns = Columns {
    author_profile: "thing.profile_id",
    author_account: "thing.account_id",
    visibility: "thing.visibility",
    target_types: "thing.target_types",
    target_tags: "thing.target_tags",
    group_id: "thing.group_id",
};

#[derive(Debug, Clone)]
struct Author {
    profile: Uuid,
    account: Uuid,
    /// `None`: no `profile_ref`.
    shown: Option<(&'static str, &'static str)>,
    /// `None`: no `account_ref`.
    account_state: Option<&'static str>,
}

#[derive(Debug)]
struct Thing {
    id: Uuid,
    author: Author,
    visibility: &'static str,
    types: &'static [&'static str],
    tags: &'static [&'static str],
    group: Option<Uuid>,
}

/// What a viewer is to every author.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Stranger,
    Connected,
    NoLongerConnected,
    Blocker,
    Blocked,
    NoLongerBlocked,
    Member,
    NoLongerMember,
    Suited,
}

const RELATIONS: [Relation; 9] = [
    Relation::Stranger,
    Relation::Connected,
    Relation::NoLongerConnected,
    Relation::Blocker,
    Relation::Blocked,
    Relation::NoLongerBlocked,
    Relation::Member,
    Relation::NoLongerMember,
    Relation::Suited,
];

struct Scene {
    rig: Rig,
    things: Vec<Thing>,
    groups: Groups,
}

#[derive(Clone, Copy)]
struct Groups {
    public: Uuid,
    private: Uuid,
    gone: Uuid,
    unknown: Uuid,
}

async fn run(rig: &Rig, sql: &str) {
    rig.owner()
        .execute_unprepared(sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

fn authors() -> Vec<Author> {
    let mut authors = Vec::new();
    for account_state in [None, Some("live"), Some("suspended"), Some("deleted")] {
        let mut shown = vec![None];
        for visibility in ["public", "connections", "private"] {
            shown.extend([Some((visibility, "live")), Some((visibility, "deleted"))]);
        }
        for shown in shown {
            authors.push(Author {
                profile: Uuid::now_v7(),
                account: Uuid::now_v7(),
                shown,
                account_state,
            });
        }
    }
    authors
}

fn things_of(author: &Author, groups: Groups) -> Vec<Thing> {
    let thing = |visibility, types, tags, group| Thing {
        id: Uuid::now_v7(),
        author: author.clone(),
        visibility,
        types,
        tags,
        group,
    };
    let mut things: Vec<Thing> = ["public", "connections", "private"]
        .map(|word| thing(word, &[], &[], None))
        .into();
    for types in [&[][..], &["mentor", "investor"], &["professional"]] {
        for tags in [&[][..], &["rust", "go"], &["cooking"]] {
            things.push(thing("targeted", types, tags, None));
        }
    }
    let homes = [
        Some(groups.public),
        Some(groups.private),
        Some(groups.gone),
        Some(groups.unknown),
        None,
    ];
    things.extend(homes.map(|home| thing("group", &[], &[], home)));
    things
}

async fn scene() -> Scene {
    let rig = Rig::start().await;
    run(
        &rig,
        "create table feed.thing (id uuid primary key, profile_id uuid, account_id uuid, visibility text not null,
           target_types text[] not null, target_tags text[] not null, group_id uuid);
         grant select on feed.thing to sf_feed;",
    )
    .await;
    let [public, private, gone, unknown] = [(); 4].map(|()| Uuid::now_v7());
    let groups = Groups {
        public,
        private,
        gone,
        unknown,
    };
    run(
        &rig,
        &format!(
            "insert into feed.group_ref (group_id, name, visibility, version, removed_at) values
               ('{public}', 'a', 'public', 1, null), ('{private}', 'b', 'private', 1, null), ('{gone}', 'c', 'public', 2, now())"
        ),
    )
    .await;
    let mut things = Vec::new();
    for author in authors() {
        keep_author(&rig, &author).await;
        things.extend(things_of(&author, groups));
    }
    for thing in &things {
        let Thing {
            id,
            author,
            visibility,
            types,
            tags,
            group,
        } = thing;
        run(
            &rig,
            &format!(
                "insert into feed.thing values ('{id}', '{}', '{}', '{visibility}', '{{{}}}', '{{{}}}', {})",
                author.profile,
                author.account,
                types.join(","),
                tags.join(","),
                group.map_or("null".to_owned(), |group| format!("'{group}'"))
            ),
        )
        .await;
    }
    Scene {
        rig,
        things,
        groups,
    }
}

async fn keep_author(rig: &Rig, author: &Author) {
    if let Some((visibility, state)) = author.shown {
        keep_profile(
            rig,
            author.profile,
            author.account,
            "organization",
            "",
            visibility,
            state,
        )
        .await;
    }
    if let Some(state) = author.account_state {
        run(
            rig,
            &format!(
                "insert into feed.account_ref values ('{}', '{state}', 1)",
                author.account
            ),
        )
        .await;
    }
}

async fn keep_profile(
    rig: &Rig,
    id: Uuid,
    account: Uuid,
    kind: &str,
    tags: &str,
    visibility: &str,
    state: &str,
) {
    run(
        rig,
        &format!(
            "insert into feed.profile_ref (profile_id, account_id, display_name, profile_type, tags, visibility, state, version)
             values ('{id}', '{account}', 'x', '{kind}', '{{{tags}}}', '{visibility}', '{state}', 1)"
        ),
    )
    .await;
}

/// Makes a viewer that stands in this relation to every author.
async fn viewer(scene: &Scene, relation: Relation) -> Viewer {
    let (profile, account) = (Uuid::now_v7(), Uuid::now_v7());
    let (kind, tags) = if relation == Relation::Suited {
        ("mentor", "rust,art")
    } else {
        ("innovator", "art")
    };
    keep_profile(&scene.rig, profile, account, kind, tags, "public", "live").await;
    let accounts: HashSet<(Uuid, Uuid)> = scene
        .things
        .iter()
        .map(|thing| (thing.author.profile, thing.author.account))
        .collect();
    for (other, other_account) in accounts {
        let (a, b) = (profile.min(other), profile.max(other));
        let sql = match relation {
            Relation::Connected => {
                format!("insert into feed.connection_ref values ('{a}', '{b}', 1, null)")
            }
            Relation::NoLongerConnected => {
                format!("insert into feed.connection_ref values ('{a}', '{b}', 2, now())")
            }
            Relation::Blocker => format!(
                "insert into feed.block_ref values ('{account}', '{other_account}', 1, null)"
            ),
            Relation::Blocked => format!(
                "insert into feed.block_ref values ('{other_account}', '{account}', 1, null)"
            ),
            Relation::NoLongerBlocked => format!(
                "insert into feed.block_ref values ('{other_account}', '{account}', 2, now())"
            ),
            Relation::Stranger | Relation::Member | Relation::NoLongerMember | Relation::Suited => {
                continue;
            }
        };
        run(&scene.rig, &sql).await;
    }
    if matches!(relation, Relation::Member | Relation::NoLongerMember) {
        let removed = if relation == Relation::Member {
            "null"
        } else {
            "now()"
        };
        for group in [scene.groups.public, scene.groups.private, scene.groups.gone] {
            run(&scene.rig, &format!("insert into feed.group_member_ref values ('{group}', '{profile}', 'member', 1, {removed})")).await;
        }
    }
    Viewer {
        profile_id: Some(profile),
        account_id: Some(account),
    }
}

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
