//! What can be read from the words of a conversation's messages: their language, signals, tone, questions, what they are
//! about. Words and phrases stand in data files, one folder per language; this folder knows nothing of conversations
//! but which side wrote what.

mod decision;
mod files;
mod lexicon;
mod phrases;
mod readability;
mod reading;
mod sentiment;
mod signals;
mod similarity;
mod tokens;
mod vocabulary;

#[cfg(test)]
mod tests;

pub use crate::domain::Language;
pub use readability::{ReadingCounts, reading_ease};
pub use reading::{READ_BYTES, Reading, Sentence, most, read};
pub use signals::{Signal, Signals};
pub use similarity::{Sketch, WINDOW, overlap, similarity};
pub use tokens::{CODE, LINK};

/// Whose words they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Customer,
    /// AI agents and teammates.
    Agents,
}
