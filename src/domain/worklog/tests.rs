use proptest::prelude::*;

use super::*;
use crate::domain::{AuthorKind, ExternalId, Handling, MessageKind, UnixMillis};

const HOUR: i64 = 60 * 60 * 1000;

/// `c` is the customer, other letters are agents, upper case is a note, a digit is an automatic message of agent `a`; with
/// times in hours.
fn messages(script: &[(char, i64)]) -> Vec<Message> {
    (0..)
        .zip(script)
        .map(|(index, (who, hours))| Message {
            id: MessageId(index),
            external_id: ExternalId::of_number(index),
            kind: if who.is_uppercase() { MessageKind::Comment } else { MessageKind::Message },
            content: String::new(),
            author: Author {
                kind: if *who == 'c' { AuthorKind::Contact } else { AuthorKind::Teammate },
                external_id: Some(ExternalId::of_number(
                    if who.is_ascii_digit() { 'a' } else { *who }.to_lowercase(),
                )),
                name: None,
            },
            create_time: UnixMillis::clamped(hours * HOUR),
            ai_tool: None,
            details: None,
            update_time: None,
            is_automatic: who.is_ascii_digit(),
        })
        .collect()
}

fn is_automatic(message: &Message) -> bool {
    message.is_automatic
}

fn cut_script(script: &[(char, i64)]) -> Vec<Vec<usize>> {
    cut(&messages(script), is_automatic, &[], IDLE_MILLIS)
        .into_iter()
        .map(|worklog| worklog.messages)
        .collect()
}

#[test]
fn a_message_or_note_by_the_same_agent_extends() {
    assert_eq!(cut_script(&[('c', 0), ('a', 1), ('c', 2), ('A', 3), ('a', 4)]), [vec![1, 3, 4]]);
}

#[test]
fn another_agent_opens_a_new_one_and_so_does_the_first_on_returning() {
    assert_eq!(cut_script(&[('a', 0), ('B', 1), ('c', 2), ('a', 3)]), [vec![0], vec![1], vec![3]]);
}

#[test]
fn twenty_four_idle_hours_open_a_new_one_even_if_the_customer_writes() {
    assert_eq!(cut_script(&[('a', 0), ('c', 12), ('a', 23)]), [vec![0, 2]]);
    assert_eq!(cut_script(&[('a', 0), ('c', 12), ('a', 24)]), [vec![0], vec![2]]);
}

#[test]
fn a_time_that_goes_back_opens_nothing_and_does_not_restart_the_clock() {
    assert_eq!(cut_script(&[('a', 30), ('a', 1), ('a', 31)]), [vec![0, 1, 2]]);
}

#[test]
fn a_conversation_has_a_bounded_number_of_worklogs() {
    let script: Vec<(char, i64)> =
        (0..5000).map(|place| (if place % 2 == 0 { 'a' } else { 'b' }, 0)).collect();
    assert_eq!(
        cut(&messages(&script), is_automatic, &[], IDLE_MILLIS).len(),
        MAX_WORKLOGS + 1,
        "one shows where the last one ends"
    );
    assert_eq!(cut(&messages(&script[..MAX_WORKLOGS]), is_automatic, &[], IDLE_MILLIS).len(), MAX_WORKLOGS);
}

#[test]
fn the_id_is_the_first_message() {
    let worklogs = cut(&messages(&[('c', 0), ('a', 1), ('a', 2)]), is_automatic, &[], IDLE_MILLIS);
    assert_eq!(worklogs[0].first_message, MessageId(1));
}

#[test]
fn what_no_person_wrote_is_nobodys_work() {
    assert!(cut_script(&[('c', 0), ('0', 1), ('c', 2)]).is_empty());
    // It neither begins nor extends a worklog, nor keeps one from being idle.
    assert_eq!(cut_script(&[('0', 0), ('b', 1), ('0', 2), ('b', 3)]), [vec![1, 3]]);
    assert_eq!(cut_script(&[('a', 0), ('0', 23), ('a', 25)]), [vec![0], vec![2]]);
    assert_eq!(cut_arrived(&[('a', 0), ('!', 1), ('0', 1), ('a', 2)]), [vec![0], vec![2]]);
}

#[test]
fn no_agent_no_worklog() {
    assert!(cut_script(&[('c', 0), ('c', 100)]).is_empty());
}

#[test]
fn a_window_reaches_from_the_previous_worklog_to_the_next() {
    let messages = messages(&[('c', 0), ('a', 1), ('c', 2), ('b', 3), ('c', 4)]);
    let worklogs = cut(&messages, is_automatic, &[], IDLE_MILLIS);
    assert_eq!(windows(&worklogs, messages.len()), [0..3, 2..5]);
}

/// Also with status changes: `!` closes, `o` opens.
fn arrived(script: &[(char, i64)]) -> (Vec<Message>, Vec<StatusChange>) {
    let is_status = |who: char| who == '!' || who == 'o';
    let wrote: Vec<(char, i64)> = script.iter().copied().filter(|(who, _)| !is_status(*who)).collect();
    let mut handling = Handling::default();
    let mut arrived = 0;
    for (who, hours) in script {
        if is_status(*who) {
            let status = if *who == '!' { Status::Closed } else { Status::Open };
            // The number of the last message.
            handling.set_status(status, UnixMillis::clamped(hours * HOUR), MessageId(arrived));
        } else {
            arrived += 1;
        }
    }
    let numbered =
        messages(&wrote).into_iter().map(|message| Message { id: MessageId(message.id.0 + 1), ..message });
    (numbered.collect(), handling.status_changes)
}

fn cut_arrived(script: &[(char, i64)]) -> Vec<Vec<usize>> {
    let (messages, changes) = arrived(script);
    cut(&messages, is_automatic, &changes, IDLE_MILLIS).into_iter().map(|worklog| worklog.messages).collect()
}

#[test]
fn a_closing_ends_a_worklog() {
    assert_eq!(cut_arrived(&[('a', 0), ('!', 1), ('c', 2), ('a', 3), ('a', 4)]), [vec![0], vec![2, 3]]);
    assert_eq!(cut_arrived(&[('a', 0), ('c', 1), ('!', 1), ('a', 3)]), [vec![0], vec![2]]);
}

#[test]
fn a_closing_before_the_first_work_or_after_the_last_cuts_nothing() {
    assert_eq!(cut_arrived(&[('!', 0), ('c', 0), ('a', 1), ('a', 2)]), [vec![1, 2]]);
    assert_eq!(cut_arrived(&[('c', 0), ('a', 1), ('a', 2), ('!', 3), ('c', 4)]), [vec![1, 2]]);
}

#[test]
fn a_status_other_than_closed_ends_nothing() {
    assert_eq!(cut_arrived(&[('a', 0), ('o', 1), ('a', 2)]), [vec![0, 1]]);
}

#[test]
fn a_closing_counts_by_its_place_not_its_time() {
    // Arrives after both messages with a time between theirs.
    assert_eq!(cut_arrived(&[('a', 0), ('a', 4), ('!', 2), ('a', 5)]), [vec![0, 1], vec![2]]);
    // Arrives between them with a time after both.
    assert_eq!(cut_arrived(&[('a', 0), ('!', 9), ('a', 4)]), [vec![0], vec![1]]);
}

fn any_script() -> impl Strategy<Value = Vec<(char, i64)>> {
    let who = proptest::sample::select(vec!['c', 'a', 'b', 'A', 'B', '0', '!', 'o']);
    proptest::collection::vec((who, -5..80i64), 0..30)
}

proptest! {
    #[test]
    fn later_arrivals_only_extend_the_last(script in any_script(), more in any_script()) {
        let before = cut_arrived(&script);
        let together: Vec<(char, i64)> = script.into_iter().chain(more).collect();
        let after = cut_arrived(&together);
        prop_assert!(after.len() >= before.len());
        for (index, worklog) in before.iter().enumerate() {
            if index + 1 < before.len() {
                prop_assert_eq!(&after[index], worklog);
            } else {
                prop_assert!(after[index].starts_with(worklog));
            }
        }
    }

    #[test]
    fn no_worklog_continues_after_a_closing(script in any_script()) {
        let (messages, changes) = arrived(&script);
        for worklog in cut(&messages, is_automatic, &changes, IDLE_MILLIS) {
            let (first, last) = (worklog.first_message, messages[worklog.last()].id);
            let closings = changes.iter().filter(|change| change.status == Status::Closed);
            prop_assert!(closings.into_iter().all(|closing| closing.after_message < first || closing.after_message >= last));
        }
    }

    #[test]
    fn every_message_that_an_agent_wrote_is_in_exactly_one(script in any_script()) {
        let (messages, changes) = arrived(&script);
        let worklogs = cut(&messages, is_automatic, &changes, IDLE_MILLIS);
        let worked: Vec<usize> = worklogs.into_iter().flat_map(|worklog| worklog.messages).collect();
        let of_agents =
            |index: &usize| messages[*index].author.kind.is_agent() && !messages[*index].is_automatic;
        let expected: Vec<usize> = (0..messages.len()).filter(of_agents).collect();
        prop_assert_eq!(worked, expected);
    }

    #[test]
    fn windows_cover_everything_once_there_is_work(script in any_script()) {
        let (messages, changes) = arrived(&script);
        let worklogs = cut(&messages, is_automatic, &changes, IDLE_MILLIS);
        let windows = windows(&worklogs, messages.len());
        for (worklog, window) in worklogs.iter().zip(&windows) {
            prop_assert!(worklog.messages.iter().all(|position| window.contains(position)));
        }
        if !worklogs.is_empty() {
            prop_assert!((0..messages.len()).all(|position| windows.iter().any(|window| window.contains(&position))));
        }
    }
}
