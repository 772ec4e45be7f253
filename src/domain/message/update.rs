//! Changes to a stored message that a caller asks for.

use std::collections::HashSet;

use minicbor::Encode;

use crate::domain::{
    AttachmentId, Author, Direction, Message, MessageDetails, MessageKind, Path, UnixMillis, Violations,
    limits, rules, words_of_body,
};

/// The fields to change; absent ones stay. `Some(None)` clears a value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode)]
pub struct MessageUpdate {
    /// The text that scoring reads. When only bodies change, it is derived from them.
    #[n(0)]
    pub content: Option<String>,
    #[n(1)]
    pub html_body: Option<Option<String>>,
    #[n(2)]
    pub subject: Option<Option<String>>,
    #[n(3)]
    pub author: Option<Author>,
    #[n(4)]
    pub create_time: Option<UnixMillis>,
    #[n(5)]
    pub ai_tool: Option<Option<String>>,
    #[n(6)]
    pub plain_body: Option<Option<String>>,
    #[n(7)]
    pub clean_body: Option<Option<String>>,
    #[n(8)]
    pub direction: Option<Direction>,
    #[n(9)]
    pub is_private: Option<bool>,
    /// For a message with a direction it follows from that, and may only be given as it is.
    #[n(10)]
    pub kind: Option<MessageKind>,
    /// The attachments that stay, in their new order.
    #[n(11)]
    pub attachments: Option<Vec<KeptAttachment>>,
    #[n(12)]
    pub is_automatic: Option<bool>,
}

/// An attachment that stays with its message.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct KeptAttachment {
    /// Absent: its name could not be parsed, which is among the violations.
    #[n(0)]
    pub id: Option<AttachmentId>,
    /// Its new name; absent: unchanged.
    #[n(1)]
    pub file_name: Option<String>,
    /// As its caller read it: it cannot change.
    #[n(2)]
    pub source_url: Option<String>,
}

impl MessageUpdate {
    /// Checks every rule. `violations` are those that the edge found while decoding.
    pub fn check(self, mut violations: Violations) -> Result<Self, Violations> {
        let inner = |text: &'_ Option<Option<String>>| text.clone().flatten();
        for (field, text, most) in [
            ("content", self.content.clone(), limits::BODY_BYTES),
            ("html_body", inner(&self.html_body), limits::BODY_BYTES),
            ("plain_body", inner(&self.plain_body), limits::BODY_BYTES),
            ("clean_body", inner(&self.clean_body), limits::BODY_BYTES),
            ("subject", inner(&self.subject), limits::SUBJECT_BYTES),
            ("ai_tool", inner(&self.ai_tool), limits::NAME_BYTES),
        ] {
            violations.check(field, rules::max_bytes(text.as_deref(), most));
        }
        let mut seen = HashSet::new();
        for (index, kept) in self.attachments.iter().flatten().enumerate() {
            let at = Path::ROOT.item("attachments", index);
            let rule = rules::max_bytes(kept.file_name.as_deref(), limits::NAME_BYTES);
            violations.check(at.field("file_name"), rule);
            if let Some(id) = kept.id.filter(|id| !seen.insert(*id)) {
                violations.add(at.field("name"), format!("must come once, number {id} comes twice"));
            }
        }
        violations.or(self)
    }

    /// The numbers of the cleared fields, which encode like those that stay.
    pub fn cleared(&self) -> Vec<u8> {
        let texts = [
            (1, &self.html_body),
            (2, &self.subject),
            (5, &self.ai_tool),
            (6, &self.plain_body),
            (7, &self.clean_body),
        ];
        texts.into_iter().filter(|(_, text)| **text == Some(None)).map(|(number, _)| number).collect()
    }

    /// The message after the update; `message` itself when nothing changes.
    pub fn apply(&self, message: &Message, now: UnixMillis) -> Result<Message, Violations> {
        let mut changed = message.clone();
        set(&mut changed.author, &self.author);
        set(&mut changed.create_time, &self.create_time);
        set(&mut changed.ai_tool, &self.ai_tool);
        set(&mut changed.is_automatic, &self.is_automatic);
        let mut violations = Violations::default();
        match &mut changed.details {
            Some(details) => {
                self.apply_to_details(details, &mut violations);
                changed.kind = self.kind_of(details, message.kind, &mut violations);
            }
            None => {
                self.refuse_details(&mut violations);
                set(&mut changed.kind, &self.kind);
            }
        }
        violations.or(())?;
        self.apply_words(&mut changed, message.details.as_deref());
        if changed != *message {
            changed.update_time = Some(now);
        }
        Ok(changed)
    }

    fn apply_to_details(&self, details: &mut MessageDetails, violations: &mut Violations) {
        set(&mut details.html_body, &self.html_body);
        set(&mut details.plain_body, &self.plain_body);
        set(&mut details.clean_body, &self.clean_body);
        set(&mut details.subject, &self.subject);
        set(&mut details.direction, &self.direction);
        set(&mut details.is_private, &self.is_private);
        let Some(wanted) = &self.attachments else { return };
        let mut kept = Vec::with_capacity(wanted.len());
        for (index, wanted) in wanted.iter().enumerate() {
            let at = Path::ROOT.item("attachments", index);
            let Some(id) = wanted.id else { continue };
            let Some(stored) = details.attachments.iter().find(|stored| stored.id == id) else {
                let rule = "must name an attachment of the message, which has none of number";
                violations.add(at.field("name"), format!("{rule} {id}"));
                continue;
            };
            if let Some(url) =
                wanted.source_url.as_ref().filter(|url| Some(*url) != stored.source_url.as_ref())
            {
                let rule = format!("must stay as it is, is {}", rules::shown(url));
                violations.add(at.field("source_url"), rule);
            }
            let mut stored = stored.clone();
            set(&mut stored.file_name, &wanted.file_name);
            kept.push(stored);
        }
        details.attachments = kept;
    }

    /// Whether it is part of the exchange follows from direction and privacy; `before`: its kind when neither changes.
    fn kind_of(
        &self,
        details: &MessageDetails,
        before: MessageKind,
        violations: &mut Violations,
    ) -> MessageKind {
        let is_moved = self.direction.is_some() || self.is_private.is_some();
        let follows = if is_moved { details.kind() } else { before };
        if self.kind.is_some_and(|kind| kind != follows) {
            let rule =
                "must be a comment where private is true or direction is INTERNAL, and a message elsewhere";
            violations.add("kind", format!("{rule}: change these"));
        }
        follows
    }

    /// Refuses fields of the details, which a message has not that was imported with its words, author and time alone.
    fn refuse_details(&self, violations: &mut Violations) {
        for (field, is_said, besides) in [
            ("html_body", self.html_body.is_some(), ""),
            ("plain_body", self.plain_body.is_some(), ""),
            ("clean_body", self.clean_body.is_some(), ""),
            ("subject", self.subject.is_some(), ""),
            ("direction", self.direction.is_some(), "; its kind can be changed"),
            ("private", self.is_private.is_some(), "; its kind can be changed"),
            ("attachments", self.attachments.is_some(), ""),
        ] {
            if is_said {
                let rule = "must not be changed: the message was imported with nothing but its content, author and time";
                violations.add(field, format!("{rule}{besides}"));
            }
        }
    }

    /// Applies changes to the text and the bodies; text that was changed must not survive unchanged in another field.
    /// `before` are the details before the update: a body that is given unchanged does not affect the text.
    fn apply_words(&self, message: &mut Message, before: Option<&MessageDetails>) {
        let (Some(details), Some(before)) = (&mut message.details, before) else {
            set(&mut message.content, &self.content);
            return;
        };
        let named_and_were = [
            (&self.clean_body, &before.clean_body),
            (&self.plain_body, &before.plain_body),
            (&self.html_body, &before.html_body),
        ];
        let new = named_and_were.map(|(named, was)| named.as_ref().filter(|said| *said != was));
        let of_new = || {
            let [clean, plain, html] = new.map(|body| body.cloned().flatten());
            clean.or(plain).or_else(|| html.map(|html| words_of_body(&html, &details.body_type)))
        };
        match self.content.clone().or_else(of_new) {
            Some(words) if words != message.content => {
                let [is_clean, is_plain, is_html] = named_and_were.map(|(named, _)| named.is_some());
                details.clean_body.take_if(|_| !is_clean);
                details.plain_body.take_if(|_| !is_plain);
                details.html_body.take_if(|_| !is_html);
                message.content = words;
            }
            // Bodies were cleared: the text comes from the remaining ones.
            None if new.iter().any(Option::is_some) => {
                let of_html =
                    || details.html_body.as_ref().map(|html| words_of_body(html, &details.body_type));
                let left = details.clean_body.clone().or_else(|| details.plain_body.clone()).or_else(of_html);
                message.content = left.unwrap_or_default();
            }
            _ => {}
        }
    }
}

fn set<T: Clone>(place: &mut T, value: &Option<T>) {
    if let Some(value) = value {
        place.clone_from(value);
    }
}
