//! What production answers to requests that came without TLS: probes, and where to go instead (GW-19, HD-3).

use fault::{Fault, Reason};
use http::header::{HOST, LOCATION};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderValue, Method, Response, StatusCode};

use crate::client_ip;
use crate::config::Config;
use crate::respond::Reply;

/// Refuses a request that came without TLS where that is not served. TLS ends in our proxies, whose word it is.
///
/// # Errors
/// `FORBIDDEN`.
pub(crate) fn refuse(config: &Config, parts: &Parts) -> Result<(), Fault> {
    if is_served(config, parts) {
        return Ok(());
    }
    Err(Fault::new(
        Reason::Forbidden,
        "Plain HTTP is not served here; use https",
    ))
}

/// Returns the way to the same resource over TLS for a request that would be refused and only reads. Any other is not
/// repeated: what it carries was sent in the open once already.
pub(crate) fn redirect(config: &Config, parts: &Parts) -> Option<Reply> {
    if is_served(config, parts) || !matches!(parts.method, Method::GET | Method::HEAD) {
        return None;
    }
    let resource = parts.uri.path_and_query().map_or("/", |it| it.as_str());
    let location = format!("{}{resource}", base(config, parts)?);
    let mut reply: Reply = Response::default();
    *reply.status_mut() = StatusCode::PERMANENT_REDIRECT;
    let location = HeaderValue::from_str(&location).ok()?;
    reply.headers_mut().insert(LOCATION, location);
    Some(reply)
}

fn is_served(config: &Config, parts: &Parts) -> bool {
    !config.production || client_ip::over_tls(&parts.headers, config.trusted_hops)
}

/// The configured address if it is one, else the host the client named. Its port is that of plain HTTP, so it is left out.
fn base(config: &Config, parts: &Parts) -> Option<String> {
    if config.public_url.starts_with("https://") {
        return Some(config.public_url.trim_end_matches('/').to_owned());
    }
    let named = || parts.headers.get(HOST)?.to_str().ok()?.parse().ok();
    let host: Authority = parts.uri.authority().cloned().or_else(named)?;
    Some(format!("https://{}", host.host()))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn location(public_url: &str, uri: &str, host: Option<&str>) -> Option<String> {
        let config = Config {
            public_url: public_url.to_owned(),
            production: true,
            trusted_hops: 1,
            ..Config::default()
        };
        let mut request = Request::get(uri);
        if let Some(host) = host {
            request = request.header(HOST, host);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let reply = redirect(&config, &parts)?;
        assert_eq!(reply.status(), 308);
        Some(reply.headers()[LOCATION].to_str().unwrap().to_owned())
    }

    #[test]
    fn gw_19_a_redirect_leads_to_the_same_path_and_query_on_the_right_host() {
        for (public_url, uri, host, to) in [
            (
                "/",
                "/a/b?c=d&e=%20",
                Some("x.example"),
                "https://x.example/a/b?c=d&e=%20",
            ),
            ("/", "/", Some("x.example:80"), "https://x.example/"),
            (
                "/",
                "/a",
                Some("[2001:db8::1]:80"),
                "https://[2001:db8::1]/a",
            ),
            ("/", "http://x.example:80/a", None, "https://x.example/a"),
            (
                "/",
                "//y.example/a",
                Some("x.example"),
                "https://x.example//y.example/a",
            ),
            (
                "http://x.example",
                "/a",
                Some("x.example"),
                "https://x.example/a",
            ),
            (
                "https://api.example/",
                "/a?b",
                Some("evil.example"),
                "https://api.example/a?b",
            ),
        ] {
            assert_eq!(
                location(public_url, uri, host).as_deref(),
                Some(to),
                "{uri}"
            );
        }
        assert_eq!(location("/", "/a", None), None, "no host is known");
        assert_eq!(location("/", "/a", Some("not a host")), None);
    }
}
