//! What the edge may keep of replies without a token (GW-18, CA-1, N-57).

use contracts::{Access, Cache, Effect};

use crate::{bindings, methods, none_wrong, pool, rule};

#[test]
fn gw_18_what_is_kept_is_read_by_anyone_and_whole() {
    let pool = pool();
    let mut wrong = Vec::new();
    for method in methods(&pool) {
        let rule = rule(&method);
        let mut refuse = |why: &str| wrong.push(format!("{}: {why}", method.full_name()));
        if rule.cache != Cache::Public {
            if !rule.kept.is_zero() {
                refuse("is kept without CACHE_CLASS_PUBLIC");
            }
            continue;
        }
        if !matches!(rule.access, Access::Public | Access::Optional) {
            refuse("nobody without a token may read it");
        }
        if rule.effect != Effect::Safe {
            refuse("has an effect, which a kept reply would skip");
        }
        if bindings(&pool, &method).iter().any(|it| it.method != "GET") {
            refuse("has a route that is no GET");
        }
        if method.output().get_field_by_name("partial").is_some() {
            refuse("a reply that lacks parts would be kept");
        }
        if !(1..=60).contains(&rule.kept.as_secs()) {
            refuse("is kept for more than 60 s");
        }
    }
    none_wrong(wrong);
}

#[test]
fn n_57_pages_of_the_feed_are_kept_30_s() {
    let rule = contracts::rpc("/smilefactory.feed.v1.FeedService/ListFeed");
    assert_eq!(rule.map(|rule| rule.kept.as_secs()), Some(30));
}

#[test]
fn fd_19_what_counts_as_a_view_is_not_kept() {
    for rpc in [
        "/smilefactory.feed.v1.FeedService/GetPost",
        "/smilefactory.profile.v1.ProfileService/GetProfile",
    ] {
        let rule = contracts::rpc(rpc);
        assert_eq!(rule.map(|rule| rule.kept.is_zero()), Some(true), "{rpc}");
    }
}
