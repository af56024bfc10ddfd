//! What `build.rs` does: finds every `.proto`, compiles them once, and writes
//! to `OUT_DIR` the Rust modules, the descriptor bytes and what our options say.

#[path = "codegen/checks.rs"]
mod checks;
#[path = "codegen/fields.rs"]
mod fields;
#[path = "codegen/names.rs"]
mod names;
#[path = "codegen/options.rs"]
mod options;
#[path = "codegen/rules.rs"]
mod rules;
#[path = "codegen/words.rs"]
mod words;

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What a step of the build returns; an error stops it with its text.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Compiles the tree under `proto/`.
pub(crate) fn run() -> Result<()> {
    for watched in [
        "build.rs",
        "proto/codegen.rs",
        "proto/codegen",
        "proto/google",
        "proto/smilefactory",
    ] {
        println!("cargo:rerun-if-changed={watched}");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);

    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(proto_files(Path::new("proto"))?)?;

    // Only the encoded form and the pool keep our options; the prost types drop extensions.
    fs::write(
        out.join("descriptor.bin"),
        compiler.encode_file_descriptor_set(),
    )?;
    let pool = compiler.descriptor_pool();
    let options = options::Options::new(&pool)?;
    fs::write(out.join("rules.rs"), rules::generate(&pool, &options)?)?;
    fs::write(out.join("words.rs"), words::generate(&pool, &options)?)?;
    fs::write(out.join("checks.rs"), checks::generate(&pool, &options)?)?;

    let mut prost = tonic_prost_build::Config::new();
    prost.include_file("contracts.rs").enable_type_names();
    tonic_prost_build::configure()
        .codec_path("crate::codec::Codec")
        .compile_fds_with_config(compiler.file_descriptor_set(), prost)?;
    Ok(())
}

/// Every `.proto` under `root`, relative to it, in a stable order.
fn proto_files(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "proto") {
                found.push(path.strip_prefix(root).unwrap_or(&path).to_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}
