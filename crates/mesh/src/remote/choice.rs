//! Which endpoint a call goes to.

use std::sync::Arc;

use super::{endpoint::Endpoint, load::Kind, rotation::State};

/// Chooses the cheaper of two random endpoints among those in rotation; if there are none,
/// among those that said they leave. `tried` is chosen only if there is no other.
pub(super) fn choose(
    endpoints: &[Arc<Endpoint>],
    kind: Kind,
    tried: Option<&Arc<Endpoint>>,
) -> Option<Arc<Endpoint>> {
    let is_tried = |endpoint: &Arc<Endpoint>| tried.is_some_and(|t| Arc::ptr_eq(t, endpoint));
    let among = |state: State, tried: bool| {
        endpoints
            .iter()
            .filter(move |endpoint| endpoint.state() == state && is_tried(endpoint) == tried)
    };
    [
        (State::In, false),
        (State::In, true),
        (State::Leaving, false),
        (State::Leaving, true),
    ]
    .into_iter()
    .find_map(|(state, tried)| cheaper(|| among(state, tried), kind))
    .cloned()
}

/// Chooses the cheaper of two of them at random: nearly as good as looking at all, and
/// callers that look at the same time do not all go to the same one.
fn cheaper<'a, I>(endpoints: impl Fn() -> I, kind: Kind) -> Option<&'a Arc<Endpoint>>
where
    I: Iterator<Item = &'a Arc<Endpoint>>,
{
    let count = endpoints().count();
    if count < 2 {
        return endpoints().next();
    }
    let first = rand::random_range(0..count);
    let second = (first + rand::random_range(1..count)) % count;
    // The number may have changed since it was counted.
    let nth = |n| endpoints().nth(n).or_else(|| endpoints().next());
    let (first, second) = (nth(first)?, nth(second)?);
    if second.load().cost(kind) < first.load().cost(kind) {
        Some(second)
    } else {
        Some(first)
    }
}
