//! The documents in which conversations come and go as JSON, whatever carries them: a request's body, a line of a file.
//!
//! It knows the domain and no edge, no store, no clock.

pub mod craftcx;
pub mod json;
pub mod times;
