//! The transcoder both ways, beside prost decoding the same message into its type.

use std::hint::black_box;
use std::sync::Arc;

use anyhow::ensure;
use prost::Message;
use transcode::{Dialect, Transcoder};

use crate::case::{Call, Case};
use crate::message::{PAGE, POST, Post, PostList, descriptor, page, post};

/// Wire to JSON may cost this many typed decodes.
const PRINT: f64 = 1.3;
/// JSON to wire may cost this many typed decodes.
const READ: f64 = 2.6;

/// A message in both forms, and the tables that convert it.
struct Sample {
    transcoder: Transcoder,
    name: &'static str,
    json: Vec<u8>,
    wire: Vec<u8>,
}

impl Sample {
    /// Makes the message and makes sure that both ways agree on it.
    fn of(name: &'static str) -> anyhow::Result<Arc<Self>> {
        let transcoder = Transcoder::new(&descriptor()?)?;
        let value = if name == PAGE { page() } else { post(0) };
        let shuffled = serde_json::to_vec(&value)?;
        let wire = transcoder.json_to_wire(name, &shuffled, Dialect::Api)?;
        let json = transcoder.wire_to_json(name, &wire, Dialect::Api)?;
        ensure!(
            serde_json::from_slice::<serde_json::Value>(&json)? == value,
            "{name} does not survive"
        );
        // Printed in the order of the contract and read back, the wire has that order too, as encoders write it.
        let wire = transcoder.json_to_wire(name, &json, Dialect::Api)?;
        Ok(Arc::new(Self {
            transcoder,
            name,
            json,
            wire,
        }))
    }
}

/// The cases of the codec.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (label, name) in [("post", POST), ("page of 20 posts", PAGE)] {
        let decode = format!("{label}: prost decode");
        cases.push(Case {
            name: decode.clone(),
            yardstick: None,
            prepare: Box::new(move || decoded(name)),
        });
        cases.push(Case {
            name: format!("{label}: wire to JSON"),
            yardstick: Some((decode.clone(), PRINT)),
            prepare: Box::new(move || {
                let sample = Sample::of(name)?;
                Ok(Box::new(move || {
                    let wire = black_box(&sample.wire);
                    drop(black_box(sample.transcoder.wire_to_json(
                        sample.name,
                        wire,
                        Dialect::Api,
                    )));
                }))
            }),
        });
        cases.push(Case {
            name: format!("{label}: JSON to wire"),
            yardstick: Some((decode, READ)),
            prepare: Box::new(move || {
                let sample = Sample::of(name)?;
                Ok(Box::new(move || {
                    let json = black_box(&sample.json);
                    drop(black_box(sample.transcoder.json_to_wire(
                        sample.name,
                        json,
                        Dialect::Api,
                    )));
                }))
            }),
        });
    }
    cases
}

/// The typed decode of the same bytes.
fn decoded(name: &'static str) -> anyhow::Result<Call> {
    if name == PAGE {
        decode::<PostList>(name)
    } else {
        decode::<Post>(name)
    }
}

fn decode<T: Message + Default>(name: &'static str) -> anyhow::Result<Call> {
    let sample = Sample::of(name)?;
    let typed = T::decode(sample.wire.as_slice())?;
    ensure!(
        typed.encoded_len() == sample.wire.len(),
        "{name} has fields that its type has not"
    );
    Ok(Box::new(move || {
        drop(black_box(T::decode(black_box(sample.wire.as_slice()))));
    }))
}
