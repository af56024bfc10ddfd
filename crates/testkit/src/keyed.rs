//! Keyed calls as the edge forwards them.

use mesh::metadata::IDEMPOTENCY_REPLAYED;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status};

/// A request with an idempotency key.
///
/// # Panics
/// When the key cannot be metadata.
pub fn keyed<T>(key: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let key = key.parse().expect("a key is ASCII");
    request.metadata_mut().insert("idempotency-key", key);
    request
}

/// Whether an answer is the stored outcome of an earlier request.
pub fn is_replayed<T>(answer: &Result<Response<T>, Status>) -> bool {
    let says = |metadata: &MetadataMap| {
        metadata
            .get(IDEMPOTENCY_REPLAYED.as_str())
            .is_some_and(|yes| yes == "true")
    };
    match answer {
        Ok(reply) => says(reply.metadata()),
        Err(status) => says(status.metadata()),
    }
}
