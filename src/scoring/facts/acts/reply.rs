//! What a reply does: it holds something, tells of a deed, asks back, or only puts off.

use super::{Act, Before};
use crate::scoring::{
    facts::Digest,
    text::{Reading, Sentence, Signal, Signals},
};

/// A sentence that holds none of these may be an answer by its length alone.
const EMPTY: [Signal; 7] = [
    Signal::Misunderstanding,
    Signal::BrushOff,
    Signal::Handoff,
    Signal::Deferral,
    Signal::DataRequest,
    Signal::RatingRequest,
    Signal::Blame,
];
/// What stands around an answer: beside these it takes more to be one.
const COURTESY: [Signal; 6] = [
    Signal::Greeting,
    Signal::Closing,
    Signal::Apology,
    Signal::Empathy,
    Signal::HelpOffer,
    Signal::Courtesy,
];
/// What holds no answer for certain.
const PUTS_OFF: [Signal; 4] =
    [Signal::Misunderstanding, Signal::Deferral, Signal::BrushOff, Signal::RatingRequest];
/// What may be an answer or none: "that is not possible" is one, and passing on is right or wrong.
const UNCLEAR: [Signal; 5] =
    [Signal::Inability, Signal::Handoff, Signal::Blame, Signal::NextStep, Signal::DataRequest];
const COURTESY_WORDS: u32 = 2;
const FEW_WORDS: u32 = 2;
const FULL_SENTENCE: u32 = 4;
const SENTENCE_WITH_FIGURES: u32 = 2;
const SHORT_ANSWER: u32 = 12;

pub fn reply(digest: &Digest, before: &Before) -> Act {
    let reading = &digest.reading;
    let signals = reading.signals;
    let any = |is: &dyn Fn(&Sentence) -> bool| reading.sentences.iter().any(is);
    let is_deed = any(&|sentence| sentence.signals.has(Signal::ActionDone) && !sentence.asks);
    // It was said already in these words, and the customer has written since: it holds nothing new for them.
    let is_stale = !is_deed
        && before.customer_wrote_last
        && reading.content_words >= FULL_SENTENCE
        && before.told.contains(&reading.wording);
    let is_substantive = digest.attachments.is_some_and(|files| files > 0)
        || (!is_stale && any(&holds_something))
        || any(&|sentence| answers_shortly(sentence, reading, before));
    let asks_back = signals.has(Signal::DataRequest)
        || any(&|sentence| sentence.asks && !sentence.signals.has(Signal::HelpOffer));
    let holds = is_substantive
        || (before.requested
            && !is_stale
            && !signals.has_any(&EMPTY)
            && any(&|sentence| answers_in_few_words(sentence, before)));
    let may_answer = holds
        || (before.requested
            && !is_stale
            && !signals.has_any(&EMPTY)
            && any(&|sentence| is_plain(sentence, before) && says_something(sentence)));
    let says_nothing = signals.has_any(&PUTS_OFF) || signals.has_any(&[Signal::HelpOffer, Signal::Courtesy]);
    let puts_off = signals.has_any(&[Signal::Deferral, Signal::Handoff, Signal::BrushOff]);
    Act {
        is_substantive,
        holds,
        may_answer,
        is_empty: before.requested && !holds && says_nothing && reading.sentences.iter().all(is_nothing),
        goes_on: any(&goes_on),
        is_deed,
        only_refuses: signals.has(Signal::Inability)
            && !is_deed
            && !any(&|sentence| !sentence.signals.has(Signal::Inability) && holds_something(sentence)),
        asks_back,
        only_holds: puts_off && !is_substantive && !asks_back,
        ..Act::default()
    }
}

fn holds_something(sentence: &Sentence) -> bool {
    let Sentence { signals, content_words, has_figures, has_date, asks, .. } = *sentence;
    if asks {
        return false;
    }
    if signals.has(Signal::ActionDone) {
        return true;
    }
    if signals.has(Signal::DataRequest) {
        return false;
    }
    // With a day, a promise is an answer.
    if signals.has(Signal::NextStep) {
        return !signals.has(Signal::Deferral) || has_date;
    }
    let puts_off = signals.has_any(&[Signal::Deferral, Signal::Handoff]);
    if puts_off && has_date && !signals.has_any(&[Signal::Misunderstanding, Signal::Blame]) {
        return true;
    }
    let around = if signals.has_any(&COURTESY) { COURTESY_WORDS } else { 0 };
    let words = content_words.saturating_sub(around);
    let is_empty = signals.has_any(&EMPTY) || (signals.has(Signal::Inability) && words < FULL_SENTENCE);
    let least = if has_figures || has_date { SENTENCE_WITH_FIGURES } else { FULL_SENTENCE };
    !is_empty && words >= least
}

/// "No.", "Yes, we do."
fn answers_shortly(sentence: &Sentence, reading: &Reading, before: &Before) -> bool {
    let is_empty = sentence.asks || sentence.signals.has_any(&EMPTY);
    before.customer_asked && sentence.answers && !is_empty && reading.content_words <= SHORT_ANSWER
}

/// "Under Profile > Contact.", "Yes, choose invoice at checkout."
fn answers_in_few_words(sentence: &Sentence, before: &Before) -> bool {
    let greets_alone = sentence.signals == Signals::of(Signal::Greeting);
    is_plain(sentence, before) && !greets_alone && sentence.content_words >= FEW_WORDS
}

/// It is no phrase but a greeting, and a yes where the customer asked.
fn is_plain(sentence: &Sentence, before: &Before) -> bool {
    let beside = sentence.signals.without(Signals::of(Signal::Greeting));
    let is_yes = before.customer_asked && beside == Signals::of(Signal::Acknowledgement);
    !sentence.asks && (beside.is_empty() || is_yes)
}

fn says_something(sentence: &Sentence) -> bool {
    sentence.content_words > 0 || sentence.has_date || sentence.has_figures
}

/// For certain.
fn is_nothing(sentence: &Sentence) -> bool {
    let Sentence { signals, content_words, has_figures, has_date, asks, .. } = *sentence;
    let most = if signals.has_any(&PUTS_OFF) {
        u32::MAX
    } else if signals.has(Signal::HelpOffer) || signals.has(Signal::Courtesy) {
        FULL_SENTENCE
    } else if signals.has_any(&COURTESY) || signals.has(Signal::Thanks) {
        COURTESY_WORDS
    } else {
        0
    };
    !asks && !has_figures && !has_date && !signals.has_any(&UNCLEAR) && content_words <= most
}

/// It says how it goes on: a deed, a step, a time. "Yes, we do." is only an answer.
fn goes_on(sentence: &Sentence) -> bool {
    let Sentence { signals, content_words, has_figures, has_date, asks, .. } = *sentence;
    let is_courtesy = signals.has_any(&COURTESY) || signals.has(Signal::Thanks);
    let is_step = signals.has(Signal::NextStep)
        && (has_date || !signals.has(Signal::Deferral))
        && (content_words > 0 || has_figures);
    // "We cannot take it back after 30 days" names a time and no way on.
    let is_refusal = signals.has(Signal::Inability);
    let has_time = has_date && !is_courtesy && !is_refusal && content_words >= SENTENCE_WITH_FIGURES;
    !asks && (signals.has(Signal::ActionDone) || is_step || has_time)
}
