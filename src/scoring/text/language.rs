//! Which language a text is in.

use super::prefix;

/// A language by its ISO 639-3 code: `eng`, `deu`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Language(pub &'static str);

impl Language {
    pub const ENGLISH: Self = Self("eng");

    /// The English name of the language with this code; of one that is not known the code.
    pub fn name_of(code: &str) -> &str {
        whatlang::Lang::from_code(code).map_or(code, |language| language.eng_name())
    }
}

/// A text with this part of English function words is English; running English has about a half.
const ENGLISH_SHARE: f64 = 0.25;
/// Fewer words than this tell no language by themselves.
const MIN_WORDS: u32 = 3;
/// How much text the detector reads.
const DETECT_BYTES: usize = 1024;

/// The language, when it can be told. English is told by its small words, which is fast and right for short texts; any
/// other by `whatlang`, when that is sure.
pub fn detect<'t>(words: u32, function_words: u32, texts: impl Iterator<Item = &'t str>) -> Option<Language> {
    if has_english_share(words, function_words) {
        return Some(Language::ENGLISH);
    }
    let mut sample = String::new();
    for text in texts {
        sample.push_str(prefix(text, DETECT_BYTES - sample.len()));
        sample.push(' ');
        if sample.len() >= DETECT_BYTES {
            break;
        }
    }
    let info = whatlang::detect(&sample)?;
    info.is_reliable().then(|| Language(info.lang().code()))
}

pub fn has_english_share(words: u32, function_words: u32) -> bool {
    words >= MIN_WORDS && f64::from(function_words) >= ENGLISH_SHARE * f64::from(words)
}
