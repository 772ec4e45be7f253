//! One stored value of every kind and version, which must stay decodable.
//!
//! `tests/fixtures/records/v{version}/{kind}.hex` is what that version wrote. A new field gets a new fixture beside the
//! old ones, which are never changed.

mod directory;
mod later;
mod packed;

use std::{fmt::Debug, path::Path};

use minicbor::{Decode, Encode};

use super::*;
use crate::domain::{
    AiInvolvement, Answer, AnswerSource, Assessment, AssessmentState, Attachment, AttachmentId, Author,
    AuthorKind, Axis, Band, Category, Channel, Course, Criterion, CriterionResult, Denominator, Dimension,
    Direction, Evaluator, Event, EventKind, Evidence, FactValue, Handling, Held, IntentId, Knockout, Listing,
    MessageDetails, MessageId, MessageKind, MilliPoints, Priority, Rating, RatingAnswer, RatingQuestion,
    RatingType, Resolution, RevisionRef, ScorecardRevision, ScorecardState, ScoredFact, ScoringType, Status,
    StatusChange, Totals, UnitKind,
};

/// Today's encoding of `record` equals the fixture, and the fixture decodes to `record`.
fn check<T>(kind: &str, record: &T)
where
    T: Encode<()> + for<'a> Decode<'a, ()> + PartialEq + Debug,
{
    let path = format!("{}/tests/fixtures/records/v{VERSION}/{kind}.hex", env!("CARGO_MANIFEST_DIR"));
    let hex = std::fs::read_to_string(Path::new(&path));
    let written = encode(record);
    let written_hex: String = written.iter().map(|byte| format!("{byte:02x}")).collect();
    let hex = hex.unwrap_or_else(|cause| panic!("{path}: {cause}; {kind} is now encoded as {written_hex}"));
    assert_eq!(decode::<T>(&vec![0], &bytes_of(&hex)).unwrap(), *record, "{kind}");
    assert_eq!(hex.trim(), written_hex, "{kind} is no longer encoded as in version {VERSION}");
}

const ID: ConversationId = ConversationId(5_000_000_000_000_001);
const RATING: RatingId = RatingId(5_000_000_000_000_007);

fn message(id: u64, kind: MessageKind, author: AuthorKind) -> Message {
    Message {
        id: MessageId(id),
        external_id: format!("msg_{id}").parse().unwrap(),
        kind,
        content: "Why was I charged twice?".to_owned(),
        author: Author { kind: author, external_id: Some("cus_123".parse().unwrap()), name: None },
        create_time: UnixMillis::clamped(1_700_000_000_123),
        ai_tool: (author == AuthorKind::Ai).then(|| "custom".to_owned()),
        details: None,
        update_time: None,
        is_automatic: false,
    }
}

/// A message that was stored singly and edited, with every field set.
fn stored_message() -> Message {
    let text = |text: &str| Some(text.to_owned());
    let by_reference = Attachment {
        id: AttachmentId(5_000_000_000_000_004),
        file_name: "photo.jpg".to_owned(),
        source_url: text("https://files.example/photo.jpg"),
        size_bytes: None,
        content_type: None,
        width: None,
        height: None,
        is_missing: false,
    };
    let here = Attachment {
        id: AttachmentId(5_000_000_000_000_005),
        source_url: None,
        size_bytes: Some(2_292_952),
        content_type: text("image/jpeg"),
        width: Some(3120),
        height: Some(4160),
        ..by_reference.clone()
    };
    let details = MessageDetails {
        direction: Direction::Out,
        is_private: true,
        body_type: "html".to_owned(),
        from_address: text("service@enneo.ai"),
        from_name: text("Enneo Admin"),
        to: vec!["to@gmail.com".to_owned()],
        cc: vec!["Michael Jackson <michael-test123@jack.s.on.com>".to_owned()],
        bcc: vec!["bcc@gmail.com".to_owned()],
        subject: text("Ticket subject"),
        html_body: text("<div>Thank you</div>"),
        plain_body: text("Thank you"),
        clean_body: text("Thank you."),
        raw_data: text("{\"myObjectId\":123}"),
        sender: text("{}"),
        sent_content: text("{\"message\":\"Thank you\"}"),
        intent_ids: vec![IntentId::Number(123), IntentId::Text("ai_agent_meter_reading".to_owned())],
        crm_notification_id: text("crm"),
        contract_id: text("contract"),
        customer_id: text("customer"),
        agent_id: Some(123),
        subchannel_id: Some(4),
        tracking_id: text("abc-123"),
        attachments: vec![by_reference, here],
    };
    Message {
        details: Some(Box::new(details)),
        update_time: Some(UnixMillis::clamped(1_700_000_060_000)),
        ..message(5_000_000_000_000_002, MessageKind::Comment, AuthorKind::Teammate)
    }
}

fn messages() -> Vec<Message> {
    vec![
        message(5_000_000_000_000_002, MessageKind::Message, AuthorKind::Contact),
        message(5_000_000_000_000_003, MessageKind::Message, AuthorKind::Ai),
        message(5_000_000_000_000_004, MessageKind::Comment, AuthorKind::Teammate),
    ]
}

fn revision() -> RevisionRef {
    RevisionRef { base: "axis".to_owned(), base_id: 1, ordinal: 2, revision_id: 1002 }
}

#[test]
fn a_conversation_is_read_as_it_was_written() {
    let conversation = Conversation {
        id: ID,
        source: "custom".parse().unwrap(),
        external_id: "ticket_123".parse().unwrap(),
        subject: Some("Charged twice".to_owned()),
        version: 3,
        message_count: 3,
        create_time: UnixMillis::clamped(1_700_000_000_000),
        update_time: UnixMillis::clamped(1_700_000_060_000),
        handling: Handling::default(),
        delete_time: None,
        unscored_version: None,
        language: None,
        told_time: None,
        held: None,
    };
    let told =
        Conversation { told_time: Some(UnixMillis::clamped(1_700_000_060_000)), ..conversation.clone() };
    check("head_told", &Head { conversation: told, messages: messages(), writers: Vec::new() });
    let (first, last) = (UnixMillis::clamped(1_600_000_000_000), UnixMillis::clamped(1_600_000_002_000));
    let held = Conversation { held: Some(Held { first, last }), ..conversation.clone() };
    check("head_held", &Head { conversation: held, messages: messages(), writers: Vec::new() });
    let in_german = Conversation { language: Some("de-AT".to_owned()), ..conversation.clone() };
    check("head_language", &Head { conversation: in_german, messages: messages(), writers: Vec::new() });
    check("head", &Head { conversation: conversation.clone(), messages: messages(), writers: Vec::new() });
    let handling = Handling {
        status: Some(Status::Closed),
        status_changes: vec![StatusChange {
            status: Status::Closed,
            time: UnixMillis::clamped(1_700_000_030_000),
            after_message: MessageId(5_000_000_000_000_004),
        }],
        priority: Some(Priority::Urgent),
        first_response_due: Some(UnixMillis::clamped(1_700_000_040_000)),
        due: Some(UnixMillis::clamped(1_700_000_050_000)),
        assignee: Some(Author {
            kind: AuthorKind::Teammate,
            external_id: Some("7".parse().unwrap()),
            name: None,
        }),
        tags: vec!["vip".parse().unwrap()],
        team: Some("billing".parse().unwrap()),
        channel: Some(Channel::Email),
        subchannel_id: Some(3),
        customer_wrote_since: false,
    };
    let deleted = Conversation {
        handling,
        delete_time: Some(UnixMillis::clamped(1_700_000_070_000)),
        ..conversation.clone()
    };
    check("head_deleted", &Head { conversation: deleted, messages: messages(), writers: Vec::new() });
    check("identity", &Identity { conversation: ID });
    check("segment", &Segment { messages: messages() });
}

#[test]
fn a_message_that_was_stored_singly_is_read_as_it_was_written() {
    let automatic = Message { is_automatic: true, ..stored_message() };
    check("segment_automatic", &Segment { messages: vec![automatic] });
    let time = UnixMillis::clamped(1_700_000_000_000);
    let new = Conversation::new(ID, "enneo".parse().unwrap(), "8821".parse().unwrap(), time);
    let conversation = Conversation {
        handling: Handling { status: Some(Status::Open), ..Handling::default() },
        unscored_version: Some(1),
        ..new
    };
    let writers = vec!["t1".to_owned(), "bot".to_owned()];
    check("head_writers", &Head { conversation: conversation.clone(), messages: Vec::new(), writers });
    check("head_unscored", &Head { conversation, messages: Vec::new(), writers: Vec::new() });
    check("segment_stored", &Segment { messages: vec![stored_message()] });
    check("tracked_message", &TrackedMessage { message: MessageId(5_000_000_000_000_002) });
    let (file_name, content_type) = ("a.txt".to_owned(), "text/plain".to_owned());
    let bytes = b"words".to_vec().into();
    check("attachment", &AttachmentBytes { file_name, content_type, bytes });
}

#[test]
fn the_queue_is_read_as_it_was_written() {
    let (not_before, create_time) =
        (UnixMillis::clamped(1_700_000_002_000), UnixMillis::clamped(1_700_000_000_000));
    check("job", &Job { version: 3, failed_attempts: 1, not_before, create_time });
    let cause = "it could not be computed".to_owned();
    check("scoring_failure", &ScoringFailure { version: 3, failed_attempts: 5, cause, time: create_time });
}

#[test]
fn a_request_is_read_as_it_was_written() {
    for (kind, outcome) in [
        ("created", ImportOutcome::Created),
        ("existing", ImportOutcome::Existing),
        ("appended", ImportOutcome::Appended),
        ("updated", ImportOutcome::Updated),
    ] {
        let answer = RequestAnswer::ImportConversation { conversation: ID, outcome, stored_messages: 3 };
        let record =
            Request { fingerprint: [7; 32], create_time: UnixMillis::clamped(1_700_000_000_000), answer };
        check(&format!("request_import_{kind}"), &record);
    }
    let (conversation, message) = (ID, MessageId(5_000_000_000_000_002));
    for (call, answer) in [
        ("store_message", RequestAnswer::StoreMessage { conversation, message }),
        ("update_message", RequestAnswer::UpdateMessage { conversation, message }),
        ("delete_message", RequestAnswer::DeleteMessage { conversation, message }),
    ] {
        let record =
            Request { fingerprint: [7; 32], create_time: UnixMillis::clamped(1_700_000_000_000), answer };
        check(&format!("request_{call}"), &record);
    }
}

#[test]
fn a_handled_conversation_is_read_as_it_was_written() {
    let mut handling = Handling::default();
    handling.set_status(
        Status::Open,
        UnixMillis::clamped(1_700_000_000_000),
        MessageId(5_000_000_000_000_002),
    );
    handling.set_status(
        Status::Closed,
        UnixMillis::clamped(1_700_000_060_000),
        MessageId(5_000_000_000_000_004),
    );
    check("status_changes", &handling);
    handling.customer_wrote_since = true;
    check("closing_undone", &handling);
}

#[test]
fn the_stores_own_records_are_read_as_they_were_written() {
    check("next_id", &NextId { id: 5_000_000_000_065_537 });
    let secret = encode(&Secret { key: [9; 32] });
    assert_eq!(decode::<Secret>(&vec![1], &secret).unwrap().key, [9; 32]);
    check("scorecard_family", &ScorecardFamily { newest_ordinal: 2, seeded_hash: Some("00ff".to_owned()) });
}

#[test]
fn an_event_is_read_as_it_was_written() {
    let kinds = [
        ("imported", EventKind::ConversationImported),
        ("appended", EventKind::MessagesAppended { first: MessageId(5_000_000_000_000_009), count: 2 }),
        ("scored", EventKind::AssessmentsScored { assessments: vec![AssessmentId(5_000_000_000_000_005)] }),
        ("failed", EventKind::ScoringFailed),
        ("updated", EventKind::ConversationUpdated),
        ("deleted", EventKind::ConversationDeleted),
        ("undeleted", EventKind::ConversationUndeleted),
        ("purged", EventKind::ConversationPurged),
        ("message_stored", EventKind::MessageStored { message: MessageId(5_000_000_000_000_009) }),
        ("message_updated", EventKind::MessageUpdated { message: MessageId(5_000_000_000_000_009) }),
        ("message_deleted", EventKind::MessageDeleted { message: MessageId(5_000_000_000_000_009) }),
        ("rating_offered", EventKind::RatingOffered { rating: RATING }),
        ("rating_submitted", EventKind::RatingSubmitted { rating: RATING }),
        ("rating_cancelled", EventKind::RatingCancelled { rating: RATING }),
    ];
    for (name, kind) in kinds {
        let event = Event { conversation: ID, time: UnixMillis::clamped(1_700_000_000_000), kind };
        check(&format!("event_{name}"), &event);
    }
}

#[test]
fn a_scorecard_is_read_as_it_was_written() {
    let criterion = |id: &str, scoring_type, evaluator, knockout| Criterion {
        id: id.to_owned(),
        label: "Resolution accuracy".to_owned(),
        description: "Was it answered?".to_owned(),
        max_points: MilliPoints(5000),
        scoring_type,
        evaluator,
        rule: "customer_messages > 0".to_owned(),
        applies_when: String::new(),
        knockout,
        reason: "{customer_messages} messages".to_owned(),
        prompt: String::new(),
    };
    let scale = ScoringType::NumericScale { min: MilliPoints(1000) };
    let criteria = vec![
        criterion("a", scale, Evaluator::Rule, Knockout::None),
        criterion("b", ScoringType::MetNotMet, Evaluator::Judge, Knockout::Category),
        criterion("c", ScoringType::MetNotMet, Evaluator::Human, Knockout::Assessment),
    ];
    let category = Category { id: "all".to_owned(), label: "All".to_owned(), criteria };
    let scorecard = |state, unit, denominator| ScorecardRevision {
        revision: revision(),
        label: "AXIS".to_owned(),
        description: "How a conversation went".to_owned(),
        state,
        unit,
        applies_when: "true".to_owned(),
        denominator,
        categories: vec![category.clone()],
        create_time: UnixMillis::clamped(1_700_000_000_000),
        content_hash: "00ff".to_owned(),
    };
    check("scorecard_active", &scorecard(ScorecardState::Active, UnitKind::Conversation, Denominator::Total));
    check("scorecard_deleted", &scorecard(ScorecardState::Deleted, UnitKind::Worklog, Denominator::Used));
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let pairs = hex.trim().as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn assessment() -> Assessment {
    let time = UnixMillis::clamped(1_700_000_000_000);
    let message = MessageId(5_000_000_000_000_002);
    let answer = Answer {
        score: MilliPoints(4250),
        reason: "It was answered.".to_owned(),
        evidence: vec![Evidence { message, fact: "thanks_at_end".to_owned() }],
        source: AnswerSource::Rule,
        time,
    };
    let criterion =
        |id: &str, system: Option<Answer>, human: Option<Answer>, failure: Option<&str>| CriterionResult {
            category_id: "all".to_owned(),
            criterion_id: id.to_owned(),
            max_points: MilliPoints(5000),
            applicable: true,
            system,
            human,
            failure: failure.map(str::to_owned),
        };
    let dimension = |score_milli| Dimension { score_milli, reason: "So it was.".to_owned() };
    let fact = |name: &str, value| ScoredFact { name: name.to_owned(), value, evidence: vec![message] };
    Assessment {
        id: AssessmentId(5_000_000_000_000_005),
        conversation: ID,
        unit: Unit::Worklog { first_message: message },
        assessee: Some(Author {
            kind: AuthorKind::Ai,
            external_id: None,
            name: Some("Billing Bot".to_owned()),
        }),
        scorecard: revision(),
        state: AssessmentState::AiReady,
        scored_version: 3,
        version: 2,
        criteria: vec![
            criterion("a", Some(answer.clone()), Some(answer), None),
            criterion("b", None, None, Some("the rule has no value")),
        ],
        totals: Totals {
            scored_points: MilliPoints(4250),
            used_max_points: MilliPoints(5000),
            total_max_points: MilliPoints(10_000),
            percentage_tenths: 425,
        },
        axis: Some(Axis {
            score_tenths: 43,
            band: Band::Excellent,
            resolution_accuracy: dimension(4000),
            interaction_effort: dimension(4000),
            handoff_smoothness: dimension(5000),
            resolution: Resolution::Resolved,
            ai_involvement: AiInvolvement::AiAssisted,
        }),
        summary: "It went well.".to_owned(),
        facts: vec![
            fact("bool", FactValue::Bool(true)),
            fact("int", FactValue::Int(-3)),
            fact("number", FactValue::Number(0.5)),
            fact("text", FactValue::Text("en".to_owned())),
        ],
        create_time: time,
        update_time: UnixMillis::clamped(1_700_000_000_500),
        stale_time: None,
    }
}

#[test]
fn an_assessment_is_read_as_it_was_written() {
    let assessment = assessment();
    check("assessment_worklog", &assessment);
    let whole = Assessment { unit: Unit::Conversation, assessee: None, axis: None, ..assessment.clone() };
    check("assessment_conversation", &whole);
    let stale_time = Some(UnixMillis::clamped(1_700_000_060_000));
    check("assessment_stale", &Assessment { stale_time, axis: None, ..assessment });
    check("assessment_owner", &AssessmentOwner { conversation: ID });
    let entry =
        AssessmentEntry { unit: Unit::Conversation, scorecard: "axis".to_owned(), assessment: whole.id };
    check("assessment_index", &AssessmentIndex { entries: vec![entry] });
}

#[test]
fn a_newer_version_is_refused_by_its_number() {
    let mut newer = encode(&NextId { id: 1 }).to_vec();
    newer[0] = PACKED + 1;
    let error = decode::<NextId>(&vec![0xAB], &newer).unwrap_err().to_string();
    assert!(error.contains("key ab") && error.contains(&format!("record version {}", PACKED + 1)), "{error}");
    assert!(decode::<NextId>(&vec![0], &[]).is_err());
    assert!(decode::<NextId>(&vec![0], &[VERSION, 0xFF]).is_err());
}

#[test]
fn an_unknown_variant_is_refused() {
    // An outcome unknown to this program: 9.
    let mut unknown = vec![VERSION];
    unknown.extend(minicbor::to_vec(9_u32).unwrap());
    assert!(decode::<ImportOutcome>(&vec![0], &unknown).unwrap_err().to_string().contains('9'));
}
