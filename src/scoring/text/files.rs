//! The data files of each language, as they are compiled in. A fault in one is a fault of the program, which every start
//! and every test meets.

use super::{Language, signals::Signal};

/// A language that is read: its words, phrases, and one or more lists of valences, the later before the earlier.
pub struct Files {
    pub language: Language,
    pub words: &'static str,
    pub phrases: &'static str,
    pub valences: &'static [&'static str],
}

macro_rules! files {
    ($code:literal, $folder:literal $(, $overrides:literal)?) => {
        Files {
            language: Language($code),
            words: include_str!(concat!("data/", $folder, "/words.txt")),
            phrases: include_str!(concat!("data/", $folder, "/phrases.txt")),
            valences: &[
                include_str!(concat!("data/", $folder, "/valence.tsv")),
                $(include_str!(concat!("data/", $folder, "/", $overrides)))?
            ],
        }
    };
}

/// The languages that are read, in the order of `Language`'s list.
pub const READ: &[Files] = &[
    files!("eng", "en", "valence_overrides.tsv"),
    files!("deu", "de"),
    files!("spa", "es"),
    files!("fra", "fr"),
    files!("por", "pt"),
    files!("nld", "nl"),
    files!("ita", "it"),
    files!("pol", "pl"),
    files!("tur", "tr"),
    files!("jpn", "ja"),
    files!("cmn", "zh"),
];

/// Common words of languages that are not read, so that they are not taken for one that is.
pub const NOT_READ: &str = include_str!("data/not_read.txt");

/// A set of what a word is for other words, as a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds(u16);

impl Kinds {
    /// Negates in any way.
    pub const NEGATES: Self = Self(Self::NEGATION.0 | Self::NEGATION_AFTER.0 | Self::NEGATED.0);

    pub const FUNCTION: Self = Self(1);
    /// Negates what comes after it.
    pub const NEGATION: Self = Self(2);
    /// Negates what stands before it, as `nicht` in `das hilft nicht`.
    pub const NEGATION_AFTER: Self = Self(4);
    pub const BOOSTER: Self = Self(8);
    pub const DAMPER: Self = Self(16);
    pub const CONTRAST: Self = Self(32);
    pub const INTERROGATIVE: Self = Self(64);
    /// Ends a question, as `mi` in Turkish and `か` in Japanese.
    pub const QUESTION_END: Self = Self(128);
    /// Yes and no: a `no` that opens a message is an answer, not a negation.
    pub const ANSWER: Self = Self(256);
    pub const DATE: Self = Self(512);
    /// It is negated by its own ending; told of a word in a text, not of an entry.
    pub const NEGATED: Self = Self(1024);
    /// Makes of a deed before which it stands one that is only possible, asked for or still to come: will, if, to.
    pub const HYPOTHETICAL: Self = Self(2048);
    /// Beside a negation it says that something cannot be done: unfortunately.
    pub const REGRET: Self = Self(4096);
    /// Makes of good news right behind it something that is not known yet: if, once, until.
    pub const CONDITION: Self = Self(8192);

    pub fn named(section: &str) -> Option<Self> {
        Some(match section {
            "function" => Self::FUNCTION,
            "negation" => Self::NEGATION,
            "negation after" => Self::NEGATION_AFTER,
            "booster" => Self::BOOSTER,
            "damper" => Self::DAMPER,
            "contrast" => Self::CONTRAST,
            "interrogative" => Self::INTERROGATIVE,
            "question end" => Self::QUESTION_END,
            "answer" => Self::ANSWER,
            "date" => Self::DATE,
            "hypothetical" => Self::HYPOTHETICAL,
            "regret" => Self::REGRET,
            "condition" => Self::CONDITION,
            _ => return None,
        })
    }

    /// Whether any kind of `other` is in it.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// A phrase as its file has it.
pub struct Phrase {
    pub signal: Signal,
    pub counts: Counts,
    pub text: &'static str,
}

/// When a phrase counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    Anywhere,
    /// Not behind a negation.
    UnlessNegated,
    /// Where the message has no other words: "agent!" asks for one, "the agent said so" does not.
    Alone,
}

impl Counts {
    pub fn named(condition: &str) -> Option<Self> {
        Some(match condition {
            "" => Self::Anywhere,
            "not negated" => Self::UnlessNegated,
            "alone" => Self::Alone,
            _ => return None,
        })
    }
}

/// The section of endings that are cut off where words are compared.
pub const ENDINGS: &str = "ending";

impl Files {
    /// Every word with the section that it stands in.
    pub fn words(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let words = sections(self.words);
        words.flat_map(|(section, line)| line.split_whitespace().map(move |word| (section, word)))
    }

    #[expect(clippy::panic, reason = "the file is compiled in, and every test that scores loads it")]
    pub fn phrases(&self) -> impl Iterator<Item = Phrase> {
        sections(self.phrases).map(|(section, text)| {
            let (name, condition) = section.split_once(", ").unwrap_or((section, ""));
            let Some(signal) = Signal::from_name(name) else { panic!("phrases.txt: no signal {name:?}") };
            let Some(counts) = Counts::named(condition) else {
                panic!("phrases.txt: no condition {condition:?}")
            };
            Phrase { signal, counts, text }
        })
    }

    /// Words with their valence, -4 to 4.
    pub fn valences(&self) -> impl Iterator<Item = (&'static str, f32)> {
        self.valences.iter().copied().flat_map(lines).map(|line| {
            let (word, tenths) = line.split_once('\t').expect("a line of valences is: word, tab, tenths");
            let tenths: i8 = tenths.trim().parse().expect("a valence is a whole number of tenths");
            (word, f32::from(tenths) / 10.0)
        })
    }
}

/// Every line with the section that it stands in.
pub fn sections(file: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let mut section = "";
    lines(file).filter_map(move |line| match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
        Some(name) => {
            section = name;
            None
        }
        None => Some((section, line)),
    })
}

fn lines(file: &'static str) -> impl Iterator<Item = &'static str> {
    file.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}
