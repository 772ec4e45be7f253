use proptest::prelude::*;

use super::*;
use crate::domain::{
    AuthorKind, Conversation, ConversationId, HandlingUpdate, Message, MessageId, MessageKind,
    NewConversation, NewHandling, NewImportedMessage, NewStatusChange, Priority, Status,
};

fn at(seconds: i64) -> UnixMillis {
    UnixMillis::clamped(1_700_000_000_000 + 1000 * seconds)
}

const NOW: UnixMillis = UnixMillis::clamped(1_700_100_000_000);

fn message(place: i64, words: &str, edited: Option<i64>) -> NewImportedMessage {
    NewImportedMessage {
        external_id: place.to_string().parse().unwrap(),
        kind: MessageKind::Message,
        content: words.to_owned(),
        author: Author { kind: AuthorKind::Contact, external_id: None, name: None },
        create_time: at(10 * place),
        ai_tool: None,
        details: None,
        is_automatic: false,
        update_time: edited.map(at),
    }
}

/// What a helpdesk says of a conversation of two messages.
#[derive(Clone, Debug)]
struct Said {
    changes: Vec<(Status, i64)>,
    status: Option<Status>,
    priority: Option<Priority>,
    tags: Vec<&'static str>,
    told: Option<i64>,
    words: &'static str,
    edited: Option<i64>,
}

fn said() -> impl Strategy<Value = Said> {
    let status = || prop::sample::select(vec![Status::Open, Status::Pending, Status::Closed]);
    let priority = prop::sample::select(vec![Priority::Low, Priority::High]);
    let tags = prop::sample::subsequence(vec!["a", "b", "c"], 0..=3);
    (
        prop::collection::vec((status(), 0_i64..6), 0..4),
        prop::option::of(status()),
        prop::option::of(priority),
        tags,
        prop::option::of(0_i64..200_000),
        prop::sample::select(vec!["one", "other"]),
        prop::option::of(0_i64..40),
    )
        .prop_map(|(mut changes, status, priority, tags, told, words, edited)| {
            changes.sort_by_key(|(_, seconds)| *seconds);
            Said { changes, status, priority, tags, told, words, edited }
        })
}

impl Said {
    fn import(&self) -> NewConversation {
        let change = HandlingUpdate {
            status: self.status,
            priority: self.priority,
            tags: self.tags.iter().map(|tag| tag.parse().unwrap()).collect(),
            ..HandlingUpdate::default()
        };
        let change_at = |(status, seconds): &(Status, i64)| NewStatusChange {
            status: *status,
            time: at(5 * seconds),
            place: u64::from(*seconds >= 2),
        };
        let status_changes = self.changes.iter().map(change_at).collect();
        NewConversation {
            messages: vec![message(0, self.words, self.edited), message(1, "two", None)],
            handling: Some(Box::new(NewHandling { change, status_changes })),
            update_time: self.told.map(at),
            ..NewConversation::new("test".parse().unwrap(), "1".parse().unwrap())
        }
    }
}

fn stored(new: &NewConversation) -> Transcript {
    let id = ConversationId(1);
    let messages: Vec<Message> =
        new.messages.iter().zip(2..).map(|(new, number)| new.message(MessageId(number))).collect();
    let mut conversation = Conversation::new(id, new.source.clone(), new.external_id.clone(), NOW);
    conversation.told_time = new.told_time(NOW.horizon());
    let handling = new.handling.as_deref().unwrap();
    conversation.handling = handling.begin(MessageId(1), &messages, |message| message.is_automatic);
    Transcript { conversation, messages }
}

/// The import appended to what is stored, and what differs.
fn appended(stored: &Transcript, new: &NewConversation) -> (Transcript, Differences) {
    let mut after = stored.clone();
    let mut differences = Differences::default();
    let numbers: Vec<_> = stored.messages.iter().map(|message| Some(message.id)).collect();
    let among = Among::new(&numbers, &[], &stored.messages, MessageId(1));
    let told = Told::of(new, stored, NOW.horizon());
    take_history(new, &among, &told, &mut after.conversation.handling, &mut differences);
    take_conversation(new, &told, &mut after.conversation, &mut differences);
    for (new, message) in new.messages.iter().zip(&mut after.messages) {
        let edit = take_message(new, message, true, NOW.horizon(), Path::ROOT, &mut differences);
        *message = edit.map_or_else(|| message.clone(), |edit| edit.message);
    }
    told.note(&stored.conversation, &mut after.conversation);
    (after, differences)
}

proptest! {
    #[test]
    fn what_is_stored_is_not_taken_again(said in said()) {
        let new = said.import();
        let stored = stored(&new);
        let (after, _) = appended(&stored, &new);
        prop_assert_eq!(after, stored);
    }

    #[test]
    fn what_was_taken_is_not_taken_again(first in said(), second in said()) {
        let new = second.import();
        let (once, _) = appended(&stored(&first.import()), &new);
        let (twice, _) = appended(&once, &new);
        prop_assert_eq!(&twice, &once);
    }

    /// Of two lines that say when they were written, the later one counts, whichever arrives first.
    #[test]
    fn the_later_line_counts_in_whatever_order(one in said(), other in said(), edited in any::<bool>()) {
        let (mut one, mut other) = (one, other);
        (one.changes, other.changes) = (Vec::new(), Vec::new());
        (one.told, other.told) = (Some(50_000), Some(60_000));
        (one.edited, other.edited) = (None, edited.then_some(30));
        // Of what the later one leaves open, the earlier one may tell.
        other.priority = other.priority.or(Some(Priority::High));
        let (in_order, _) = appended(&stored(&one.import()), &other.import());
        let (reversed, _) = appended(&stored(&other.import()), &one.import());
        let last = |transcript: &Transcript| {
            let handling = &transcript.conversation.handling;
            (handling.status.filter(|_| other.status.is_some()), handling.priority)
        };
        prop_assert_eq!(last(&in_order), last(&reversed));
        if edited {
            prop_assert_eq!(&in_order.messages[0].content, &reversed.messages[0].content);
        }
    }
}

/// Lines told at one after another of these times, each with words and a priority of its own.
fn told_at(times: &[i64], is_high: &[bool]) -> Vec<NewConversation> {
    let line = |(told, is_high): (&i64, &bool)| Said {
        changes: Vec::new(),
        status: None,
        priority: Some(if *is_high { Priority::High } else { Priority::Low }),
        tags: if *is_high { vec!["a"] } else { vec!["b"] },
        told: Some(50_000 + told),
        words: if *is_high { "one" } else { "other" },
        edited: Some(*told),
    };
    times.iter().zip(is_high).map(|said| line(said).import()).collect()
}

proptest! {
    /// However often a value comes and goes between them.
    #[test]
    fn of_many_lines_the_latest_counts_in_whatever_order(
        times in prop::sample::subsequence((1..9).collect::<Vec<i64>>(), 3..6).prop_shuffle(),
        is_high in prop::collection::vec(any::<bool>(), 6),
        is_ahead in any::<bool>(),
    ) {
        let mut lines = told_at(&times, &is_high);
        if is_ahead {
            // Of a message that is written in the future, which counts for nothing.
            lines.iter_mut().for_each(|line| line.messages[1].create_time = NOW.plus_millis(86_400_000));
        }
        let mut all = stored(&lines[0]);
        for line in &lines[1..] {
            all = appended(&all, line).0;
        }
        let latest = times.iter().enumerate().max_by_key(|(_, told)| **told).unwrap().0;
        let expected = stored(&lines[latest]);
        prop_assert_eq!(all.conversation.handling.priority, expected.conversation.handling.priority);
        prop_assert_eq!(&all.conversation.handling.tags, &expected.conversation.handling.tags);
        prop_assert_eq!(&all.messages[0].content, &expected.messages[0].content);
        prop_assert_eq!(all.conversation.told_time, expected.conversation.told_time);
    }

    #[test]
    fn a_change_is_placed_after_what_stands_before_it_and_what_was_not_written_later(
        messages in prop::collection::vec((0_i64..9, any::<bool>()), 0..12),
        time in 0_i64..9,
        place in 0_u64..14,
    ) {
        let written = |((seconds, _), number): (&(i64, bool), u64)| Message {
            create_time: at(*seconds),
            ..message(0, "", None).message(MessageId(number))
        };
        let stored: Vec<Message> = messages.iter().zip(2..).map(written).collect();
        let is_listed = |message: &&Message| messages[message.id.0 as usize - 2].1;
        let numbers: Vec<_> = stored.iter().filter(is_listed).map(|message| Some(message.id)).collect();
        let change = NewStatusChange { status: Status::Closed, time: at(time), place };
        let before_it = numbers.iter().take(place as usize).flatten().copied();
        let not_later = stored.iter().filter(|it| !is_listed(it) && it.create_time <= change.time);
        let expected = before_it.chain(not_later.map(|message| message.id)).max().unwrap_or(MessageId(1));
        let among = Among::new(&numbers, &[], &stored, MessageId(1));
        prop_assert_eq!(among.place_of(&change), expected);
    }
}

#[test]
fn a_long_history_is_placed_in_a_long_conversation_without_going_through_it_each_time() {
    let time = || rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime).tv_sec;
    let one = message(0, "", None);
    let stored: Vec<Message> = (2..20_002).map(|number| one.message(MessageId(number))).collect();
    let numbers: Vec<_> = stored.iter().take(2_000).map(|message| Some(message.id)).collect();
    let before = time();
    let among = Among::new(&numbers, &[], &stored, MessageId(1));
    for seconds in 0..1_000 {
        let change = NewStatusChange { status: Status::Open, time: at(seconds), place: 0 };
        assert_eq!(among.place_of(&change), MessageId(20_001));
    }
    assert!(time() - before < 5, "{} s of processor time", time() - before);
}

#[test]
fn more_than_a_hundred_differences_are_counted() {
    let mut differences = Differences::default();
    for number in 0..150 {
        differences.add(Path::ROOT.item("tags", number), (String::new(), "x".to_owned()), "it is so");
    }
    assert_eq!((differences.iter().len(), differences.left_out()), (100, 50));
    let mut part = Differences::with_room(1);
    part.absorb(differences);
    assert_eq!((part.iter().len(), part.left_out()), (1, 149));
}

#[test]
fn long_texts_are_shown_from_shortly_before_they_differ() {
    let long = |end: &str| format!("{}{end}", "x".repeat(500));
    let (kept, given) = shown_apart(&long("one"), &long("two"));
    assert_eq!(kept, format!("…\"{}one\"", "x".repeat(20)));
    assert_eq!(given, format!("…\"{}two\"", "x".repeat(20)));
    assert_eq!(shown_apart("ä", "äö"), (r#""ä""#.to_owned(), r#""äö""#.to_owned()));
    assert_eq!(shown_apart(&long(""), &long("x")).0, format!("…\"{}\"", "x".repeat(20)));
}
