//! JSON documents that carry conversations, whether in a request's body or on a line of a file.
//!
//! Depends on the domain, but on no edge, store or clock.

pub mod craftcx;
pub mod json;
pub mod times;
