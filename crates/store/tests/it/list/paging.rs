//! Pages, totals, cursors.

use std::collections::HashSet;

use identity::Viewer;
use sea_orm::EntityTrait as _;
use store::list::{ListQuery, ListRequest};
use testkit::Rig;
use uuid::Uuid;

use super::{BUSY, KEY, PLAIN, RPC, fill, page, rig, thing};

/// Many equal keys, so that only the tie-breaker tells rows apart, and nulls.
const ROWS: &str = "insert into feed.thing (title, count, at, price)
    select 'row ' || (n % 3), n % 5, timestamptz '2026-01-01' + make_interval(secs => (n % 7) * 0.000001), nullif(n % 4, 0)
    from generate_series(1, 97) n";

#[tokio::test]
async fn pg_1_pages_of_every_sort_show_every_row_once() {
    let rig = rig().await;
    fill(&rig, ROWS).await;
    for sort in [
        "",
        "at",
        "count,-at",
        "-title,count",
        "price",
        "-price,at",
        "title,price,-count",
    ] {
        let mut seen = HashSet::new();
        for number in 1..=10 {
            let request = ListRequest {
                page: Some(number),
                limit: Some(10),
                sort,
                ..ListRequest::default()
            };
            let page = page(&rig, &BUSY, &request).await.unwrap();
            assert_eq!(
                (page.pagination.total, page.pagination.total_pages),
                (Some(97), Some(10))
            );
            assert_eq!(
                (page.pagination.has_prev, page.pagination.has_next),
                (number > 1, number < 10)
            );
            assert_eq!(page.pagination.next_cursor.is_some(), number < 10);
            seen.extend(page.items.into_iter().map(|thing| thing.id));
        }
        assert_eq!(seen.len(), 97, "sort `{sort}`");
    }
}

/// Walks by cursor; after each page `between` may change the table. Returns the ids in order.
async fn walk(rig: &Rig, sort: &str, between: impl AsyncFn(usize)) -> Vec<Uuid> {
    let mut cursor = String::new();
    let mut seen = Vec::new();
    for round in 0.. {
        let request = ListRequest {
            limit: Some(9),
            cursor: Some(&cursor),
            sort,
            ..ListRequest::default()
        };
        let page = page(rig, &BUSY, &request).await.unwrap();
        assert_eq!(
            (
                page.pagination.page,
                page.pagination.total,
                page.pagination.total_pages
            ),
            (None, None, None)
        );
        assert_eq!(
            page.pagination.has_next,
            page.pagination.next_cursor.is_some()
        );
        seen.extend(page.items.into_iter().map(|thing| thing.id));
        between(round).await;
        match page.pagination.next_cursor {
            Some(next) => cursor = next,
            None => break,
        }
    }
    seen
}

#[tokio::test]
async fn i_19_a_walk_shows_every_row_that_stays_once_while_others_come_and_go() {
    let rig = rig().await;
    fill(&rig, ROWS).await;
    let stay: HashSet<Uuid> = thing::Entity::find()
        .all(rig.db("feed").connection())
        .await
        .unwrap()
        .into_iter()
        .map(|thing| thing.id)
        .collect();
    for sort in [
        "",
        "at",
        "count,-at",
        "-title,count",
        "price",
        "-price,at",
        "title,price,-count",
    ] {
        let seen = walk(&rig, sort, async |round| {
            fill(
                &rig,
                &format!(
                    "insert into feed.thing (title, count, at, price, open)
                       select 'row ' || n, n, timestamptz '2026-01-01' + make_interval(secs => n * 0.000001), nullif(n, 2), false
                       from generate_series({0}, {0} + 5) n;
                     delete from feed.thing where not open and count % 2 = {0} % 2",
                    round % 4
                ),
            )
            .await;
        })
        .await;
        let once: HashSet<Uuid> = seen.iter().copied().collect();
        assert_eq!(once.len(), seen.len(), "sort `{sort}`: a row came twice");
        assert!(
            stay.is_subset(&once),
            "sort `{sort}`: {} rows are missing",
            stay.difference(&once).count()
        );
        fill(&rig, "delete from feed.thing where not open").await;
    }
}

#[tokio::test]
async fn pg_3_a_page_is_walked_on_by_its_cursor() {
    let rig = rig().await;
    fill(&rig, ROWS).await;
    let first = page(
        &rig,
        &BUSY,
        &ListRequest {
            limit: Some(10),
            ..ListRequest::default()
        },
    )
    .await
    .unwrap();
    let cursor = first.pagination.next_cursor.unwrap();
    let by_cursor = ListRequest {
        limit: Some(10),
        cursor: Some(&cursor),
        ..ListRequest::default()
    };
    let by_page = ListRequest {
        limit: Some(10),
        page: Some(2),
        ..ListRequest::default()
    };
    let (by_cursor, by_page) = (
        page(&rig, &BUSY, &by_cursor).await.unwrap(),
        page(&rig, &BUSY, &by_page).await.unwrap(),
    );
    assert_eq!(by_cursor.items, by_page.items);
    assert!(by_cursor.pagination.has_prev);
}

#[tokio::test]
async fn i_20_a_cursor_is_good_for_its_viewer_filter_search_sort_and_rpc_only() {
    let rig = rig().await;
    fill(&rig, ROWS).await;
    let first = page(
        &rig,
        &BUSY,
        &ListRequest {
            limit: Some(10),
            ..ListRequest::default()
        },
    )
    .await
    .unwrap();
    let cursor = first.pagination.next_cursor.unwrap();
    let own = ListRequest {
        cursor: Some(&cursor),
        ..ListRequest::default()
    };
    let somebody = Viewer {
        profile_id: Some(Uuid::nil()),
        account_id: Some(Uuid::nil()),
    };
    let nobody = Viewer::default();
    let refused = [
        ListQuery::parse(&BUSY, RPC, &somebody, &own, KEY),
        ListQuery::parse(
            &BUSY,
            "/smilefactory.test.v1.TestService/Other",
            &nobody,
            &own,
            KEY,
        ),
        ListQuery::parse(&BUSY, RPC, &nobody, &own, b"another key"),
        ListQuery::parse(&BUSY, RPC, &nobody, &ListRequest { sort: "at", ..own }, KEY),
        ListQuery::parse(
            &BUSY,
            RPC,
            &nobody,
            &ListRequest {
                filter: r#"{"open":true}"#,
                ..own
            },
            KEY,
        ),
        ListQuery::parse(
            &BUSY,
            RPC,
            &nobody,
            &ListRequest {
                search: "row",
                ..own
            },
            KEY,
        ),
    ];
    for query in refused {
        let fault = query.unwrap_err();
        assert_eq!(fault.get_violations()[0].field, "cursor");
    }
    assert!(ListQuery::parse(&BUSY, RPC, &nobody, &own, KEY).is_ok());
    // Another page size is another walk of the same list.
    assert!(
        ListQuery::parse(
            &BUSY,
            RPC,
            &nobody,
            &ListRequest {
                limit: Some(3),
                ..own
            },
            KEY
        )
        .is_ok()
    );
}

#[tokio::test]
async fn pg_2_totals_are_exact_up_to_their_cap_and_say_so_beyond() {
    let rig = rig().await;
    let all = ListRequest::default();
    fill(
        &rig,
        "insert into feed.thing (title) select n::text from generate_series(1, 1000) n",
    )
    .await;
    let page_of_busy = page(&rig, &BUSY, &all).await.unwrap();
    assert_eq!(
        (page_of_busy.pagination.total, page_of_busy.total_capped),
        (Some(1000), false)
    );
    fill(
        &rig,
        "insert into feed.thing (title) select n::text from generate_series(1, 9000) n",
    )
    .await;
    let (busy, plain) = (
        page(&rig, &BUSY, &all).await.unwrap(),
        page(&rig, &PLAIN, &all).await.unwrap(),
    );
    assert_eq!(
        (busy.pagination.total, busy.total_capped),
        (Some(1000), true)
    );
    assert_eq!(
        (plain.pagination.total, plain.total_capped),
        (Some(10_000), false)
    );
    assert_eq!(plain.pagination.next_cursor, None);
    fill(&rig, "insert into feed.thing (title) values ('one more')").await;
    let plain = page(&rig, &PLAIN, &all).await.unwrap();
    assert_eq!(
        (plain.pagination.total, plain.total_capped),
        (Some(10_000), true)
    );
    assert!(plain.pagination.has_next);
}
