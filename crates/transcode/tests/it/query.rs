//! Query parameters.

use crate::protos::{bound, find, refused, transcoder};

fn search(query: &str) -> String {
    bound("GET", &format!("/api/v1/notes/search?{query}"), "").unwrap()
}

fn search_refused(query: &str) -> Vec<String> {
    refused("GET", &format!("/api/v1/notes/search?{query}"), "")
}

fn list(query: &str) -> String {
    bound("GET", &format!("/api/v1/notes?{query}"), "").unwrap()
}

#[test]
fn tr_15_every_kind_binds_in_both_spellings() {
    let table = [
        ("q=a+b%20c", "q:\"a b c\""),
        ("q=", ""),
        (
            "types=general&types=blog",
            "types:[NOTE_TYPE_GENERAL,NOTE_TYPE_BLOG_ARTICLE]",
        ),
        ("years=1999&years=-3", "years:[1999,-3]"),
        (
            "since=2026-01-02T01%3A00%3A00%2B01:00",
            "since{seconds:1767312000}",
        ),
        ("leastLikes=5", "least_likes{value:5}"),
        ("least_likes=5", "least_likes{value:5}"),
        (
            "near.placeName=X&near.latitude=1.5",
            "near{latitude:1.5,place_name:\"X\"}",
        ),
        ("near.place_name=X", "near{place_name:\"X\"}"),
        ("pinned=true", "pinned:true"),
        ("", ""),
        ("&&", ""),
    ];
    for (query, expected) in table {
        assert_eq!(search(query), expected, "{query}");
    }
}

#[test]
fn fl_6_repeated_parameters_and_one_comma_list_mean_the_same() {
    assert_eq!(search("years=1,2,3"), search("years=1&years=2&years=3"));
    assert_eq!(
        search("types=general,article"),
        search("types=GENERAL&types=blog-article")
    );
    assert_eq!(search("years="), "");
}

#[test]
fn tr_16_a_scalar_given_twice_is_refused() {
    assert_eq!(search_refused("q=a&q=b"), ["q: is given more than once"]);
    assert_eq!(
        search_refused("pinned=true&pinned=true"),
        ["pinned: is given more than once"]
    );
    assert_eq!(
        search_refused("person=a&team=b"),
        ["team: is an alternative to another parameter that is given too"]
    );
}

#[test]
fn cv_7_unknown_names_are_refused_with_the_nearest() {
    assert_eq!(
        search_refused("pined=1"),
        ["pined: unknown query parameter; the nearest known one is \"pinned\""]
    );
    assert_eq!(
        search_refused("near=1"),
        ["near: unknown query parameter; the nearest known one is \"years\""]
    );
    assert_eq!(
        search_refused("near.x=1")[0].split(':').next(),
        Some("near.x")
    );
    let none = refused("POST", "/api/v1/notes?title=x", "{}");
    assert_eq!(
        none,
        ["title: unknown query parameter; none is accepted here"]
    );
}

#[test]
fn cv_7_a_limit_too_large_for_an_integer_is_still_a_limit() {
    let most = bound("GET", "/api/v1/notes?limit=2147483647", "").unwrap();
    for limit in ["2147483648", "99999999999999999999999999", "002147483648"] {
        let target = format!("/api/v1/notes?limit={limit}");
        assert_eq!(bound("GET", &target, "").unwrap(), most, "{limit}");
    }
    for limit in ["-2147483649", "99999999999.5", "0x7fffffff"] {
        let target = format!("/api/v1/notes?limit={limit}");
        assert_eq!(refused("GET", &target, "").len(), 1, "{limit}");
    }
}

#[test]
fn cv_7_utm_and_underscore_names_are_ignored() {
    assert_eq!(search("utm_source=x&_=1&q=a&_q=b"), "q:\"a\"");
}

#[test]
fn cv_7_wrong_values_name_their_parameter_and_all_are_told() {
    let told = search_refused(
        "types=poem&years=1,x&since=yesterday&leastLikes=3000000000&pinned=yes&near.latitude=NaN",
    );
    assert_eq!(
        told,
        [
            "types: must be one of general, blog",
            "years: must be an integer",
            "since: must be a timestamp such as 2026-01-31T12:00:00Z",
            "leastLikes: must be an integer from -2147483648 to 2147483647",
            "pinned: must be true or false",
            "near.latitude: must be a number",
        ]
    );
    assert_eq!(refused("GET", "/api/v1/notes?page=1.5&limit=", "").len(), 2);
    assert_eq!(
        refused("GET", "/api/v1/notes?page=%31%", "")[0],
        "page: holds a malformed percent escape"
    );
    assert_eq!(
        refused("GET", "/api/v1/notes?search=%ff", "")[0],
        "search: holds a malformed percent escape"
    );
}

#[test]
fn pg_3_an_empty_cursor_is_present() {
    assert_eq!(list("cursor="), "cursor:\"\"");
    assert_eq!(list(""), "");
}

#[test]
fn k_2_plain_filters_are_folded_into_filter() {
    let table = [
        ("type=blog", r#"{"type":"blog"}"#),
        ("tags=a,b", r#"{"tags":["a","b"]}"#),
        ("tags=a&tags=b", r#"{"tags":["a","b"]}"#),
        (
            "author_id=x&pinned=true&likes=5",
            r#"{"authorId":"x","pinned":true,"likes":5}"#,
        ),
        ("place=Paris,+France", r#"{"place":"Paris, France"}"#),
        (
            "type=blog&filter={\"likes\":{\"gt\":3}}",
            r#"{"likes":{"gt":3},"type":"blog"}"#,
        ),
        ("type=blog&filter={}", r#"{"type":"blog"}"#),
        ("type=blog&filter={\"type\":\"BLOG\"}", r#"{"type":"BLOG"}"#),
        (
            "tags=a,b&filter={\"tags\":{\"in\":[\"b\",\"a\"]}}",
            r#"{"tags":{"in":["b","a"]}}"#,
        ),
        (
            "tags=a&tags=b&filter={\"tags\":\"b, a\"}",
            r#"{"tags":"b, a"}"#,
        ),
        ("filter=not+json", "not json"),
    ];
    for (query, filter) in table {
        assert_eq!(list(query), format!("filter:{filter:?}"), "{query}");
    }
}

#[test]
fn fl_2_a_name_given_both_ways_with_different_values_is_refused() {
    let told = |query: &str| refused("GET", &format!("/api/v1/notes?{query}"), "");
    assert_eq!(
        told("type=blog&filter={\"type\":\"general\"}"),
        ["type: differs from the value in filter"]
    );
    assert_eq!(
        told("likes=3&filter={\"likes\":{\"gt\":3}}"),
        ["likes: differs from the value in filter"]
    );
    assert_eq!(
        told("type=blog&filter=[1]"),
        ["filter: must be a JSON object"]
    );
    assert_eq!(
        told("type=blog&filter={}&filter={}"),
        ["filter: is given more than once"]
    );
    assert_eq!(told("pinned=maybe"), ["pinned: must be true or false"]);
    assert_eq!(told("likes=many"), ["likes: must be a number"]);
}

#[test]
fn tr_16_a_query_value_that_differs_from_the_path_is_refused() {
    assert_eq!(
        bound("GET", "/api/v1/notes/n1?id=n1", "").unwrap(),
        "id:\"n1\""
    );
    assert_eq!(
        refused("GET", "/api/v1/notes/n1?id=n2", ""),
        ["id: differs from the value in the path"]
    );
}

#[test]
fn fl_4_fields_are_names_of_the_item() {
    let fields =
        |path: &str, query: &str| transcoder().request(&find("GET", path), Some(query), b"");
    assert!(
        fields("/api/v1/notes", "fields=title,tags")
            .unwrap()
            .fields
            .is_some()
    );
    assert!(
        fields("/api/v1/notes/n1", "fields=title")
            .unwrap()
            .fields
            .is_some()
    );
    assert!(fields("/api/v1/notes", "fields=").unwrap().fields.is_none());
    assert!(fields("/api/v1/notes", "").unwrap().fields.is_none());
    let told = refused("GET", "/api/v1/notes/n1?fields=title,nonsense", "");
    assert!(
        told[0].starts_with("fields: unknown name \"nonsense\"")
            && told[0].contains("title, subtitle"),
        "{told:?}"
    );
    let many = (0..51).map(|_| "title").collect::<Vec<_>>().join(",");
    assert_eq!(
        refused("GET", &format!("/api/v1/notes?fields={many}"), "").len(),
        1
    );
    assert_eq!(
        refused("GET", "/files/x?fields=title", "").len(),
        1,
        "raw replies have no fields"
    );
    assert_eq!(
        refused("DELETE", "/api/v1/notes/n1?fields=title", "").len(),
        1,
        "only GET selects"
    );
}

#[test]
fn a_flood_of_parameters_is_cut_short() {
    let told = search_refused(&"x=1&".repeat(5_000));
    assert!(told.len() <= 101, "{}", told.len());
}
