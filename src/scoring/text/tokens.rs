//! Words of a text, in one pass.

use super::lexicon::{Lexicon, UNKNOWN, WordId};

/// Longer runs of letters are no words of a language: they are counted, not looked up.
const WORD_BYTES: usize = 48;

/// One word, one ideograph or one emoji.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    /// Its place in the lexicon.
    pub word: WordId,
    /// Hash of the word without its ending.
    pub stem: u32,
    pub sentence: u32,
    /// Part of a sentence between commas: a negation does not reach out of it.
    pub clause: u32,
    pub syllables: u8,
    /// It says what the text is about.
    pub content: bool,
    /// Two or more letters that have a capital form.
    pub cased: bool,
    /// Cased, and all in capitals.
    pub capitals: bool,
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

/// Fills `tokens`; both buffers are emptied first.
pub fn tokenize(text: &str, lexicon: &Lexicon, tokens: &mut Vec<Token>, word: &mut String) -> Marks {
    tokens.clear();
    word.clear();
    let mut marks = Marks::default();
    let mut case = Case::default();
    let mut in_sentence = false;
    let mut clause = 0;
    let mut line = Line::Begins;
    for character in text.chars() {
        line = line.after(character);
        if line == Line::Quoted || is_invisible(character) {
            continue;
        }
        if is_alone(character) {
            finish(tokens, word, &mut case, lexicon, (marks.sentences, clause));
            word.push(character);
            finish(tokens, word, &mut case, lexicon, (marks.sentences, clause));
            in_sentence = true;
        } else if character.is_alphanumeric() {
            marks.figures |= character.is_numeric();
            case.add(character);
            word.extend(character.to_lowercase());
            in_sentence = true;
        } else if matches!(character, '\'' | '\u{2019}' | '\u{2bc}') && !word.is_empty() {
            word.push('\'');
        } else {
            finish(tokens, word, &mut case, lexicon, (marks.sentences, clause));
            match character {
                '?' | '\u{ff1f}' | '\u{61f}' => marks.question = true,
                '!' | '\u{ff01}' => marks.exclamations += 1,
                '@' => marks.figures = true,
                _ => {}
            }
            clause += u32::from(matches!(character, ',' | ';' | ':' | '\u{60c}' | '\u{3001}'));
            if in_sentence && ends_sentence(character) {
                marks.sentences += 1;
                in_sentence = false;
            }
        }
    }
    finish(tokens, word, &mut case, lexicon, (marks.sentences, clause));
    marks.sentences += u32::from(in_sentence);
    marks
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

#[derive(Clone, Copy, Default)]
struct Case {
    capital: u32,
    small: u32,
}

impl Case {
    fn add(&mut self, character: char) {
        self.capital += u32::from(character.is_uppercase());
        self.small += u32::from(character.is_lowercase());
    }
}

fn finish(
    tokens: &mut Vec<Token>,
    word: &mut String,
    case: &mut Case,
    lexicon: &Lexicon,
    (sentence, clause): (u32, u32),
) {
    let trimmed = word.trim_end_matches('\'');
    let Case { capital, small } = std::mem::take(case);
    if !trimmed.is_empty() {
        let known = if trimmed.len() <= WORD_BYTES { lexicon.word(trimmed) } else { UNKNOWN };
        let cased = capital + small >= 2;
        tokens.push(Token {
            word: known,
            stem: stem_hash(trimmed),
            sentence,
            clause,
            syllables: syllables(trimmed),
            content: !lexicon.is_function(known),
            cased,
            capitals: cased && small == 0,
        });
    }
    word.clear();
}

/// FNV-1a over the word without a common English ending: `charge`, `charged` and `charges` are one.
fn stem_hash(word: &str) -> u32 {
    let stem = ["ing", "ed", "es", "'s", "s", "e"]
        .iter()
        .find_map(|ending| word.strip_suffix(ending).filter(|stem| stem.len() >= 3))
        .unwrap_or(word);
    stem.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// Groups of vowels, at least one, without a silent `e`: an estimate, as every reading formula uses.
fn syllables(word: &str) -> u8 {
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

fn ends_sentence(character: char) -> bool {
    matches!(character, '.' | '!' | '?' | '\n' | '\u{3002}' | '\u{ff1f}' | '\u{ff01}' | '\u{61f}' | '\u{964}')
}

/// Zero-width characters, joiners and direction marks: they stand inside words and are not seen.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fe0f}'
    )
}

/// Scripts that are written without spaces, and emoji: every character is a word.
fn is_alone(character: char) -> bool {
    matches!(
        character,
        '\u{2e80}'..='\u{312f}' | '\u{31a0}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}'
            | '\u{e00}'..='\u{eff}' | '\u{2600}'..='\u{27bf}' | '\u{1f300}'..='\u{1faff}'
    )
}
