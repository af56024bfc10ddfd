//! Compiles `proto/` to types, clients, servers, validation and the raw
//! descriptor set. protox does the parsing, so no protoc is needed.

#[path = "proto/codegen.rs"]
mod codegen;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    codegen::run()
}
