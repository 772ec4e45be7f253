//! Decodes Dixa's requests.

use uuid::Uuid;

use crate::{
    domain::{
        AuthorDraft, ConversationId, ConversationRef, ExternalId, FIRST_ID, LAST_ID, NewAnswer, NewRating,
        QuestionDraft, QuestionRef, RatingDraft, RatingRef, RatingType, SourceName, Submission, Violations,
    },
    interchange::json::{self, Findings, Object},
};

/// The documented names of the rating types.
pub const TYPES: [(&str, RatingType); 3] =
    [("Csat", RatingType::Csat), ("Nps", RatingType::Nps), ("ThumbsUpOrDown", RatingType::Thumbs)];

/// Parses a conversation id, a canonical decimal: in our own range it is a conversation's number, otherwise an external id in
/// the source.
pub fn conversation(id: &str, source: &str) -> Result<ConversationRef, Violations> {
    let is_decimal =
        !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) && (id == "0" || !id.starts_with('0'));
    if !is_decimal {
        let rule = format!("must be a decimal number without leading zeros, is {}", json::shown(id));
        return Err(Violations::one("conversationId", rule));
    }
    // Anything above our range, however many digits it has, names no conversation.
    Ok(match id.parse::<u64>().unwrap_or(u64::MAX) {
        number if number < FIRST_ID => {
            let (source, external_id) = (SourceName::mended(source), ExternalId::of_number(number));
            ConversationRef::External { source, external_id }
        }
        number => ConversationRef::Id(ConversationId(number.min(LAST_ID + 1))),
    })
}

pub fn uuid(text: &str) -> Result<Uuid, Violations> {
    let rule = || {
        format!("must be a rating's UUID, as …/ratings/offer and the list show it, is {}", json::shown(text))
    };
    RatingRef::parse_uuid(text).ok_or_else(|| Violations::one("ratingId", rule()))
}

pub fn offer(body: &[u8]) -> Result<NewRating, Violations> {
    let mut findings = Findings::default();
    let mut fields = json::parse(body, &mut findings)?;
    let kind = fields.choice("ratingType", &TYPES, &mut findings);
    let draft = RatingDraft {
        user: person("userId", &mut fields, &mut findings),
        agent: person("agentId", &mut fields, &mut findings),
        questions: vec![QuestionDraft { kind, ..QuestionDraft::default() }],
        offer_time: fields.time("offeredAt", &mut findings),
        ..RatingDraft::default()
    };
    let checked = draft.check(Violations::default());
    findings.collect(checked.map_err(|violations| violations.renamed(offered_field)))
}

fn person(name: &'static str, fields: &mut Object, findings: &mut Findings) -> Option<AuthorDraft> {
    let external_id = fields.text(name, findings)?;
    Some(AuthorDraft { external_id: Some(external_id), ..AuthorDraft::default() })
}

/// The documented name of an offer's field.
pub fn offered_field(field: &str) -> String {
    let name = match field {
        "questions[0].type" => "ratingType",
        "offer_time" => "offeredAt",
        field if field.starts_with("user") => "userId",
        field if field.starts_with("agent") => "agentId",
        field => field,
    };
    name.to_owned()
}

pub fn submission(body: &[u8]) -> Result<Submission, Violations> {
    let mut findings = Findings::default();
    let mut fields = json::parse(body, &mut findings)?;
    fields.require("ratingResult", &mut findings);
    let result = fields.object("ratingResult", &mut findings);
    let (mut value, mut kind) = (None, None);
    if let Some(mut result) = result {
        result.require("value", &mut findings);
        kind = result.choice("_type", &TYPES, &mut findings);
        value = result.take_as("value", &values_of(kind), &mut findings, |value| {
            json::whole_number(&value).ok_or(value)
        });
    }
    let answer = NewAnswer {
        question: kind.map_or(QuestionRef::Only, QuestionRef::OfType),
        value,
        comment: fields.text("comment", &mut findings),
        time: fields.time("submittedAt", &mut findings),
    };
    findings.collect(Ok(Submission { answers: vec![answer], opt_out: None }))
}

/// The rule for an answer's value: of its type if that is given, else of each.
fn values_of(kind: Option<RatingType>) -> String {
    let rules = TYPES.iter().filter(|(_, known)| kind.is_none_or(|kind| kind == *known));
    let rules: Vec<_> = rules
        .map(|(name, kind)| format!("{} to {} for {name}", kind.values().start(), kind.values().end()))
        .collect();
    format!("a whole number, {}", rules.join(", "))
}

/// The documented name of a submission's field.
pub fn submitted_field(field: &str) -> String {
    let name = match field {
        "answers[0].value" => "ratingResult.value",
        "answers[0].type" => "ratingResult._type",
        "answers[0].comment" => "comment",
        "answers[0].answer_time" => "submittedAt",
        field => field,
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_id_is_one_of_our_numbers_or_an_external_id() {
        let named = |id: &str| conversation(id, "dixa").map_err(|violations| violations.to_string());
        let external = |id: &str| {
            let (source, external_id) = (SourceName::mended("dixa"), ExternalId::mended(id));
            Ok(ConversationRef::External { source, external_id })
        };
        for id in ["0", "1", "1234", "5000000000000000"] {
            assert_eq!(named(id), external(id));
        }
        for number in [FIRST_ID, LAST_ID, LAST_ID + 1] {
            assert_eq!(named(&number.to_string()), Ok(ConversationRef::Id(ConversationId(number))));
        }
        let beyond = Ok(ConversationRef::Id(ConversationId(LAST_ID + 1)));
        assert_eq!(named("18446744073709551615"), beyond);
        assert_eq!(named("99999999999999999999999999"), beyond);
        for wrong in ["", "00", "0042", "-1", "+1", "1.0", "1e3", " 1", "x", "٣", "5000000000000001a"] {
            assert!(named(wrong).unwrap_err().starts_with("conversationId: "), "{wrong}");
        }
    }
}
