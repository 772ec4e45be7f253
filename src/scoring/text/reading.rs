//! Reads the messages of a conversation: their words first, then which language each side writes, then each message with
//! the lexicon of its language.

use whatlang::Script;

use super::{
    Language, Side,
    decision::{Prior, Tally, Told},
    files::Kinds,
    lexicon::{Findings, Lexicon, is_read, lexicon},
    readability::{self, ReadingCounts},
    sentiment,
    signals::{Signal, Signals},
    similarity::{self, Sketch},
    tokens::{self, Marks, Token, Words},
};

/// How much of a message is read: later text changes no fact. A quarter of a megabyte is a pasted log, not speech.
pub const READ_BYTES: usize = 16 * 1024;

/// So many words are held before they are read, which bounds the memory of a long conversation.
const BATCH_WORDS: usize = 1 << 15;
/// How much text the detector of many languages reads.
const DETECT_BYTES: usize = 1024;

/// Scripts that `whatlang` knows one language of.
const ONE_LANGUAGE: [Script; 8] = [
    Script::Greek,
    Script::Hangul,
    Script::Thai,
    Script::Georgian,
    Script::Armenian,
    Script::Bengali,
    Script::Tamil,
    Script::Telugu,
];

/// What one message says.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Absent where it cannot be told.
    pub language: Option<Language>,
    /// Whether its words were read. Where they were not there are no signals and no tone, it asks only by its question
    /// mark, every word is one of content, and nobody shouts.
    pub is_read: bool,
    pub counts: ReadingCounts,
    /// How many words carry content.
    pub content_words: u32,
    pub signals: Signals,
    /// What each sentence says; empty where the words were not read.
    pub sentences: Vec<Sentence>,
    /// Of the phrases that say that it is settled, and that something is wrong, the last says that something is wrong.
    pub ends_with_problem: bool,
    /// A word that negates stands outside all phrases.
    pub negates: bool,
    /// Thanks or good news, then a "but", then something else.
    pub turns: bool,
    /// Beside thanks it says how something is or went.
    pub reports: bool,
    /// -1 to 1; `None` for a message without words.
    pub sentiment: Option<f64>,
    /// It has a question mark, begins like a question or ends like one.
    pub asks: bool,
    /// Most of its words are in capitals.
    pub shouts: bool,
    /// It holds a number, a link or a reference.
    pub has_figures: bool,
    /// It names a day or a time: tomorrow, Friday, two hours.
    pub has_date: bool,
    /// What it is about.
    pub sketch: Sketch,
    /// The same for two messages that have the same words in the same order.
    pub wording: u64,
}

/// What one sentence says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sentence {
    pub signals: Signals,
    pub content_words: u32,
    /// It holds a number, a link or a reference.
    pub has_figures: bool,
    pub has_date: bool,
    /// It begins with a yes or a no.
    pub answers: bool,
    /// It ends with a question mark.
    pub asks: bool,
    /// Of one that apologizes or shows empathy: the same for two that have the same words in the same order.
    pub wording: Option<u64>,
}

/// Reads the messages of a conversation, in their order. `given` is the language that somebody says it is in.
/// Time and memory grow with the text at most linearly.
pub fn read<'t>(
    messages: impl IntoIterator<Item = (Side, &'t str)>,
    given: Option<Language>,
) -> Vec<Reading> {
    let mut batch = Batch { given, ..Batch::default() };
    for (side, text) in messages {
        batch.add(side, text);
        if batch.words.tokens.len() >= BATCH_WORDS {
            batch.read();
        }
    }
    batch.read();
    batch.readings
}

/// Messages whose words are known and whose languages are not yet.
#[derive(Default)]
struct Batch<'t> {
    given: Option<Language>,
    words: Words,
    messages: Vec<Held<'t>>,
    /// Of the customer and of the agents, from the first message on.
    tallies: [Tally; 2],
    findings: Findings,
    readings: Vec<Reading>,
}

struct Held<'t> {
    side: Side,
    text: &'t str,
    /// Where its words end.
    end: usize,
    count: u32,
    marks: Marks,
    tally: Tally,
}

impl<'t> Batch<'t> {
    fn add(&mut self, side: Side, text: &'t str) {
        let start = self.words.tokens.len();
        let text = prefix(text, READ_BYTES);
        let marks = self.words.add(text);
        let tally = Tally::of(&self.words.tokens[start..]);
        self.tallies[side as usize].add_all(&tally);
        let (end, count) = (self.words.tokens.len(), (self.words.tokens.len() - start) as u32);
        self.messages.push(Held { side, text, end, count, marks, tally });
    }

    fn read(&mut self) {
        let sides = self.sides();
        let mut start = 0;
        for message in std::mem::take(&mut self.messages) {
            let side = sides[message.side as usize];
            let own = match message.tally.decide(Prior::side(side)) {
                Told::Language(language) => Some(language),
                Told::Foreign => side.filter(|language| !is_read(*language)),
                Told::Unclear => None,
            };
            let tokens = &self.words.tokens[start..message.end];
            start = message.end;
            let reading = match own.and_then(lexicon) {
                Some(lexicon) => {
                    lexicon.find(&self.words, tokens, Signals::said_by(message.side), &mut self.findings);
                    lexicon.reading(&self.words, tokens, &message.marks, &self.findings)
                }
                None => Reading { language: own, ..unread(&self.words, tokens, &message.marks) },
            };
            self.readings.push(reading);
        }
        self.words.clear();
    }

    /// What each side writes, as far as it is clear: by its own words, else by the other side too.
    fn sides(&self) -> [Option<Language>; 2] {
        let prior = self.given.map_or(Prior::NONE, Prior::given);
        let mut own = [0, 1].map(|side| self.tallies[side].decide(prior));
        if own == [Told::Unclear; 2] {
            let mut both = self.tallies[0].clone();
            both.add_all(&self.tallies[1]);
            own = [both.decide(prior); 2];
        }
        let japanese = Told::Language(Language("jpn"));
        [(0, 1), (1, 0)].map(|(side, other)| match own[side] {
            // Few characters tell nothing else against somebody who writes Japanese.
            _ if own[other] == japanese && self.tallies[side].may_lack_kana() => Some(Language("jpn")),
            Told::Language(language) => Some(language),
            // Somebody who knows says which of the others it is.
            Told::Foreign => {
                let given = self.given.filter(|language| !is_read(*language));
                given.or_else(|| self.detect(side))
            }
            Told::Unclear => {
                let with_other = self.tallies[side].decide(Prior::other_side(own[other].language()));
                with_other.language().or_else(|| self.of_most_messages(side)).or_else(|| self.detect(side))
            }
        })
    }

    /// The language that most of a side's words are in, as far as each message alone tells.
    fn of_most_messages(&self, side: usize) -> Option<Language> {
        let own = self.messages.iter().filter(|message| message.side as usize == side);
        most(own.filter_map(|message| Some((message.tally.decide(Prior::NONE).language()?, message.count))))
    }

    /// The language of a side's text by `whatlang`, where that is sure; only one that is not read, since what is read is
    /// told by its words.
    fn detect(&self, side: usize) -> Option<Language> {
        if !self.tallies[side].is_worth_detecting() {
            return None;
        }
        let mut sample = String::new();
        for message in self.messages.iter().filter(|message| message.side as usize == side) {
            sample.push_str(prefix(message.text, DETECT_BYTES - sample.len()));
            sample.push(' ');
            if sample.len() >= DETECT_BYTES {
                break;
            }
        }
        let info = whatlang::detect(&sample)?;
        // Of a script that several languages have it has been sure and wrong in a sentence of 25 words.
        let is_certain = ONE_LANGUAGE.contains(&info.script());
        let is_sure = is_certain || (info.is_reliable() && self.tallies[side].is_long());
        if !is_sure {
            return None;
        }
        Some(Language(info.lang().code())).filter(|language| !is_read(*language))
    }
}

impl Lexicon {
    fn reading(&self, words: &Words, tokens: &[Token], marks: &Marks, findings: &Findings) -> Reading {
        let is_content =
            |place: usize| !findings.words[place].kinds.has(Kinds::FUNCTION) && is_word(&tokens[place]);
        let stems: Vec<(bool, u32)> = whole_words(tokens)
            .map(|(first, last)| {
                let text = words.text_of(&tokens[first], &tokens[last]);
                (is_content(first), similarity::hash(self.stem(text)))
            })
            .collect();
        let english = self.language == Language::ENGLISH;
        let syllables = |token: &Token| u32::from(readability::syllables(words.text(token)));
        Reading {
            language: Some(self.language),
            is_read: true,
            counts: ReadingCounts {
                words: count_words(tokens),
                sentences: marks.sentences,
                syllables: if english { tokens.iter().map(syllables).sum() } else { 0 },
            },
            content_words: stems.iter().filter(|(content, _)| *content).count() as u32,
            signals: findings.signals,
            sentences: self.statements(words, tokens, findings),
            ends_with_problem: ends_with_problem(findings),
            negates: findings.negates,
            turns: findings.turns,
            reports: findings.reports,
            sentiment: sentiment::compound(tokens, &findings.words, marks.exclamations),
            asks: marks.question || self.looks_like_a_question(tokens, marks, findings),
            shouts: shouts(tokens, findings),
            has_figures: marks.figures,
            has_date: findings.words.iter().any(|word| word.kinds.has(Kinds::DATE)),
            sketch: Sketch::of(stems.iter().filter(|(content, _)| *content).map(|(_, stem)| *stem)),
            wording: similarity::wording(stems.iter().map(|(_, stem)| *stem)),
        }
    }

    /// People leave the question mark out. "What a day!" and "will do, thanks" are no questions.
    fn looks_like_a_question(&self, tokens: &[Token], marks: &Marks, findings: &Findings) -> bool {
        let is = |place: usize, kind: Kinds| findings.words[place].kinds.has(kind);
        let ends_sentence =
            |place: usize| tokens.get(place + 1).is_none_or(|next| next.sentence != tokens[place].sentence);
        if (0..tokens.len()).any(|place| is(place, Kinds::QUESTION_END) && ends_sentence(place)) {
            return true;
        }
        let parts = findings.signals.has_any(&[Signal::Thanks, Signal::Confirmation, Signal::Closing]);
        let reach = if self.asks_in_place() { tokens.len() } else { 1.min(tokens.len()) };
        let asks = (0..reach).any(|place| is(place, Kinds::INTERROGATIVE));
        asks && tokens.len() >= 3 && marks.exclamations == 0 && !parts
    }

    fn statements(&self, words: &Words, tokens: &[Token], findings: &Findings) -> Vec<Sentence> {
        let mut statements: Vec<Sentence> = Vec::new();
        let mut number = None;
        for (place, (token, word)) in tokens.iter().zip(&findings.words).enumerate() {
            let own = self.statement(token);
            if number.replace(own) != Some(own) {
                let from = findings.hits.partition_point(|(statement, _)| *statement < own);
                let hits = findings.hits[from..].iter().take_while(|(statement, _)| *statement == own);
                let mut signals = Signals::default();
                hits.for_each(|(_, shown)| signals.add(*shown));
                let answers = word.kinds.has(Kinds::ANSWER);
                let wording = signals.has_any(&[Signal::Empathy, Signal::Apology]).then(|| {
                    let own = tokens[place..].iter().take_while(|token| self.statement(token) == own);
                    similarity::wording(own.map(|token| similarity::hash(words.text(token))))
                });
                statements.push(Sentence { signals, answers, wording, ..Sentence::default() });
            }
            let Some(statement) = statements.last_mut() else { continue };
            let is_content = token.form.begins_word && is_word(token) && !word.kinds.has(Kinds::FUNCTION);
            statement.content_words += u32::from(is_content);
            statement.has_figures |= token.form.digit || token.form.is_placeholder;
            statement.has_date |= word.kinds.has(Kinds::DATE);
            let ends = tokens.get(place + 1).is_none_or(|next| next.sentence != token.sentence);
            let asks_by_word = self.asks_by_its_end() && ends && word.kinds.has(Kinds::QUESTION_END);
            statement.asks |= token.form.asks || asks_by_word;
        }
        statements
    }
}

fn ends_with_problem(findings: &Findings) -> bool {
    let said = [Signal::Confirmation, Signal::Problem];
    let last = findings.hits.iter().rev().find(|(_, shown)| shown.has_any(&said));
    last.is_some_and(|(_, shown)| !shown.has(Signal::Confirmation))
}

fn unread(words: &Words, tokens: &[Token], marks: &Marks) -> Reading {
    let stems = || {
        whole_words(tokens)
            .map(|(first, last)| similarity::hash(words.text_of(&tokens[first], &tokens[last])))
    };
    let count = count_words(tokens);
    Reading {
        counts: ReadingCounts { words: count, sentences: marks.sentences, syllables: 0 },
        content_words: count,
        asks: marks.question,
        has_figures: marks.figures,
        sketch: Sketch::of(stems()),
        wording: similarity::wording(stems()),
        ..Reading::default()
    }
}

/// Where each word begins and ends: in Chinese and Japanese it has several tokens.
fn whole_words(tokens: &[Token]) -> impl Iterator<Item = (usize, usize)> {
    let mut next = 0;
    std::iter::from_fn(move || {
        let first = next;
        tokens.get(first)?;
        next += 1;
        while tokens.get(next).is_some_and(|token| !token.form.begins_word) {
            next += 1;
        }
        Some((first, next - 1))
    })
}

fn count_words(tokens: &[Token]) -> u32 {
    tokens.iter().filter(|token| token.form.begins_word).count() as u32
}

fn is_word(token: &Token) -> bool {
    // An emoji says nothing of what a text is about.
    !token.form.is_placeholder && (token.form.script != tokens::Script::None || token.form.digit)
}

/// Post words are in capitals, and at least two of them are words of the language: `PDF, CSV, XML` is no shouting.
fn shouts(tokens: &[Token], findings: &Findings) -> bool {
    let (mut cased, mut capitals, mut known) = (0, 0, 0);
    for (token, word) in tokens.iter().zip(&findings.words).filter(|(token, _)| !token.form.quoted) {
        cased += u32::from(token.form.cased);
        capitals += u32::from(token.form.capitals);
        known += u32::from(token.form.capitals && word.is_known());
    }
    capitals >= 3 && known >= 2 && capitals * 10 >= cased * 6
}

/// The language that has the most words, of equals the first.
pub fn most(messages: impl Iterator<Item = (Language, u32)>) -> Option<Language> {
    let mut languages: Vec<(Language, u32)> = Vec::new();
    for (language, words) in messages {
        match languages.iter_mut().find(|(known, _)| *known == language) {
            Some((_, all)) => *all += words,
            None => languages.push((language, words)),
        }
    }
    let most = languages.into_iter().reduce(|best, next| if next.1 > best.1 { next } else { best })?;
    Some(most.0)
}

/// The longest beginning of `text` that is at most `bytes` long and cuts no character.
fn prefix(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
