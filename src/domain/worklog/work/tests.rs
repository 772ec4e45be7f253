use proptest::prelude::*;

use super::*;
use crate::domain::{ExternalId, worklog};

const MINUTE: i64 = 60 * 1000;

/// `c` is the customer, `x` and `y` are AIs, other letters are teammates; upper case is a note; with times in minutes.
fn messages(script: &[(char, i64)]) -> Vec<Message> {
    let message = |(index, (who, minutes)): (u64, &(char, i64))| Message {
        id: MessageId(100 + index),
        external_id: ExternalId::of_number(index),
        kind: if who.is_uppercase() { MessageKind::Comment } else { MessageKind::Message },
        content: String::new(),
        author: Author {
            kind: match who.to_ascii_lowercase() {
                'c' => AuthorKind::Contact,
                'x' | 'y' => AuthorKind::Ai,
                _ => AuthorKind::Teammate,
            },
            external_id: Some(ExternalId::of_number(who.to_lowercase())),
            name: None,
        },
        create_time: UnixMillis::clamped(minutes * MINUTE),
        ai_tool: None,
        details: None,
        update_time: None,
        is_automatic: false,
    };
    (0..).zip(script).map(message).collect()
}

fn works_of(messages: &[Message]) -> Vec<Work> {
    of(messages, &worklog::cut(messages, |message| message.is_automatic, &[], worklog::IDLE_MILLIS))
}

fn works(script: &[(char, i64)]) -> Vec<Work> {
    works_of(&messages(script))
}

#[test]
fn a_public_message_is_a_reply_and_a_comment_is_a_note() {
    let work = &works(&[('c', 0), ('T', 1), ('t', 2), ('T', 3), ('c', 4)])[0];
    assert_eq!(work.last_action, Action::InternalNote);
    assert_eq!(work.actions, [Action::InternalNote, Action::Reply]);
    assert_eq!((work.last_message, work.last_interaction), (MessageId(103), UnixMillis::clamped(3 * MINUTE)));
}

#[test]
fn a_gap_of_more_than_thirty_minutes_ends_a_segment() {
    let work = &works(&[('t', 0), ('t', 30), ('T', 61), ('c', 62), ('t', 70)])[0];
    let segments: Vec<_> =
        work.segments.iter().map(|segment| (segment.first_message.0, segment.seconds() / 60)).collect();
    assert_eq!(segments, [(100, 30), (102, 9)]);
    assert_eq!(work.duration_seconds, 39 * 60);
    assert_eq!(work.segments[1].actions, [Action::InternalNote, Action::Reply]);
}

#[test]
fn times_that_go_back_give_no_negative_duration() {
    let work = &works(&[('t', 50), ('t', 0), ('t', 60)])[0];
    let first: Vec<_> = work.segments.iter().map(|segment| segment.first_message.0).collect();
    assert_eq!(first, [101, 100]);
    assert_eq!(work.duration_seconds, 10 * 60);
    assert_eq!(
        (work.last_message, work.last_interaction),
        (MessageId(102), UnixMillis::clamped(60 * MINUTE))
    );
}

#[test]
fn work_after_the_last_reply_lasts_until_the_last_note() {
    for (script, seconds) in [
        (&[('t', 0), ('T', 2), ('T', 5)][..], 300),
        (&[('t', 0), ('T', 2), ('t', 5)], 0),
        (&[('t', 0), ('T', 2), ('t', 5), ('T', 6)], 60),
        (&[('T', 0), ('T', 2)], 0),
        (&[('t', 0)], 0),
        (&[('t', 9), ('T', 2)], 0),
        (&[('t', 0), ('c', 2), ('T', 50)], 3000),
    ] {
        assert_eq!(works(script)[0].after_work_seconds, seconds, "{script:?}");
    }
}

#[test]
fn the_ai_share_follows_from_who_wrote_before_and_after() {
    use Automation::{Assisted, DarkProcessing, None, SpecializedAgent};
    for (script, levels) in [
        (&[('c', 0), ('t', 1)][..], vec![None]),
        (&[('x', 0), ('t', 1)], vec![SpecializedAgent, Assisted]),
        (&[('X', 0), ('t', 1)], vec![SpecializedAgent, Assisted]),
        (&[('t', 0), ('x', 1)], vec![None, DarkProcessing]),
        (&[('x', 0), ('c', 1), ('y', 2)], vec![DarkProcessing, DarkProcessing]),
        (
            &[('x', 0), ('t', 1), ('y', 2), ('T', 3)],
            vec![SpecializedAgent, Assisted, SpecializedAgent, Assisted],
        ),
    ] {
        let found: Vec<_> = works(script).into_iter().map(|work| work.automation).collect();
        assert_eq!(found, levels, "{script:?}");
    }
}

#[test]
fn an_ai_tool_counts_where_no_ai_wrote_before() {
    for (script, level) in
        [(&[('t', 0), ('t', 1)][..], Automation::Monitor), (&[('x', 0), ('t', 1)], Automation::Assisted)]
    {
        let mut messages = messages(script);
        messages[1].ai_tool = Some("drafts".to_owned());
        assert_eq!(works_of(&messages).last().unwrap().automation, level);
    }
    // A tool used in one worklog does not count for another.
    let mut messages = messages(&[('t', 0), ('u', 1)]);
    messages[0].ai_tool = Some("drafts".to_owned());
    assert_eq!(works_of(&messages)[1].automation, Automation::None);
}

#[test]
fn the_ai_agents_are_those_that_had_written_by_its_end() {
    let named = |script: &[(char, i64)]| -> Vec<String> {
        let id = |agent: Author| agent.external_id.unwrap().to_string();
        works(script).into_iter().map(|work| work.ai_agents.into_iter().map(id).collect()).collect()
    };
    assert_eq!(named(&[('t', 0), ('x', 1), ('y', 2), ('x', 3), ('t', 4)]), ["", "x", "xy", "xy", "xy"]);
}

proptest! {
    #[test]
    fn segments_are_disjoint_ordered_and_hold_every_message_once(
        script in proptest::collection::vec((proptest::sample::select(vec!['c', 't', 'T', 'x']), 0..300i64), 0..30)
    ) {
        let messages = messages(&script);
        let works = works_of(&messages);
        let mut ids: Vec<_> = works.iter().flat_map(|work| &work.segments).map(|segment| segment.first_message).collect();
        for work in &works {
            prop_assert!(work.duration_seconds >= 0 && work.after_work_seconds >= 0);
            prop_assert!(work.segments.iter().all(|segment| segment.from <= segment.to));
            prop_assert!(work.segments.windows(2).all(|pair| pair[1].from.millis_since(pair[0].to) > SEGMENT_GAP_MILLIS));
        }
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        prop_assert_eq!(ids.len(), count);
    }
}
