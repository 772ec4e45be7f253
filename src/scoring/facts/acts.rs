//! What each message does in its conversation: it requests, answers, puts off, thanks, complains. It follows from the words of the
//! message and from what came before it, so a message is never judged on its own.

mod reply;

use rustc_hash::FxHashSet;

use super::{Digest, Role};
use crate::scoring::text::{Reading, Sentence, Signal, Signals};
use reply::reply;

/// What a message does. Nothing, where its words were not read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Act {
    /// The customer wants something.
    pub requests: bool,
    /// The customer waits for a reply: to anything but thanks, a parting word or an acknowledgement.
    pub waits: bool,
    /// The customer waits for certain: asks, complains, or has not been answered at all. Whoever only told something may wait.
    pub waits_surely: bool,
    /// The customer waits no longer: it is solved, or they gave up.
    pub settles: bool,
    /// The customer says that something is wrong with the service or with an answer, or has a bad tone.
    pub is_negative: bool,
    /// The customer is unhappy for certain: they say so, in words that are not those of the subject.
    pub is_unhappy: bool,
    /// The customer says that it is solved, or that this was all.
    pub confirms: bool,
    /// Straight after an answer that held something, the customer gives thanks and says how it is or went: "picked it up, all there".
    pub reports: bool,
    /// The customer gives thanks and says nothing against them.
    pub thanks: bool,
    /// After a reply the customer tells something that neither requests nor parts.
    pub tells: bool,
    /// A reply that holds something: a deed, a way on, a fact.
    pub is_substantive: bool,
    /// A reply that holds something: it is substantive, or answers a request in a few words that are no phrase.
    pub holds: bool,
    /// A reply to a request that may be all that was asked for: "It is blue."
    pub may_answer: bool,
    /// A reply to a request that holds no answer for certain: all of it is courtesy, a holding line, no word understood.
    /// One that neither holds nor is empty cannot be told.
    pub is_empty: bool,
    /// A reply that says what was done, what to do, or what will happen and when.
    pub goes_on: bool,
    /// A reply that tells of a deed.
    pub is_deed: bool,
    /// A reply that only puts off: a holding line, a promise without a date, handing over, "not my department".
    pub only_holds: bool,
    /// A reply that says that something cannot be done, and holds nothing besides.
    pub only_refuses: bool,
    /// A reply that asks the customer for something before it goes on.
    pub asks_back: bool,
}

/// A tone from here down is a bad one, from its opposite up a good one.
pub const BAD_TONE: f64 = -0.35;
/// Fewer words of content tell nothing new: "ok then", "will do".
const LEAST_STATEMENT: u32 = 2;
/// Longer thanks say something else besides.
const THANKS_WORDS: u32 = 40;

/// Sets what each message does, in their order.
pub fn set(digests: &mut [Digest]) {
    let mut before = Before::default();
    for digest in digests {
        digest.act = if !digest.is_public() {
            Act::default()
        } else if !digest.reading.is_read {
            Act { waits: digest.is_customer() && digest.reading.counts.words > 0, ..Act::default() }
        } else if digest.role == Role::Customer {
            customer(&digest.reading, &before)
        } else {
            reply(digest, &before)
        };
        before.see(digest);
    }
}

/// What came before a message.
#[derive(Default)]
struct Before {
    /// Somebody wrote before.
    opened: bool,
    /// An agent wrote to the customer.
    replied: bool,
    /// The last reply asked the customer for something.
    asked_back: bool,
    /// The last reply held something.
    held: bool,
    /// The last reply only asked whether there is anything else.
    offered_more: bool,
    /// The customer has asked something. Not in the last message alone: else asking again could make an answer of a reply.
    customer_asked: bool,
    /// The customer's messages since the last reply request something.
    requested: bool,
    customer_wrote_last: bool,
    /// The wordings of the replies.
    told: FxHashSet<u64>,
}

impl Before {
    fn see(&mut self, digest: &Digest) {
        self.opened |= digest.is_public();
        if digest.is_customer() {
            self.customer_asked |= digest.reading.asks;
            self.requested = digest.act.requests || (self.requested && self.customer_wrote_last);
            self.customer_wrote_last = true;
        } else if digest.is_reply() {
            self.told.insert(digest.reading.wording);
            self.replied = true;
            self.customer_wrote_last = false;
            self.asked_back = digest.act.asks_back;
            self.held = digest.act.holds;
            self.offered_more = digest.reading.signals.has(Signal::HelpOffer) && !digest.act.asks_back;
        }
    }
}

const COMPLAINS: [Signal; 7] = [
    Signal::Complaint,
    Signal::Anger,
    Signal::Leaving,
    Signal::Waiting,
    Signal::Correction,
    Signal::Unsolved,
    Signal::Profanity,
];

fn customer(reading: &Reading, before: &Before) -> Act {
    let signals = reading.signals;
    let has = |signal| signals.has(signal);
    let unsolved = has(Signal::Unsolved);
    // "It arrived, but in the wrong size" settles nothing; "it was broken, now it works" does.
    // What opens a conversation settles nothing either: "my account has been reset".
    let says_so = has(Signal::Confirmation) || has(Signal::Praise);
    let settled = says_so && before.opened && !unsolved && !reading.ends_with_problem;
    let thanks = has(Signal::Thanks) || has(Signal::Praise);
    // "No longer needed, it works again" gives nothing up.
    let gives_up = has(Signal::Abandonment) && !settled;
    let complains = signals.has_any(&COMPLAINS);
    let bad_tone = reading.sentiment.is_some_and(|tone| tone <= BAD_TONE);
    // Before there is an answer, "the wrong name" is what it is about.
    let of_the_answer = if before.replied { Signals::default() } else { Signals::of(Signal::Correction) };
    let speaks_against = signals.without(of_the_answer).has_any(&COMPLAINS);
    let is_negative = speaks_against || gives_up || (bad_tone && !settled && !has(Signal::Praise));
    // A request is marked as one, whatever politeness stands around it.
    let marked = unsolved
        || has(Signal::HumanRequest)
        || has(Signal::Correction)
        || has(Signal::Waiting)
        || asks_for_something(reading, settled || thanks)
        || (has(Signal::Problem) && !settled);
    let turns = reading.turns && !has(Signal::Confirmation);
    let parts = !turns && (thanks || settled || has(Signal::Closing) || gives_up);
    let requests = if gives_up && !reading.asks {
        false
    } else if marked {
        true
    } else if parts {
        false
    } else if !before.replied {
        // Whoever sends nothing but a link or a number wants something done with it.
        reading.content_words >= 2 || (reading.has_figures && reading.counts.words == 1)
    } else {
        // What a reply asked for waits for what follows from it, and what is not so is a report: "there is no such button".
        // Any other statement after an answer may be good news or bad.
        (before.asked_back || (reading.negates && !is_negative && !has(Signal::Acknowledgement)))
            && reading.content_words >= 1
    };
    // "Right. I'll just keep paying then.": beside an acknowledgement only what stands apart from it counts.
    let counts = |sentence: &&Sentence| !has(Signal::Acknowledgement) || !is_courteous(sentence);
    let counted = reading.sentences.iter().filter(counts).map(|sentence| sentence.content_words);
    let tells = before.replied && !requests && !parts && counted.sum::<u32>() >= LEAST_STATEMENT;
    let confirms = settled && !requests && !complains;
    let settles = confirms || (gives_up && !requests);
    // What opens a conversation waits, also below words of praise: they may be irony.
    let waits_surely = if before.replied {
        requests || (is_negative && !parts)
    } else {
        requests || !parts || reading.sentences.iter().any(states)
    };
    // What was asked for is more than the thanks beside it.
    let may_state = before.replied && (!parts || before.asked_back);
    let may_wait = tells || (may_state && reading.sentences.iter().any(states));
    let parts_with_thanks = thanks && parts && !requests && !is_negative;
    Act {
        requests,
        waits: !settles && (waits_surely || may_wait),
        waits_surely: !settles && waits_surely,
        settles,
        is_negative,
        is_unhappy: is_unhappy(reading, before),
        confirms,
        reports: parts_with_thanks && reading.reports && before.held && !before.asked_back && !gives_up,
        thanks: parts_with_thanks && reading.counts.words <= THANKS_WORDS,
        tells,
        ..Act::default()
    }
}

/// A lost voucher, a wrong name and what has not arrived are subjects; a bad tone alone may come from such a word, and
/// "any news?" is a question.
fn is_unhappy(reading: &Reading, before: &Before) -> bool {
    const SAYS_SO: [Signal; 4] = [Signal::Complaint, Signal::Anger, Signal::Leaving, Signal::Profanity];
    let waits = |sentence: &Sentence| sentence.signals.has(Signal::Waiting) && !sentence.asks;
    let corrects = before.replied && reading.signals.has(Signal::Correction);
    !reading.signals.has(Signal::Praise)
        && (reading.signals.has_any(&SAYS_SO)
            || reading.sentences.iter().any(waits)
            || (corrects && !reading.signals.has(Signal::Thanks)))
}

/// A sentence that holds more than courtesy.
fn states(sentence: &Sentence) -> bool {
    !is_courteous(sentence) && sentence.content_words >= LEAST_STATEMENT
}

fn is_courteous(sentence: &Sentence) -> bool {
    const COURTEOUS: [Signal; 7] = [
        Signal::Acknowledgement,
        Signal::Thanks,
        Signal::Praise,
        Signal::Confirmation,
        Signal::Greeting,
        Signal::Closing,
        Signal::Courtesy,
    ];
    sentence.signals.has_any(&COURTEOUS)
}

/// By a question or by words such as "please" and "I need". Where the customer parts, a question needs its mark.
fn asks_for_something(reading: &Reading, parts: bool) -> bool {
    let asks = if parts { reading.sentences.iter().any(|sentence| sentence.asks) } else { reading.asks };
    asks || reading.signals.has(Signal::Request)
}
