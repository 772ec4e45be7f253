//! Words of a text, in one pass and before its language is known.

use std::sync::LazyLock;

use icu_segmenter::{WordSegmenter, WordSegmenterBorrowed, options::WordBreakInvariantOptions};
use unicode_normalization::char::compose;

use super::vocabulary::{UNKNOWN, WordId, vocabulary};

/// Longer runs of letters are no words of a language: they are counted, not looked up.
const WORD_BYTES: usize = 48;

/// Stands in a text for a link, an address or a file name.
pub const LINK: char = '\u{e000}';
/// Stands in a text for a code, a reference or a number-like token.
pub const CODE: char = '\u{e001}';

/// One word, one ideograph or kana, or one emoji.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    /// Its place in the vocabulary.
    pub word: WordId,
    /// Where it stands in the text of the words.
    start: u32,
    length: u16,
    pub form: Form,
    pub sentence: u32,
    /// Part of a sentence between commas: a negation does not reach out of it.
    pub clause: u32,
}

/// How a token is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Form {
    pub script: Script,
    /// Two or more letters that have a capital form.
    pub cased: bool,
    /// Cased, and all in capitals.
    pub capitals: bool,
    /// It has a digit.
    pub digit: bool,
    /// Somebody else's words, within quotation marks.
    pub quoted: bool,
    /// It stands for something that is no word.
    pub is_placeholder: bool,
    /// A question mark follows.
    pub asks: bool,
    /// An arrow stands beside it: it names a place in a menu, as in `Orders > Shipped`.
    pub in_path: bool,
    /// A word begins here: always, but for the second and later characters of a Chinese or Japanese word.
    pub begins_word: bool,
}

impl Form {
    pub fn is_ideograph(&self) -> bool {
        matches!(self.script, Script::Han | Script::Kana)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Script {
    Latin,
    Han,
    Kana,
    Hangul,
    /// Any other that has letters.
    Foreign,
    /// Emoji, numbers, placeholders.
    #[default]
    None,
}

/// What stands between the words.
#[derive(Clone, Copy, Debug, Default)]
pub struct Marks {
    pub sentences: u32,
    pub exclamations: u32,
    pub question: bool,
    /// It holds a digit or an address.
    pub figures: bool,
}

/// Words of several texts, in buffers that grow with them.
#[derive(Default)]
pub struct Words {
    /// In small letters, one behind the other.
    text: String,
    pub tokens: Vec<Token>,
}

impl Words {
    pub fn clear(&mut self) {
        self.text.clear();
        self.tokens.clear();
    }

    pub fn text(&self, token: &Token) -> &str {
        let start = token.start as usize;
        self.text.get(start..start + usize::from(token.length)).unwrap_or_default()
    }

    /// The word that begins at a token, of which `more` tokens are the rest.
    pub fn text_of(&self, first: &Token, last: &Token) -> &str {
        let end = last.start as usize + usize::from(last.length);
        self.text.get(first.start as usize..end).unwrap_or_default()
    }

    /// Adds the words of a text.
    pub fn add(&mut self, text: &str) -> Marks {
        let mut tokenizer = Tokenizer {
            start: self.text.len(),
            words: self,
            marks: Marks::default(),
            case: Case::default(),
            clause: 0,
            in_sentence: false,
            quote: None,
            after_arrow: false,
            run: None,
            line: Line::Begins,
        };
        for character in text.chars() {
            tokenizer.take(character);
        }
        tokenizer.finish_run();
        tokenizer.finish();
        tokenizer.marks.sentences += u32::from(tokenizer.in_sentence);
        tokenizer.marks
    }
}

struct Tokenizer<'w> {
    words: &'w mut Words,
    /// Where the word begins that is being read.
    start: usize,
    marks: Marks,
    case: Case,
    clause: u32,
    in_sentence: bool,
    /// What ends the quotation.
    quote: Option<char>,
    /// An arrow came, and no word since.
    after_arrow: bool,
    /// The first token of the Chinese or Japanese characters that are being read.
    run: Option<usize>,
    line: Line,
}

#[derive(Clone, Copy, Default)]
struct Case {
    capital: u32,
    small: u32,
    digit: bool,
    script: Script,
}

impl Tokenizer<'_> {
    fn take(&mut self, character: char) {
        self.line = self.line.after(character);
        if self.line == Line::Quoted || is_invisible(character) {
            return;
        }
        let character = narrow(character);
        if character.is_ascii_alphanumeric() {
            self.letter(character, if character.is_ascii_digit() { Script::None } else { Script::Latin });
        } else if matches!(character, '\'' | '\u{2019}' | '\u{2bc}') && self.in_word() {
            self.apostrophe();
        } else if character.is_ascii() {
            self.mark(character);
        } else {
            self.take_wide(character);
        }
    }

    fn take_wide(&mut self, character: char) {
        let script = script(character);
        if matches!(character, LINK | CODE) {
            self.marks.figures = true;
            self.alone(character, script);
        } else if is_ideograph(character) {
            self.finish();
            let place = self.words.tokens.len();
            self.run.get_or_insert(place);
            self.push_alone(character, script);
        } else if is_alone(character) {
            self.alone(character, script);
        } else if matches!(character, '\u{300}'..='\u{36f}' | '\u{3099}' | '\u{309a}') {
            self.accent(character);
        } else if character.is_alphanumeric() {
            self.letter(character, script);
        } else {
            self.mark(character);
        }
    }

    fn in_word(&self) -> bool {
        self.start < self.words.text.len()
    }

    fn letter(&mut self, character: char, script: Script) {
        if self.run.is_some() {
            self.finish_run();
        }
        if script == Script::None {
            self.case.digit = true;
            self.marks.figures = true;
        } else {
            self.case.script = script;
        }
        if character.is_ascii() {
            self.case.capital += u32::from(character.is_ascii_uppercase());
            self.case.small += u32::from(character.is_ascii_lowercase());
            self.words.text.push(character.to_ascii_lowercase());
        } else {
            self.case.capital += u32::from(character.is_uppercase());
            self.case.small += u32::from(character.is_lowercase());
            // The dot of a Turkish capital `İ` stays on its small letter anyway.
            self.words.text.extend(character.to_lowercase().filter(|letter| *letter != '\u{307}'));
        }
        self.in_sentence = true;
    }

    /// Puts an accent that is a character of its own on the letter before it.
    fn accent(&mut self, accent: char) {
        if let Some(letter) = self.words.text.pop().filter(|_| self.start < self.words.text.len() + 1) {
            self.words.text.push(compose(letter, accent).unwrap_or(letter));
        }
    }

    fn apostrophe(&mut self) {
        self.words.text.push('\'');
        if self.words.text.get(self.start..).is_some_and(is_elision) {
            self.finish();
        }
    }

    fn alone(&mut self, character: char, script: Script) {
        self.finish_run();
        self.finish();
        self.push_alone(character, script);
    }

    fn push_alone(&mut self, character: char, script: Script) {
        self.words.text.push(character);
        self.case.script = script;
        self.in_sentence = true;
        self.finish();
    }

    fn mark(&mut self, character: char) {
        self.finish_run();
        self.finish();
        match character {
            '?' | '\u{61f}' | '\u{bf}' => {
                self.marks.question = true;
                if let Some(last) = self.words.tokens.last_mut() {
                    last.form.asks = character != '\u{bf}';
                }
            }
            '!' => self.marks.exclamations += 1,
            '@' => self.marks.figures = true,
            _ => {}
        }
        if matches!(character, '>' | '\u{203a}' | '\u{2192}') {
            if let Some(last) = self.words.tokens.last_mut() {
                last.form.in_path = true;
            }
            self.after_arrow = true;
        } else if !character.is_whitespace() {
            self.after_arrow = false;
        }
        self.clause += u32::from(matches!(character, ',' | ';' | ':' | '\u{60c}' | '\u{3001}'));
        if self.in_sentence && ends_sentence(character) {
            self.marks.sentences += 1;
            self.in_sentence = false;
        }
        self.quote = match (self.quote, character) {
            (_, '\n') => None,
            (Some(end), mark) if mark == end || (end == '\u{201d}' && mark == '\u{201c}') => None,
            (None, mark) => closing_quote(mark),
            (quote, _) => quote,
        };
    }

    /// Ends the word that is being read, if one is.
    fn finish(&mut self) {
        let text = self.words.text.get(self.start..).unwrap_or_default();
        let trimmed = if is_elision(text) { text } else { text.trim_end_matches('\'') };
        let (length, start) = (trimmed.len(), self.start);
        if length > 0 {
            let word = if length <= WORD_BYTES { vocabulary().find(trimmed) } else { UNKNOWN };
            let Case { capital, small, digit, script } = self.case;
            let cased = capital + small >= 2 && !digit;
            let form = Form {
                script,
                cased,
                capitals: cased && small == 0,
                digit,
                quoted: self.quote.is_some(),
                is_placeholder: matches!(trimmed, "\u{e000}" | "\u{e001}"),
                asks: false,
                in_path: std::mem::take(&mut self.after_arrow),
                begins_word: true,
            };
            let length = u16::try_from(length).unwrap_or(u16::MAX);
            let (start, sentence, clause) = (start as u32, self.marks.sentences, self.clause);
            self.words.tokens.push(Token { word, start, length, form, sentence, clause });
        }
        self.start = self.words.text.len();
        self.case = Case::default();
    }

    /// Marks where the words of a run of Chinese or Japanese characters begin.
    fn finish_run(&mut self) {
        static SEGMENTER: LazyLock<WordSegmenterBorrowed<'static>> =
            LazyLock::new(|| WordSegmenter::new_auto(WordBreakInvariantOptions::default()));
        let Some(first) = self.run.take() else { return };
        let Some(run) = self.words.tokens.get_mut(first..) else { return };
        let Some(start) = run.first().map(|token| token.start as usize) else { return };
        let text = self.words.text.get(start..).unwrap_or_default();
        let mut bounds = SEGMENTER.segment_str(text).map(|bound| (start + bound) as u32).peekable();
        for token in run {
            while bounds.next_if(|bound| *bound < token.start).is_some() {}
            token.form.begins_word = bounds.peek() == Some(&token.start);
        }
    }
}

/// Where in its line a character stands. Lines that begin with `>` are somebody else's words, quoted by the mail program.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Begins,
    Quoted,
    Own,
}

impl Line {
    fn after(self, character: char) -> Self {
        match (self, character) {
            (_, '\n') => Self::Begins,
            (Self::Begins, '>') => Self::Quoted,
            (Self::Begins, character) if character.is_whitespace() => Self::Begins,
            (Self::Begins, _) => Self::Own,
            (line, _) => line,
        }
    }
}

/// The words of an entry of a data file, as the words of a text are told apart. `_` and a star at the end stay.
pub fn pieces(entry: &str) -> impl Iterator<Item = &str> {
    entry.split_whitespace().flat_map(|word| {
        let mut rest = word;
        // What stands alone begins at U+0E00, which three bytes encode.
        let is_one = word.bytes().all(|byte| byte < 0xe0 && byte != b'\'');
        std::iter::from_fn(move || {
            let length = if is_one { rest.len() } else { first_piece(rest) };
            let (piece, after) = rest.split_at(length);
            rest = after;
            (!piece.is_empty()).then_some(piece)
        })
    })
}

/// The length of the first piece of a word.
fn first_piece(word: &str) -> usize {
    for (place, character) in word.char_indices() {
        let end = place + character.len_utf8();
        if is_ideograph(character) || is_alone(character) {
            return if place == 0 { end } else { place };
        }
        if character == '\'' && is_elision(&word[..end]) {
            return end;
        }
    }
    word.len()
}

fn is_elision(word: &str) -> bool {
    word.ends_with('\'') && ELISIONS.contains(&word)
}

/// Short forms of French and Italian that stand before the apostrophe of another word.
const ELISIONS: &[&str] = &[
    "c'", "d'", "j'", "l'", "m'", "n'", "s'", "t'", "v'", "qu'", "jusqu'", "lorsqu'", "puisqu'", "un'",
    "all'", "dall'", "dell'", "nell'", "sull'", "quell'", "quest'", "dov'", "com'",
];

fn closing_quote(mark: char) -> Option<char> {
    Some(match mark {
        '"' => '"',
        '\u{201c}' | '\u{201e}' => '\u{201d}',
        '\u{ab}' => '\u{bb}',
        '\u{300c}' => '\u{300d}',
        _ => return None,
    })
}

fn ends_sentence(character: char) -> bool {
    matches!(character, '.' | '!' | '?' | '\n' | '\u{3002}' | '\u{61f}' | '\u{964}')
}

/// Zero-width characters, joiners and direction marks: they stand inside words and are not seen.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fe0f}'
    )
}

/// Letters, digits and marks that are drawn as wide as an ideograph are the plain ones.
fn narrow(character: char) -> char {
    match character {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(character as u32 - 0xfee0).unwrap_or(character),
        other => other,
    }
}

fn script(character: char) -> Script {
    match character {
        'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => Script::Latin,
        '\u{3041}'..='\u{3096}'
        | '\u{30a1}'..='\u{30fa}'
        | '\u{30fc}'..='\u{30ff}'
        | '\u{ff66}'..='\u{ff9f}' => Script::Kana,
        _ if is_ideograph(character) => Script::Han,
        '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{ac00}'..='\u{d7af}' => Script::Hangul,
        _ if character.is_alphabetic() => Script::Foreign,
        _ => Script::None,
    }
}

/// What Chinese and Japanese words are written in, without spaces.
fn is_ideograph(character: char) -> bool {
    matches!(
        character,
        '\u{2e80}'..='\u{2fdf}' | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}'
            | '\u{30fc}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{9fff}'
            | '\u{f900}'..='\u{faff}' | '\u{ff66}'..='\u{ff9f}' | '\u{20000}'..='\u{3ffff}'
    )
}

/// Thai and Lao are written without spaces too, and are not read; emoji are words of one character.
fn is_alone(character: char) -> bool {
    matches!(
        character,
        '\u{e00}'..='\u{eff}' | '\u{2600}'..='\u{27bf}' | '\u{1f300}'..='\u{1faff}' | '\u{e000}' | '\u{e001}'
    )
}
