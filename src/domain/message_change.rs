//! What a caller wants to change of a stored message.

use minicbor::Encode;

use super::{Author, ImportLimits, Message, StoreLimits, UnixMillis, Violations, words_of_body};

/// The fields to change; absent ones stay. `Some(None)` takes a value away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode)]
pub struct MessageChange {
    /// The words that scoring reads. When only the HTML body is changed they follow from it.
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
}

impl MessageChange {
    /// Checks every rule. `violations` are those that the edge found while decoding.
    pub fn check(self, mut violations: Violations) -> Result<Self, Violations> {
        let inner = |text: &Option<Option<String>>| text.clone().flatten();
        let author =
            |of: fn(&Author) -> &Option<String>| self.author.as_ref().and_then(|author| of(author).clone());
        let texts = [
            ("content", self.content.clone(), StoreLimits::BODY_BYTES),
            ("html_body", inner(&self.html_body), StoreLimits::BODY_BYTES),
            ("subject", inner(&self.subject), ImportLimits::SUBJECT_BYTES),
            ("ai_tool", inner(&self.ai_tool), ImportLimits::AI_TOOL_BYTES),
            ("author.external_id", author(|author| &author.external_id), ImportLimits::EXTERNAL_ID_BYTES),
            ("author.name", author(|author| &author.name), ImportLimits::NAME_BYTES),
        ];
        for (field, text, max) in texts {
            let length = text.map_or(0, |text| text.len());
            if length > max {
                violations.add(field, format!("must be at most {max} bytes long, is {length}"));
            }
        }
        if let Some(time) = self.create_time
            && !(0..=UnixMillis::MAX.0).contains(&time.0)
        {
            let rule = "must lie between 1970-01-01 and the end of 9999";
            violations.add("create_time", format!("{rule}, is {} ms", time.0));
        }
        violations.or(self)
    }

    /// The message as it is then; `message` itself when nothing of it changes.
    pub fn apply(&self, message: &Message, now: UnixMillis) -> Result<Message, Violations> {
        let mut changed = message.clone();
        if let Some(author) = &self.author {
            changed.author = author.clone();
        }
        if let Some(time) = self.create_time {
            changed.create_time = time;
        }
        if let Some(ai_tool) = &self.ai_tool {
            changed.ai_tool = ai_tool.clone();
        }
        self.apply_to_details(&mut changed)?;
        let body_type = changed.details.as_ref().map_or("", |details| &details.body_type);
        let words = |body: &Option<String>| words_of_body(body.as_deref().unwrap_or_default(), body_type);
        let from_html = self.html_body.as_ref().map(words);
        if let Some(content) = self.content.clone().or(from_html) {
            self.forget_other_bodies(&mut changed, &content);
            changed.content = content;
        }
        if changed != *message {
            changed.update_time = Some(now);
        }
        Ok(changed)
    }

    /// What an imported message does not have.
    fn apply_to_details(&self, message: &mut Message) -> Result<(), Violations> {
        let Some(details) = &mut message.details else {
            let mut violations = Violations::default();
            for (field, is_said) in
                [("html_body", self.html_body.is_some()), ("subject", self.subject.is_some())]
            {
                if is_said {
                    violations.add(field, "must not be changed: an imported message has none");
                }
            }
            return violations.or(());
        };
        if let Some(html) = &self.html_body {
            details.html_body = html.clone();
        }
        if let Some(subject) = &self.subject {
            details.subject = subject.clone();
        }
        Ok(())
    }

    /// Words that were changed must not stand unchanged in a body beside them.
    fn forget_other_bodies(&self, message: &mut Message, content: &str) {
        if message.content == content {
            return;
        }
        if let Some(details) = &mut message.details {
            details.plain_body = None;
            details.clean_body = None;
            if self.html_body.is_none() {
                details.html_body = None;
            }
        }
    }
}
