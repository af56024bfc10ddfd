//! The test contracts, compiled when first used.

use std::path::Path;
use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use transcode::{Match, ReplyMeta, Transcoder, Violation};

static DESCRIPTOR: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let include = [here.join("tests/proto"), here.join("../../proto")];
    let mut compiler = protox::Compiler::new(include).unwrap();
    compiler.include_imports(true);
    for file in ["test/v1/everything.proto", "test/v1/board.proto"] {
        compiler.open_file(file).unwrap();
    }
    compiler.encode_file_descriptor_set()
});

static TRANSCODER: LazyLock<Transcoder> = LazyLock::new(|| Transcoder::new(&DESCRIPTOR).unwrap());

static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(DESCRIPTOR.as_slice()).unwrap());

/// What every reply in these tests says about itself.
pub(crate) const META: ReplyMeta<'static> = ReplyMeta {
    request_id: "r-1",
    timestamp: "2026-01-02T03:04:05.678Z",
    stale: false,
};

/// The transcoder over the test contracts.
pub(crate) fn transcoder() -> &'static Transcoder {
    &TRANSCODER
}

/// A message of the test contracts, for the oracle.
pub(crate) fn message(name: &str) -> MessageDescriptor {
    POOL.get_message_by_name(name).unwrap()
}

/// Compiles one more proto text, given as the body of a service in a file of its own.
pub(crate) fn compile(name: &str, text: &str) -> Result<Transcoder, transcode::BuildError> {
    let directory = std::env::temp_dir().join(format!("transcode-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("test.proto"), text).unwrap();
    let include = [
        directory.clone(),
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto"),
    ];
    let mut compiler = protox::Compiler::new(include).unwrap();
    compiler.include_imports(true);
    compiler.open_file("test.proto").unwrap();
    let descriptor = compiler.encode_file_descriptor_set();
    std::fs::remove_dir_all(directory).unwrap();
    Transcoder::new(&descriptor)
}

/// The route of a method and path.
pub(crate) fn find(method: &str, path: &str) -> Match<'static> {
    transcoder().find(method, path).unwrap()
}

/// Binds a request and shows it through the oracle, as text.
pub(crate) fn bound(method: &str, target: &str, body: &str) -> Result<String, Vec<Violation>> {
    let (path, query) = target
        .split_once('?')
        .map_or((target, None), |(path, query)| (path, Some(query)));
    let found = find(method, path);
    let decoded = transcoder().request(&found, query, body.as_bytes())?;
    let message =
        DynamicMessage::decode(message(&found.route.input), decoded.message.as_slice()).unwrap();
    Ok(message.to_string())
}

/// The violations of a request that must have some, as `field: message`.
pub(crate) fn refused(method: &str, target: &str, body: &str) -> Vec<String> {
    match bound(method, target, body) {
        Ok(message) => panic!("{method} {target} {body} was accepted as {message}"),
        Err(violations) => violations
            .iter()
            .map(|each| format!("{}: {}", each.field, each.message))
            .collect(),
    }
}
