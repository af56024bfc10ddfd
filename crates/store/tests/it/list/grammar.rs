//! What is refused, and how it is said.

use fault::Reason;
use sea_orm::sea_query::{PostgresQueryBuilder, Query};
use store::list::{ListQuery, ListRequest};

use super::{BUSY, PLAIN, column, parse};

/// The violations of a request that is refused, as `field: message`.
fn refused(request: &ListRequest<'_>) -> Vec<String> {
    let fault = parse(&BUSY, request).expect_err("it is refused");
    assert_eq!(fault.reason(), Reason::ValidationError);
    fault
        .get_violations()
        .iter()
        .map(|one| format!("{}: {}", one.field, one.message))
        .collect()
}

fn ok(request: &ListRequest<'_>) -> ListQuery {
    parse(&BUSY, request).unwrap()
}

#[test]
fn cv_7_a_limit_above_the_maximum_counts_as_the_maximum() {
    assert_eq!(ok(&ListRequest::default()).limit(), 20);
    assert_eq!(
        ok(&ListRequest {
            limit: Some(101),
            ..ListRequest::default()
        })
        .limit(),
        100
    );
    assert_eq!(
        ok(&ListRequest {
            limit: Some(i32::MAX),
            ..ListRequest::default()
        })
        .limit(),
        100
    );
}

#[test]
fn cv_7_every_wrong_parameter_is_named_in_one_answer() {
    let wrong = refused(&ListRequest {
        page: Some(0),
        limit: Some(-1),
        sort: "when",
        filter: r#"{"colours":"red","open":"maybe"}"#,
        search: &"x".repeat(201),
        ..ListRequest::default()
    });
    let fields: Vec<&str> = wrong
        .iter()
        .map(|line| line.split(':').next().unwrap())
        .collect();
    assert_eq!(
        fields,
        ["limit", "sort", "colours", "open", "search", "page"]
    );
    assert!(wrong[1].contains("known are `-at`, `at`"), "{}", wrong[1]);
    assert!(wrong[2].contains("did you mean `colour`?"), "{}", wrong[2]);
}

#[test]
fn n_11_deep_pages_are_refused_with_a_hint_to_cursors() {
    for (page, limit) in [(101, 100), (i32::MAX, 100), (10_001, 1)] {
        let wrong = refused(&ListRequest {
            page: Some(page),
            limit: Some(limit),
            ..ListRequest::default()
        });
        assert!(
            wrong[0].starts_with("page: ") && wrong[0].contains("cursor"),
            "{wrong:?}"
        );
    }
    ok(&ListRequest {
        page: Some(100),
        limit: Some(100),
        ..ListRequest::default()
    });
    // The page size that counts is the one that is applied.
    ok(&ListRequest {
        page: Some(100),
        limit: Some(5000),
        ..ListRequest::default()
    });
}

#[test]
fn pg_3_cursor_and_page_exclude_each_other() {
    let both = ListRequest {
        page: Some(1),
        cursor: Some(""),
        ..ListRequest::default()
    };
    assert_eq!(refused(&both), ["cursor: cannot be combined with page"]);
    assert!(
        ok(&ListRequest {
            cursor: Some(""),
            ..ListRequest::default()
        })
        .is_cursor_mode()
    );
    assert!(
        parse(
            &PLAIN,
            &ListRequest {
                cursor: Some(""),
                ..ListRequest::default()
            }
        )
        .is_err()
    );
}

#[test]
fn fl_1_sort_takes_up_to_three_names_of_the_list() {
    let sorts: Vec<_> = ok(&ListRequest {
        sort: "count, -at",
        ..ListRequest::default()
    })
    .sort()
    .iter()
    .map(|sort| (sort.name, sort.descending))
    .collect();
    assert_eq!(sorts, [("count", false), ("at", true)]);
    for sort in [
        "nope",
        "at,-at",
        "at,count,title,price",
        "at,",
        "AT",
        "--at",
        "at desc",
        "id",
    ] {
        assert!(
            refused(&ListRequest {
                sort,
                ..ListRequest::default()
            })[0]
                .starts_with("sort: "),
            "{sort}"
        );
    }
}

#[test]
fn fl_2_malformed_filters_are_refused_by_place_or_name() {
    let many = format!(
        "{{{}}}",
        (0..11)
            .map(|n| format!(r#""n{n}":1"#))
            .collect::<Vec<_>>()
            .join(",")
    );
    let long = format!(r#"{{"title":"{}"}}"#, "x".repeat(2100));
    let values = format!(r#"{{"count":[{}]}}"#, vec!["1"; 51].join(","));
    for (filter, field) in [
        ("nonsense", "filter"),
        ("[]", "filter"),
        (r#"{"open":true"#, "filter"),
        (r#"{"open":true,"open":false}"#, "filter"),
        (&many, "filter"),
        (&long, "filter"),
        (&values, "count"),
        (r#"{"count":[]}"#, "count"),
        (r#"{"count":{}}"#, "count"),
        (r#"{"count":{"like":1}}"#, "count"),
        (r#"{"count":1.5}"#, "count"),
        (r#"{"count":null}"#, "count"),
        (r#"{"count":{"gt":[1,2]}}"#, "count"),
        (r#"{"count":{"contains":1}}"#, "count"),
        (r#"{"open":{"gt":true}}"#, "open"),
        (r#"{"tags":{"gt":"a"}}"#, "tags"),
        (r#"{"colour":"pink"}"#, "colour"),
        (r#"{"colour":{"eq":{"eq":"red"}}}"#, "colour"),
        (r#"{"owner":"7"}"#, "owner"),
        (
            r#"{"owner":"{00000000-0000-0000-0000-000000000000}"}"#,
            "owner",
        ),
        (r#"{"at":"yesterday"}"#, "at"),
        (r#"{"at":"0000-01-01T00:00:00Z"}"#, "at"),
        (r#"{"at":"2026-02-30"}"#, "at"),
        (r#"{"price":"1e5"}"#, "price"),
        (r#"{"price":"."}"#, "price"),
        (r#"{"title":"a\u0000b"}"#, "title"),
        (r#"{"title":""}"#, "title"),
        (r#"{"open":{"exists":"perhaps"}}"#, "open"),
        (r#"{"id":"x"}"#, "id"),
        (r#"{"thing.title":"x"}"#, "thing.title"),
    ] {
        let wrong = refused(&ListRequest {
            filter,
            ..ListRequest::default()
        });
        assert!(
            wrong[0].starts_with(&format!("{field}: ")),
            "{filter}: {wrong:?}"
        );
    }
}

#[test]
fn tr_3_an_unknown_word_is_answered_with_the_known_ones() {
    let wrong = refused(&ListRequest {
        filter: r#"{"colour":"pink"}"#,
        ..ListRequest::default()
    });
    assert_eq!(wrong, ["colour: must be one of red, green, dark_blue"]);
}

#[test]
fn fl_3_search_is_bounded_in_characters_and_words() {
    let twelve = ["word"; 12].join(" ");
    assert_eq!(
        ok(&ListRequest {
            search: &twelve,
            ..ListRequest::default()
        })
        .search()
        .unwrap()
        .terms()
        .count(),
        12
    );
    assert!(
        ok(&ListRequest {
            search: "  ",
            ..ListRequest::default()
        })
        .search()
        .is_none()
    );
    assert!(
        ok(&ListRequest {
            search: &"é".repeat(200),
            ..ListRequest::default()
        })
        .search()
        .is_some()
    );
    for search in [
        format!("{twelve} more"),
        "é".repeat(201),
        "a\u{0}b".to_owned(),
    ] {
        assert!(
            refused(&ListRequest {
                search: &search,
                ..ListRequest::default()
            })[0]
                .starts_with("search: ")
        );
    }
    assert!(
        parse(
            &PLAIN,
            &ListRequest {
                search: "x",
                ..ListRequest::default()
            }
        )
        .is_err()
    );
}

#[test]
fn fl_5_the_text_of_a_statement_does_not_depend_on_values() {
    let text = |filter: &str| {
        let query = ok(&ListRequest {
            filter,
            ..ListRequest::default()
        });
        let condition = query.condition(column).unwrap();
        Query::select()
            .column("id")
            .from("thing")
            .cond_where(condition)
            .build(PostgresQueryBuilder)
            .0
    };
    for (one, other) in [
        (r#"{"title":"a"}"#, r#"{"title":"' or 1=1 --"}"#),
        (
            r#"{"title":{"contains":"a"}}"#,
            r#"{"title":{"contains":"%_\\$1 ?"}}"#,
        ),
        (r#"{"count":[1,2]}"#, r#"{"count":[1,2,3,4,5]}"#),
        (r#"{"tags":["a"]}"#, r#"{"tags":["{","}","\"",",","null"]}"#),
        (
            r#"{"colour":{"nin":["red"]}}"#,
            r#"{"colour":{"nin":["lime","dark-blue"]}}"#,
        ),
        (
            r#"{"at":{"gte":"2026-01-01"}}"#,
            r#"{"at":{"gte":"2026-06-01T12:00:00+02:00"}}"#,
        ),
    ] {
        assert_eq!(text(one), text(other));
        assert!(!text(other).contains("or 1=1"));
    }
}

proptest::proptest! {
    #[test]
    fn t_24_no_text_makes_the_grammar_fail_otherwise_than_by_saying_so(
        sort in ".{0,40}",
        filter in "\\PC{0,60}|\\{\"(title|colour|owner|open|count|at|tags|price|x)\":[\\[\\]{}\":,a-z0-9.\\-]{0,40}\\}",
        search in ".{0,220}",
        cursor in proptest::option::of("[A-Za-z0-9_-]{0,80}"),
        page in proptest::option::of(proptest::num::i32::ANY),
        limit in proptest::option::of(proptest::num::i32::ANY),
    ) {
        let request = ListRequest { page, limit, cursor: cursor.as_deref(), sort: &sort, filter: &filter, search: &search };
        match parse(&BUSY, &request) {
            Ok(query) => { query.condition(column).unwrap(); }
            Err(fault) => assert!(fault.reason() == Reason::ValidationError && !fault.get_violations().is_empty()),
        }
    }
}
