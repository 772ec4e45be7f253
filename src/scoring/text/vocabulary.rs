//! The words of all languages in one table, so that a word of a text is looked up once, before its language is known.

use std::{hash::BuildHasher, ops::Range, sync::LazyLock};

use hashbrown::hash_table::{Entry, HashTable};
use rustc_hash::{FxBuildHasher, FxHashSet};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::{
    Language,
    files::{self, ENDINGS, Kinds},
    tokens::pieces,
};

/// A word's place in the vocabulary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WordId(pub u32);

pub const UNKNOWN: WordId = WordId(0);
/// `_` in a phrase: any one word.
pub const ANY: WordId = WordId(1);

/// A set of listed languages, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Languages(u32);

impl Languages {
    fn of(language: Language) -> Self {
        Self(language.index().map_or(0, |place| 1 << place))
    }

    pub fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Their places among the listed ones.
    pub fn places(self) -> impl Iterator<Item = usize> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let place = left.trailing_zeros() as usize;
            left &= left.checked_sub(1)?;
            Some(place)
        })
    }
}

#[derive(Clone, Debug, Default)]
struct Word {
    text: &'static str,
    /// The entries that it counts as beside itself: the same word with its accents, and every `begin*` that it begins with.
    others: Range<u32>,
    /// Whose small words it belongs to.
    function_of: Languages,
    /// Whose phrases and valences it stands in, and is none of their small words.
    used_in: Languages,
}

pub struct Vocabulary {
    /// By the hash of their texts. Numbers alone: with the texts it is five times as long.
    ids: HashTable<WordId>,
    /// In the order of the files, so that a text's words lie near each other.
    entries: Vec<Word>,
    others: Vec<WordId>,
    /// Every `begin*` without its star, ascending, with the place of the longest other one that it begins with.
    begins: Vec<(&'static str, WordId, Option<u32>)>,
    /// Their first three bytes, which tell most words that begin with none.
    begin_keys: FxHashSet<[u8; 3]>,
}

/// Built when the first text is read, which takes some 25 ms: a server that scores nothing needs none of it.
static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(Vocabulary::build);

pub fn vocabulary() -> &'static Vocabulary {
    &VOCABULARY
}

/// What is known only while the table is built. Each word of the files is looked up once: they are half a million.
struct Building {
    /// The language whose files had each entry last, by its number.
    had_by: Vec<u8>,
    /// The language in whose words or valences each entry stood last.
    word_of: Vec<u8>,
    /// The entries of the language that is being read.
    own: Vec<WordId>,
    /// Entries that mean one word: the plain form, and the word.
    twins: Vec<(WordId, WordId)>,
}

impl Vocabulary {
    fn build() -> Self {
        let mut vocabulary = Self {
            ids: HashTable::with_capacity(70_000),
            entries: vec![Word::default(); 2],
            others: Vec::new(),
            begins: Vec::new(),
            begin_keys: FxHashSet::default(),
        };
        let mut building =
            Building { had_by: vec![0; 2], word_of: vec![0; 2], own: Vec::new(), twins: Vec::new() };
        for (number, files) in (1..).zip(files::READ) {
            let language = Languages::of(files.language);
            for (section, word) in files.words().filter(|(section, _)| *section != ENDINGS) {
                let is_function = Kinds::named(section) == Some(Kinds::FUNCTION);
                for piece in pieces(word) {
                    let id = vocabulary.own(piece, number, &mut building);
                    building.word_of[id.0 as usize] = number;
                    if is_function {
                        vocabulary.entries[id.0 as usize].function_of.add(language);
                    }
                }
            }
            let phrases = files.phrases().map(|phrase| (phrase.text, true, false));
            // VADER has words of every language that people tweet in.
            let counts = files.language != Language::ENGLISH;
            let valences = files.valences().map(|(word, _)| (word, counts, true));
            for (entry, counts, is_word) in phrases.chain(valences) {
                for piece in pieces(entry) {
                    let id = vocabulary.own(piece, number, &mut building);
                    if is_word {
                        building.word_of[id.0 as usize] = number;
                    }
                    if counts && id != ANY {
                        vocabulary.entries[id.0 as usize].used_in.add(language);
                    }
                }
            }
            vocabulary.add_twins(number, files.language, &mut building);
        }
        for (code, line) in files::sections(files::NOT_READ) {
            let language = Language::from_code(code).map(Languages::of).unwrap_or_default();
            for piece in pieces(line) {
                let id = vocabulary.intern(piece, &mut building);
                vocabulary.entries[id.0 as usize].function_of.add(language);
            }
        }
        vocabulary.link(building.twins);
        vocabulary
    }

    fn intern(&mut self, word: &'static str, building: &mut Building) -> WordId {
        if word == "_" {
            return ANY;
        }
        let Self { ids, entries, .. } = self;
        let text = |id: &WordId| entries[id.0 as usize].text;
        match ids.entry(hash(word), |id| text(id) == word, |id| hash(text(id))) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(free) => {
                let id = WordId(entries.len() as u32);
                free.insert(id);
                entries.push(Word { text: word, ..Word::default() });
                building.had_by.push(0);
                building.word_of.push(0);
                id
            }
        }
    }

    fn id(&self, word: &str) -> Option<WordId> {
        self.ids.find(hash(word), |id| self.entries[id.0 as usize].text == word).copied()
    }

    /// Interns a word of the files of the language with this number.
    fn own(&mut self, word: &'static str, number: u8, building: &mut Building) -> WordId {
        let id = self.intern(word, building);
        if std::mem::replace(&mut building.had_by[id.0 as usize], number) != number {
            building.own.push(id);
        }
        id
    }

    /// The forms in which people type a word without its accents or its apostrophe count as the word, unless the language
    /// has them as words of their own: in its words or valences, for phrases also hold what is typed in haste.
    fn add_twins(&mut self, number: u8, language: Language, building: &mut Building) {
        for word in std::mem::take(&mut building.own) {
            let text = self.entries[word.0 as usize].text;
            for (plain, always) in plain_forms(text, language) {
                let known = self.id(&plain);
                let is_word = known.is_some_and(|known| building.word_of[known.0 as usize] == number);
                if plain != text && (always || !is_word) {
                    // The table is built once and never dropped.
                    let plain = known.unwrap_or_else(|| self.intern(plain.leak(), building));
                    building.twins.push((plain, word));
                }
            }
        }
    }

    /// Finds for every entry what it counts as.
    fn link(&mut self, mut twins: Vec<(WordId, WordId)>) {
        let begins = (0..).map(WordId).zip(&self.entries);
        let mut begins: Vec<(&str, WordId, Option<u32>)> =
            begins.filter_map(|(id, entry)| Some((entry.text.strip_suffix('*')?, id, None))).collect();
        begins.sort_unstable();
        for place in 1..begins.len() {
            let mut within = Some(place as u32 - 1);
            while let Some(candidate) = within {
                if begins[place].0.starts_with(begins[candidate as usize].0) {
                    break;
                }
                within = begins[candidate as usize].2;
            }
            begins[place].2 = within;
        }
        self.begin_keys =
            begins.iter().filter_map(|(begin, ..)| begin.as_bytes().first_chunk()).copied().collect();
        self.begins = begins;
        // Stable: twins of one form stay in their order.
        twins.sort_by_key(|(plain, _)| *plain);
        let mut twins = twins.into_iter().peekable();
        let (mut labels, mut longer) = (Vec::new(), Vec::new());
        let mut languages = vec![(Languages::default(), Languages::default()); 2];
        for id in (2..self.entries.len() as u32).map(WordId) {
            let start = self.others.len() as u32;
            labels.clear();
            labels.push(id);
            while let Some((_, word)) = twins.next_if(|(plain, _)| *plain == id) {
                labels.push(word);
            }
            for place in 0..labels.len() {
                let text = self.entries[labels[place].0 as usize].text.trim_end_matches('*');
                longer.extend(self.begins_of(text));
                labels.append(&mut longer);
            }
            let (mut function_of, mut used_in) = (Languages::default(), Languages::default());
            for (place, label) in labels.iter().enumerate() {
                if !labels[..place].contains(label) {
                    if place > 0 {
                        self.others.push(*label);
                    }
                    function_of.add(self.entries[label.0 as usize].function_of);
                    used_in.add(self.entries[label.0 as usize].used_in);
                }
            }
            self.entries[id.0 as usize].others = start..self.others.len() as u32;
            languages.push((function_of, used_in.without(function_of)));
        }
        // Only now: what a label is comes from its own files, and is not passed on twice.
        for (entry, languages) in self.entries.iter_mut().zip(languages) {
            (entry.function_of, entry.used_in) = languages;
        }
    }

    /// Every `begin*` that a word begins with, the longest first.
    fn begins_of(&self, word: &str) -> impl Iterator<Item = WordId> {
        let may_begin =
            word.as_bytes().first_chunk().is_some_and(|key: &[u8; 3]| self.begin_keys.contains(key));
        let after = if may_begin { self.begins.partition_point(|(begin, ..)| *begin <= word) } else { 0 };
        let mut next = after.checked_sub(1).map(|place| place as u32);
        while let Some(place) = next {
            if word.starts_with(self.begins[place as usize].0) {
                break;
            }
            next = self.begins[place as usize].2;
        }
        std::iter::from_fn(move || {
            let (_, id, within) = &self.begins[next? as usize];
            next = *within;
            Some(*id)
        })
    }

    /// The entry of a word of a text: its own, or that of the longest `begin*`.
    pub fn find(&self, word: &str) -> WordId {
        match self.id(word) {
            Some(id) => id,
            None => self.begins_of(word).next().unwrap_or(UNKNOWN),
        }
    }

    /// The entry of a piece of a file.
    pub fn entry(&self, piece: &str) -> WordId {
        if piece == "_" { ANY } else { self.id(piece).unwrap_or(UNKNOWN) }
    }

    /// The entries that a word counts as, itself first.
    pub fn labels(&self, word: WordId) -> impl Iterator<Item = WordId> + Clone {
        let others = self.entries[word.0 as usize].others.clone();
        let others = &self.others[others.start as usize..others.end as usize];
        std::iter::once(word).chain(others.iter().copied())
    }

    /// Whose small words it belongs to, and in whose phrases it stands.
    pub fn languages(&self, word: WordId) -> (Languages, Languages) {
        let entry = &self.entries[word.0 as usize];
        (entry.function_of, entry.used_in)
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }
}

fn hash(word: &str) -> u64 {
    FxBuildHasher.hash_one(word)
}

/// How people type a word in haste; with it whether that form counts even where the language has a word of that form.
fn plain_forms(word: &str, language: Language) -> Vec<(String, bool)> {
    let mut forms = Vec::new();
    if language == Language::ENGLISH {
        // "cant" is "can't" and nothing else, while "were", "ill" and "its" are words.
        let is_contraction = word.ends_with("n't") || word.ends_with("'m") || word.ends_with("'ve");
        if is_contraction || word.ends_with("'s") || word.ends_with("'re") {
            forms.push((word.replace('\'', ""), is_contraction));
        }
        return forms;
    }
    if word.is_ascii() {
        return forms;
    }
    if language == Language("deu") {
        let spelled = word.replace('ä', "ae").replace('ö', "oe").replace('ü', "ue").replace('ß', "ss");
        forms.push((spelled, true));
    } else {
        forms.push((without_accents(word), false));
    }
    if language == Language("tur") {
        // What a capital `I` becomes.
        forms.push((word.replace('ı', "i"), false));
    }
    forms
}

fn without_accents(word: &str) -> String {
    let letters = word.nfd().filter(|letter| !is_combining_mark(*letter));
    letters
        .map(|letter| match letter {
            'ł' => 'l',
            'ı' => 'i',
            other => other,
        })
        .collect()
}
