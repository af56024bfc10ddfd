//! What a request head must satisfy before anything is done for it: size (N-16), one Host, one Authorization.

use fault::{Fault, Reason};
use http::header::{AUTHORIZATION, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, Version};

use crate::config::Limits;
use crate::respond::Refusal;

const NO_HOST: &str = "must be a host name or address with or without a port";

/// Refuses a head that leaves in doubt whom the request is for or where it ends (T17, T18; RFC 9112 §3.2, §6.3).
pub(crate) fn unambiguous(parts: &Parts, malformed: bool) -> Result<(), Refusal> {
    let fault = if malformed {
        Some(Fault::new(
            Reason::ValidationError,
            "The request head is malformed",
        ))
    } else if parts
        .headers
        .get(TRANSFER_ENCODING)
        .is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"chunked"))
    {
        Some(Fault::invalid("Transfer-Encoding", "must be chunked"))
    } else {
        host(parts).map(|why| Fault::invalid("Host", why))
    };
    let Some(fault) = fault else { return Ok(()) };
    Err(if parts.version < Version::HTTP_2 {
        Refusal::last(fault)
    } else {
        fault.into()
    })
}

/// Returns what is wrong with the name the request is for.
fn host(parts: &Parts) -> Option<&'static str> {
    let mut hosts = parts.headers.get_all(HOST).iter();
    let target = parts.uri.authority();
    match (hosts.next(), target) {
        _ if hosts.next().is_some() => Some("must be given once"),
        (None, _) if parts.version == Version::HTTP_11 => Some("must be given"),
        (None, None) => None,
        (None, Some(target)) => target.as_str().contains('@').then_some(NO_HOST),
        (Some(host), target) => match Authority::try_from(host.as_bytes()) {
            // RFC 9110 §7.2: a target without a name is asked for with an empty Host.
            _ if host.is_empty() && target.is_none() => None,
            Ok(host) if host.as_str().contains('@') => Some(NO_HOST),
            Ok(host) if target.is_none_or(|target| *target == host) => None,
            Ok(_) => Some("must be the name in the request target"),
            Err(_) => Some(NO_HOST),
        },
    }
}

/// Refuses a head that is too large or carries two tokens.
pub(crate) fn check(parts: &Parts, limits: &Limits) -> Result<(), Fault> {
    let uri = parts
        .uri
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    if uri > limits.uri_bytes {
        return Err(Fault::new(
            Reason::UriTooLong,
            format!("Path and query are longer than {} bytes", limits.uri_bytes),
        ));
    }
    if parts.headers.len() > limits.header_fields {
        return Err(Fault::new(
            Reason::HeadersTooLarge,
            format!("More than {} header fields", limits.header_fields),
        ));
    }
    if block(&parts.headers) > limits.header_bytes {
        return Err(Fault::new(
            Reason::HeadersTooLarge,
            format!("The headers are larger than {} bytes", limits.header_bytes),
        ));
    }
    if parts.headers.get_all(AUTHORIZATION).iter().count() > 1 {
        return Err(Fault::invalid(
            "Authorization",
            "must be given at most once",
        ));
    }
    Ok(())
}

/// Returns the size of the header block as HTTP/1 writes it.
fn block(headers: &HeaderMap) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len())
        .sum()
}
