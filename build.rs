//! Compiles `proto/` with protox, so that building needs no protoc.

use std::{env, error::Error, path::PathBuf};

use prost::Message as _;
use prost_types::FileDescriptorSet;

/// Our codec, which bounds what few bytes can ask for.
const CODEC: &str = "crate::grpc::BoundedCodec";

const FILES: &[&str] = &[
    "plaudit/v1/assessment.proto",
    "plaudit/v1/conversation.proto",
    "plaudit/v1/directory.proto",
    "plaudit/v1/error.proto",
    "plaudit/v1/event.proto",
    "plaudit/v1/import.proto",
    "plaudit/v1/queue.proto",
    "plaudit/v1/rating.proto",
    "plaudit/v1/scorecard.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(FILES, ["proto"])?;
    // Reflection serves the same descriptors that the code is generated from.
    let out = PathBuf::from(env::var("OUT_DIR")?).join("plaudit.descriptors");
    std::fs::write(out, descriptors.encode_to_vec())?;
    tonic_prost_build::configure().codec_path(CODEC).compile_fds(descriptors.clone())?;
    serve_encoded_lists(descriptors)
}

/// Generates the assessments' service once more, with a list's answer that is put together from encoded assessments.
fn serve_encoded_lists(mut descriptors: FileDescriptorSet) -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?).join("encoded");
    std::fs::create_dir_all(&out)?;
    for file in &mut descriptors.file {
        file.service.retain(|service| service.name() == "AssessmentService");
    }
    tonic_prost_build::configure()
        .codec_path(CODEC)
        .build_client(false)
        .extern_path(".plaudit.v1", "crate::proto::v1")
        .extern_path(".plaudit.v1.ListAssessmentsResponse", "crate::grpc::EncodedAssessments")
        .out_dir(out)
        .compile_fds(descriptors)?;
    Ok(())
}
