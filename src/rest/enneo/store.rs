//! `POST /ticket/{ticketId}/conversation/store`: stores one message.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Path, Request, State, rejection::PathRejection},
    response::Response,
};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, Uri};
use serde_json::Value;

use crate::{
    domain::{
        AttachmentDraft, HandlingDraft, IntentId, MessageDraft, NewMessage, UnixMillis, Violations,
        from_base64, limits,
    },
    error::Error,
    interchange::{
        json::{self, Findings, Kept, Object},
        times,
    },
    service::{
        Services,
        conversation::ScoringStatus,
        message::{Process, store_message},
    },
    wire::MAX_ATTACHMENTS_REQUEST_BYTES,
};

use super::{
    answer,
    ticket::{Ticket, error},
};
use crate::rest::{answer::answer as json_answer, fault::Fault, request};

/// Says that the message is stored but its scoring did not finish in time.
const SCORING: HeaderName = HeaderName::from_static("x-plaudit-scoring");

pub async fn post_store(
    State(services): State<Arc<Services>>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    store(&services, id, request).await.unwrap_or_else(|fault| error(&fault))
}

async fn store(
    services: &Services,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Fault> {
    let ticket = Ticket::of_path(services, id)?;
    let (head, body) = request.into_parts();
    let body = request::read_json_body(&head.headers, body, MAX_ATTACHMENTS_REQUEST_BYTES).await?;
    let mut violations = Violations::default();
    let key = request::idempotency_key(&head.headers, &mut violations);
    let of_query = process_of_query(&head.uri, &mut violations);
    let (new, of_body) = violations.collect(read(body).await?)?;
    let within = Duration::from_secs(services.settings().realtime_seconds);
    let process = of_query.or(of_body).unwrap_or(ProcessWord::Batch).process(within);
    let stored = store_message(
        request::call(services).with_request_id(key.as_ref()),
        &ticket.conversation,
        &new,
        process,
    )
    .await;
    let stored = stored.map_err(|error| match error {
        Error::Invalid(violations) => violations.renamed(documented_field).into(),
        error => ticket.fault(error),
    })?;
    let is_late = matches!(process, Process::Realtime { .. })
        && matches!(stored.scoring, ScoringStatus::Pending { .. });
    let base_url = request::base_url(&head);
    let people = answer::People::of(services, &stored).await;
    let body = answer::stored_to_json(services, &base_url, ticket.id, stored, people);
    let mut response = json_answer(StatusCode::OK, &body);
    if is_late {
        response.headers_mut().insert(SCORING, HeaderValue::from_static("pending"));
    }
    Ok(response)
}

/// Decodes a body; a large one on a blocking thread.
async fn read(body: Bytes) -> Result<Result<(NewMessage, Option<ProcessWord>), Violations>, Fault> {
    const LARGE_BYTES: usize = 256 * 1024;
    if body.len() < LARGE_BYTES {
        return Ok(message_from_json(&body));
    }
    let reading = tokio::task::spawn_blocking(move || message_from_json(&body)).await;
    reading.map_err(|cause| Error::Internal(format!("a body could not be read: {cause}")).into())
}

/// The value of `process`.
#[derive(Clone, Copy)]
enum ProcessWord {
    Realtime,
    Batch,
    Off,
}

impl ProcessWord {
    const EXPECTED: &str = "\"realtime\", \"batch\" or false";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "realtime" => Some(Self::Realtime),
            "batch" => Some(Self::Batch),
            "false" => Some(Self::Off),
            _ => None,
        }
    }

    fn process(self, within: Duration) -> Process {
        match self {
            Self::Realtime => Process::Realtime { within },
            Self::Batch => Process::Batch,
            Self::Off => Process::Off,
        }
    }
}

/// The query parameter overrides the body: callers add it to bodies that others produce.
fn process_of_query(uri: &Uri, violations: &mut Violations) -> Option<ProcessWord> {
    let text = request::query_parameter(uri, "process")?;
    let word = ProcessWord::parse(&text);
    if word.is_none() {
        let rule = format!("must be {}, is {}", ProcessWord::EXPECTED, json::shown(&text));
        violations.add("process", rule);
    }
    word
}

fn message_from_json(body: &[u8]) -> Result<(NewMessage, Option<ProcessWord>), Violations> {
    let mut findings = Findings::default();
    let mut fields = json::parse(body, &mut findings)?;
    let mut kept = fields.kept(body, &["rawData", "sender", "content"]);
    let process = fields.take_as("process", ProcessWord::EXPECTED, &mut findings, |value| match &value {
        Value::Bool(false) => Ok(ProcessWord::Off),
        Value::String(text) => ProcessWord::parse(text).ok_or(value),
        _ => Err(value),
    });
    let draft = draft_from_json(&mut fields, &mut kept, &mut findings);
    let checked = draft.check(Violations::default());
    let new = findings.collect(checked.map_err(|violations| violations.renamed(documented_field)))?;
    Ok((new, process))
}

fn draft_from_json(fields: &mut Object, kept: &mut Kept, findings: &mut Findings) -> MessageDraft {
    let sender = fields.kept_object("sender", kept, findings);
    let content = fields.kept_object("content", kept, findings);
    let (sender, sender_address, sender_name) = match sender {
        None => (None, None, None),
        Some((text, mut fields)) => {
            (Some(text), fields.text("email", findings), fields.text("name", findings))
        }
    };
    let (content, fallback_text) = match content {
        None => (None, None),
        Some((text, mut fields)) => (Some(text), fields.text("message", findings)),
    };
    let attachments = fields.objects("attachments", 0..=limits::ATTACHMENTS, findings);
    MessageDraft {
        direction: fields.word("direction", findings),
        is_private: fields.boolean("private", findings).unwrap_or(false),
        body_type: fields.text("type", findings),
        from_address: fields.text("from", findings).or(sender_address),
        from_name: fields.text("fromName", findings).or(sender_name),
        to: fields.strings("to", findings),
        cc: fields.strings("ccEmails", findings),
        bcc: fields.strings("bccEmails", findings),
        subject: fields.text("subject", findings),
        content: None,
        fallback_text,
        html_body: fields.text("body", findings),
        plain_body: fields.text("bodyPlain", findings),
        clean_body: fields.text("bodyClean", findings),
        raw_data: fields.kept_object("rawData", kept, findings).map(|(text, _)| text),
        sender,
        sent_content: content,
        intent_ids: intents(fields, findings),
        crm_notification_id: fields.text("crmNotificationId", findings),
        contract_id: fields.text("contractId", findings),
        customer_id: fields.text("customerId", findings),
        agent_id: fields.integer("agentId", findings),
        subchannel_id: fields.integer("subchannelId", findings),
        tracking_id: fields.text("externalConversationId", findings),
        author: None,
        ai_tool: None,
        is_automatic: fields.boolean("automatic", findings).unwrap_or(false),
        create_time: date(fields, "createdAt", findings),
        attachments: attachments
            .into_iter()
            .map(|attachment| attachment_from_json(attachment, findings))
            .collect(),
        handling: HandlingDraft {
            status: fields.word("status", findings),
            priority: fields.word("priority", findings),
            first_response_due: date(fields, "firstResponseDueBy", findings),
            due: date(fields, "dueBy", findings),
            ..HandlingDraft::default()
        },
    }
}

fn intents(fields: &mut Object, findings: &mut Findings) -> Vec<IntentId> {
    fields.items("intentIds", "an integer or a string", findings, |value| match value {
        Value::String(text) => Ok(IntentId::Text(text)),
        other => json::whole_number(&other).map(IntentId::Number).ok_or(other),
    })
}

/// `YYYY-MM-DD HH:MM:SS`, in UTC.
fn date(fields: &mut Object, name: &'static str, findings: &mut Findings) -> Option<UnixMillis> {
    let expected = "a date and time that exist, of the form YYYY-MM-DD HH:MM:SS";
    fields.time_as(name, expected, findings, parse_date)
}

fn parse_date(text: &str) -> Option<i64> {
    const FORM: &str = "0000-00-00 00:00:00";
    let fits = text.len() == FORM.len()
        && text.bytes().zip(FORM.bytes()).all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            form => byte == form,
        });
    // The parser takes a leap second as the first of the next minute.
    let is_leap = text.ends_with(":60");
    times::parse(&format!("{}Z", text.replacen(' ', "T", 1))).filter(|_| fits && !is_leap)
}

/// If both are given, the URL wins and the bytes are ignored.
fn attachment_from_json(mut fields: Object, findings: &mut Findings) -> AttachmentDraft {
    let file_name = fields.text("name", findings);
    let found = findings.count();
    let source_url = fields.text("url", findings);
    let bytes = match source_url {
        Some(_) => None,
        None => fields.take_as("base64", "base64", findings, |value| match &value {
            // Of an empty text it is an empty file.
            Value::String(text) => decode(text).ok_or(value),
            _ => Err(value),
        }),
    };
    // Invalid content is present all the same: do not report it as missing as well.
    let unread = (findings.count() > found).then(Vec::new);
    AttachmentDraft { file_name, source_url, bytes: bytes.or(unread), without_bytes: None }
}

/// Decodes base64, bare or as a `data:` URL.
fn decode(text: &str) -> Option<Vec<u8>> {
    match text.strip_prefix("data:") {
        Some(url) => from_base64(url.split_once(";base64,")?.1),
        None => from_base64(text),
    }
}

/// The documented name of a domain field.
fn documented_field(field: &str) -> String {
    const NAMES: [(&str, &str); 21] = [
        ("parent", "ticketId"),
        ("create_time", "createdAt"),
        ("from_address", "from"),
        ("from_name", "fromName"),
        ("cc", "ccEmails"),
        ("bcc", "bccEmails"),
        ("html_body", "body"),
        ("plain_body", "bodyPlain"),
        ("clean_body", "bodyClean"),
        ("raw_data", "rawData"),
        ("sent_content", "content"),
        ("fallback_text", "content.message"),
        ("intent_ids", "intentIds"),
        ("crm_notification_id", "crmNotificationId"),
        ("contract_id", "contractId"),
        ("customer_id", "customerId"),
        ("agent_id", "agentId"),
        ("tracking_id", "externalConversationId"),
        ("first_response_due_time", "firstResponseDueBy"),
        ("due_time", "dueBy"),
        ("ai_tool", "aiTool"),
    ];
    let end = field.find(['[', '.']).unwrap_or(field.len());
    let (name, rest) = field.split_at(end);
    let documented =
        NAMES.iter().find(|(known, _)| *known == name).map_or(name, |(_, documented)| documented);
    let rest = rest.replace(".source_url", ".url").replace(".file_name", ".name");
    format!("{documented}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_must_exist_and_have_the_documented_form() {
        assert_eq!(parse_date("1970-01-01 00:00:00"), Some(0));
        assert_eq!(parse_date("2024-03-01 00:00:00"), Some(1_709_251_200_000));
        assert_eq!(parse_date("2024-02-29 23:59:59"), Some(1_709_251_199_000));
        for wrong in [
            "",
            "2024-03-01",
            "2024-03-01T00:00:00",
            "2024-03-01 00:00:00Z",
            "2024-03-01 00:00",
            "2023-02-29 00:00:00",
            "2024-13-01 00:00:00",
            "2024-00-10 00:00:00",
            "2024-03-01 24:00:00",
            "2024-03-01 00:60:00",
            "2024-03-01 00:00:61",
            "2024-12-31 23:59:60",
            "2016-12-31 23:59:60",
            "2024-3-1 00:00:00.1",
            "+024-03-01 00:00:00",
            "yesterday at 12:00 ",
        ] {
            assert_eq!(parse_date(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn base64_is_decoded_bare_and_as_a_url() {
        for text in ["+/+/AA==", "data:image/png;base64,+/+/AA=="] {
            assert_eq!(decode(text), Some(vec![0xFB, 0xFF, 0xBF, 0]), "{text}");
        }
        assert_eq!(decode("data:text/plain,AAAA"), None);
    }
}
