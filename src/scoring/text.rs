//! What can be read from the words of one message: signals, tone, questions, what it is about. Words and phrases stand
//! in data files, one folder per language; this folder knows nothing of conversations.

mod language;
mod lexicon;
mod readability;
mod sentiment;
mod similarity;
mod tokens;

pub use language::{Language, detect};
pub use lexicon::{Signal, Signals, warm_up};
pub use readability::{ReadingCounts, reading_ease};
pub use similarity::{Sketch, WINDOW, overlap, similarity};

use lexicon::{Lexicon, english};
use tokens::{Marks, Token};

/// How much of a message is read: later text changes no fact. A quarter of a megabyte is a pasted log, not speech.
pub const READ_BYTES: usize = 16 * 1024;

/// What one message says.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    pub counts: ReadingCounts,
    /// How many of the words are the language's small ones (`the`, `is`); says which language it is.
    pub function_words: u32,
    /// How many words carry content.
    pub content_words: u32,
    pub signals: Signals,
    /// -1 to 1; `None` for a message without words.
    pub sentiment: Option<f64>,
    /// It has a question mark or begins like a question.
    pub asks: bool,
    /// Most of its words are in capitals.
    pub shouts: bool,
    /// It holds a number, a link or a reference.
    pub has_figures: bool,
    /// What it is about.
    pub sketch: Sketch,
    /// The same for two messages that have the same words in the same order.
    pub wording: u64,
}

/// Buffers that are used again from message to message.
#[derive(Default)]
pub struct Scratch {
    tokens: Vec<Token>,
    word: String,
}

/// Reads one message. Time and memory grow with the text at most linearly.
pub fn read(text: &str, scratch: &mut Scratch) -> Reading {
    let lexicon = english();
    let marks = tokens::tokenize(prefix(text, READ_BYTES), lexicon, &mut scratch.tokens, &mut scratch.word);
    let tokens = scratch.tokens.as_slice();
    let count = |wanted: fn(&Token) -> bool| tokens.iter().filter(|token| wanted(token)).count() as u32;
    let signals = lexicon.signals(tokens);
    let capitals = count(|token| token.capitals);
    let cased = count(|token| token.cased);
    Reading {
        counts: ReadingCounts {
            words: tokens.len() as u32,
            sentences: marks.sentences,
            syllables: tokens.iter().map(|token| u32::from(token.syllables)).sum(),
        },
        function_words: tokens.iter().filter(|token| lexicon.is_function(token.word)).count() as u32,
        content_words: tokens.iter().filter(|token| token.content).count() as u32,
        signals,
        sentiment: sentiment::compound(tokens, lexicon, marks.exclamations),
        asks: marks.question || opens_like_a_question(tokens, lexicon, &marks, signals),
        shouts: capitals >= 3 && capitals * 10 >= cased * 6,
        has_figures: marks.figures,
        sketch: Sketch::of(tokens.iter().filter(|token| token.content).map(|token| token.stem)),
        wording: similarity::wording(tokens.iter().map(|token| token.stem)),
    }
}

/// People leave the question mark out. "What a day!" and "will do, thanks" are no questions.
fn opens_like_a_question(tokens: &[Token], lexicon: &Lexicon, marks: &Marks, signals: Signals) -> bool {
    let parts = signals.has_any(&[Signal::Thanks, Signal::Confirmation, Signal::Closing]);
    let opens = tokens.first().is_some_and(|token| lexicon.is_interrogative(token.word));
    opens && tokens.len() >= 3 && marks.exclamations == 0 && !parts
}

/// Whether a message is English by its small words.
pub fn is_english(reading: &Reading) -> bool {
    language::has_english_share(reading.counts.words, reading.function_words)
}

/// The longest beginning of `text` that is at most `bytes` long and cuts no character.
fn prefix(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
