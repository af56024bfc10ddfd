//! Headers by which a client says who it is, or where it comes from, have no effect on what a service is told (GW-7, T15).

use std::collections::BTreeMap;

use identity::{Caller, Role};
use tonic::Code;

use crate::forger::bearer;
use crate::house::{House, without_limits};
use crate::rpc::{WIRES, Wire, frame};
use crate::script::Call;

const LIST_FEED: &str = "/smilefactory.feed.v1.FeedService/ListFeed";

/// Names that mean something to this system, to proxies or to other systems like it.
const NAMES: &[&str] = &[
    // Ours.
    "x-sf-identity",
    "x-sf-service",
    "x-sf-user-agent",
    "x-sf-status",
    "x-sf-role",
    "x-sf-ip",
    "x-sf-peer",
    "x-account-id",
    "x-profile-id",
    "x-session-id",
    "x-user-id",
    "x-role",
    // Who it is, as other systems say it.
    "x-authenticated-user",
    "x-auth-user",
    "x-auth-request-email",
    "x-remote-user",
    "remote-user",
    "x-consumer-id",
    "x-jwt-payload",
    "x-jwt-assertion",
    "x-internal-token",
    "proxy-authorization",
    "cookie",
    // Where it comes from.
    "forwarded",
    "via",
    "x-forwarded",
    "x-forwarded-for",
    "x-forwarded-user",
    "x-forwarded-email",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-prefix",
    "x-forwarded-client-cert",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    // What it asks for.
    "x-envoy-original-path",
    "x-envoy-internal",
    "x-envoy-external-address",
    "x-envoy-upstream-rq-timeout-ms",
    "x-original-url",
    "x-original-uri",
    "x-rewrite-url",
    "x-http-method-override",
    // gRPC's own.
    "grpc-status",
    "grpc-message",
    "grpc-status-details-bin",
    "grpc-tags-bin",
    "grpc-trace-bin",
    "grpc-previous-rpc-attempts",
    "b3",
    "x-b3-traceid",
];

/// The ways one name is written: as it is, as grpc-gateway passes it on, as binary metadata, in odd case, with underscores,
/// and twice.
fn forms(name: &str, value: &str) -> Vec<Vec<(String, String)>> {
    let one = |name: String| vec![(name, value.to_owned())];
    let odd: String = name
        .char_indices()
        .map(|(at, letter)| {
            if at % 2 == 0 {
                letter.to_ascii_uppercase()
            } else {
                letter
            }
        })
        .collect();
    vec![
        one(name.to_owned()),
        one(format!("grpc-metadata-{name}")),
        one(format!("Grpc-Metadata-{name}-bin")),
        one(format!("{}-bin", name.trim_end_matches("-bin"))),
        one(odd),
        one(name.to_uppercase()),
        one(name.replace('-', "_")),
        [one(name.to_owned()), one(name.to_owned())].concat(),
    ]
}

#[tokio::test]
async fn t15_no_header_of_a_client_changes_what_the_service_is_told() {
    let house = House::open(without_limits).await;
    let caller = house.rig.caller();
    let admin = Caller {
        role: Role::Admin,
        ..house.rig.caller()
    };
    // What an attacker would like best: another caller's identity and the door's own credential, as they really were sent.
    let stolen = house.told(None, &[], Some(&admin)).await;
    let stolen = |name: &str| stolen.metadata[name].to_str().unwrap().to_owned();
    let values = BTreeMap::from([
        ("x-sf-identity", stolen("x-sf-identity")),
        ("x-sf-service", stolen("x-sf-service")),
        ("forwarded", "for=203.0.113.7;proto=https".to_owned()),
        ("x-forwarded-for", "203.0.113.7".to_owned()),
        ("x-real-ip", "203.0.113.7".to_owned()),
        ("x-http-method-override", "DELETE".to_owned()),
        ("x-envoy-original-path", "/livez".to_owned()),
        ("x-original-url", "/livez".to_owned()),
    ]);
    let rest = [(None, None), (None, Some(&caller))];
    let grpc = WIRES.map(|wire| (Some(wire), Some(&caller)));
    for (wire, who) in rest.into_iter().chain(grpc) {
        let plain = seen(&house.told(wire, &[], who).await);
        assert_eq!(plain.caller.as_ref(), who);
        let mut variants = 0;
        for name in NAMES {
            let other = admin.account_id.to_string();
            let value = values.get(name).unwrap_or(&other);
            let forms = forms(name, value);
            // One by one over REST; over gRPC, where the same function writes what the service is told, all of a name together.
            let requests = wire.map_or_else(|| forms.clone(), |_| vec![forms.concat()]);
            variants += forms.len();
            for headers in requests {
                let headers: Vec<_> = headers.iter().map(|(n, v)| (&**n, &**v)).collect();
                let told = house.told(wire, &headers, who).await;
                assert_eq!(seen(&told), plain, "{wire:?} {headers:?}");
            }
        }
        assert!(variants >= 400, "{variants}");
    }
}

/// What a service is told, but for ids, times and the signatures over them.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    caller: Option<Caller>,
    peer: String,
    ip: Option<std::net::IpAddr>,
    agent: Option<String>,
    message: Vec<u8>,
    metadata: Vec<(String, Vec<u8>)>,
}

fn seen(call: &Call) -> Seen {
    let signed = ["x-sf-identity", "x-sf-service"];
    let mut metadata: Vec<(String, Vec<u8>)> = call
        .metadata
        .iter()
        .map(|(name, value)| {
            let fresh = ["x-request-id", "traceparent", "grpc-timeout"];
            let differs = fresh.contains(&name.as_str()) || signed.contains(&name.as_str());
            let value = if differs {
                Vec::new()
            } else {
                value.as_bytes().to_vec()
            };
            (name.to_string(), value)
        })
        .collect();
    metadata.sort();
    Seen {
        caller: call.ctx.caller().cloned(),
        peer: call.ctx.peer().to_owned(),
        ip: call.ctx.ip(),
        agent: call.ctx.user_agent().map(str::to_owned),
        message: call.message.to_vec(),
        metadata,
    }
}

impl House {
    /// What the feed service is told of a request with these headers, over a wire of gRPC or else over REST.
    async fn told(
        &self,
        wire: Option<Wire>,
        headers: &[(&str, &str)],
        who: Option<&Caller>,
    ) -> Call {
        let token = who.map(|who| bearer(&self.token(who)));
        let mut headers = headers.to_vec();
        headers.extend(token.as_deref().map(|token| ("authorization", token)));
        if let Some(wire) = wire {
            let message = frame(&[]);
            let outcome = self.call_framed(wire, LIST_FEED, &headers, message).await;
            assert_eq!(outcome.status().code(), Code::Ok, "{headers:?}");
        } else {
            let reply = self.get("/api/v1/feed", &headers).await;
            assert_eq!(reply.status, 200, "{headers:?}: {reply:?}");
        }
        let mut calls = self.feed.take();
        assert_eq!(calls.len(), 1, "{headers:?}");
        assert_eq!(calls[0].rpc, "ListFeed", "{headers:?}");
        calls.remove(0)
    }
}
