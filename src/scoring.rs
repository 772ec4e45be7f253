//! Scoring: from a transcript to answers, by rules over facts. Pure: no async, no clock, no store, no wire.
//!
//! A scorecard's YAML is parsed (`yaml`), compiled once (`scorecard`), and given to a `Scorer`. The scorer reads every
//! message once (`text`), computes the facts that the scorecards name (`facts`), evaluates their rules (`rules`) and
//! gives one `Scored` for each unit and scorecard. The same input gives the same output, to the byte.

mod builtin;
mod functions;
mod render;
mod score_range;
mod scorecard;
mod scorer;
mod summary;
mod template;

pub mod facts;
pub mod lint;
pub mod rules;
pub mod text;
pub mod written;
pub mod yaml;

pub use builtin::{Builtin, builtins};
pub use functions::FUNCTIONS;
pub use lint::lint;
pub use render::render;
pub use scorecard::Scorecard;
pub use scorer::{Scored, Scorer, conversation_facts};

#[cfg(test)]
mod tests;
