//! Authors, things and viewers in every combination.

use std::collections::HashSet;

use identity::Viewer;
use sea_orm::ConnectionTrait as _;
use testkit::Rig;
use uuid::Uuid;

#[derive(Debug, Clone)]
pub(super) struct Author {
    pub(super) profile: Uuid,
    pub(super) account: Uuid,
    /// `None`: no `profile_ref`.
    pub(super) shown: Option<(&'static str, &'static str)>,
    /// `None`: no `account_ref`.
    pub(super) account_state: Option<&'static str>,
}

#[derive(Debug)]
pub(super) struct Thing {
    pub(super) id: Uuid,
    pub(super) author: Author,
    pub(super) visibility: &'static str,
    pub(super) types: &'static [&'static str],
    pub(super) tags: &'static [&'static str],
    pub(super) group: Option<Uuid>,
}

/// What a viewer is to every author.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
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

pub(super) const RELATIONS: [Relation; 9] = [
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

pub(super) struct Scene {
    pub(super) rig: Rig,
    pub(super) things: Vec<Thing>,
    pub(super) groups: Groups,
}

#[derive(Clone, Copy)]
pub(super) struct Groups {
    pub(super) public: Uuid,
    pub(super) private: Uuid,
    pub(super) gone: Uuid,
    pub(super) unknown: Uuid,
}

pub(super) async fn run(rig: &Rig, sql: &str) {
    rig.owner()
        .execute_unprepared(sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

pub(super) fn authors() -> Vec<Author> {
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

pub(super) fn things_of(author: &Author, groups: Groups) -> Vec<Thing> {
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

pub(super) async fn scene() -> Scene {
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

pub(super) async fn keep_author(rig: &Rig, author: &Author) {
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

pub(super) async fn keep_profile(
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
pub(super) async fn viewer(scene: &Scene, relation: Relation) -> Viewer {
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
