//! A message that is stored already.

use super::{Differences, is_known_as, shown_apart, shown_author};
use crate::domain::{
    AttachmentPlace, Author, IntentId, Message, MessageDetails, MessageUpdate, NewAttachment,
    NewImportedMessage, Path, UnixMillis, Words, rules,
};

/// A message as edited.
#[derive(Clone, Debug)]
pub struct Edit {
    pub message: Message,
    /// Whether more has changed than the time of its last edit.
    pub is_reworded: bool,
}

/// The message as edited, if the import has a later edit of it, be it to the same words. What differs besides is named.
///
/// What an edit takes is what [`MessageUpdate`] can change. Where the import says nothing, the message stays.
pub fn take_message(
    new: &NewImportedMessage,
    stored: &Message,
    may_edit: bool,
    horizon: UnixMillis,
    at: Path<'_>,
    differences: &mut Differences,
) -> Option<Edit> {
    let told = Comparison { new, stored, at };
    let edit_time = new
        .update_time
        .filter(|time| may_edit && *time <= horizon && stored.update_time.is_none_or(|known| known < *time));
    if told.is_same() {
        // Without the time, an edit in between that arrives after this one would replace it.
        let dated = |time| Message { update_time: Some(time), ..stored.clone() };
        return edit_time.map(|time| Edit { message: dated(time), is_reworded: false });
    }
    let edited = edit_time.and_then(|time| edit(new, stored).apply(stored, time).ok());
    let Some(edited) = edited.filter(|edited| edited != stored) else {
        let as_of = stored.update_time;
        told.name(differences, &|| match as_of {
            _ if !may_edit => "it was stored on its own and is only known by its tracking id".to_owned(),
            Some(known) => {
                format!("only an edit after {known} replaces it; update_time says when it was edited")
            }
            None => "only an edit replaces it; update_time says when it was edited".to_owned(),
        });
        return None;
    };
    let rest = Comparison { new, stored: &edited, at };
    rest.name(differences, &|| "an edit does not change it".to_owned());
    Some(Edit { message: edited, is_reworded: true })
}

/// What an edit in the source changes here.
fn edit(new: &NewImportedMessage, stored: &Message) -> MessageUpdate {
    let author = match is_known_as(&new.author, &stored.author) {
        true => stored.author.clone(),
        false => new.author.clone(),
    };
    let mut update = MessageUpdate {
        content: Some(new.content.clone()),
        author: Some(author),
        create_time: Some(new.create_time),
        ai_tool: new.ai_tool.clone().map(Some),
        is_automatic: new.is_automatic.then_some(true),
        ..MessageUpdate::default()
    };
    if stored.details.is_none() {
        update.kind = Some(new.kind);
        return update;
    }
    // A message with details has its kind from these; one without cannot change it.
    if let Some(details) = new.details.as_ref().map(|new| &new.details) {
        update.html_body = details.html_body.clone().map(Some);
        update.plain_body = details.plain_body.clone().map(Some);
        update.clean_body = details.clean_body.clone().map(Some);
        update.subject = details.subject.clone().map(Some);
        update.direction = Some(details.direction);
        update.is_private = Some(details.is_private);
    }
    update
}

struct Comparison<'a> {
    new: &'a NewImportedMessage,
    stored: &'a Message,
    at: Path<'a>,
}

/// Is told of a field that differs: its name, what is stored and what the import says.
type Tell<'a> = &'a mut dyn FnMut(&'static str, &str, &str);

impl Comparison<'_> {
    fn is_same(&self) -> bool {
        let mut is_same = true;
        self.each(&mut |_, _, _| is_same = false);
        is_same
    }

    fn name(&self, differences: &mut Differences, because: &dyn Fn() -> String) {
        self.each(&mut |field, kept, given| {
            let show = || match kept.is_empty() {
                true => (String::new(), rules::shown(given)),
                false => shown_apart(kept, given),
            };
            differences.add_shown(self.at.field(field), show, because);
        });
    }

    fn each(&self, tell: Tell<'_>) {
        let Self { new, stored, .. } = self;
        if new.content != stored.content {
            tell("content", &stored.content, &new.content);
        }
        if !is_known_as(&new.author, &stored.author) {
            let shown = |author: &Author| shown_author(author);
            tell("author", &shown(&stored.author), &shown(&new.author));
        }
        if new.create_time != stored.create_time {
            tell("create_time", &stored.create_time.to_string(), &new.create_time.to_string());
        }
        if new.kind != stored.kind {
            tell("kind", stored.kind.word(), new.kind.word());
        }
        if new.is_automatic && !stored.is_automatic {
            tell("automatic", "", "true");
        }
        text("ai_tool", &stored.ai_tool, &new.ai_tool, tell);
        let Some(said) = &new.details else { return };
        let none = MessageDetails::default();
        let known = stored.details.as_deref();
        each_detail(known.is_some(), known.unwrap_or(&none), &said.details, tell);
        each_file(known.unwrap_or(&none), &said.attachments, tell);
    }
}

fn each_detail(has_details: bool, known: &MessageDetails, said: &MessageDetails, tell: Tell<'_>) {
    // Without details there is only the kind, which follows from these two.
    if has_details && said.direction != known.direction {
        tell("direction", known.direction.word(), said.direction.word());
    }
    if has_details && said.is_private != known.is_private {
        tell("private", &known.is_private.to_string(), &said.is_private.to_string());
    }
    // A body is of the usual type where nothing is said.
    if said.body_type != known.body_type && said.body_type != MessageDetails::HTML {
        tell("type", &known.body_type, &said.body_type);
    }
    for (field, known, said) in [
        ("from_address", &known.from_address, &said.from_address),
        ("from_name", &known.from_name, &said.from_name),
        ("subject", &known.subject, &said.subject),
        ("html_body", &known.html_body, &said.html_body),
        ("plain_body", &known.plain_body, &said.plain_body),
        ("clean_body", &known.clean_body, &said.clean_body),
        ("raw_data", &known.raw_data, &said.raw_data),
        ("sender", &known.sender, &said.sender),
        ("sent_content", &known.sent_content, &said.sent_content),
        ("crm_notification_id", &known.crm_notification_id, &said.crm_notification_id),
        ("contract_id", &known.contract_id, &said.contract_id),
        ("customer_id", &known.customer_id, &said.customer_id),
        ("tracking_id", &known.tracking_id, &said.tracking_id),
    ] {
        text(field, known, said, tell);
    }
    let number = |number: Option<i64>| number.map(|number| number.to_string());
    text("agent_id", &number(known.agent_id), &number(said.agent_id), tell);
    text("subchannel_id", &number(known.subchannel_id), &number(said.subchannel_id), tell);
    for (field, known, said) in
        [("to", &known.to, &said.to), ("cc", &known.cc, &said.cc), ("bcc", &known.bcc, &said.bcc)]
    {
        if !said.is_empty() && said != known {
            tell(field, &known.join(", "), &said.join(", "));
        }
    }
    if !said.intent_ids.is_empty() && said.intent_ids != known.intent_ids {
        let shown = |ids: &[IntentId]| ids.iter().map(shown_intent).collect::<Vec<_>>().join(", ");
        tell("intent_ids", &shown(&known.intent_ids), &shown(&said.intent_ids));
    }
}

fn each_file(known: &MessageDetails, said: &[NewAttachment], tell: Tell<'_>) {
    let is_same = said.len() == known.attachments.len()
        && said.iter().zip(&known.attachments).all(|(said, known)| {
            let is_same_file = match &said.place {
                AttachmentPlace::Url(url) => known.source_url.as_ref() == Some(url),
                AttachmentPlace::Here(bytes) => known.size_bytes == Some(bytes.len() as u64),
                // Only what is known of the file is said of it.
                AttachmentPlace::Missing(file) => {
                    file.size_bytes.is_none() || file.size_bytes == known.size_bytes
                }
            };
            said.file_name == known.file_name && is_same_file
        });
    if said.is_empty() || is_same {
        return;
    }
    let names =
        |names: &mut dyn Iterator<Item = &String>| names.map(String::as_str).collect::<Vec<_>>().join(", ");
    let kept = names(&mut known.attachments.iter().map(|file| &file.file_name));
    tell("attachments", &kept, &names(&mut said.iter().map(|file| &file.file_name)));
}

fn text(field: &'static str, known: &Option<String>, said: &Option<String>, tell: Tell<'_>) {
    if let Some(said) = said.as_ref().filter(|said| known.as_ref() != Some(said)) {
        tell(field, known.as_deref().unwrap_or_default(), said);
    }
}

fn shown_intent(id: &IntentId) -> String {
    match id {
        IntentId::Number(number) => number.to_string(),
        IntentId::Text(text) => text.clone(),
    }
}
