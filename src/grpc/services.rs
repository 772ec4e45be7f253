//! The services of `proto/plaudit/v1`, generated for [`super::codec::ServerCodec`].

#![allow(clippy::allow_attributes_without_reason, reason = "generated code has its own")]

include!(concat!(env!("OUT_DIR"), "/services/plaudit.v1.rs"));
