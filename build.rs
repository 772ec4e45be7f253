//! Compiles `proto/` with protox, so that the build needs no protoc.

#[path = "build/layouts.rs"]
mod layouts;

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message as _;

const FILES: &[&str] = &[
    "plaudit/v1/assessment.proto",
    "plaudit/v1/conversation.proto",
    "plaudit/v1/directory.proto",
    "plaudit/v1/error.proto",
    "plaudit/v1/event.proto",
    "plaudit/v1/export.proto",
    "plaudit/v1/import.proto",
    "plaudit/v1/queue.proto",
    "plaudit/v1/rating.proto",
    "plaudit/v1/scorecard.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=build");
    let descriptors = protox::compile(FILES, ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    // Served by reflection: the same descriptors that the code is generated from.
    fs::write(out.join("plaudit.descriptors"), descriptors.encode_to_vec())?;
    fs::write(out.join("layouts.rs"), layouts::generate(&descriptors)?)?;
    // Tests and benches use these servers as stand-ins for Plaudit.
    tonic_prost_build::configure().compile_fds(descriptors.clone())?;
    let health = protox::compile(["grpc/health/v1/health.proto"], ["build"])?;
    fs::write(out.join("health.descriptors"), health.encode_to_vec())?;
    tonic_prost_build::configure().compile_fds(health)?;
    let services = out.join("services");
    fs::create_dir_all(&services)?;
    tonic_prost_build::configure()
        .build_client(false)
        .codec_path("crate::grpc::codec::ServerCodec")
        .extern_path(".plaudit.v1", "crate::proto::v1")
        // A list response assembled from encoded assessments, and an import item that can be refused before it is decoded.
        .extern_path(".plaudit.v1.ListAssessmentsResponse", "crate::grpc::encoded::EncodedAssessments")
        .extern_path(".plaudit.v1.ImportConversationsRequest", "crate::grpc::import::WireItem")
        .out_dir(services)
        .compile_fds(descriptors)?;
    Ok(())
}
