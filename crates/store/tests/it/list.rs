//! Lists over a table of their own.

mod filters;
mod grammar;
mod paging;

use contracts::{FilterKind, FilterRule, ListRule};
use fault::Result;
use identity::Viewer;
use sea_orm::entity::prelude::*;
use store::list::{Column, ListQuery, ListRequest, Page};
use testkit::Rig;

pub(crate) const RPC: &str = "/smilefactory.test.v1.TestService/ListThings";
pub(crate) const KEY: &[u8] = b"cursor key";

const WORDS: &[(&str, &str)] = &[
    ("red", "red"),
    ("green", "green"),
    ("lime", "green"),
    ("dark_blue", "dark_blue"),
];

const fn filter(name: &'static str, kind: FilterKind) -> FilterRule {
    FilterRule {
        name,
        kind,
        words: if matches!(kind, FilterKind::Word) {
            WORDS
        } else {
            &[]
        },
    }
}

pub(crate) static FILTERS: [FilterRule; 8] = [
    filter("title", FilterKind::Text),
    filter("colour", FilterKind::Word),
    filter("owner", FilterKind::Id),
    filter("open", FilterKind::Bool),
    filter("count", FilterKind::Integer),
    filter("at", FilterKind::Timestamp),
    filter("tags", FilterKind::Tags),
    filter("price", FilterKind::Decimal),
];

/// As feed and other busy lists have it.
pub(crate) static BUSY: ListRule = ListRule {
    sort: &[
        "-at", "at", "count", "-count", "title", "-title", "price", "-price",
    ],
    filters: &FILTERS,
    cursor: true,
    search: true,
    default_limit: 20,
    max_limit: 100,
};

/// As short lists have it.
pub(crate) static PLAIN: ListRule = ListRule {
    sort: &["title"],
    filters: &FILTERS,
    cursor: false,
    search: false,
    default_limit: 20,
    max_limit: 100,
};

pub(crate) mod thing {
    //! The entity the tests list.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "thing")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) id: Uuid,
        pub(crate) title: String,
        pub(crate) count: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Every name of the rules; `price` and `owner` may be null, `colour` is a native enum.
pub(crate) fn column(name: &str) -> Option<Column> {
    Some(match name {
        "id" => Column::new("thing.id", "uuid"),
        "title" => Column::new("thing.title", "text"),
        "colour" => Column::new("thing.colour", "colour"),
        "owner" => Column::nullable("thing.owner", "uuid"),
        "open" => Column::new("thing.open", "boolean"),
        "count" => Column::new("thing.count", "integer"),
        "at" => Column::new("thing.at", "timestamptz"),
        "tags" => Column::new("thing.tags", "text[]"),
        "price" => Column::nullable("thing.price", "numeric"),
        _ => return None,
    })
}

pub(crate) async fn rig() -> Rig {
    let rig = Rig::start().await;
    rig.owner()
        .execute_unprepared(
            "create type feed.colour as enum ('red', 'green', 'dark_blue');
             create table feed.thing (id uuid primary key default gen_random_uuid(), title text not null default '',
               colour feed.colour not null default 'red', owner uuid, open boolean not null default true,
               count int not null default 0, at timestamptz not null default now(), tags text[] not null default '{}',
               price numeric(10, 2));
             grant all on feed.thing to sf_feed;",
        )
        .await
        .unwrap();
    rig
}

pub(crate) async fn fill(rig: &Rig, sql: &str) {
    rig.owner().execute_unprepared(sql).await.unwrap();
}

pub(crate) fn parse(rule: &'static ListRule, request: &ListRequest<'_>) -> Result<ListQuery> {
    ListQuery::parse(rule, RPC, &Viewer::default(), request, KEY)
}

pub(crate) async fn page(
    rig: &Rig,
    rule: &'static ListRule,
    request: &ListRequest<'_>,
) -> Result<Page<thing::Model>> {
    parse(rule, request)?
        .page(rig.db("feed").connection(), thing::Entity::find(), column)
        .await
}

pub(crate) async fn titles(rig: &Rig, request: &ListRequest<'_>) -> Vec<String> {
    page(rig, &BUSY, request)
        .await
        .unwrap()
        .items
        .into_iter()
        .map(|thing| thing.title)
        .collect()
}
