//! Both directions of the codec on a post and on a page of twenty, beside
//! prost-reflect doing the same. The two are checked to agree before they are timed.

#![allow(clippy::expect_used, reason = "a bench that cannot go on says where")]

use std::hint::black_box;
use std::path::Path;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use serde_json::json;
use transcode::{Dialect, Transcoder};

fn descriptor() -> Vec<u8> {
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/proto");
    let mut compiler = protox::Compiler::new([include]).expect("the include path exists");
    compiler.include_imports(true);
    compiler
        .open_file("test/v1/post.proto")
        .expect("the proto compiles");
    compiler.encode_file_descriptor_set()
}

fn post(number: usize) -> serde_json::Value {
    json!({
        "id": format!("0190b6a0-1111-7000-8000-{number:012}"),
        "type": "POST_TYPE_OPPORTUNITY",
        "title": "Looking for a co-founder with a background in \"green\" chemistry",
        "content": "We are a team of three building a catalyst that turns captured carbon into fuel.\nThe laboratory \
                    phase is done, the pilot starts in spring, and we need somebody who has scaled a process before. \
                    Remote is possible für die ersten Monate, afterwards near Zürich.",
        "author": {
            "id": "0190b6a0-2222-7000-8000-000000000001",
            "displayName": "Ada Lovelace",
            "username": "ada.lovelace",
            "avatarUrl": "https://media.example.org/avatars/0190b6a0.webp",
            "isVerified": true
        },
        "media": [{
            "id": "0190b6a0-3333-7000-8000-000000000001",
            "url": "https://media.example.org/posts/0190b6a0/large.webp",
            "width": 1600,
            "height": 900
        }],
        "tags": ["chemistry", "climate", "co-founder"],
        "likeCount": 1234,
        "commentCount": 56,
        "viewCount": "78901",
        "createdAt": "2026-01-02T03:04:05.678Z",
        "updatedAt": "2026-02-03T04:05:06.789Z",
        "reactions": {"insightful": 12},
        "histogram": [1, 5, 20, 300, 4000, 17, 3],
        "score": 0.8734512,
        "checksum": "3q2+78r+ur4BAgMEBQYHCA==",
        "featured": true
    })
}

fn reflected(message: &MessageDescriptor, json: &[u8]) -> DynamicMessage {
    let mut source = serde_json::Deserializer::from_slice(json);
    DynamicMessage::deserialize(message.clone(), &mut source).expect("the JSON fits")
}

fn codec(criterion: &mut Criterion) {
    let descriptor = descriptor();
    let transcoder = Transcoder::new(&descriptor).expect("the descriptor compiles");
    let pool = DescriptorPool::decode(descriptor.as_slice()).expect("the descriptor decodes");
    let list = json!({"items": (0..20).map(post).collect::<Vec<_>>()});
    for (label, name, value) in [
        ("post", "test.v1.Post", post(0)),
        ("list", "test.v1.PostList", list),
    ] {
        let message = pool.get_message_by_name(name).expect("the message exists");
        let json = serde_json::to_vec(&value).expect("the value prints");
        let wire = reflected(&message, &json).encode_to_vec();
        let ours = transcoder
            .json_to_wire(name, &json, Dialect::Standard)
            .expect("the JSON fits");
        assert!(
            reflected(&message, &json)
                == DynamicMessage::decode(message.clone(), ours.as_slice()).expect("it decodes")
        );
        let printed = transcoder
            .wire_to_json(name, &wire, Dialect::Standard)
            .expect("the wire prints");
        assert_eq!(
            serde_json::from_slice::<serde_json::Value>(&printed).expect("our JSON is JSON"),
            value
        );
        let api = transcoder
            .wire_to_json(name, &wire, Dialect::Api)
            .expect("the wire prints");

        let mut group = criterion.benchmark_group(format!("{label}/wire_to_json"));
        group.throughput(Throughput::Bytes(json.len() as u64));
        for (dialect, label) in [(Dialect::Api, "api"), (Dialect::Standard, "standard")] {
            group.bench_function(BenchmarkId::from_parameter(label), |bench| {
                bench.iter(|| transcoder.wire_to_json(name, black_box(&wire), dialect));
            });
        }
        group.bench_function("prost-reflect", |bench| {
            bench.iter(|| {
                let message = DynamicMessage::decode(message.clone(), black_box(wire.as_slice()))
                    .expect("it decodes");
                serde_json::to_vec(&message)
            });
        });
        group.finish();

        let mut group = criterion.benchmark_group(format!("{label}/json_to_wire"));
        group.throughput(Throughput::Bytes(json.len() as u64));
        for (dialect, label, json) in [
            (Dialect::Api, "api", &api),
            (Dialect::Standard, "standard", &json),
        ] {
            group.bench_function(BenchmarkId::from_parameter(label), |bench| {
                bench.iter(|| transcoder.json_to_wire(name, black_box(json), dialect));
            });
        }
        group.bench_function("prost-reflect", |bench| {
            bench.iter(|| reflected(&message, black_box(&json)).encode_to_vec());
        });
        group.finish();
    }
}

criterion_group!(benches, codec);
criterion_main!(benches);
