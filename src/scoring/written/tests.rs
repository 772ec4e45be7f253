//! The mails of `tests/cases/mail`, and laws that hold for all.

use std::{fs, path::Path};

use serde::Deserialize;

use super::{Automatic, Written, of};
use crate::domain::{
    Author, AuthorKind, Direction, ExternalId, Message, MessageDetails, MessageId, MessageKind, UnixMillis,
    words_of_body,
};

/// A mail, and what its author newly wrote.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// What is stored as the content. Absent: the words of the HTML.
    text: Option<String>,
    html: Option<String>,
    subject: Option<String>,
    from: Option<String>,
    /// JSON, as a helpdesk sends it.
    raw: Option<String>,
    /// The author's name.
    author: Option<String>,
    #[serde(default)]
    agent: bool,
    #[serde(default)]
    ai: bool,
    /// With `<link>` and `<code>` for what is no word. Absent: not looked at.
    written: Option<String>,
    automatic: Option<String>,
}

fn message(text: &str) -> Message {
    Message {
        id: MessageId(1),
        external_id: ExternalId::unfolded("m1").unwrap(),
        kind: MessageKind::Message,
        content: text.to_owned(),
        author: Author { kind: AuthorKind::Contact, external_id: None, name: None },
        create_time: UnixMillis::clamped(0),
        ai_tool: None,
        details: None,
        update_time: None,
    }
}

impl Case {
    fn message(&self) -> Message {
        let of_html = || words_of_body(self.html.as_deref().unwrap_or_default(), "html");
        let mut message = message(&self.text.clone().unwrap_or_else(of_html));
        message.author.name = self.author.clone();
        if self.agent || self.ai {
            message.author.kind = if self.ai { AuthorKind::Ai } else { AuthorKind::Teammate };
        }
        if self.html.is_some() || self.raw.is_some() || self.subject.is_some() || self.from.is_some() {
            message.details = Some(Box::new(MessageDetails {
                direction: if self.agent || self.ai { Direction::Out } else { Direction::In },
                body_type: "html".to_owned(),
                html_body: self.html.clone(),
                plain_body: self.html.as_ref().and(self.text.clone()),
                raw_data: self.raw.clone(),
                subject: self.subject.clone(),
                from_address: self.from.clone(),
                ..MessageDetails::default()
            }));
        }
        message
    }
}

fn cases() -> Vec<(String, Case)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/mail");
    let mut cases = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let found: Vec<Case> = serde_saphyr::from_str(&fs::read_to_string(&path).unwrap())
            .unwrap_or_else(|error| panic!("{file}: {error}"));
        cases.extend(found.into_iter().map(|case| (file.clone(), case)));
    }
    cases
}

/// The words, whatever white space is between them.
fn shown(written: &Written) -> String {
    let shown = written.text.replace(super::LINK, "<link>").replace(super::CODE, "<code>");
    shown.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn automatic_name(automatic: Option<Automatic>) -> Option<String> {
    automatic.map(|automatic| format!("{automatic:?}"))
}

#[test]
fn mails_are_read_as_their_authors_wrote_them() {
    let cases = cases();
    assert!(cases.len() >= 120, "only {} mails were found", cases.len());
    let mut wrong = String::new();
    for (file, case) in &cases {
        let message = case.message();
        let written = of(&message);
        let expected =
            case.written.as_ref().map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
        let (seen, automatic) = (shown(&written), automatic_name(written.automatic));
        if expected.as_ref().is_some_and(|expected| *expected != seen) || automatic != case.automatic {
            wrong += &format!(
                "{file}, {}:\n  expected {expected:?} {:?}\n  seen     {seen:?} {automatic:?}\n",
                case.name, case.automatic
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
