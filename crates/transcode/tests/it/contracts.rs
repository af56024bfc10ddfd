//! The product's own contracts.

use std::collections::HashSet;

use transcode::Transcoder;

#[test]
fn gw_1_the_contracts_compile_into_unambiguous_routes() {
    let transcoder = Transcoder::new(contracts::DESCRIPTOR).unwrap();
    assert!(!transcoder.routes().is_empty());
    for route in transcoder.routes() {
        assert!(
            contracts::rpc(&route.rpc).is_some_and(|rule| rule.public),
            "{} has no public rule",
            route.rpc
        );
    }
}

#[test]
fn tr_20_every_public_rpc_has_a_first_route() {
    let transcoder = Transcoder::new(contracts::DESCRIPTOR).unwrap();
    let first = transcoder
        .routes()
        .iter()
        .filter(|route| !route.additional)
        .map(|route| route.rpc.as_str());
    let first: HashSet<&str> = first.collect();
    let public = contracts::rpcs().iter().filter(|rule| rule.public);
    let missing: Vec<&str> = public
        .map(|rule| rule.path)
        .filter(|path| !first.contains(path))
        .collect();
    assert_eq!(missing, Vec::<&str>::new());
}
