//! Replies: whatever bytes a service sends, the envelope is JSON or an error, and holds what the message says.
//!
//! Input: a line `METHOD TARGET`, as of the request, then the bytes of the reply message.

use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage as _,
};
use serde_json::{Map, Value as Json, json};
use transcode::ReplyMeta;

use crate::pool::{TRANSCODER, message};
use crate::printed::object;
use crate::{Target, split_line};

pub(crate) const TARGET: Target = Target {
    name: "envelope",
    words: &[
        "\x0a\x00",
        "\x0a\x01a",
        "\x12\x00",
        "\x18\x01",
        "\x08\x7f",
        "\x00",
        "\x7f",
        "\n",
        "?fields=id,title",
        "GET /api/v1/feed",
        "GET /api/v1/notes/search",
        "{\"a\":1.0}",
        "\"",
        "\\",
    ],
    run,
};

const META: ReplyMeta<'static> = ReplyMeta {
    request_id: "r-1",
    timestamp: "2026-01-02T03:04:05.678Z",
    stale: false,
};

fn run(input: &[u8]) {
    let Some((line, wire)) = split_line(input) else {
        return;
    };
    let Some((method, target)) = line.split_once(' ') else {
        return;
    };
    let (path, query) = target
        .split_once('?')
        .map_or((target, None), |(path, query)| (path, Some(query)));
    let Ok(found) = TRANSCODER.find(method, path) else {
        return;
    };
    let Ok(request) = TRANSCODER.request(&found, query, b"") else {
        return;
    };
    let output = message(&found.route.output);
    let tree = DynamicMessage::decode(output.clone().unwrap(), wire).ok();
    let (printed, expected) = if found.route.streaming {
        let items = TRANSCODER.items(found.route, request.fields);
        let printed = items.print(wire).map(|item| item.json);
        (
            printed,
            tree.as_ref().map(|tree| object(tree).map(Json::Object)),
        )
    } else {
        let fields = request.fields.as_ref();
        let printed = TRANSCODER
            .reply(found.route, wire, &META, fields)
            .map(|reply| reply.body);
        if found.route.output == "google.api.HttpBody" {
            return raw(printed.ok().as_deref(), tree.as_ref());
        }
        (printed, tree.as_ref().map(enveloped))
    };
    let printed = printed.ok().map(|printed| read(&printed, wire.len()));
    // A field of another wire type counts as unknown here and breaks the message there.
    let Some(expected) = expected.filter(|_| !mistyped_map(output.as_ref(), wire)) else {
        return;
    };
    // What prints a part of the message does not look into the rest.
    let partly = query.is_some_and(|query| query.contains("fields"))
        || ["/title", "/author"]
            .iter()
            .any(|end| found.route.template.ends_with(end));
    if !partly {
        assert_eq!(printed, expected, "{}", tree.unwrap());
    } else if expected.is_some() {
        assert!(printed.is_some(), "{}", tree.unwrap());
    }
}

/// Whether a map comes with the wire type of something else, at the top or inside: prost-reflect takes it for a map all the
/// same, and bytes for it that are not there.
fn mistyped_map(descriptor: Option<&MessageDescriptor>, mut wire: &[u8]) -> bool {
    while let Ok((number, wire_type)) = decode_key(&mut wire) {
        let field = descriptor.and_then(|message| message.get_field(number));
        let is_map = field.as_ref().is_some_and(FieldDescriptor::is_map);
        let is_chunk = wire_type == WireType::LengthDelimited;
        let before = wire;
        if is_map && !is_chunk {
            return true;
        }
        if skip_field(wire_type, number, &mut wire, DecodeContext::default()).is_err() {
            return false;
        }
        let mut value = &before[..before.len() - wire.len()];
        if let Some(Kind::Message(inner)) = field.map(|field| field.kind())
            && is_chunk
            && decode_varint(&mut value).is_ok()
            && mistyped_map(Some(&inner), value)
        {
            return true;
        }
    }
    false
}

/// The JSON of what was printed, which is not much larger than what was read: a message without a value prints each of its
/// fields.
fn read(printed: &[u8], wire: usize) -> Json {
    assert!(
        printed.len() <= 4_096 * (wire + 1),
        "{wire} bytes became {}",
        printed.len()
    );
    serde_json::from_slice(printed)
        .unwrap_or_else(|error| panic!("{error} in {}", String::from_utf8_lossy(printed)))
}

/// A raw body is the message's bytes and nothing else (TR-13).
fn raw(printed: Option<&[u8]>, tree: Option<&DynamicMessage>) {
    if let Some(tree) = tree {
        let data = tree.get_field_by_name("data").unwrap();
        assert_eq!(printed, data.as_bytes().map(|data| &data[..]), "{tree}");
    }
}

/// The envelope around a message (CV-2, TR-12); none when a value has no JSON form.
fn enveloped(tree: &DynamicMessage) -> Option<Json> {
    let mut fields = object(tree)?;
    let mut meta = Map::new();
    meta.insert("timestamp".into(), json!(META.timestamp));
    meta.insert("version".into(), json!("1.0"));
    meta.insert("requestId".into(), json!(META.request_id));
    let is_list = tree
        .descriptor()
        .get_field_by_name("items")
        .is_some_and(|field| field.is_list());
    if !is_list {
        return Some(json!({ "success": true, "data": fields, "meta": meta }));
    }
    let items = fields.remove("items").unwrap();
    let groups = fields.remove("groups");
    let filled = groups.filter(|groups| {
        !matches!(groups, Json::Null) && *groups != json!({}) && *groups != json!([])
    });
    let pagination = fields.remove("pagination");
    meta.append(&mut fields);
    let mut envelope = json!({ "success": true, "data": filled.unwrap_or(items), "meta": meta });
    if let Some(pagination) = pagination {
        envelope["pagination"] = pagination;
    }
    Some(envelope)
}
