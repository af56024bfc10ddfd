//! The contracts of the product and of the codec's own tests in one set of descriptors.

use std::path::Path;
use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, MessageDescriptor};
use transcode::Transcoder;

/// The descriptors, for prost-reflect.
pub(crate) static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let include = [
        here.join("../crates/transcode/tests/proto"),
        here.join("../proto"),
    ];
    let mut compiler = protox::Compiler::new(include).unwrap();
    compiler.include_imports(true);
    for file in ["test/v1/everything.proto", "test/v1/board.proto"] {
        compiler.open_file(file).unwrap();
    }
    let mut pool = DescriptorPool::decode(contracts::DESCRIPTOR).unwrap();
    pool.decode_file_descriptor_set(compiler.encode_file_descriptor_set().as_slice())
        .unwrap();
    pool
});

/// The transcoder over the same descriptors.
pub(crate) static TRANSCODER: LazyLock<Transcoder> =
    LazyLock::new(|| Transcoder::new(&POOL.encode_to_vec()).unwrap());

/// A message of the set.
pub(crate) fn message(name: &str) -> Option<MessageDescriptor> {
    POOL.get_message_by_name(name)
}
