//! The services of `proto/plaudit/v1`, generated for [`super::codec::ServerCodec`].

#![allow(missing_docs)]

include!(concat!(env!("OUT_DIR"), "/services/plaudit.v1.rs"));
