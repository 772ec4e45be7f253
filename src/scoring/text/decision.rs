//! In which language somebody writes: told by the small words of the languages, by the script, and by what is known
//! already. A language that is not clear is absent.

use super::{
    tokens::{Script, Token},
    vocabulary::vocabulary,
};
use crate::domain::{LISTED_LANGUAGES, Language};

/// A text must show this much of a language, and this much more for each of its words.
const LEAST: f32 = 0.5;
const LEAST_PER_WORD: f32 = 0.13;
/// So much more than any other language.
const MARGIN: f32 = 1.4;
/// What a word counts that stands in a language's phrases and is none of its small ones. The languages that have a word
/// share what it counts.
const USED: f32 = 0.4;
/// How far that makes the word less telling for the languages whose small word it is: "thanks" is written everywhere.
const USED_ELSEWHERE: f32 = 0.15;
/// What one Chinese or Japanese character counts, and what part of a word it is.
const IDEOGRAPH: f32 = 0.6;
const WORDS_PER_IDEOGRAPH: f32 = 0.5;
/// Japanese has kana in every sentence; Chinese none, or one in a name.
const LEAST_KANA: f32 = 0.1;

/// What is known before a text is read, in words.
#[derive(Clone, Copy, Debug)]
pub struct Prior {
    pub language: Option<Language>,
    pub weight: f32,
}

impl Prior {
    pub const NONE: Self = Self { language: None, weight: 0.0 };
    /// What the other side writes.
    pub fn other_side(language: Option<Language>) -> Self {
        Self { language, weight: 1.5 }
    }
    /// What the author writes otherwise.
    pub fn side(language: Option<Language>) -> Self {
        Self { language, weight: 2.0 }
    }
    /// What somebody says who knows.
    pub fn given(language: Language) -> Self {
        Self { language: Some(language), weight: 4.0 }
    }
}

/// What the words of a text say of its language.
#[derive(Clone, Debug)]
pub struct Tally {
    scores: [f32; LISTED_LANGUAGES],
    words: f32,
    han: f32,
    /// Of the Han characters those that stand in Chinese words or phrases and in no Japanese ones.
    chinese: f32,
    kana: f32,
    foreign: f32,
}

impl Default for Tally {
    fn default() -> Self {
        Self { scores: [0.0; LISTED_LANGUAGES], words: 0.0, han: 0.0, chinese: 0.0, kana: 0.0, foreign: 0.0 }
    }
}

/// A language, or none of those that are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Language(Language),
    /// Written in a script that none of the listed languages has.
    Foreign,
    Unclear,
}

impl Told {
    pub fn language(self) -> Option<Language> {
        match self {
            Self::Language(language) => Some(language),
            Self::Foreign | Self::Unclear => None,
        }
    }
}

const KOREAN: Language = Language("kor");
const JAPANESE: Language = Language("jpn");
const CHINESE: Language = Language("cmn");

impl Tally {
    pub fn of(tokens: &[Token]) -> Self {
        let mut tally = Self::default();
        for token in tokens {
            match token.form.script {
                // A code is no word.
                Script::Latin if token.form.digit => {}
                Script::Latin => {
                    tally.words += 1.0;
                    let (function_of, used_in) = vocabulary().languages(token.word);
                    let shared = function_of.len() as f32 + USED_ELSEWHERE * used_in.len() as f32;
                    tally.add(function_of.places(), 1.0 / shared.max(1.0));
                    let users = function_of.len() + used_in.len();
                    tally.add(used_in.places(), USED / users.max(1) as f32);
                }
                Script::Han => {
                    tally.han += 1.0;
                    let (function_of, used_in) = vocabulary().languages(token.word);
                    let has = |language: Language| {
                        function_of
                            .places()
                            .chain(used_in.places())
                            .any(|place| Some(place) == language.index())
                    };
                    tally.chinese += f32::from(u8::from(has(CHINESE) && !has(JAPANESE)));
                }
                Script::Kana => tally.kana += 1.0,
                Script::Hangul => {
                    tally.words += 1.0;
                    tally.add(KOREAN.index().into_iter(), 1.0);
                }
                Script::Foreign => {
                    tally.words += 1.0;
                    tally.foreign += 1.0;
                }
                Script::None => {}
            }
        }
        tally
    }

    fn add(&mut self, places: impl Iterator<Item = usize>, weight: f32) {
        places.for_each(|place| self.scores[place] += weight);
    }

    pub fn add_all(&mut self, other: &Self) {
        self.scores.iter_mut().zip(other.scores).for_each(|(score, other)| *score += other);
        self.words += other.words;
        self.han += other.han;
        self.chinese += other.chinese;
        self.kana += other.kana;
        self.foreign += other.foreign;
    }

    /// The language, when it is clear.
    pub fn decide(&self, prior: Prior) -> Told {
        let mut scores = self.scores;
        let ideographs = self.han + self.kana;
        let place_of = |language: Language| language.index().unwrap_or_default();
        let is_japanese = self.kana > LEAST_KANA * ideographs
            || (prior.language == Some(JAPANESE) && ideographs <= MOST_WITHOUT_KANA && !self.is_chinese());
        scores[place_of(if is_japanese { JAPANESE } else { CHINESE })] += IDEOGRAPH * ideographs;
        let place = prior.language.and_then(Language::index);
        if let Some(place) = place {
            scores[place] += prior.weight;
        }
        let unlisted = if prior.language.is_some() && place.is_none() { prior.weight } else { 0.0 };
        let (mut best, mut second) = ((0, 0.0), self.foreign.max(unlisted));
        for (place, score) in scores.into_iter().enumerate() {
            if score > best.1 {
                second = best.1.max(second);
                best = (place, score);
            } else if score > second {
                second = score;
            }
        }
        let words = self.words + WORDS_PER_IDEOGRAPH * ideographs;
        let least = LEAST + LEAST_PER_WORD * words;
        if best.1 >= least && best.1 >= MARGIN * second {
            return Language::listed(best.0).map_or(Told::Unclear, Told::Language);
        }
        if unlisted >= least && unlisted >= MARGIN * best.1 {
            return prior.language.map_or(Told::Unclear, Told::Language);
        }
        if self.foreign >= least && self.foreign >= MARGIN * best.1 { Told::Foreign } else { Told::Unclear }
    }

    /// Whether it may be Japanese although it has no kana.
    pub fn may_lack_kana(&self) -> bool {
        self.kana == 0.0 && (1.0..=MOST_WITHOUT_KANA).contains(&self.han) && !self.is_chinese()
    }

    /// Whether too many of its characters are written in Chinese alone: a name or a rare word may have one.
    fn is_chinese(&self) -> bool {
        self.chinese >= 2.0
    }

    /// Whether a detector of many languages can be sure.
    pub fn is_long(&self) -> bool {
        self.words >= LONG_WORDS
    }

    /// Whether it can at all: a foreign script tells, Latin letters only in a long text.
    pub fn is_worth_detecting(&self) -> bool {
        self.foreign >= 1.0 || self.is_long()
    }
}

/// Short Japanese answers may have no kana: 了解, 返金希望.
const MOST_WITHOUT_KANA: f32 = 8.0;
/// From so many words on another detector is believed.
const LONG_WORDS: f32 = 40.0;
