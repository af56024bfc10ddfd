//! Who is let in, and what their context says.

use super::*;

#[tokio::test]
async fn sc_2_who_may_call_what_for_whom() {
    let edge = keys("edge");
    let anonymous = edge.sign_identity(None, None);
    let user = edge.sign_identity(Some(&caller(Role::User)), None);
    let denied = Some(Reason::Forbidden);
    let rows = [
        (OPTIONAL, "edge", None, None),
        (OPTIONAL, "edge", Some(&anonymous), None),
        (OPTIONAL, "edge", Some(&user), None),
        (OPTIONAL, "profile", Some(&user), denied),
        (USER, "edge", Some(&user), None),
        (USER, "edge", Some(&anonymous), Some(Reason::Unauthorized)),
        (USER, "edge", None, Some(Reason::Unauthorized)),
        (USER, "auth", Some(&user), denied),
        (COMPOSED, "auth", Some(&user), None),
        (COMPOSED, "edge", Some(&anonymous), None),
        (COMPOSED, "feed", Some(&user), denied),
        (INTERNAL, "profile", None, None),
        (INTERNAL, "auth", Some(&user), None),
        (INTERNAL, "edge", Some(&user), denied),
        (EDGE_ONLY, "edge", None, None),
        (EDGE_ONLY, "profile", Some(&user), denied),
    ];
    let (service, seen) = witness();
    for (path, peer, identity, expected) in rows {
        let credential = keys(peer).service_token("feed");
        let mut headers = vec![("x-sf-service", &*credential)];
        headers.extend(identity.map(|token| ("x-sf-identity", &**token)));
        *seen.lock().unwrap() = None;
        assert_eq!(
            reason(&service, request(path, &headers)).await,
            expected,
            "{path} by {peer}"
        );
        assert_eq!(
            seen.lock().unwrap().is_some(),
            expected.is_none(),
            "{path} by {peer}: the handler"
        );
    }
}

#[test]
fn sc_2_staff_rpcs_need_a_staff_role() {
    for (role, expected) in [
        (None, Some(Reason::Unauthorized)),
        (Some(Role::User), Some(Reason::Forbidden)),
        (Some(Role::Staff), None),
        (Some(Role::Admin), None),
    ] {
        let caller = role.map(caller);
        let refused =
            crate::layers::guard::in_class(contracts::Access::Staff, caller.as_ref()).err();
        assert_eq!(refused.map(|fault| fault.reason()), expected, "{role:?}");
    }
}

#[tokio::test]
async fn t_16_no_rpc_is_reachable_without_the_right_credential() {
    let (service, seen) = witness();
    let foreign = ServiceKeys::derived("edge", b"another secret", SERVICES).unwrap();
    let elsewhere = keys("edge").service_token("profile");
    let (wrong, right) = (
        foreign.service_token("feed"),
        keys("edge").service_token("feed"),
    );
    for rule in contracts::rpcs() {
        let of = |headers: &[(&'static str, &str)]| request(rule.path, headers);
        assert_eq!(
            reason(&service, of(&[])).await,
            Some(Reason::Unauthorized),
            "{}",
            rule.path
        );
        let empty = reason(&service, of(&[("x-sf-service", "")])).await;
        assert_eq!(empty, Some(Reason::Forbidden), "{}", rule.path);
        for token in [&wrong, &elsewhere] {
            let refused = reason(&service, of(&[("x-sf-service", token)])).await;
            assert_eq!(refused, Some(Reason::Forbidden), "{}", rule.path);
        }
        let twice = [("x-sf-service", &*right), ("x-sf-service", &*right)];
        assert_eq!(
            reason(&service, of(&twice)).await,
            Some(Reason::Unauthorized),
            "{}",
            rule.path
        );
    }
    assert!(seen.lock().unwrap().is_none(), "no handler ran");
}

#[tokio::test]
async fn t_15_identities_the_edge_did_not_sign_are_refused() {
    let (service, seen) = witness();
    let edge = keys("edge");
    let credential = edge.service_token("feed");
    let by_feed = keys("feed").sign_identity(Some(&caller(Role::Admin)), None);
    let right = edge.sign_identity(None, None);
    for identities in [
        vec![&*by_feed],
        vec![&*credential],
        vec!["x"],
        vec![""],
        vec![&*right, &*right],
    ] {
        let mut headers = vec![("x-sf-service", &*credential)];
        headers.extend(identities.iter().map(|token| ("x-sf-identity", *token)));
        let refused = reason(&service, request(OPTIONAL, &headers)).await;
        assert_eq!(refused, Some(Reason::Unauthorized), "{identities:?}");
    }
    assert!(seen.lock().unwrap().is_none());
}

#[tokio::test]
async fn sc_1_the_context_says_what_the_edge_signed_and_nothing_else() {
    let (service, seen) = witness();
    let edge = keys("edge");
    let (caller, ip) = (caller(Role::Staff), Some("2001:db8::9".parse().unwrap()));
    let (credential, identity) = (
        edge.service_token("feed"),
        edge.sign_identity(Some(&caller), ip),
    );
    let headers = [
        ("x-sf-service", &*credential),
        ("x-sf-identity", &identity),
        ("x-request-id", "request-77"),
        ("x-sf-user-agent", "Ünit/1.0"),
        (
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
        ("x-account-id", "forged"),
        ("x-forwarded-for", "203.0.113.1"),
    ];
    outcome(&service, request(USER, &headers)).await.unwrap();
    let ctx = seen.lock().unwrap().take().unwrap();
    assert_eq!(ctx.require_caller().unwrap(), &caller);
    assert_eq!(
        (ctx.ip(), ctx.peer(), ctx.request_id()),
        (ip, "edge", "request-77")
    );
    assert_eq!(
        (ctx.user_agent(), ctx.identity()),
        (Some("Ünit/1.0"), Some(&*identity))
    );
    assert!(
        ctx.trace()
            .unwrap()
            .starts_with("00-0af7651916cd43dd8448eb211c80319c-")
    );
    let rule = contracts::rpc(USER).unwrap();
    assert!(
        ctx.remaining() <= rule.deadline && ctx.remaining() > rule.deadline / 2,
        "the rule's deadline"
    );
    let headers = [
        ("x-sf-service", &*credential),
        ("x-request-id", "a\tb"),
        ("grpc-timeout", "200m"),
    ];
    outcome(&service, request(OPTIONAL, &headers))
        .await
        .unwrap();
    let ctx = seen.lock().unwrap().take().unwrap();
    assert!(
        identity::request_id::is_acceptable(ctx.request_id()),
        "{:?}",
        ctx.request_id()
    );
    assert!(ctx.caller().is_none() && ctx.remaining() <= Duration::from_millis(200));
}

#[tokio::test]
async fn k_4_the_expected_version_is_read_where_the_contract_compares_it() {
    const CONDITIONAL: &str = "/smilefactory.feed.v1.FeedService/UpdatePost";
    let (service, seen) = witness();
    let edge = keys("edge");
    let identity = edge.sign_identity(Some(&caller(Role::User)), None);
    for (path, given, expected) in [
        (CONDITIONAL, vec![], Expected::None),
        (CONDITIONAL, vec!["7"], Expected::Versions([7].into())),
        (
            CONDITIONAL,
            vec!["\"7-0123456789abcdef\"", "\"8-0123456789abcdef\""],
            Expected::Versions([7, 8].into()),
        ),
        (CONDITIONAL, vec!["*"], Expected::Any),
        (USER, vec!["7"], Expected::None),
        (USER, vec!["seven"], Expected::None),
    ] {
        let mut headers = vec![("x-sf-identity", &*identity)];
        headers.extend(given.iter().map(|value| ("if-match", *value)));
        outcome(&service, by_edge(path, &headers)).await.unwrap();
        let ctx = seen.lock().unwrap().take().unwrap();
        assert_eq!(*ctx.expected_version(), expected, "{path} {given:?}");
    }
    let headers = [("x-sf-identity", &*identity), ("if-match", "seven")];
    let refused = outcome(&service, by_edge(CONDITIONAL, &headers)).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.reason(), Reason::ValidationError);
    assert_eq!(refused.get_violations()[0].field, "If-Match");
}

#[tokio::test]
async fn sc_3_a_users_stream_may_ask_for_as_long_as_a_token_lives_and_nothing_else_may() {
    let (service, seen) = witness();
    let credential = keys("edge").service_token("feed");
    let caller = caller(Role::User);
    let identity = keys("edge").sign_identity(Some(&caller), None);
    for (path, most) in [
        (STREAM, mesh::USER_STREAM_DEADLINE),
        (USER, mesh::STREAM_DEADLINE),
    ] {
        let headers = [
            ("x-sf-service", &*credential),
            ("x-sf-identity", &*identity),
            ("grpc-timeout", "2H"),
        ];
        outcome(&service, request(path, &headers)).await.unwrap();
        let left = seen.lock().unwrap().take().unwrap().remaining();
        assert!(
            left <= most && left > most - Duration::from_secs(60),
            "{path}: {left:?}"
        );
    }
}
