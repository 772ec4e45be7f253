//! Resource names: how they are written and read.

use std::{fmt::Write as _, str::FromStr};

use percent_encoding::percent_decode_str;
use uuid::Uuid;

use crate::domain::{
    AssessmentId, AttachmentId, AuthorKind, ConversationId, ConversationRef, CustomerByName, KnownBy,
    MessageId, PersonId, PersonIdentity, PersonRef, RatingRef, Receipt, RevisionRef, TeamId, TeamIdentity,
    TeamRef, Violations, Words as _, limits, rules,
};

pub fn conversation(id: ConversationId) -> String {
    format!("conversations/{id}")
}

pub fn message(conversation: ConversationId, id: MessageId) -> String {
    format!("conversations/{conversation}/messages/{id}")
}

pub fn attachment(conversation: ConversationId, message: MessageId, id: AttachmentId) -> String {
    format!("conversations/{conversation}/messages/{message}/attachments/{id}")
}

/// The names of many messages of one conversation.
pub struct MessageNames(String);

impl MessageNames {
    pub fn of(conversation: ConversationId) -> Self {
        Self(format!("conversations/{conversation}/messages/"))
    }

    pub fn name(&self, id: MessageId) -> String {
        // Room for the number.
        let mut name = String::with_capacity(self.0.len() + 20);
        name.push_str(&self.0);
        let _ = write!(name, "{id}");
        name
    }
}

pub fn assessment(conversation: ConversationId, id: AssessmentId) -> String {
    format!("conversations/{conversation}/assessments/{id}")
}

pub fn rating(conversation: ConversationId, uuid: Uuid) -> String {
    format!("conversations/{conversation}/ratings/{uuid}")
}

pub fn import(receipt: &Receipt) -> String {
    format!("imports/{receipt}")
}

pub fn revision(revision: &RevisionRef) -> String {
    format!("scorecards/{}/revisions/{}", revision.base, revision.ordinal)
}

pub fn person(id: PersonId) -> String {
    format!("people/{id}")
}

pub fn team(id: TeamId) -> String {
    format!("teams/{id}")
}

/// `conversations/{number}` or `conversations/{source}:{external id}`.
pub fn parse_conversation(field: &str, name: &str) -> Result<ConversationRef, Violations> {
    name.strip_prefix("conversations/").and_then(conversation_segment).ok_or_else(|| {
        unlike(
            field,
            name,
            "`conversations/{number}` or `conversations/{source}:{external id}` with both parts percent-encoded",
        )
    })
}

/// `conversations/{number}`: what a conversation is called that has no identity any more.
pub fn parse_conversation_number(field: &str, name: &str) -> Result<ConversationId, Violations> {
    match name.strip_prefix("conversations/").and_then(conversation_segment) {
        Some(ConversationRef::Id(id)) => Ok(id),
        _ => Err(unlike(field, name, "`conversations/{number}`")),
    }
}

/// The parent that stands for every conversation.
pub const ALL_CONVERSATIONS: &str = "conversations/-";

/// `conversations/{conversation}/messages/{number}`.
pub fn parse_message(field: &str, name: &str) -> Result<(ConversationRef, MessageId), Violations> {
    let parsed = || {
        let (parent, id) = name.strip_prefix("conversations/")?.split_once("/messages/")?;
        Some((conversation_segment(parent)?, MessageId(canonical(id)?)))
    };
    parsed().ok_or_else(|| unlike(field, name, "`conversations/{conversation}/messages/{number}`"))
}

/// `conversations/{conversation}/messages/{number}/attachments/{number}`; the numbers say which it is.
pub fn parse_attachment(field: &str, name: &str) -> Result<(MessageId, AttachmentId), Violations> {
    let parsed = || {
        let (message, id) = name.rsplit_once("/attachments/")?;
        let (_, message) = parse_message(field, message).ok()?;
        Some((message, AttachmentId(canonical(id)?)))
    };
    let shape = "`conversations/{conversation}/messages/{number}/attachments/{number}`";
    parsed().ok_or_else(|| unlike(field, name, shape))
}

/// `conversations/{conversation}/assessments/{number}`.
pub fn parse_assessment(field: &str, name: &str) -> Result<(ConversationRef, AssessmentId), Violations> {
    let parsed = || {
        let (parent, id) = name.strip_prefix("conversations/")?.split_once("/assessments/")?;
        Some((conversation_segment(parent)?, AssessmentId(canonical(id)?)))
    };
    parsed().ok_or_else(|| unlike(field, name, "`conversations/{conversation}/assessments/{number}`"))
}

/// `conversations/{conversation}/ratings/{uuid}`.
pub fn parse_rating(field: &str, name: &str) -> Result<RatingRef, Violations> {
    let parsed = || {
        let (parent, uuid) = name.strip_prefix("conversations/")?.split_once("/ratings/")?;
        Some(RatingRef { conversation: conversation_segment(parent)?, uuid: RatingRef::parse_uuid(uuid)? })
    };
    parsed().ok_or_else(|| unlike(field, name, "`conversations/{conversation}/ratings/{uuid}`"))
}

/// `people/{number}`, `people/{source}:{kind}:{external id}` or, without an external id, of an agent
/// `people/{source}:{kind}:name={name}` and of a customer `people/{source}:contact:name={name}:in={conversation's external id}`.
/// In an external id the `=` would be encoded.
pub fn parse_person(field: &str, name: &str) -> Result<PersonRef, Violations> {
    let parsed = || {
        let segment = name.strip_prefix("people/").filter(|segment| !segment.contains('/'))?;
        let Some((source, rest)) = segment.split_once(':') else {
            return Some(PersonRef::Id(PersonId(canonical(segment)?)));
        };
        let (kind, external_id) = rest.split_once(':')?;
        let kind = AuthorKind::from_word(kind)?;
        let source = decoded(source)?;
        // One whom nobody named is somebody, too.
        let decoded_name = |name: &str| match name {
            "" => Some(String::new()),
            name => decoded_text(name).filter(|name| name.len() <= limits::NAME_BYTES),
        };
        if let (AuthorKind::Contact, Some(customer)) = (kind, external_id.strip_prefix("name="))
            && let Some((name, conversation)) = customer.split_once(":in=")
        {
            let external_id = decoded(conversation)?;
            let name = decoded_name(name)?;
            return Some(PersonRef::InConversation(CustomerByName { source, external_id, name }));
        }
        let known_by = match external_id.strip_prefix("name=").filter(|_| kind.is_agent()) {
            Some(name) => KnownBy::Name(decoded_name(name)?),
            None => KnownBy::ExternalId(decoded(external_id)?),
        };
        Some(PersonRef::Identity(PersonIdentity { source, kind, known_by }))
    };
    parsed().ok_or_else(|| {
        let shape = "`people/{number}` or `people/{source}:{kind}:{external id}` with the kind teammate, ai or contact";
        unlike(field, name, shape)
    })
}

/// `teams/{number}` or `teams/{source}:{external id}`.
pub fn parse_team(field: &str, name: &str) -> Result<TeamRef, Violations> {
    let parsed = || {
        let segment = name.strip_prefix("teams/").filter(|segment| !segment.contains('/'))?;
        let Some((source, external_id)) = segment.split_once(':') else {
            return Some(TeamRef::Id(TeamId(canonical(segment)?)));
        };
        let source = decoded(source)?;
        let external_id = decoded(external_id)?;
        Some(TeamRef::External(TeamIdentity { source, external_id }))
    };
    parsed().ok_or_else(|| unlike(field, name, "`teams/{number}` or `teams/{source}:{external id}`"))
}

/// `imports/{receipt}`.
pub fn parse_import(field: &str, name: &str) -> Result<Receipt, Violations> {
    let receipt = name.strip_prefix("imports/").and_then(|receipt| receipt.parse().ok());
    receipt.ok_or_else(|| {
        unlike(field, name, "`imports/{receipt}`, the receipt being 24 lower-case letters and digits")
    })
}

/// `scorecards/{base}` or `scorecards/{base}/revisions/{ordinal}`.
pub fn parse_scorecard(field: &str, name: &str) -> Result<(String, Option<u32>), Violations> {
    let parsed = || {
        let rest = name.strip_prefix("scorecards/")?;
        let (base, ordinal) = match rest.split_once("/revisions/") {
            Some((base, ordinal)) => (base, Some(u32::try_from(canonical(ordinal)?).ok()?)),
            None => (rest, None),
        };
        let is_slug = !base.is_empty()
            && base.len() <= 63
            && base.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        is_slug.then(|| (base.to_owned(), ordinal))
    };
    parsed()
        .ok_or_else(|| unlike(field, name, "`scorecards/{base}` or `scorecards/{base}/revisions/{ordinal}`"))
}

fn conversation_segment(segment: &str) -> Option<ConversationRef> {
    if segment.contains('/') {
        return None;
    }
    match segment.split_once(':') {
        Some((source, external_id)) => {
            let source = decoded(source)?;
            let external_id = decoded(external_id)?;
            Some(ConversationRef::External { source, external_id })
        }
        None => Some(ConversationRef::Id(ConversationId(canonical(segment)?))),
    }
}

/// A part that breaks the rule of what it stands for names nothing.
fn decoded<T: FromStr>(part: &str) -> Option<T> {
    decoded_text(part)?.parse().ok()
}

/// A `%` that begins no encoded byte is refused, so that a thing has one name.
fn decoded_text(part: &str) -> Option<String> {
    let is_hex = |digits: Option<&str>| {
        digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    if part.match_indices('%').any(|(at, _)| !is_hex(part.get(at + 1..at + 3))) {
        return None;
    }
    Some(percent_decode_str(part).decode_utf8().ok()?.into_owned())
}

/// A decimal without sign or leading zeros.
fn canonical(text: &str) -> Option<u64> {
    let number = text.parse::<u64>().ok()?;
    (number.to_string() == text).then_some(number)
}

fn unlike(field: &str, name: &str, shape: &str) -> Violations {
    if let Err(rule) = rules::one_line(&percent_decode_str(name).decode_utf8_lossy()) {
        return Violations::one(field, rule);
    }
    let shown: String = name.chars().take(200).collect();
    let is_padded = |segment: &str| {
        segment.len() > 1 && segment.starts_with('0') && segment.bytes().all(|byte| byte.is_ascii_digit())
    };
    let next = if name.split('/').any(is_padded) { " (a number has no leading zeros)" } else { "" };
    Violations::one(field, format!("must look like {shape}, is {shown:?}{next}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn external(source: &str, external_id: &str) -> Option<ConversationRef> {
        Some(ConversationRef::External {
            source: source.parse().unwrap(),
            external_id: external_id.parse().unwrap(),
        })
    }

    #[test]
    fn a_conversation_is_named_by_number_or_by_source_and_external_id() {
        let parse = |name| parse_conversation("name", name).ok();
        assert_eq!(
            parse("conversations/5000000000000001"),
            Some(ConversationRef::Id(ConversationId(5_000_000_000_000_001)))
        );
        assert_eq!(parse("conversations/zendesk:42"), external("zendesk", "42"));
        assert_eq!(parse("conversations/a%3Ab:c%2Fd:e"), external("a:b", "c/d:e"));
        for wrong in [
            "",
            "conversations",
            "conversations/",
            "conversations/042",
            "conversations/-1",
            "conversations/:1",
            "conversations/a:",
            "conversations/a:b/c",
            "conversations/+5",
            "tickets/1",
            "conversations/%ff:x",
            "conversations/a:%zz",
            "conversations/a:%4",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_assessment_is_named_below_its_conversation() {
        let parse = |name| parse_assessment("name", name).ok();
        let parent = ConversationRef::Id(ConversationId(5_000_000_000_000_001));
        assert_eq!(parse("conversations/5000000000000001/assessments/7"), Some((parent, AssessmentId(7))));
        assert_eq!(parse("conversations/5000000000000001/assessments/07"), None);
        assert_eq!(parse("conversations/5000000000000001"), None);
    }

    #[test]
    fn a_person_is_named_by_number_or_by_source_kind_and_external_id() {
        let parse = |name| parse_person("name", name).ok();
        let tom = |external_id: &str| {
            let known_by = KnownBy::ExternalId(external_id.parse().unwrap());
            PersonRef::Identity(PersonIdentity {
                source: "zendesk".parse().unwrap(),
                kind: AuthorKind::Teammate,
                known_by,
            })
        };
        assert_eq!(parse("people/5000000000000009"), Some(PersonRef::Id(PersonId(5_000_000_000_000_009))));
        assert_eq!(parse("people/zendesk:teammate:t:1"), Some(tom("t:1")));
        assert_eq!(parse("people/zendesk:teammate:t%2F1"), Some(tom("t/1")));
        assert_eq!(parse("people/zendesk:teammate:name%3Dt"), Some(tom("name=t")));
        let by_name = PersonRef::Identity(PersonIdentity {
            source: "a".parse().unwrap(),
            kind: AuthorKind::Ai,
            known_by: KnownBy::Name("Bot 1".to_owned()),
        });
        assert_eq!(parse("people/a:ai:name=Bot%201"), Some(by_name));
        let in_conversation = |name: &str, external_id: &str| {
            let (source, external_id) = ("a".parse().unwrap(), external_id.parse().unwrap());
            let name = name.to_owned();
            PersonRef::InConversation(CustomerByName { source, external_id, name })
        };
        for (name, external_id) in [("Ada L", "4:2"), ("", "42"), ("x:in=y", "a=b")] {
            let customer = in_conversation(name, external_id);
            let named = format!("people/{customer}");
            assert_eq!(parse_person("name", &named).ok(), Some(customer));
        }
        for wrong in [
            "people/",
            "people/07",
            "people/zendesk:t1",
            "people/zendesk:boss:t1",
            "people/:ai:x",
            "people/a:ai:",
            "people/a:ai:b/c",
            "people/a:contact:name=Ada:in=",
            "people/a:contact:name=%zz:in=42",
            "person/1",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_team_is_named_by_number_or_by_source_and_external_id() {
        let parse = |name| parse_team("name", name).ok();
        let billing =
            TeamIdentity { source: "enneo".parse().unwrap(), external_id: "billing & co".parse().unwrap() };
        assert_eq!(parse("teams/7"), Some(TeamRef::Id(TeamId(7))));
        assert_eq!(parse("teams/enneo:billing%20%26%20co"), Some(TeamRef::External(billing)));
        for wrong in ["teams/", "teams/a:", "teams/:a", "teams/-1", "team/1", "teams/1/2"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_scorecard_is_named_with_or_without_its_revision() {
        let parse = |name| parse_scorecard("name", name).ok();
        assert_eq!(parse("scorecards/axis"), Some(("axis".to_owned(), None)));
        assert_eq!(parse("scorecards/axis/revisions/2"), Some(("axis".to_owned(), Some(2))));
        for wrong in
            ["scorecards/", "scorecards/Axis", "scorecards/axis/revisions/", "scorecards/axis/revisions/x"]
        {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
