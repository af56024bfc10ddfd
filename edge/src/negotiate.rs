//! What a request says about formats and time: `Content-Type`, `Accept`, `X-Request-Timeout`.

mod ranges;

use std::time::Duration;

use fault::{Fault, Reason};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName};

pub(crate) use self::ranges::{Fit, Ranges};

/// Refuses a body that is not JSON; no type, or an empty one, is read as JSON (CV-13).
pub(crate) fn json_body(headers: &HeaderMap) -> Result<(), Fault> {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    if let Some(value) = types.next() {
        let json = value
            .to_str()
            .is_ok_and(|text| text.trim().is_empty() || is_json(text));
        if !json || types.next().is_some() {
            return Err(Fault::new(
                Reason::UnsupportedMediaType,
                "The body must be application/json",
            ));
        }
    }
    Ok(())
}

fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let charset = parts.find_map(|parameter| {
        parameter
            .to_ascii_lowercase()
            .strip_prefix("charset=")
            .map(str::to_owned)
    });
    essence.eq_ignore_ascii_case("application/json")
        && charset.is_none_or(|name| name.trim_matches('"') == "utf-8")
}

/// Refuses a request whose `Accept` rules JSON out. The most specific range that names JSON decides (RFC 9110 §12.5.1).
pub(crate) fn json_reply(headers: &HeaderMap) -> Result<(), Fault> {
    let ranges = Ranges::of(headers);
    if ranges.is_empty() || ranges.fit("application", "json").is_some() {
        return Ok(());
    }
    Err(Fault::new(
        Reason::NotAcceptable,
        "The reply is application/json, which Accept rules out",
    ))
}

/// Returns the time the client gives the request, if it says: 50..30000 milliseconds, said once (HD-1, N-18).
pub(crate) fn patience(headers: &HeaderMap) -> Result<Option<Duration>, Fault> {
    const HEADER: HeaderName = HeaderName::from_static("x-request-timeout");
    const NAME: &str = "X-Request-Timeout";
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let millis = value
        .to_str()
        .ok()
        .filter(|text| values.next().is_none() && text.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|text| text.parse::<u64>().ok())
        .filter(|millis| (50..=30_000).contains(millis));
    millis
        .map(|millis| Some(Duration::from_millis(millis)))
        .ok_or_else(|| Fault::invalid(NAME, "must be one number of milliseconds from 50 to 30000"))
}

/// A weight in thousandths: `q=0.5` is 500.
pub(crate) type Weight = u16;

/// Reads `q=` and a number from 0 to 1 with at most three decimals (RFC 9110 §12.4.2).
pub(crate) fn weight(parameter: &str) -> Option<Weight> {
    let (name, value) = parameter.split_once('=')?;
    let (whole, decimals) = value.split_once('.').unwrap_or((value, ""));
    let digits = decimals.len() <= 3 && decimals.bytes().all(|byte| byte.is_ascii_digit());
    let thousandths: Weight = format!("{decimals:0<3}").parse().ok()?;
    let fits = matches!((whole, thousandths), ("0", _) | ("1", 0));
    (name.eq_ignore_ascii_case("q") && digits && fits).then_some(if whole == "1" {
        1000
    } else {
        thousandths
    })
}

#[cfg(test)]
mod tests {
    use http::header::ACCEPT;

    use super::*;

    fn one(name: HeaderName, value: &str) -> HeaderMap {
        let mut map = HeaderMap::new();
        map.insert(name, value.parse().unwrap());
        map
    }

    #[test]
    fn cv_13_json_and_nothing_else_is_a_body() {
        assert!(json_body(&HeaderMap::new()).is_ok());
        for good in [
            "",
            "application/json",
            "Application/JSON; charset=UTF-8",
            "application/json;charset=\"utf-8\"",
        ] {
            assert!(json_body(&one(CONTENT_TYPE, good)).is_ok(), "{good}");
        }
        for bad in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/jsonp",
            "application/json; charset=latin1",
            "json",
        ] {
            assert_eq!(
                json_body(&one(CONTENT_TYPE, bad)).unwrap_err().reason(),
                Reason::UnsupportedMediaType,
                "{bad}"
            );
        }
    }

    #[test]
    fn accept_must_leave_json_possible() {
        for good in [
            "*/*",
            "application/json",
            "text/html, application/*;q=0.1",
            "",
            "application/json;q=0.001",
            "text/html,*/*;q=0.8",
        ] {
            assert!(json_reply(&one(ACCEPT, good)).is_ok(), "{good}");
        }
        for bad in [
            "text/html",
            "application/json;q=0",
            "application/json;Q=0.",
            "*/*;q=0",
            "*/*, application/json;q=0",
            "image/*",
            "application/xml",
        ] {
            assert_eq!(
                json_reply(&one(ACCEPT, bad)).unwrap_err().reason(),
                Reason::NotAcceptable,
                "{bad}"
            );
        }
    }

    #[test]
    fn n_18_a_client_may_ask_for_50_to_30000_milliseconds() {
        let name = HeaderName::from_static("x-request-timeout");
        assert_eq!(patience(&HeaderMap::new()).unwrap(), None);
        assert_eq!(
            patience(&one(name.clone(), "50")).unwrap(),
            Some(Duration::from_millis(50))
        );
        for bad in ["49", "30001", "1e3", "-1", "+100", "abc", ""] {
            assert!(patience(&one(name.clone(), bad)).is_err(), "{bad}");
        }
    }
}
