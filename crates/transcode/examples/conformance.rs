//! The testee of the official protobuf conformance runner: answers its JSON
//! tests with this crate's codec. Started by `conformance/run`.
//!
//! The one argument is the directory with the runner's protos. Requests and
//! responses come and go on stdin and stdout, each behind its length as four
//! little-endian bytes. Skipped are proto2, text format and JSPB, which are out
//! of scope, and binary to binary, which involves no JSON.

use std::io::{self, Read, Write};

use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, Value};
use transcode::{Dialect, Error, Transcoder};

const PROTOBUF: i32 = 1;
const JSON: i32 = 2;
const IGNORE_UNKNOWN: i32 = 3;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let include = std::env::args()
        .nth(1)
        .ok_or("the directory of the runner's protos is missing")?;
    let mut compiler = protox::Compiler::new([include])?;
    compiler.include_imports(true);
    compiler.open_file("conformance/conformance.proto")?;
    compiler.open_file("conformance/messages/test_messages_proto3.proto")?;
    let descriptor = compiler.encode_file_descriptor_set();
    let testee = Testee {
        transcoder: Transcoder::new(&descriptor)?,
        protocol: DescriptorPool::decode(descriptor.as_slice())?,
    };
    let (mut requests, mut responses) = (io::stdin().lock(), io::stdout().lock());
    let mut length = [0; 4];
    while requests.read_exact(&mut length).is_ok() {
        let mut request = vec![0; u32::from_le_bytes(length) as usize];
        requests.read_exact(&mut request)?;
        let response = testee.answer(&request)?;
        responses.write_all(&u32::try_from(response.len())?.to_le_bytes())?;
        responses.write_all(&response)?;
        responses.flush()?;
    }
    Ok(())
}

struct Testee {
    transcoder: Transcoder,
    protocol: DescriptorPool,
}

impl Testee {
    fn message(&self, name: &str) -> Result<MessageDescriptor> {
        Ok(self
            .protocol
            .get_message_by_name(name)
            .ok_or("conformance.proto has changed")?)
    }

    fn answer(&self, request: &[u8]) -> Result<Vec<u8>> {
        let request =
            DynamicMessage::decode(self.message("conformance.ConformanceRequest")?, request)?;
        let (field, value) = self.run(&request);
        let mut response = DynamicMessage::new(self.message("conformance.ConformanceResponse")?);
        response.try_set_field_by_name(field, value)?;
        Ok(response.encode_to_vec())
    }

    fn run(&self, request: &DynamicMessage) -> (&'static str, Value) {
        let text = |name: &str| {
            let value = request.get_field_by_name(name);
            value
                .and_then(|value| value.as_str().map(str::to_owned))
                .unwrap_or_default()
        };
        let number = |name: &str| {
            request
                .get_field_by_name(name)
                .and_then(|value| value.as_enum_number())
        };
        let name = text("message_type");
        if name == "conformance.FailureSet" {
            return ("protobuf_payload", Value::Bytes(Vec::new().into()));
        }
        let lenient = number("test_category") == Some(IGNORE_UNKNOWN);
        let output = number("requested_output_format").unwrap_or_default();
        let (wire, from_json) = if request.has_field_by_name("json_payload") {
            (
                self.parse(&name, text("json_payload").as_bytes(), lenient),
                true,
            )
        } else if request.has_field_by_name("protobuf_payload") {
            let payload = request.get_field_by_name("protobuf_payload");
            (
                Ok(payload
                    .and_then(|value| value.as_bytes().cloned())
                    .unwrap_or_default()
                    .to_vec()),
                false,
            )
        } else {
            return skipped("the input is neither protobuf nor JSON");
        };
        if !name.ends_with("proto3.TestAllTypesProto3") {
            return skipped("only proto3 is in scope");
        }
        let wire = match wire {
            Ok(wire) => wire,
            Err(error) => return ("parse_error", Value::String(told(&error))),
        };
        match output {
            PROTOBUF if from_json => ("protobuf_payload", Value::Bytes(wire.into())),
            PROTOBUF => skipped("binary to binary involves no JSON"),
            JSON => match self
                .transcoder
                .wire_to_json(&name, &wire, Dialect::Standard)
            {
                Ok(json) => (
                    "json_payload",
                    Value::String(String::from_utf8_lossy(&json).into_owned()),
                ),
                Err(error @ Error::Wire(_)) => ("parse_error", Value::String(told(&error))),
                Err(error) => ("serialize_error", Value::String(told(&error))),
            },
            _ => skipped("the output is neither protobuf nor JSON"),
        }
    }

    fn parse(&self, name: &str, json: &[u8], lenient: bool) -> std::result::Result<Vec<u8>, Error> {
        if lenient {
            self.transcoder.json_to_wire_ignoring_unknown(name, json)
        } else {
            self.transcoder.json_to_wire(name, json, Dialect::Standard)
        }
    }
}

fn skipped(why: &str) -> (&'static str, Value) {
    ("skipped", Value::String(why.to_owned()))
}

fn told(error: &Error) -> String {
    match error {
        Error::Json(violations) => {
            let each = violations
                .iter()
                .map(|violation| format!("{}: {}", violation.field, violation.message));
            each.collect::<Vec<_>>().join("; ")
        }
        other => other.to_string(),
    }
}
