//! The generated types of `proto/plaudit/v1` and their descriptors for reflection. The services that Plaudit itself serves are
//! generated once more, in `grpc/services.rs`, with a codec of its own.

#![allow(clippy::allow_attributes_without_reason, reason = "generated code has its own")]

pub mod v1 {
    tonic::include_proto!("plaudit.v1");
}

/// gRPC's own health service.
pub mod health {
    tonic::include_proto!("grpc.health.v1");
}

/// The encoded `FileDescriptorSet` that the types were generated from.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/plaudit.descriptors"));

/// The same of the health service.
pub const HEALTH_DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/health.descriptors"));
