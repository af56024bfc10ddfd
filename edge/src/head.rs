//! What a request head must satisfy before anything is done for it: size (N-16), one Host, one Authorization.

use fault::{Fault, Reason};
use http::header::{AUTHORIZATION, HOST};
use http::request::Parts;
use http::{HeaderMap, Version};

use crate::config::Limits;

/// Refuses a head that is too large or says two things at once.
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
    let hosts = parts.headers.get_all(HOST).iter().count();
    if hosts > 1 || (hosts == 0 && parts.version == Version::HTTP_11) {
        return Err(Fault::invalid("Host", "must be given once"));
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
