//! A request without a door: routed, bound, validated and read.

use fault::{Fault, Reason, Violation};
use transcode::RouteError;

use crate::cases::Case;
use crate::service::{self, Outcome, TRANSCODER};

/// What becomes of a case.
pub(crate) fn outcome(case: &Case) -> Outcome {
    let target = std::str::from_utf8(&case.target).expect("a target that is text");
    let (path, query) = target
        .split_once('?')
        .map_or((target, None), |(path, query)| (path, Some(query)));
    let found = match TRANSCODER.find(&case.method, path) {
        Ok(found) => found,
        Err(RouteError::NotFound) => return Outcome::refused(&Fault::of(Reason::NotFound)),
        Err(RouteError::MethodNotAllowed { .. }) => {
            return Outcome::refused(&Fault::of(Reason::MethodNotAllowed));
        }
        Err(RouteError::BadPath(why)) => return Outcome::refused(&Fault::invalid("path", why)),
    };
    let rule = contracts::rpc(&found.route.rpc).unwrap();
    let read = TRANSCODER
        .request(&found, query, &case.body)
        .map_err(|violations| {
            let violations = violations.into_iter();
            Fault::violations(
                violations
                    .map(|each| Violation {
                        field: each.field,
                        message: each.message,
                    })
                    .collect(),
            )
        });
    match read.and_then(|decoded| service::read(rule, &decoded.message)) {
        Ok(message) => Outcome::Received {
            status: rule.status,
            rpc: rule.name().to_owned(),
            message,
        },
        Err(fault) => Outcome::refused(&fault),
    }
}
