//! Compiles `proto/` with protox, so that building needs no protoc.

use std::{env, error::Error, path::PathBuf};

use prost::Message as _;

const FILES: &[&str] = &[
    "plaudit/v1/assessment.proto",
    "plaudit/v1/conversation.proto",
    "plaudit/v1/directory.proto",
    "plaudit/v1/error.proto",
    "plaudit/v1/import.proto",
    "plaudit/v1/rating.proto",
    "plaudit/v1/scorecard.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(FILES, ["proto"])?;
    // Reflection serves the same descriptors that the code is generated from.
    let out = PathBuf::from(env::var("OUT_DIR")?).join("plaudit.descriptors");
    std::fs::write(out, descriptors.encode_to_vec())?;
    tonic_prost_build::configure().codec_path("crate::grpc::BoundedCodec").compile_fds(descriptors)?;
    Ok(())
}
