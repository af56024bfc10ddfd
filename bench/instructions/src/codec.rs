//! The transcoder both ways, beside prost decoding the same message into its type.

use std::hint::black_box;

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
    json: Vec<u8>,
    wire: Vec<u8>,
}

impl Sample {
    /// Makes the message and makes sure that both ways agree on it.
    fn of(name: &str) -> anyhow::Result<Self> {
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
        Ok(Self {
            transcoder,
            json,
            wire,
        })
    }
}

/// The cases of the codec.
pub(crate) fn cases() -> Vec<Case> {
    [("post", POST), ("page of 20 posts", PAGE)]
        .into_iter()
        .flat_map(|(label, name)| {
            let decode = Case::of(format!("{label}: prost decode"), move || decoded(name));
            let print = Case::of(format!("{label}: wire to JSON"), move || printed(name));
            let read = Case::of(format!("{label}: JSON to wire"), move || parsed(name));
            let (print, read) = (print.at_most(PRINT, &decode), read.at_most(READ, &decode));
            [decode, print, read]
        })
        .collect()
}

fn printed(name: &'static str) -> anyhow::Result<Call> {
    let sample = Sample::of(name)?;
    Ok(Box::new(move || {
        let wire = black_box(&sample.wire);
        let json = sample.transcoder.wire_to_json(name, wire, Dialect::Api);
        drop(black_box(json));
    }))
}

fn parsed(name: &'static str) -> anyhow::Result<Call> {
    let sample = Sample::of(name)?;
    Ok(Box::new(move || {
        let json = black_box(&sample.json);
        let wire = sample.transcoder.json_to_wire(name, json, Dialect::Api);
        drop(black_box(wire));
    }))
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
