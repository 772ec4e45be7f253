//! The words and phrases of a language, built once from its data files.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::LazyLock,
};

use super::tokens::Token;

/// A word's place in the lexicon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WordId(u32);

pub const UNKNOWN: WordId = WordId(0);
/// `_` in a phrase: any one word.
const ANY: WordId = WordId(1);

/// Words after a negation up to here are negated.
const NEGATION_REACH: usize = 3;

macro_rules! signals {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),* $(,)?) => {
        /// What a phrase shows. The names are the sections of `phrases.txt`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Signal { $($(#[$doc])* $variant),* }

        impl Signal {
            fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

signals! {
    Thanks = "thanks",
    /// It is solved, that was all.
    Confirmation = "confirmation",
    Complaint = "complaint",
    /// Not what I asked, I said that already, still broken.
    Correction = "correction",
    HumanRequest = "human_request",
    Profanity = "profanity",
    Greeting = "greeting",
    Closing = "closing",
    Apology = "apology",
    Empathy = "empathy",
    /// Cannot, not available, not found.
    Inability = "inability",
    /// I did not understand you.
    Misunderstanding = "misunderstanding",
    /// Never mind, I give up.
    Abandonment = "abandonment",
    /// What to do, what will happen, how it is.
    NextStep = "next_step",
    /// Later, perhaps.
    Deferral = "deferral",
    /// It has been done.
    ActionDone = "action_done",
    /// Somebody else takes over.
    Handoff = "handoff",
    /// How can I help.
    HelpOffer = "help_offer",
    /// Ok, yes, I see.
    Acknowledgement = "acknowledgement",
}

/// A set of signals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signals(u32);

impl Signals {
    pub fn has(self, signal: Signal) -> bool {
        self.0 & (1 << signal as u32) != 0
    }

    pub fn has_any(self, signals: &[Signal]) -> bool {
        signals.iter().any(|signal| self.has(*signal))
    }

    fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Word {
    /// -4 to 4.
    valence: f64,
    kinds: u8,
    begins_phrase: bool,
}

const FUNCTION: u8 = 1;
const NEGATION: u8 = 2;
const BOOSTER: u8 = 4;
const DAMPER: u8 = 8;
const CONTRAST: u8 = 16;
const INTERROGATIVE: u8 = 32;
const ANSWER: u8 = 64;

/// Where a phrase has come to; its signals when it is complete.
#[derive(Clone, Copy, Debug, Default)]
struct Node {
    signals: Signals,
    unless_negated: Signals,
}

pub struct Lexicon {
    ids: HashMap<Box<str>, WordId>,
    words: Vec<Word>,
    nodes: Vec<Node>,
    edges: HashMap<(u32, WordId), u32>,
}

/// The English lexicon.
pub fn english() -> &'static Lexicon {
    static ENGLISH: LazyLock<Lexicon> = LazyLock::new(|| {
        Lexicon::build(
            include_str!("data/en/words.txt"),
            include_str!("data/en/valence.tsv"),
            include_str!("data/en/valence_overrides.tsv"),
            include_str!("data/en/phrases.txt"),
        )
    });
    &ENGLISH
}

/// Builds the lexicons now, so that no conversation pays for it.
pub fn warm_up() {
    english();
}

impl Lexicon {
    /// The files are part of the program: a fault in one is a fault of the program, found by the first test.
    fn build(words: &str, valence: &str, overrides: &str, phrases: &str) -> Self {
        let mut lexicon = Self {
            ids: HashMap::with_capacity(9_000),
            words: vec![Word::default(); 2],
            nodes: vec![Node::default()],
            edges: HashMap::new(),
        };
        lexicon.add_words(words);
        lexicon.add_valence(valence);
        lexicon.add_valence(overrides);
        lexicon.add_phrases(phrases);
        lexicon
    }

    // The files are part of the binary: a fault in them is a fault of the code, which every start and every test meets.

    #[expect(clippy::panic, reason = "the file is compiled in, and every test that scores loads it")]
    fn add_words(&mut self, file: &str) {
        let mut kind = 0;
        for line in lines(file) {
            if let Some(section) = section(line) {
                kind = match section {
                    "function" => FUNCTION,
                    "negation" => NEGATION,
                    "booster" => BOOSTER,
                    "damper" => DAMPER,
                    "contrast" => CONTRAST,
                    "interrogative" => INTERROGATIVE,
                    "answer" => ANSWER,
                    other => panic!("words.txt: unknown kind {other:?}"),
                };
                continue;
            }
            for word in line.split_whitespace() {
                let id = self.intern(word);
                self.words[id.0 as usize].kinds |= kind;
            }
        }
    }

    fn add_valence(&mut self, file: &str) {
        for line in lines(file) {
            let (word, tenths) = line.split_once('\t').expect("a line of valences is: word, tab, tenths");
            let tenths: i32 = tenths.parse().expect("a valence is a whole number of tenths");
            let id = self.intern(word);
            self.words[id.0 as usize].valence = f64::from(tenths) / 10.0;
        }
    }

    fn add_phrases(&mut self, file: &str) {
        let (mut signals, mut negatable) = (Signals::default(), false);
        for line in lines(file) {
            if let Some(section) = section(line) {
                let (name, condition) = section.split_once(", ").unwrap_or((section, ""));
                let signal = Signal::from_name(name).expect("a section of phrases is named by a signal");
                signals = Signals(1 << signal as u32);
                negatable = condition == "not negated";
                continue;
            }
            self.add_phrase(line, signals, negatable);
            if line.contains("n't") || line.contains("'m") {
                self.add_phrase(&line.replace("n't", "nt").replace("'m", "m"), signals, negatable);
            }
        }
    }

    fn add_phrase(&mut self, phrase: &str, signals: Signals, negatable: bool) {
        let mut node = 0;
        for (position, word) in phrase.split_whitespace().enumerate() {
            let id = if word == "_" { ANY } else { self.intern(word) };
            if position == 0 {
                self.words[id.0 as usize].begins_phrase = true;
            }
            let next = self.nodes.len() as u32;
            node = match self.edges.entry((node, id)) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(edge) => {
                    edge.insert(next);
                    self.nodes.push(Node::default());
                    next
                }
            };
        }
        let node = &mut self.nodes[node as usize];
        if negatable { node.unless_negated.add(signals) } else { node.signals.add(signals) }
    }

    fn intern(&mut self, word: &str) -> WordId {
        let next = WordId(self.words.len() as u32);
        match self.ids.entry(word.into()) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(entry) => {
                entry.insert(next);
                self.words.push(Word::default());
                next
            }
        }
    }

    pub fn word(&self, text: &str) -> WordId {
        self.ids.get(text).copied().unwrap_or(UNKNOWN)
    }

    fn is(&self, word: WordId, kind: u8) -> bool {
        self.words[word.0 as usize].kinds & kind != 0
    }

    pub fn valence(&self, word: WordId) -> f64 {
        self.words[word.0 as usize].valence
    }

    pub fn is_function(&self, word: WordId) -> bool {
        self.is(word, FUNCTION)
    }

    pub fn is_negation(&self, word: WordId) -> bool {
        self.is(word, NEGATION)
    }

    pub fn is_booster(&self, word: WordId) -> bool {
        self.is(word, BOOSTER)
    }

    pub fn is_damper(&self, word: WordId) -> bool {
        self.is(word, DAMPER)
    }

    pub fn is_contrast(&self, word: WordId) -> bool {
        self.is(word, CONTRAST)
    }

    pub fn is_interrogative(&self, word: WordId) -> bool {
        self.is(word, INTERROGATIVE)
    }

    /// Every signal that a phrase of the text gives.
    pub fn signals(&self, tokens: &[Token]) -> Signals {
        let mut found = Signals::default();
        for start in 0..tokens.len() {
            if self.words[tokens[start].word.0 as usize].begins_phrase {
                let negated = self.is_negated(tokens, start);
                self.follow(0, &tokens[start..], negated, &mut found);
            }
        }
        found
    }

    /// Whether a negation stands within the three words before, in the same clause. A `no` that opens the message is an
    /// answer (`no that's all`), not a negation.
    fn is_negated(&self, tokens: &[Token], at: usize) -> bool {
        let reach = at.saturating_sub(NEGATION_REACH)..at;
        reach.into_iter().any(|before| {
            let token = &tokens[before];
            (token.sentence, token.clause) == (tokens[at].sentence, tokens[at].clause)
                && self.is_negation(token.word)
                && !(before == 0 && self.is(token.word, ANSWER))
        })
    }

    /// Walks every phrase from `node` on; as deep as the longest phrase has words.
    fn follow(&self, node: u32, rest: &[Token], negated: bool, found: &mut Signals) {
        let Some((token, rest)) = rest.split_first() else { return };
        for word in [token.word, ANY] {
            if let Some(&next) = self.edges.get(&(node, word)) {
                let reached = self.nodes[next as usize];
                found.add(reached.signals);
                if !negated {
                    found.add(reached.unless_negated);
                }
                self.follow(next, rest, negated, found);
            }
        }
    }
}

fn lines(file: &str) -> impl Iterator<Item = &str> {
    file.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn section(line: &str) -> Option<&str> {
    line.strip_prefix('[')?.strip_suffix(']')
}
