//! What the values of an enum are called.

/// An enum that callers name: by a number in protobuf, by a word in JSON and in resource names. Both stand here once.
pub trait Words: Copy + PartialEq + 'static {
    /// Each value with its number in the API and its word: the end of its name there, in lower case.
    const WORDS: &'static [(Self, i32, &'static str)];

    fn number(self) -> i32 {
        Self::WORDS.iter().find(|(value, ..)| *value == self).map_or(0, |(_, number, _)| *number)
    }

    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(value, ..)| *value == self).map_or("", |(.., word)| word)
    }

    fn from_number(number: i32) -> Option<Self> {
        Self::WORDS.iter().find(|(_, known, _)| *known == number).map(|(value, ..)| *value)
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(.., known)| *known == word).map(|(value, ..)| *value)
    }
}
