//! Envoy's configuration: its transcoder for the same service and descriptors, `jwt_authn` with the same keys, a local rate
//! limit that nobody reaches, gRPC-Web; no access log, no tracing.

use std::net::SocketAddr;

use serde_json::{Value, json};

/// Returns the configuration of one Envoy.
pub(super) fn config(
    listen: SocketAddr,
    upstream: SocketAddr,
    descriptors: &str,
    jwks: &str,
    cache: bool,
) -> Value {
    let mut provider = json!({
        "issuer": "smilefactory",
        "audiences": ["smilefactory-api"],
        "local_jwks": { "inline_string": jwks },
        "forward": true,
    });
    if cache {
        provider["jwt_cache_config"] = json!({ "jwt_cache_size": 50_000 });
    }
    json!({ "static_resources": {
        "listeners": [{
            "name": "gateway",
            "address": address(listen),
            "filter_chains": [{ "filters": [typed("envoy.filters.network.http_connection_manager",
                "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                json!({
                    "stat_prefix": "gateway",
                    "codec_type": "AUTO",
                    "route_config": { "virtual_hosts": [{
                        "name": "all",
                        "domains": ["*"],
                        "routes": [{ "match": { "prefix": "/" }, "route": { "cluster": "upstream", "timeout": "10s" } }],
                    }] },
                    "http_filters": filters(descriptors, &provider),
                }))] }],
        }],
        "clusters": [{
            "name": "upstream",
            "type": "STATIC",
            "connect_timeout": "1s",
            "typed_extension_protocol_options": { "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": { "http2_protocol_options": {} },
            } },
            "load_assignment": {
                "cluster_name": "upstream",
                "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": address(upstream) } }] }],
            },
        }],
    } })
}

fn filters(descriptors: &str, provider: &Value) -> Value {
    let unreached = json!({ "max_tokens": 1_000_000_000, "tokens_per_fill": 1_000_000_000, "fill_interval": "1s" });
    let always = json!({ "default_value": { "numerator": 100, "denominator": "HUNDRED" } });
    json!([
        typed(
            "envoy.filters.http.local_ratelimit",
            "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
            json!({
                "stat_prefix": "limit",
                "token_bucket": unreached,
                "filter_enabled": always,
                "filter_enforced": always,
            })
        ),
        typed(
            "envoy.filters.http.jwt_authn",
            "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            json!({
                "providers": { "smilefactory": provider },
                "rules": [
                    { "match": { "path": "/api/v1/posts" }, "requires": { "provider_name": "smilefactory" } },
                    { "match": { "prefix": "/" }, "requires": { "requires_any": { "requirements": [
                        { "provider_name": "smilefactory" }, { "allow_missing": {} },
                    ] } } },
                ],
            })
        ),
        typed(
            "envoy.filters.http.grpc_web",
            "envoy.extensions.filters.http.grpc_web.v3.GrpcWeb",
            json!({})
        ),
        typed(
            "envoy.filters.http.grpc_json_transcoder",
            "envoy.extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder",
            json!({
                "proto_descriptor": descriptors,
                "services": ["smilefactory.feed.v1.FeedService"],
                "print_options": { "always_print_primitive_fields": true },
                "convert_grpc_status": true,
            })
        ),
        typed(
            "envoy.filters.http.router",
            "envoy.extensions.filters.http.router.v3.Router",
            json!({})
        ),
    ])
}

fn typed(name: &str, of: &str, mut config: Value) -> Value {
    config["@type"] = format!("type.googleapis.com/{of}").into();
    json!({ "name": name, "typed_config": config })
}

fn address(at: SocketAddr) -> Value {
    json!({ "socket_address": { "address": at.ip().to_string(), "port_value": at.port() } })
}
