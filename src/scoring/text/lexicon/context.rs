//! What the words around a phrase make of it: negations, conditions, and what else the message says.

use super::{
    super::{
        files::Kinds,
        phrases::Match,
        signals::{Signal, Signals},
        tokens::{Script, Token},
    },
    Word,
};

/// Words after a negation up to here are negated.
const NEGATION_REACH: usize = 3;
/// How far a negation reaches back that stands behind what it negates. Japanese verbs bring words of their own with them.
const REACH_BACK: usize = 3;
const REACH_BACK_IN_CHARACTERS: usize = 6;

/// What a message says that consists of phrases that count alone. Of those that begin at a place the longest is taken.
pub(super) fn says_alone(tokens: &[Token], matches: &[Match]) -> Signals {
    let (mut said, mut end) = (Signals::default(), 0);
    while end < tokens.len() {
        let from = matches.partition_point(|found| (found.start as usize) < end);
        let here = matches[from..].iter().take_while(|found| found.start as usize == end);
        let Some(longest) =
            here.filter(|found| !found.meaning.alone.is_empty()).max_by_key(|found| found.end)
        else {
            return Signals::default();
        };
        said.add(longest.meaning.alone);
        end = longest.end as usize;
    }
    said
}

/// Whether a phrase is a bare `no` within a message, where it answers nothing: "there is no button".
pub(super) fn negates_alone(found: &Match, words: &[Word]) -> bool {
    found.start > 0 && found.end == found.start + 1 && words[found.start as usize].kinds.has(Kinds::NEGATION)
}

/// Where a regret stands in a sentence with a negation: "unfortunately we do not", but not "unfortunately it takes ten days".
pub(super) fn regrets(tokens: &[Token], words: &[Word]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut start = 0;
    for sentence in tokens.chunk_by(|one, next| one.sentence == next.sentence) {
        let within = start..start + sentence.len();
        start = within.end;
        if words[within.clone()].iter().any(|word| word.kinds.has(Kinds::NEGATES)) {
            found.extend(within.filter(|place| words[*place].kinds.has(Kinds::REGRET)));
        }
    }
    found
}

pub(super) fn negates_freely(words: &[Word], matches: &[Match]) -> bool {
    let mut within = matches.iter().filter(|found| !negates_alone(found, words)).peekable();
    words.iter().enumerate().any(|(place, word)| {
        while within.next_if(|found| found.end as usize <= place).is_some() {}
        let free = within.peek().is_none_or(|found| found.start as usize > place);
        let is_answer = place == 0 && word.kinds.has(Kinds::ANSWER);
        free && !is_answer && word.kinds.has(Kinds::NEGATES)
    })
}

/// Whether a "but" follows the last good words, with at least two words of content behind it that are no leave-taking.
pub(super) fn turns_after_good_words(tokens: &[Token], words: &[Word], matches: &[Match]) -> bool {
    const GOOD: [Signal; 3] = [Signal::Thanks, Signal::Praise, Signal::Confirmation];
    const LEAVES: [Signal; 3] = [Signal::Closing, Signal::Acknowledgement, Signal::Abandonment];
    let Some(last) = matches.iter().rposition(|found| found.meaning.all().has_any(&GOOD)) else {
        return false;
    };
    let from = matches[last].end as usize;
    let is_contrast = |place: &usize| words[*place].kinds.has(Kinds::CONTRAST);
    let Some(turn) = (from..words.len()).find(is_contrast) else { return false };
    let mut later = matches[last + 1..].iter().filter(|found| !negates_alone(found, words));
    let leaves = later.any(|found| found.meaning.all().has_any(&LEAVES));
    let is_content =
        |place: &usize| tokens[*place].form.begins_word && !words[*place].kinds.has(Kinds::FUNCTION);
    !leaves && (turn + 1..words.len()).filter(is_content).nth(1).is_some()
}

/// Whether a clause of its own tells something, and nothing in the message is denied, asked, or still to come. What somebody gives
/// thanks for stands in the clause of the thanks.
pub(super) fn reports_beside(tokens: &[Token], words: &[Word], matches: &[Match]) -> bool {
    const NOT_YET: [Kinds; 5] =
        [Kinds::NEGATES, Kinds::HYPOTHETICAL, Kinds::CONTRAST, Kinds::QUESTION_END, Kinds::DATE];
    let is_free = |place: usize| {
        let from = matches.partition_point(|found| found.end as usize <= place);
        matches.get(from).is_none_or(|found| found.start as usize > place)
    };
    let unsure = |place: usize| is_free(place) && NOT_YET.iter().any(|kind| words[place].kinds.has(*kind));
    if (0..tokens.len()).any(unsure) {
        return false;
    }
    let mut start = 0;
    tokens.chunk_by(|one, next| (one.sentence, one.clause) == (next.sentence, next.clause)).any(|clause| {
        let places = start..start + clause.len();
        start = places.end;
        if !places.clone().all(is_free) {
            return false;
        }
        let own = places
            .filter(|place| tokens[*place].form.begins_word)
            .map(|place| (&tokens[place].form, words[place]));
        // Two words, none of which is a figure or a wish: "all there", but not "lovely weekend" or "till the 9th".
        let told = own.clone().filter(|(form, word)| {
            let is_plain = word.valence <= 0.0 && !word.kinds.has(Kinds::FUNCTION);
            is_plain && !form.is_placeholder && !form.digit
        });
        let small = own.filter(|(_, word)| word.kinds.has(Kinds::FUNCTION)).count();
        let told = told.count();
        told >= 2 || (told == 1 && small >= 1)
    })
}

/// Whether a negation stands within the three words before, in the same clause, or one that works backwards behind.
pub(super) fn is_negated(found: &Match, tokens: &[Token], words: &[Word], matches: &[Match]) -> bool {
    let (start, end) = (found.start as usize, found.end as usize);
    let same_clause = |place: &usize| {
        (tokens[*place].sentence, tokens[*place].clause) == (tokens[start].sentence, tokens[start].clause)
    };
    // A negation within another phrase ("no problem, thanks") negates that one.
    let is_free = |place: usize| {
        // None lies within another, so their ends ascend as their starts do.
        let from = matches.partition_point(|other| other.end as usize <= place);
        let mut over = matches[from..].iter().take_while(|other| other.start as usize <= place);
        !over.any(|other| (other.start, other.end) != (found.start, found.end))
    };
    let negates = |place: usize, kind: Kinds| words[place].kinds.has(kind) && is_free(place);
    let mut left = NEGATION_REACH;
    for place in (0..start).rev().take_while(same_clause) {
        // A `no` that opens the message is an answer ("no that's all"), not a negation.
        let is_answer = place == 0 && words[place].kinds.has(Kinds::ANSWER);
        if negates(place, Kinds::NEGATION) && !is_answer {
            return true;
        }
        left -= usize::from(tokens[place].form.begins_word);
        if left == 0 {
            break;
        }
    }
    // A Japanese verb goes on in kana; what begins with another character is the next word.
    let is_japanese = tokens[end - 1].form.is_ideograph();
    let reach = if is_japanese { REACH_BACK_IN_CHARACTERS } else { REACH_BACK };
    let goes_on = |place: &usize| !is_japanese || tokens[*place].form.script == Script::Kana;
    let mut behind = (end..tokens.len()).take_while(same_clause).take_while(goes_on).take(reach);
    behind.any(|place| negates(place, Kinds::NEGATION_AFTER))
        || words[start..end].iter().any(|word| word.kinds.has(Kinds::NEGATED))
}

/// Gives the words of praise their good side, negative as they are: "can't thank you enough". What is told beside it keeps its tone.
pub(super) fn mean_well(words: &mut [Word], matches: &[Match]) {
    for found in matches.iter().filter(|found| found.meaning.all().has(Signal::Praise)) {
        for word in &mut words[found.start as usize..found.end as usize] {
            word.valence = word.valence.abs();
            word.kinds = word.kinds.without(Kinds::NEGATES);
        }
    }
}

/// Whether one of the three words before makes of a deed one that has not been done.
pub(super) fn is_hypothetical(found: &Match, tokens: &[Token], words: &[Word]) -> bool {
    stands_before(found, tokens, words, NEGATION_REACH, Kinds::HYPOTHETICAL)
}

/// Whether one of the two words before makes of good news what is only waited for: "once it's here".
pub(super) fn is_conditional(found: &Match, tokens: &[Token], words: &[Word]) -> bool {
    const REACH: usize = 2;
    stands_before(found, tokens, words, REACH, Kinds::CONDITION)
}

/// Whether one of the `reach` words before in the same clause is of a kind.
fn stands_before(found: &Match, tokens: &[Token], words: &[Word], reach: usize, kind: Kinds) -> bool {
    let start = found.start as usize;
    let clause = (tokens[start].sentence, tokens[start].clause);
    let before = (0..start).rev().take(reach);
    let mut before = before.take_while(|place| (tokens[*place].sentence, tokens[*place].clause) == clause);
    before.any(|place| words[place].kinds.has(kind))
}

/// Turkish verbs are negated in their ending: `çözülmedi`, `gelmiyor`, `olmaz`, `ulaşmamış`.
pub(super) fn is_negated_turkish(word: &str) -> bool {
    const ENDINGS: &[&str] = &[
        "medi", "madı", "madi", "mıyor", "miyor", "muyor", "müyor", "mez", "maz", "memiş", "mamış", "memis",
        "mamis",
    ];
    /// `sınız`, `lar`: what follows names the person.
    const MOST_PERSON_BYTES: usize = 7;
    let stem = word.char_indices().nth(2).map_or(word.len(), |(place, _)| place);
    let rest = word.get(stem..).unwrap_or_default();
    ENDINGS.iter().any(|ending| {
        rest.rfind(ending).is_some_and(|place| rest.len() - place - ending.len() <= MOST_PERSON_BYTES)
    })
}
