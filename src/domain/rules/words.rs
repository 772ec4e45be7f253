//! The names of an enum's values.

/// An enum that callers name: by number in protobuf, by word in JSON and resource names. Both are defined here, once.
pub trait Words: Copy + PartialEq + 'static {
    /// What the API names of its values begin with.
    const PREFIX: &'static str;

    /// Each value with its API number and its word: the end of its API name, in lower case.
    const WORDS: &'static [(Self, i32, &'static str)];

    fn number(self) -> i32 {
        Self::WORDS.iter().find(|(value, ..)| *value == self).map_or(0, |(_, number, _)| *number)
    }

    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(value, ..)| *value == self).map_or("", |(.., word)| word)
    }

    /// The API names of all values.
    fn names() -> impl Iterator<Item = String> {
        Self::WORDS.iter().map(|(.., word)| format!("{}{}", Self::PREFIX, word.to_uppercase()))
    }

    fn from_number(number: i32) -> Option<Self> {
        Self::WORDS.iter().find(|(_, known, _)| *known == number).map(|(value, ..)| *value)
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(.., known)| *known == word).map(|(value, ..)| *value)
    }
}
