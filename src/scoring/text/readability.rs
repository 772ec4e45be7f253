//! How easy a text is to read.

/// What the reading formula needs, added up over messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadingCounts {
    pub words: u32,
    pub sentences: u32,
    pub syllables: u32,
}

impl std::ops::AddAssign for ReadingCounts {
    fn add_assign(&mut self, other: Self) {
        self.words += other.words;
        self.sentences += other.sentences;
        self.syllables += other.syllables;
    }
}

/// Fewer words than this have no style.
const MIN_WORDS: u32 = 15;

/// Flesch reading ease (1948), held in 0 to 100: 60 and more is plain English, below 30 is hard; `None` for short texts.
pub fn reading_ease(counts: ReadingCounts) -> Option<f64> {
    if counts.words < MIN_WORDS {
        return None;
    }
    let words = f64::from(counts.words);
    let words_per_sentence = words / f64::from(counts.sentences.max(1));
    let syllables_per_word = f64::from(counts.syllables) / words;
    Some((206.835 - 1.015 * words_per_sentence - 84.6 * syllables_per_word).clamp(0.0, 100.0))
}

/// Groups of vowels, at least one, without a silent `e`: an estimate, as every reading formula uses.
pub fn syllables(word: &str) -> u8 {
    let mut groups = 0u8;
    let mut in_group = false;
    for byte in word.bytes() {
        let vowel = matches!(byte, b'a' | b'e' | b'i' | b'o' | b'u' | b'y');
        groups = groups.saturating_add(u8::from(vowel && !in_group));
        in_group = vowel;
    }
    let silent = word.ends_with('e') && !word.ends_with("le") && groups > 1;
    (groups - u8::from(silent)).max(1)
}
