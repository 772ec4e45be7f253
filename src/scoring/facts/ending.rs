//! How it ended: what the customer left with, and what they said of it.

use super::{Digest, Fact, FactKind, Found, Scope, View, acts, flow};
use crate::{domain::FactValue, scoring::text::Signal};

pub const FACTS: &[Fact] = &[
    Fact {
        name: "outcome",
        unit: "confirmed, thanks, deed, answered, wrote_again, asked_back, empty_answer, promise, open_request, unsolved, \
               dissatisfied, gave_up, wants_person, waits_after_handoff, nobody_answered or nothing_asked",
        kind: FactKind::Text,
        doc: "How the conversation ended, by the first of these that holds: the customer confirmed that it is settled; asked \
              nothing; got no reply; says that it is not solved; wants a person and got none; parted with thanks; gave up; \
              waits for the teammate it was handed to; left dissatisfied; has a request without an answer, or with no more than \
              a promise; told something after the last answer to which nobody replied; was asked for something and has not \
              replied; got an answer that holds nothing, that tells of a deed, or that tells how it is. Absent where the \
              customer wrote nothing, or in a language that cannot be read.",
        scope: Scope::Conversation,
        compute: |view| {
            let (outcome, evidence) = outcome(view)?;
            Some(Found::new(FactValue::Text(outcome.to_owned()), evidence.map(|digest| digest.id)))
        },
    },
    Fact {
        name: "unanswered_question",
        unit: "yes or no",
        kind: FactKind::Bool,
        doc: "The customer's last request has no public reply, or no more than a holding line. In a worklog that takes over an \
              open request, that one if there is no later one. Absent when the customer requested nothing, where their \
              language cannot be read, or where another agent took over before this one wrote again.",
        scope: Scope::Both,
        compute: |view| {
            let (request, after) = view.last_request()?;
            let unanswered = !after.iter().any(Digest::is_answer);
            // Another agent took over before this one wrote again.
            let is_left = view.taken_over && !after.iter().any(Digest::is_reply);
            (!unanswered || !is_left).then(|| Found::bool(unanswered, [request]))
        },
    },
    Fact {
        name: "open_requests",
        unit: "messages",
        kind: FactKind::Int,
        doc: "Requests of the customer since the last public reply that is more than a holding line. Absent where the \
              language cannot be read.",
        scope: Scope::Both,
        compute: |view| {
            view.reads_customer().then_some(())?;
            let since = view.digests.iter().rposition(Digest::is_answer).map_or(0, |reply| reply + 1);
            Some(Found::count(view.digests[since..].iter().filter(|digest| digest.is_request())))
        },
    },
    Fact {
        name: "last_answer_substantive",
        unit: "yes or no",
        kind: FactKind::Bool,
        doc: "A reply to the customer's last request holds something: a deed, a way on, a fact, a file. What an earlier reply \
              said in the same words holds nothing new. Absent without a reply to it, or where a language cannot be read.",
        scope: Scope::Both,
        compute: |view| {
            view.reads_replies().then_some(())?;
            let (_, after) = view.last_request()?;
            let last = after.iter().rfind(|digest| digest.is_reply())?;
            let found = after.iter().find(|digest| digest.is_substantive());
            Some(Found::bool(found.is_some(), [found.unwrap_or(last)]))
        },
    },
    Fact {
        name: "deed_at_end",
        unit: "yes or no",
        kind: FactKind::Bool,
        doc: "A reply to the customer's last request tells of a deed: refunded, booked, fixed. Absent without a reply to it, or \
              where a language cannot be read.",
        scope: Scope::Both,
        compute: |view| {
            view.reads_replies().then_some(())?;
            let (_, after) = view.last_request()?;
            let last = after.iter().rfind(|digest| digest.is_reply())?;
            let deed = after.iter().rfind(|digest| digest.is_reply() && digest.act.is_deed);
            Some(Found::bool(deed.is_some(), [deed.unwrap_or(last)]))
        },
    },
    Fact {
        name: "asks_back_at_end",
        unit: "yes or no",
        kind: FactKind::Bool,
        doc: "The last reply asks the customer for data or for a decision. Absent without a reply, or where the language cannot \
              be read.",
        scope: Scope::Both,
        compute: |view| {
            let last = view.readable_replies()?.next_back()?;
            Some(Found::bool(last.act.asks_back, [last]))
        },
    },
    Fact {
        name: "question_at_end",
        unit: "yes or no",
        kind: FactKind::Bool,
        doc: "The last public message is a question, whoever wrote it; an offer of further help is none.",
        scope: Scope::Both,
        compute: |view| {
            let last = view.public().next_back()?;
            let asks = if last.is_reply() { last.act.asks_back } else { last.reading.asks };
            Some(Found::bool(asks, [last]))
        },
    },
    Fact {
        name: "thanks_at_end",
        unit: "yes or no",
        kind: FactKind::Bool,
        doc: "After a reply the customer parts with thanks that nothing speaks against. Absent where the language cannot be read.",
        scope: Scope::Both,
        compute: |view| {
            view.reads_customer().then_some(())?;
            Some(Found::any(thanks_at_end(view)))
        },
    },
    Fact {
        name: "confirmation_at_end",
        unit: "yes or no",
        kind: FactKind::Bool,
        doc: "The customer parts saying that it is solved or that this was all, or, after an answer, says with thanks how it \
              is or went, and nothing of that is denied, asked or still to come. Absent where the language cannot be read.",
        scope: Scope::Both,
        compute: |view| {
            view.reads_customer().then_some(())?;
            let confirms = |digest: &&Digest| digest.act.confirms || digest.act.reports;
            Some(Found::any(parting_words(view).filter(confirms)))
        },
    },
    Fact {
        name: "negative_at_end",
        unit: "yes or no",
        kind: FactKind::Bool,
        doc: "The customer's last message, written after a reply, complains, corrects, gives up or has a bad tone. Absent where \
              the language cannot be read.",
        scope: Scope::Both,
        compute: |view| {
            let last = view.readable_customer()?.next_back()?;
            Some(Found::bool(last.is_negative() && follows_a_reply(view, last), [last]))
        },
    },
    Fact {
        name: "unsolved_at_end",
        unit: "yes or no",
        kind: FactKind::Bool,
        doc: "The customer says that it is not solved, and no reply that holds something followed. Absent where the language \
              cannot be read.",
        scope: Scope::Both,
        compute: |view| {
            view.reads_customer().then_some(())?;
            let denial = denial(view);
            Some(Found::bool(denial.is_some(), denial))
        },
    },
    Fact {
        name: "left_dissatisfied",
        unit: "yes or no",
        kind: FactKind::Bool,
        doc: "After a reply the customer complained, corrected, gave up or had a bad tone, and then neither a reply that holds \
              something nor a good word of theirs followed. Absent where the language cannot be read.",
        scope: Scope::Both,
        compute: |view| {
            view.reads_customer().then_some(())?;
            let left = left_dissatisfied(view);
            Some(Found::bool(left.is_some(), left))
        },
    },
    Fact {
        name: "partly_settled",
        unit: "yes or no",
        kind: FactKind::Bool,
        doc: "After a reply the customer gave thanks or confirmed something, also in a message that goes on to ask for more, but \
              in none that goes on with \"but\". \
              Absent where the language cannot be read.",
        scope: Scope::Both,
        compute: |view| {
            let good = [Signal::Thanks, Signal::Praise, Signal::Confirmation];
            let settled = view.readable_customer()?.filter(|digest| {
                !digest.is_negative()
                    && !digest.reading.turns
                    && digest.reading.signals.has_any(&good)
                    && follows_a_reply(view, digest)
            });
            Some(Found::any(settled))
        },
    },
    Fact {
        name: "abandoned",
        unit: "yes or no",
        kind: FactKind::Bool,
        doc: "In the last message the customer gives up: never mind, forget it. Absent where the language cannot be read.",
        scope: Scope::Both,
        compute: |view| {
            let last = view.readable_customer()?.next_back()?;
            Some(Found::bool(gives_up(last), [last]))
        },
    },
];

/// The outcome by its name, with the message that shows it.
fn outcome<'a>(view: &View<'a>) -> Option<(&'static str, Option<&'a Digest<'a>>)> {
    view.public().next()?;
    // What an agent sends of their own accord tells nothing of how it went for the customer.
    let last = view.customer().next_back()?;
    view.reads_customer().then_some(())?;
    if let Some(confirmation) = parting_words(view).find(|digest| digest.act.confirms) {
        return Some(("confirmed", Some(confirmation)));
    }
    let asked = view.last_request();
    if asked.is_none() && !view.customer().any(Digest::is_negative) {
        return Some(match thanks_at_end(view).next() {
            Some(thanks) => ("thanks", Some(thanks)),
            None => ("nothing_asked", Some(last)),
        });
    }
    if view.replies().next().is_none() {
        return Some(("nobody_answered", Some(last)));
    }
    if let Some(denial) = denial(view) {
        return Some(("unsolved", Some(denial)));
    }
    // "Ok, I'll write to the hotel then, thanks" settles nothing; a bot that then did what was asked does.
    let unmet = flow::unmet_human_request(view);
    let served =
        unmet.is_some_and(|asked| view.replies().any(|reply| reply.id > asked.id && reply.act.is_deed));
    let thanks = thanks_at_end(view).next();
    if let Some(asked) = unmet.filter(|_| !(served && thanks.is_some())) {
        return Some(("wants_person", Some(asked)));
    }
    if let Some(thanks) = thanks {
        return Some(("thanks", Some(thanks)));
    }
    let helped_after =
        view.digests.iter().skip_while(|digest| digest.id != last.id).any(Digest::is_substantive);
    if gives_up(last) && !helped_after {
        return Some(("gave_up", Some(last)));
    }
    if let Some(handed_over) = waits_after_handoff(view) {
        return Some(("waits_after_handoff", Some(handed_over)));
    }
    let open = asked.filter(|(_, after)| !after.iter().any(Digest::is_answer));
    if let Some((request, after)) = open {
        // "Not my department" promises nothing.
        let held = after.iter().rfind(|digest| digest.is_reply() && !digest.has(Signal::BrushOff));
        return Some(if held.is_some() { ("promise", held) } else { ("open_request", Some(request)) });
    }
    if let Some(complaint) = left_dissatisfied(view) {
        return Some(("dissatisfied", Some(complaint)));
    }
    let follows = |later: &Digest, earlier: Option<&Digest>| earlier.is_none_or(|it| it.id < later.id);
    let tells = last.act.tells && follows(last, view.replies().next_back());
    let Some((_, after)) = asked else {
        return Some(if tells {
            ("wrote_again", Some(last))
        } else {
            ("answered", view.replies().next_back())
        });
    };
    let reply = after.iter().rfind(|digest| digest.is_reply());
    // "It was shipped yesterday, so it cannot be cancelled" carries nothing out.
    let carries_out = |digest: &&Digest| digest.act.is_deed && !digest.has(Signal::Inability);
    let deed = after.iter().rfind(|digest| digest.is_reply() && carries_out(digest));
    let substance = after.iter().rfind(|digest| digest.is_substantive());
    let held_something = substance.is_some() || !view.reads_replies();
    Some(match (deed, substance) {
        _ if tells && held_something => ("wrote_again", Some(last)),
        _ if !view.reads_replies() => ("answered", reply),
        (Some(_), _) => ("deed", deed),
        (None, Some(_)) => ("answered", substance),
        (None, None) if reply.is_some_and(|it| it.act.asks_back && follows(it, Some(last))) => {
            ("asked_back", reply)
        }
        (None, None) if after.iter().any(|digest| digest.is_reply() && digest.act.may_answer) => {
            ("answered", reply)
        }
        (None, None) => ("empty_answer", reply),
    })
}

/// The last message that waits for a teammate: of a handoff after which none wrote to the customer, or the reply that
/// announced one.
fn waits_after_handoff<'a>(view: &View<'a>) -> Option<&'a Digest<'a>> {
    if let Some(handoff) = view.handoffs().pop() {
        let replied = view.digests[handoff.to_position..].iter().any(Digest::is_reply);
        return (!replied).then_some(handoff.to);
    }
    let last = view.readable_replies()?.next_back()?;
    (last.has(Signal::Handoff) && last.act.only_holds).then_some(last)
}

fn gives_up(digest: &Digest) -> bool {
    digest.has(Signal::Abandonment) && !digest.act.requests && !digest.act.confirms
}

/// Where the customer says after a reply that it is not solved, and nothing that holds something follows.
fn denial<'a>(view: &View<'a>) -> Option<&'a Digest<'a>> {
    let denies = |digest: &Digest| digest.is_customer() && digest.has(Signal::Unsolved);
    let position = view.digests.iter().rposition(denies)?;
    let denial = &view.digests[position];
    let later = &view.digests[position + 1..];
    let settled = later.iter().any(|digest| digest.is_substantive() || digest.act.confirms);
    (!settled && follows_a_reply(view, denial)).then_some(denial)
}

/// The last complaint after a reply, if nothing made up for it.
fn left_dissatisfied<'a>(view: &View<'a>) -> Option<&'a Digest<'a>> {
    let position = view.digests.iter().rposition(Digest::is_negative)?;
    let complaint = &view.digests[position];
    let good = |digest: &Digest| {
        digest.is_substantive() || digest.act.confirms || digest.act.thanks || is_bright(digest)
    };
    let made_up = view.digests[position + 1..].iter().any(good);
    (!made_up && follows_a_reply(view, complaint)).then_some(complaint)
}

/// The customer writes in a good tone, and nothing against it.
fn is_bright(digest: &Digest) -> bool {
    digest.is_customer()
        && !digest.is_negative()
        && digest.reading.sentiment.is_some_and(|tone| tone >= -acts::BAD_TONE)
}

fn follows_a_reply(view: &View, later: &Digest) -> bool {
    // Ids ascend.
    view.replies().next().is_some_and(|first| first.id < later.id)
}

fn thanks_at_end<'a>(view: &View<'a>) -> impl Iterator<Item = &'a Digest<'a>> {
    // Thanks before any reply are thanks in advance.
    parting_words(view).filter(|digest| digest.act.thanks && follows_a_reply(view, digest))
}

/// The customer's words at the end that want nothing more: the last two messages, as far as neither requests nor complains. Before
/// the last one only where that is short: thanks that a report follows are not the last word. Words that open a conversation part
/// with nobody.
fn parting_words<'a>(view: &View<'a>) -> impl Iterator<Item = &'a Digest<'a>> {
    const SHORT: u32 = 4;
    let opening = view.public().next().map(|digest| digest.id);
    let mut later_is_short = true;
    let last = view.customer().rev().take(2).filter(move |digest| Some(digest.id) != opening);
    last.take_while(move |digest| {
        let is_last_word = later_is_short;
        later_is_short = digest.reading.content_words <= SHORT || digest.act.thanks || digest.act.confirms;
        is_last_word && !digest.act.requests && (digest.act.confirms || !digest.is_negative())
    })
}
