//! The CraftCX import format. docs/rest-craftcx.md describes it; each line of a `plaudit import` file may be one.

use crate::domain::{
    AuthorDraft, ConversationDraft, ImportLimits, ImportedMessageDraft, NewConversation, Violation,
    Violations,
};

use super::json::{self, Findings, Object};

/// Parses a conversation, or returns all violations under the documented field names. Unknown fields are ignored.
pub fn parse_conversation(body: &[u8], limits: ImportLimits) -> Result<NewConversation, Violations> {
    let mut findings = Findings::default();
    let draft = draft_of(&mut json::parse(body, &mut findings)?, limits, &mut findings);
    checked(draft, limits, findings)
}

/// The same of a line of a file, whose unknown keys are violations too; with `ignored` they are listed there instead. `elsewhere`
/// says where another form has a key of a name.
pub fn parse_line(
    line: &[u8],
    limits: ImportLimits,
    ignored: Option<&mut Vec<Violation>>,
    elsewhere: impl Fn(&str) -> Option<String>,
) -> Result<NewConversation, Violations> {
    let mut findings = Findings::with_unknown_keys();
    let mut fields = json::parse(line, &mut findings)?;
    let draft = draft_of(&mut fields, limits, &mut findings);
    fields.close(&mut findings);
    let unknown = findings.take_unknown_keys().into_iter().map(|key| key.told(&elsewhere)).collect();
    match ignored {
        Some(ignored) => *ignored = unknown,
        None => findings.refuse(unknown),
    }
    checked(draft, limits, findings)
}

fn checked(
    draft: ConversationDraft,
    limits: ImportLimits,
    findings: Findings,
) -> Result<NewConversation, Violations> {
    let checked = draft.check(limits, Violations::default());
    findings.collect(checked.map_err(|violations| violations.renamed(documented_field)))
}

fn draft_of(fields: &mut Object, limits: ImportLimits, findings: &mut Findings) -> ConversationDraft {
    fields.require("messages", findings);
    let messages = fields.objects("messages", 1..=limits.messages, findings);
    ConversationDraft {
        source: fields.string("source", findings),
        external_id: fields.string("ticket_id", findings),
        subject: fields.text("subject", findings),
        language: fields.text("language", findings),
        messages: messages.into_iter().map(|message| message_of(message, findings)).collect(),
        ..ConversationDraft::default()
    }
}

fn message_of(mut fields: Object, findings: &mut Findings) -> ImportedMessageDraft {
    fields.require("author", findings);
    let author = fields.object("author", findings);
    let draft = ImportedMessageDraft {
        external_id: fields.string("external_id", findings),
        kind: fields.word("kind", findings),
        content: fields.string("content", findings),
        author: author.map(|author| author_of(author, findings)).unwrap_or_default(),
        create_time: fields.millis("timestamp", findings),
        ai_tool: fields.text("ai_tool", findings),
        is_automatic: fields.boolean("automatic", findings).unwrap_or(false),
        ..ImportedMessageDraft::default()
    };
    fields.close(findings);
    draft
}

fn author_of(mut fields: Object, findings: &mut Findings) -> AuthorDraft {
    let draft = AuthorDraft {
        kind: fields.word("type", findings),
        external_id: fields.text("external_id", findings),
        name: fields.text("name", findings),
    };
    fields.close(findings);
    draft
}

/// The documented name of a domain field.
pub fn documented_field(field: &str) -> String {
    match field.split_once('.') {
        None if field == "external_id" => "ticket_id".to_owned(),
        Some((message, "create_time")) => format!("{message}.timestamp"),
        Some((message, "author.kind")) => format!("{message}.author.type"),
        _ => field.to_owned(),
    }
}
