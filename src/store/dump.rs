//! Dump and load.

/// A key that stands in a store while a dump is loaded into it.
pub const LOADING_KEY: &[u8] = b"\0loading";
