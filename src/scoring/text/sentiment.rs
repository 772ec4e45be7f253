//! The tone of a text by VADER's rules (Hutto and Gilbert 2014): valence of words, raised or lowered by the words before
//! them, by capitals and by exclamation marks. Written here because the packages that ship the lexicon read a long text
//! in quadratic time and bring a second regex and a hash map of their own.

use super::{lexicon::Lexicon, tokens::Token};

const BOOST: f64 = 0.293;
const CAPITALS: f64 = 0.733;
const NEGATED: f64 = -0.74;
const EXCLAMATION: f64 = 0.292;
const MAX_EXCLAMATIONS: u32 = 4;
const NORMALIZATION: f64 = 15.0;
/// How strongly the three words before count, nearest first.
const REACH: [f64; 3] = [1.0, 0.95, 0.9];

/// -1 to 1: the mean over the sentences that have a tone, 0 when none has, `None` without words.
pub fn compound(tokens: &[Token], lexicon: &Lexicon, exclamations: u32) -> Option<f64> {
    if tokens.is_empty() {
        return None;
    }
    let mixed = tokens.iter().any(|token| token.cased && !token.capitals);
    let emphasis = f64::from(exclamations.min(MAX_EXCLAMATIONS)) * EXCLAMATION;
    let (mut sum, mut toned) = (0.0, 0);
    for sentence in tokens.chunk_by(|left, right| left.sentence == right.sentence) {
        let mut total = sentence_total(sentence, lexicon, mixed);
        if total != 0.0 {
            total += emphasis.copysign(total);
            sum += total / (total * total + NORMALIZATION).sqrt();
            toned += 1;
        }
    }
    Some(if toned == 0 { 0.0 } else { sum / f64::from(toned) })
}

fn sentence_total(sentence: &[Token], lexicon: &Lexicon, mixed: bool) -> f64 {
    let contrast = sentence.iter().position(|token| lexicon.is_contrast(token.word));
    let mut total = 0.0;
    for (index, token) in sentence.iter().enumerate() {
        let base = lexicon.valence(token.word);
        // A word that strengthens another has no tone of its own; one that negates keeps it only when it stands alone.
        let is_shifter =
            lexicon.is_booster(token.word) || (lexicon.is_negation(token.word) && sentence.len() > 1);
        if base == 0.0 || is_shifter {
            continue;
        }
        let mut valence = base;
        if token.capitals && mixed {
            valence += CAPITALS.copysign(base);
        }
        for (distance, weight) in (1..).zip(REACH) {
            let Some(before) = index.checked_sub(distance).map(|position| sentence[position].word) else {
                break;
            };
            if lexicon.is_booster(before) {
                valence += (BOOST * weight).copysign(valence);
            } else if lexicon.is_damper(before) {
                valence -= (BOOST * weight).copysign(valence);
            }
            if lexicon.is_negation(before) {
                valence *= NEGATED;
            }
        }
        total += match contrast {
            Some(position) if index < position => valence * 0.5,
            Some(_) => valence * 1.5,
            None => valence,
        };
    }
    total
}
