//! The tone of a text by VADER's rules (Hutto and Gilbert 2014): valence of words, raised or lowered by the words around
//! them, by capitals and by exclamation marks. Written here because the packages that ship the lexicon read a long text
//! in quadratic time and know English alone.

use super::{files::Kinds, lexicon::Word, tokens::Token};

const BOOST: f64 = 0.293;
const CAPITALS: f64 = 0.733;
const NEGATED: f64 = -0.74;
const EXCLAMATION: f64 = 0.292;
const MAX_EXCLAMATIONS: u32 = 4;
const NORMALIZATION: f64 = 15.0;
/// How strongly the three words before count, nearest first.
const REACH: [f64; 3] = [1.0, 0.95, 0.9];
/// How many words behind it may negate a word, where a language negates so; Japanese verbs have many.
const REACH_BACK: usize = 3;
const REACH_BACK_IDEOGRAPHS: usize = 5;

/// A word with its place, which a Chinese or Japanese one shares with the characters behind it.
struct Item {
    word: Word,
    capitals: bool,
    clause: u32,
    reach_back: usize,
}

/// -1 to 1: the mean over the sentences that have a tone, 0 when none has, `None` without words.
pub fn compound(tokens: &[Token], words: &[Word], exclamations: u32) -> Option<f64> {
    if tokens.is_empty() {
        return None;
    }
    if words.iter().all(|word| word.valence == 0.0) {
        return Some(0.0);
    }
    let mixed = tokens.iter().any(|token| token.form.cased && !token.form.capitals);
    let emphasis = f64::from(exclamations.min(MAX_EXCLAMATIONS)) * EXCLAMATION;
    let (mut sum, mut toned) = (0.0, 0);
    let mut items = Vec::new();
    let mut start = 0;
    for sentence in tokens.chunk_by(|left, right| left.sentence == right.sentence) {
        let own = &words[start..start + sentence.len()];
        start += sentence.len();
        if own.iter().all(|word| word.valence == 0.0) {
            continue;
        }
        items.clear();
        let is_item = |(token, word): &(&Token, &Word)| token.form.begins_word || **word != Word::default();
        items.extend(sentence.iter().zip(own).filter(is_item).map(|(token, word)| Item {
            word: *word,
            capitals: token.form.capitals && mixed,
            clause: token.clause,
            reach_back: if token.form.is_ideograph() { REACH_BACK_IDEOGRAPHS } else { REACH_BACK },
        }));
        let mut total = sentence_total(&items);
        if total != 0.0 {
            total += emphasis.copysign(total);
            sum += total / (total * total + NORMALIZATION).sqrt();
            toned += 1;
        }
    }
    Some(if toned == 0 { 0.0 } else { sum / f64::from(toned) })
}

fn sentence_total(items: &[Item]) -> f64 {
    let contrast = items.iter().position(|item| item.word.kinds.has(Kinds::CONTRAST));
    let mut total = 0.0;
    for (index, item) in items.iter().enumerate() {
        let (base, kinds) = (f64::from(item.word.valence), item.word.kinds);
        // A word that strengthens another has no tone of its own; one that negates keeps it only when it stands alone.
        let is_shifter = kinds.has(Kinds::BOOSTER) || (kinds.has(Kinds::NEGATION) && items.len() > 1);
        if base == 0.0 || is_shifter {
            continue;
        }
        let mut valence = base;
        if item.capitals {
            valence += CAPITALS.copysign(base);
        }
        for (before, weight) in items[..index].iter().rev().zip(REACH) {
            let kinds = before.word.kinds;
            if kinds.has(Kinds::BOOSTER) {
                valence += (BOOST * weight).copysign(valence);
            } else if kinds.has(Kinds::DAMPER) {
                valence -= (BOOST * weight).copysign(valence);
            }
            if kinds.has(Kinds::NEGATION) {
                valence *= NEGATED;
            }
        }
        let behind =
            items[index + 1..].iter().take(item.reach_back).take_while(|behind| behind.clause == item.clause);
        if kinds.has(Kinds::NEGATED)
            || behind.into_iter().any(|behind| behind.word.kinds.has(Kinds::NEGATION_AFTER))
        {
            valence *= NEGATED;
        }
        total += match contrast {
            Some(position) if index < position => valence * 0.5,
            Some(_) => valence * 1.5,
            None => valence,
        };
    }
    total
}
