use super::*;
use crate::domain::{
    Author, AuthorKind, Conversation, ConversationId, ExternalId, Handling, Message, MessageId, MessageKind,
};

/// What arrives, in order: a message, one that no person wrote, or a status; with seconds.
#[derive(Clone, Copy)]
enum Arrival {
    Message(AuthorKind, i64),
    Automatic(AuthorKind, i64),
    Status(Status, i64),
}

use Arrival::Automatic;
use Arrival::Message as Wrote;
use Arrival::Status as Became;
use AuthorKind::{Contact, Teammate};
use Status::{Closed, Open, Pending};

fn experience(due: Option<i64>, arrivals: &[Arrival], now: i64) -> Experience {
    Experience::of(&transcript(due, arrivals), is_automatic, seconds(now))
}

fn is_automatic(message: &Message) -> bool {
    message.is_automatic
}

fn transcript(due: Option<i64>, arrivals: &[Arrival]) -> Transcript {
    let mut handling = Handling { due: due.map(seconds), ..Handling::default() };
    let mut messages: Vec<Message> = Vec::new();
    for arrival in arrivals {
        match *arrival {
            Wrote(kind, at) | Automatic(kind, at) => {
                let message = Message {
                    id: MessageId(messages.len() as u64 + 1),
                    external_id: ExternalId::of_number(messages.len()),
                    kind: MessageKind::Message,
                    content: String::new(),
                    author: Author { kind, external_id: None, name: None },
                    create_time: seconds(at),
                    ai_tool: None,
                    details: None,
                    update_time: None,
                    is_automatic: matches!(arrival, Automatic(..)),
                };
                handling.receive(&message, is_automatic);
                messages.push(message);
            }
            Became(status, at) => {
                handling.set_status(status, seconds(at), MessageId(messages.len() as u64));
            }
        }
    }
    let new =
        Conversation::new(ConversationId(1), "enneo".parse().unwrap(), ExternalId::of_number(1), seconds(0));
    let conversation = Conversation { message_count: messages.len() as u32, handling, ..new };
    Transcript { conversation, messages }
}

fn seconds(at: i64) -> UnixMillis {
    UnixMillis::clamped(at * 1000)
}

#[test]
fn closing_at_or_before_the_due_date_is_in_time() {
    for (closed, net, met) in [(70, -30, true), (100, 0, true), (101, 1, false)] {
        let found = experience(Some(100), &[Wrote(Contact, 0), Became(Closed, closed)], 1000);
        assert_eq!((found.net_seconds, found.sla_met), (Some(net), Some(met)));
        assert_eq!((found.due, found.closed), (Some(seconds(100)), Some(seconds(closed))));
    }
}

#[test]
fn closing_less_than_a_second_late_is_late() {
    let mut late = transcript(Some(100), &[Wrote(Contact, 0), Became(Closed, 100)]);
    for (millis, met) in [(-1, true), (0, true), (1, false), (900, false), (999, false)] {
        late.conversation.handling.status_changes[0].time = UnixMillis::clamped(100_000 + millis);
        let found = Experience::of(&late, is_automatic, seconds(1000));
        assert_eq!((found.net_seconds, found.sla_met), (Some(0), Some(met)), "{millis} ms");
    }
}

#[test]
fn an_open_conversation_is_late_once_it_is_past_due() {
    for (now, met) in [(99, None), (100, None), (101, Some(false))] {
        for arrivals in [&[Became(Open, 1)][..], &[Became(Pending, 1)], &[]] {
            assert_eq!(experience(Some(100), arrivals, now).sla_met, met);
        }
    }
}

#[test]
fn without_a_due_date_there_is_no_net_and_no_sla() {
    let found = experience(None, &[Became(Closed, 5)], 1000);
    assert_eq!((found.net_seconds, found.sla_met, found.closed), (None, None, Some(seconds(5))));
}

#[test]
fn the_last_closing_counts_and_a_reopened_conversation_is_late_once_past_due() {
    let again = [Became(Closed, 50), Became(Open, 60), Became(Closed, 120)];
    let found = experience(Some(100), &again, 1000);
    assert_eq!((found.closed, found.net_seconds, found.sla_met), (Some(seconds(120)), Some(20), Some(false)));
    let open = experience(Some(100), &again[..2], 1000);
    assert_eq!((open.net_seconds, open.sla_met), (Some(-50), Some(false)));
    assert_eq!(experience(Some(100), &again[..2], 80).sla_met, None);
}

#[test]
fn a_customers_message_or_an_open_status_after_closing_reopens() {
    for (arrivals, reopened) in [
        (&[Wrote(Contact, 0), Became(Closed, 10)][..], false),
        (&[Wrote(Contact, 0), Became(Closed, 10), Wrote(Contact, 20)], true),
        (&[Wrote(Contact, 0), Became(Closed, 10), Wrote(Teammate, 20)], false),
        (&[Wrote(Contact, 0), Became(Closed, 10), Became(Open, 20)], true),
        (&[Wrote(Contact, 0), Became(Closed, 10), Became(Pending, 20)], false),
        (&[Became(Open, 0), Wrote(Contact, 5), Became(Closed, 10)], false),
        (&[Became(Closed, 10), Became(Pending, 20), Became(Open, 30)], true),
        // Arrives late but was written before.
        (&[Became(Closed, 10), Wrote(Contact, 5)], false),
        // The closing came with the customer's own message.
        (&[Wrote(Contact, 10), Became(Closed, 10)], false),
        (&[Became(Closed, 10), Wrote(Contact, 10)], true),
        (&[Wrote(Contact, 0)], false),
        // An out-of-office reply to the closing.
        (&[Wrote(Contact, 0), Became(Closed, 10), Automatic(Contact, 11)], false),
        (&[Wrote(Contact, 0), Became(Closed, 10), Automatic(Contact, 11), Wrote(Contact, 20)], true),
    ] {
        assert_eq!(experience(None, arrivals, 1000).reopened, reopened);
    }
}

#[test]
fn a_repeated_closing_counts_when_the_customer_wrote_in_between() {
    for (arrivals, closed) in [
        (&[Became(Closed, 10), Became(Closed, 30)][..], 10),
        (&[Became(Closed, 10), Wrote(Teammate, 20), Became(Closed, 30)], 10),
        (&[Became(Closed, 10), Wrote(Contact, 20), Became(Closed, 30)], 30),
        (&[Became(Closed, 10), Wrote(Contact, 20), Became(Closed, 30), Became(Closed, 40)], 30),
        (&[Became(Closed, 10), Wrote(Contact, 20), Became(Pending, 25), Became(Closed, 30)], 30),
        // Arrives late but was written before the closing.
        (&[Became(Closed, 10), Wrote(Contact, 5), Became(Closed, 30)], 10),
        (&[Became(Open, 0), Wrote(Contact, 5), Became(Closed, 10), Became(Closed, 30)], 10),
        (&[Became(Closed, 10), Automatic(Contact, 11), Became(Closed, 30)], 10),
    ] {
        assert_eq!(experience(None, arrivals, 1000).closed, Some(seconds(closed)));
    }
}

#[test]
fn the_message_that_reopened_it_is_named() {
    let by = |arrivals: &[Arrival]| experience(None, arrivals, 1000).reopened_by;
    let twice = [Wrote(Contact, 0), Became(Closed, 10), Wrote(Contact, 20), Wrote(Contact, 30)];
    assert_eq!(by(&twice), Some(MessageId(2)));
    assert_eq!(by(&[Wrote(Contact, 0), Became(Closed, 10), Became(Open, 20)]), None);
}
