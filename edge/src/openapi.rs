//! The OpenAPI 3.0.3 document (CV-1), derived from the contracts: routes from
//! their bindings, texts from their comments, constraints from our options.
//!
//! Nothing in it is written by hand but the few endpoints the edge owns.

mod contract;
mod fields;
mod operations;
mod owned;
mod parameters;
mod replies;
mod schemas;

use std::fmt;

use serde_json::{Map, Value, json};

use contract::Contract;
use schemas::Schemas;

/// The document of every route in `descriptor`, an encoded `FileDescriptorSet`.
///
/// `server_url` is where the API is reached, without a path
/// (`http://localhost:3000`); `version` is the product's version. The order of
/// everything is fixed, so equal contracts give equal documents.
///
/// # Errors
/// The bytes are not a descriptor set that contains our options.
pub fn document(descriptor: &[u8], server_url: &str, version: &str) -> Result<Value, Error> {
    let contract = Contract::new(descriptor)?;
    let mut schemas = Schemas::new(&contract);
    let mut paths = Map::new();
    let mut responses = Map::new();
    operations::add(&contract, &mut schemas, &mut responses, &mut paths);
    owned::add(&mut paths);

    let mut tags: Vec<Value> = contract.tags().collect();
    tags.push(json!({"name": owned::TAG, "description": "What the edge answers itself."}));
    Ok(json!({
        "openapi": "3.0.3",
        "info": {
            "title": "SmileFactory API",
            "version": version,
            "description": INTRODUCTION,
        },
        "servers": [{"url": server_url}],
        "tags": tags,
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "An access token of `POST /api/v1/auth/verify-otp`.",
                },
            },
            "responses": responses,
            "schemas": schemas.into_map(),
        },
    }))
}

const INTRODUCTION: &str = "\
Every success is `{success, data, meta}`, a list has `pagination` beside `data`, every failure is `{success, error, \
message, statusCode, meta}`. Names are camelCase, times RFC 3339 in UTC with milliseconds, ids lower-case UUIDs. Every \
documented field is present in every reply. Unknown fields and parameters are refused by name. Texts are trimmed and \
brought to Unicode NFC before they are checked; lengths count Unicode scalar values. Words of closed sets are read in \
any case, with `-` as `_`. In PUT and PATCH an absent field stays as it is and null clears it. `/api/<resource>` is \
read as `/api/v1/<resource>`, every GET answers HEAD, and one trailing slash is ignored.";

/// Why no document can be made.
#[derive(Debug)]
pub enum Error {
    /// The bytes are not a descriptor set.
    Descriptor(prost_reflect::DescriptorError),
    /// The descriptor set was made without our options.
    Extension(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Descriptor(_) => f.write_str("the descriptor set cannot be read"),
            Self::Extension(name) => write!(f, "the descriptor set lacks the extension {name}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Descriptor(error) => Some(error),
            Self::Extension(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
