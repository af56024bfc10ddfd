//! Every RPC says who may call it, what repeating it does, and how it answers.

use contracts::{Access, Effect, FilterKind};

use crate::{bindings, methods, none_wrong, path, pool, rule};

/// The rate-limit buckets an RPC can name (spec: edge, rate-limit buckets).
const BUCKETS: [&str; 9] = [
    "otp-send",
    "otp-verify",
    "search",
    "upload",
    "stranger",
    "connect",
    "report",
    "export",
    "auth",
];

/// The services that exist or will.
const SERVICES: [&str; 14] = [
    "edge",
    "auth",
    "profile",
    "feed",
    "messaging",
    "connection",
    "event",
    "marketplace",
    "search",
    "notification",
    "migration",
    "bookmark",
    "group",
    "media",
];

#[test]
fn every_rpc_declares_its_rules() {
    let pool = pool();
    none_wrong(
        methods(&pool)
            .iter()
            .filter(|method| contracts::rpc(&path(method)).is_none())
            .map(|method| format!("{} has no (smilefactory.api.v1.rpc)", method.full_name())),
    );
    assert_eq!(contracts::rpcs().len(), methods(&pool).len());
}

#[test]
fn sc_2_an_rpc_has_routes_or_is_internal_with_named_callers() {
    let pool = pool();
    let mut wrong = Vec::new();
    for method in methods(&pool) {
        let rule = rule(&method);
        let routed = !bindings(&pool, &method).is_empty();
        let internal = rule.access == Access::Service;
        if routed != rule.public || routed == internal {
            wrong.push(format!(
                "{}: ACCESS_SERVICE has no route, everything else has one",
                rule.path
            ));
        }
        if internal && rule.callers.is_empty() {
            wrong.push(format!("{}: ACCESS_SERVICE names its callers", rule.path));
        }
        for caller in rule
            .callers
            .iter()
            .filter(|caller| !SERVICES.contains(caller))
        {
            wrong.push(format!("{}: nobody is called {caller}", rule.path));
        }
    }
    none_wrong(wrong);
}

#[test]
fn cv_11_success_is_200_201_or_202_and_creating_is_a_post() {
    let pool = pool();
    let mut wrong = Vec::new();
    for method in methods(&pool) {
        let rule = rule(&method);
        let posts = bindings(&pool, &method)
            .iter()
            .any(|binding| binding.method == "POST");
        if !matches!(rule.status, 200..=202) || (rule.status == 201 && !posts) {
            wrong.push(format!("{}: success is {}", rule.path, rule.status));
        }
    }
    none_wrong(wrong);
}

#[test]
fn sc_4_effects_are_declared_and_agree_with_the_method() {
    let pool = pool();
    let mut wrong = Vec::new();
    for method in methods(&pool) {
        let rule = rule(&method);
        let has = |verb: &str| {
            bindings(&pool, &method)
                .iter()
                .any(|binding| binding.method == verb)
        };
        if crate::shapes::number(&pool, &method, "effect") == 0 {
            wrong.push(format!("{}: no effect is declared", rule.path));
        }
        if has("GET") && rule.effect != Effect::Safe {
            wrong.push(format!("{}: GET only reads", rule.path));
        }
        if rule.effect == Effect::Safe && (has("PUT") || has("PATCH") || has("DELETE")) {
            wrong.push(format!(
                "{}: PUT, PATCH and DELETE do not only read",
                rule.path
            ));
        }
        if rule.effect == Effect::Unsafe && has("PUT") {
            wrong.push(format!("{}: PUT can be repeated", rule.path));
        }
    }
    none_wrong(wrong);
}

#[test]
fn gw_4_buckets_are_those_of_the_table() {
    let named = contracts::rpcs()
        .iter()
        .flat_map(|rule| rule.buckets.iter().map(move |bucket| (rule.path, bucket)));
    none_wrong(
        named
            .filter(|(_, bucket)| !BUCKETS.contains(bucket))
            .map(|(path, bucket)| format!("{path}: there is no bucket {bucket}")),
    );
}

#[test]
fn n_18_deadlines_and_body_limits_are_within_the_figures() {
    none_wrong(contracts::rpcs().iter().filter_map(|rule| {
        // Internal streams live longer than any request (SC-3).
        let longest = if rule.access == Access::Service {
            600
        } else {
            300
        };
        let deadline = (50..=longest * 1000).contains(&rule.deadline.as_millis());
        let body = (1..=110 * 1024 * 1024).contains(&rule.body_limit);
        (!deadline || !body).then(|| {
            format!(
                "{}: {:?}, {} bytes",
                rule.path, rule.deadline, rule.body_limit
            )
        })
    }));
}

#[test]
fn k_2_list_rules_are_complete() {
    let mut wrong = Vec::new();
    for rule in contracts::rpcs() {
        let Some(list) = &rule.list else { continue };
        if list.sort.is_empty() {
            wrong.push(format!("{}: no sort name, so no default order", rule.path));
        }
        if list.default_limit > list.max_limit || list.max_limit > 100 {
            wrong.push(format!(
                "{}: limits {} and {}",
                rule.path, list.default_limit, list.max_limit
            ));
        }
        for filter in list.filters {
            if (filter.kind == FilterKind::Word) == filter.words.is_empty() {
                wrong.push(format!(
                    "{}: filter {} has {} words",
                    rule.path,
                    filter.name,
                    filter.words.len()
                ));
            }
            if list
                .filters
                .iter()
                .filter(|other| other.name == filter.name)
                .count()
                > 1
            {
                wrong.push(format!(
                    "{}: filter {} stands twice",
                    rule.path, filter.name
                ));
            }
        }
    }
    none_wrong(wrong);
}
