//! One language: its words, its phrases, and what they say of a text.

mod context;

use std::sync::OnceLock;

use super::{
    Language,
    files::{Counts, ENDINGS, Files, Kinds, READ},
    phrases::{self, Match, Phrases, keep_longest},
    signals::{Signal, Signals},
    tokens::{Token, Words, pieces},
    vocabulary::{ANY, WordId, vocabulary},
};
use context::{
    is_conditional, is_hypothetical, is_negated, is_negated_turkish, mean_well, negates_alone,
    negates_freely, regrets, reports_beside, says_alone, turns_after_good_words,
};

const TURKISH: Language = Language("tur");
const JAPANESE: Language = Language("jpn");
const CHINESE: Language = Language("cmn");

/// What a word is in a language.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Word {
    /// -4 to 4.
    pub valence: f32,
    pub kinds: Kinds,
    begins_phrase: bool,
}

impl Word {
    /// Whether the language's files have it.
    pub fn is_known(self) -> bool {
        self != Self::default()
    }
}

pub struct Lexicon {
    pub language: Language,
    /// Of each entry of the vocabulary where it stands in `words`.
    places: Vec<u16>,
    words: Vec<Word>,
    phrases: Phrases,
    /// What is cut off a word where words are compared, the first that fits.
    endings: Vec<&'static str>,
}

/// What is found in a text; buffers that are used again.
#[derive(Default)]
pub struct Findings {
    /// One for each token.
    pub words: Vec<Word>,
    matches: Vec<Match>,
    inner: Vec<Match>,
    pub signals: Signals,
    /// The signals of each phrase, by the statement it begins in.
    pub hits: Vec<(u32, Signals)>,
    /// A word that negates stands outside all phrases, and is not the `no` that opens the message.
    pub negates: bool,
    /// Thanks or good news, then a "but", then something else: "thank you, however the light is out".
    pub turns: bool,
    /// Beside thanks it says how something is or went: "picked it up, all there. Thanks!"
    pub reports: bool,
}

/// Each is built when the first text of its language comes: most deployments see few.
static LEXICONS: [OnceLock<Lexicon>; READ.len()] = [const { OnceLock::new() }; READ.len()];

/// The lexicon of a language, if it is read.
pub fn lexicon(language: Language) -> Option<&'static Lexicon> {
    let place = READ.iter().position(|files| files.language == language)?;
    Some(LEXICONS.get(place)?.get_or_init(|| Lexicon::build(&READ[place])))
}

/// Whether texts of a language can be read.
pub fn is_read(language: Language) -> bool {
    READ.iter().any(|files| files.language == language)
}

impl Lexicon {
    fn build(files: &Files) -> Self {
        let count = vocabulary().len();
        let mut own = vec![Word::default(); count];
        let mut phrases = phrases::Building::new();
        // Of Chinese and Japanese words, which are several tokens; the first is none.
        let mut long = vec![Word::default()];
        let mut endings = Vec::new();
        let words = files.words().map(|(section, word)| (section, word, 0.0));
        let valences = files.valences().map(|(word, valence)| ("", word, valence));
        for (section, word, valence) in words.chain(valences) {
            if section == ENDINGS {
                endings.push(word);
                continue;
            }
            let kinds = match Kinds::named(section).unwrap_or_default() {
                // Verbs come last there, and are negated at or behind their end.
                Kinds::NEGATION if [TURKISH, JAPANESE].contains(&files.language) => Kinds::NEGATION_AFTER,
                kinds => kinds,
            };
            let ids: Vec<WordId> = pieces(word).map(|piece| vocabulary().entry(piece)).collect();
            let target = match ids.as_slice() {
                [one] => &mut own[one.0 as usize],
                // `n'est`: what is told of the word holds of its first part, except that both are small.
                [first, ..] if word.contains('\'') => {
                    if kinds == Kinds::FUNCTION {
                        ids[1..].iter().for_each(|id| own[id.0 as usize].kinds.add(kinds));
                    }
                    &mut own[first.0 as usize]
                }
                _ => {
                    let meaning = phrases.add(ids.into_iter());
                    if meaning.word == 0 {
                        meaning.word = long.len() as u16;
                        long.push(Word::default());
                    }
                    &mut long[usize::from(meaning.word)]
                }
            };
            target.kinds.add(kinds);
            if section.is_empty() {
                target.valence = valence;
            }
        }
        for phrase in files.phrases() {
            let ids = pieces(phrase.text).map(|piece| vocabulary().entry(piece));
            let meaning = phrases.add(ids);
            let signal = Signals::of(phrase.signal);
            match phrase.counts {
                Counts::Anywhere => meaning.signals.add(signal),
                Counts::UnlessNegated => meaning.unless_negated.add(signal),
                Counts::Alone => meaning.alone.add(signal),
            }
        }
        let phrases = phrases.finish();
        let mut lexicon =
            Self { language: files.language, places: vec![0; count], words: long, phrases, endings };
        lexicon.place(&own);
        lexicon
    }

    /// Finds for every entry of the vocabulary what it is here: what its first label is that is anything.
    fn place(&mut self, own: &[Word]) {
        for id in (0..own.len() as u32).map(WordId) {
            let labels = vocabulary().labels(id);
            let known =
                labels.clone().map(|label| own[label.0 as usize]).find(|word| *word != Word::default());
            let begins_phrase = labels.chain([ANY]).any(|label| self.phrases.begins(label));
            let word = Word { begins_phrase, ..known.unwrap_or_default() };
            if word != Word::default() {
                self.places[id.0 as usize] = self.words.len() as u16;
                self.words.push(word);
            }
        }
    }

    pub fn word(&self, id: WordId) -> Word {
        self.words[usize::from(self.places[id.0 as usize])]
    }

    /// A word without its ending: `charge`, `charged` and `charges` are one.
    pub fn stem<'w>(&self, word: &'w str) -> &'w str {
        // Most are told apart by their last byte.
        let last = word.as_bytes().last();
        let may_end = self.endings.iter().filter(|ending| ending.as_bytes().last() == last);
        let mut stems = may_end.filter_map(|ending| word.strip_suffix(ending));
        stems.find(|stem| stem.len() >= 3).unwrap_or(word)
    }

    /// Finds what a text's words and phrases are. `own` are the signals that its side can give.
    pub fn find(&self, text: &Words, tokens: &[Token], own: Signals, findings: &mut Findings) {
        let Findings { words, matches, inner, signals, hits, negates, turns, reports } = findings;
        hits.clear();
        words.clear();
        matches.clear();
        inner.clear();
        words.extend(tokens.iter().map(|token| self.word(token.word)));
        if self.language == TURKISH {
            for (word, token) in words.iter_mut().zip(tokens) {
                if is_negated_turkish(text.text(token)) {
                    word.kinds.add(Kinds::NEGATED);
                }
            }
        }
        let beginnings = words.iter().enumerate().filter(|(_, word)| word.begins_phrase);
        for (start, _) in beginnings {
            self.phrases.find(tokens, start, matches);
        }
        if self.is_written_without_spaces() {
            leave_parts_out(tokens, words);
            inner.extend(matches.iter().filter(|found| found.meaning.word != 0));
            keep_longest(inner);
            for found in inner.iter() {
                words[found.start as usize..found.end as usize].fill(Word::default());
                words[found.start as usize] = self.words[usize::from(found.meaning.word)];
            }
        }
        *signals = says_alone(tokens, matches).and(own);
        if let Some(first) = tokens.first().filter(|_| !signals.is_empty()) {
            hits.push((self.statement(first), *signals));
        }
        matches.retain(|found| !found.meaning.all().and(own).is_empty());
        keep_longest(matches);
        for found in matches.iter() {
            // Somebody else's swearing is nobody's here.
            let quoted = tokens[found.start as usize].form.quoted;
            let mut unless_negated = found.meaning.unless_negated;
            if !unless_negated.is_empty() && is_negated(found, tokens, words, matches) {
                let solved = unless_negated.has(Signal::Confirmation);
                unless_negated = if solved { Signals::of(Signal::Unsolved) } else { Signals::default() };
            }
            let (first, last) = (&tokens[found.start as usize], &tokens[found.end as usize - 1]);
            let names_a_place = first.form.in_path || last.form.in_path;
            if unless_negated.has(Signal::ActionDone)
                && (names_a_place || is_hypothetical(found, tokens, words))
            {
                unless_negated = unless_negated.without(Signals::of(Signal::ActionDone));
            }
            let mut shown = found.meaning.signals;
            shown.add(unless_negated);
            let foreign = if quoted { Signals::of(Signal::Profanity) } else { Signals::default() };
            let mut shown = shown.and(own).without(foreign);
            let conditional = is_conditional(found, tokens, words);
            if conditional || self.goes_on_otherwise(found, text, tokens, words) {
                shown = shown.without(Signals::of(Signal::Confirmation));
            }
            // "If we can't deliver, it goes back" tells of nothing that cannot be done.
            if conditional {
                shown = shown.without(Signals::of(Signal::Inability));
            }
            if negates_alone(found, words) {
                shown = shown.without(Signals::of(Signal::Acknowledgement));
            }
            signals.add(shown);
            hits.push((self.statement(&tokens[found.start as usize]), shown));
        }
        if own.has(Signal::Inability) {
            for place in regrets(tokens, words) {
                signals.add(Signals::of(Signal::Inability));
                hits.push((self.statement(&tokens[place]), Signals::of(Signal::Inability)));
            }
            // They are searched by their statement. Stable: within one they stay in the order of the words.
            hits.sort_by_key(|(statement, _)| *statement);
        }
        *negates = negates_freely(words, matches);
        *turns = turns_after_good_words(tokens, words, matches);
        *reports = signals.has(Signal::Thanks) && reports_beside(tokens, words, matches);
        mean_well(words, matches);
    }

    /// Whether what follows a Japanese phrase at once turns it: `届きましたが` (it came, but), `届きましたか` (did it come),
    /// `届いたら` (when it comes), `直したい` (I want to mend it).
    fn goes_on_otherwise(&self, found: &Match, text: &Words, tokens: &[Token], words: &[Word]) -> bool {
        let end = found.end as usize;
        let follows = tokens.get(end).is_some_and(|next| next.sentence == tokens[end - 1].sentence);
        if self.language != JAPANESE || !follows || tokens[end].clause != tokens[end - 1].clause {
            return false;
        }
        let turns = [Kinds::CONTRAST, Kinds::QUESTION_END].iter().any(|kind| words[end].kinds.has(*kind));
        turns || ["ら", "い"].contains(&text.text(&tokens[end]))
    }

    /// The number of what a token is part of that says one thing: a sentence, and in Chinese, where commas part what are
    /// sentences elsewhere, a clause. Both numbers only grow.
    pub fn statement(&self, token: &Token) -> u32 {
        if self.language == CHINESE { token.sentence + token.clause } else { token.sentence }
    }

    fn is_written_without_spaces(&self) -> bool {
        [JAPANESE, CHINESE].contains(&self.language)
    }

    /// Whether the word that ends a question makes it one beyond doubt, as a question mark does.
    pub fn asks_by_its_end(&self) -> bool {
        [CHINESE, TURKISH].contains(&self.language)
    }

    /// Whether its questions keep the order of a statement, with the word that asks anywhere.
    pub fn asks_in_place(&self) -> bool {
        [JAPANESE, CHINESE, TURKISH].contains(&self.language)
    }
}

/// A character that is part of a longer word is not the word that it is alone: 天 is a day, 聊天 a chat. A negation and
/// what ends a question are written together with other words.
fn leave_parts_out(tokens: &[Token], words: &mut [Word]) {
    for (place, token) in tokens.iter().enumerate() {
        let is_whole =
            token.form.begins_word && tokens.get(place + 1).is_none_or(|next| next.form.begins_word);
        let grammar = [Kinds::NEGATION, Kinds::NEGATION_AFTER, Kinds::QUESTION_END];
        let word = &mut words[place];
        if !is_whole && !grammar.iter().any(|kind| word.kinds.has(*kind)) {
            *word = Word { begins_phrase: word.begins_phrase, ..Word::default() };
        }
    }
}
