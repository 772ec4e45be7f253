//! The mails of `tests/cases/mail`, and laws that hold for all.

use std::{fs, path::Path};

use proptest::prelude::*;
use serde::Deserialize;

use super::{Automatic, Written, of};
use crate::domain::{
    Author, AuthorKind, Direction, ExternalId, Message, MessageDetails, MessageId, MessageKind, UnixMillis,
    words_of_body,
};
use crate::scoring::tests::thread_time;

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
        is_automatic: false,
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

/// The written text of a mail without markup.
fn written(text: &str) -> String {
    shown(&of(&message(text)))
}

const OWN: [&str; 8] = [
    "Works again.",
    "Where is my parcel? It was promised for Friday.",
    "Jetzt geht es wieder, danke.",
    "Non ho ancora ricevuto il rimborso.",
    "Nadal nie działa.",
    "まだ届いていません。",
    "现在可以用了。",
    "First the blue one.\nThen, if that is gone, the red one.",
];

/// What is added below a mail by mail programs and firms.
const BELOW: [&str; 12] = [
    "On Tue, 14 Mar 2023 at 09:12, Anna <help@shop.example> wrote:\n\n> Does it work?\n> Anna",
    "Am 14.03.2023 um 09:12 schrieb Anna Berg <hilfe@laden.example>:\n\nGeht es wieder?\nAnna",
    "-----Original Message-----\nFrom: Anna\nSent: Tuesday\nTo: Mia\nSubject: Router\n\nDoes it work?",
    "差出人: Anna <help@shop.example>\n送信日時: 2023年3月14日\n宛先: Mia\n件名: RE: 荷物\n\n届きましたか。",
    "> quoted\n>> and again",
    "-- \nMia Lund\nHead of Lamps\n+44 20 7946 0000",
    "Best regards,\nMia Lund\nLamps & More Ltd\nPhone: +44 20 7946 0000",
    "Sent from my iPhone",
    "Envoyé de mon iPhone",
    "This e-mail and any attachments are confidential. IF YOU ARE NOT THE INTENDED RECIPIENT, DELETE IT.",
    "Diese E-Mail enthält vertrauliche Informationen. Bitte löschen Sie sie.",
    "You are receiving this email because you are a customer. To unsubscribe click https://shop.example/u?x=1",
];

proptest! {
    #[test]
    fn what_stands_below_a_mail_changes_nothing(own in 0..OWN.len(), below in prop::collection::vec(0..BELOW.len(), 1..3)) {
        let own = OWN[own];
        // Below an earlier mail stands nothing of the author's.
        let mut below: Vec<usize> = below;
        below.sort_by_key(|index| *index < 5);
        let mut mail = own.to_owned();
        for index in below {
            mail += "\n\n";
            mail += BELOW[index];
        }
        prop_assert_eq!(written(&mail), written(own), "{}", mail);
    }

    #[test]
    fn an_answer_below_a_long_quotation_is_read(lines in 1usize..3000, own in 0..OWN.len()) {
        let mail = format!("{}\n{}", "> somebody else's words\n".repeat(lines), OWN[own]);
        prop_assert_eq!(written(&mail), written(OWN[own]));
    }

    #[test]
    fn any_text_is_read(text in "[ -~\n>“”äß。？:]{0,300}") {
        let read = written(&text);
        prop_assert!(read.len() <= 8 * text.len() + 8);
    }

    #[test]
    fn any_markup_is_read(html in "[<>/a-z&;#='\" \n!-]{0,300}") {
        let case = Case { html: Some(html), ..no_case() };
        let message = case.message();
        of(&message);
    }
}

fn no_case() -> Case {
    serde_saphyr::from_str("name: none").unwrap()
}

#[test]
fn a_hostile_mail_takes_no_time() {
    const SIZE: usize = 1024 * 1024;
    let before = thread_time();
    let parts = [
        "<b>",
        "<blockquote>x",
        "&amp;",
        "<!--",
        "<a b=c d=e>",
        "\n",
        "> q\n",
        "a:\n",
        "On x <\n",
        "wrote: ",
        "-- \nX\n",
        "--\nX\n",
        "Best regards\nX\n",
        "[image: ",
        "This e-mail is confidential. ",
        "DE89 1234 ",
        "“",
        "From: x Sent: y ",
    ];
    for part in parts {
        let text = part.repeat(SIZE / part.len());
        written(&text);
        let case = Case { html: Some(text), text: Some(String::new()), ..no_case() };
        of(&case.message());
    }
    let attributes: String = (0..SIZE / 8).map(|number| format!(" a{number}")).collect();
    let case = Case { html: Some(format!("<p{attributes}>x")), text: Some(String::new()), ..no_case() };
    of(&case.message());
    // Only against what is not linear; benches/scoring.rs measures.
    let seconds = thread_time() - before;
    assert!(seconds < 60.0, "{seconds} s");
}

#[test]
fn capitals_shout_only_where_it_is_certain() {
    for (text, shouts) in [
        ("WHERE IS MY MONEY", true),
        ("I WANT MY MONEY BACK NOW!!", true),
        ("WO IST MEIN GELD? ICH WARTE SEIT WOCHEN", true),
        ("I sent you PDF, CSV, XML.", false),
        ("PDF, CSV, XML, JSON, YAML.", false),
        ("PDF / CSV / XML / JSON", false),
        ("IBAN DE89 3704 0044 0532 0130 00", false),
        ("SKU ABC-1234-XYZ", false),
        ("IKEA BILLY", false),
        ("The screen says \"PLEASE CONTACT YOUR ADMINISTRATOR NOW\"", false),
        ("My HP LaserJet PRO prints ERROR again", false),
        ("OK", false),
        ("お金を返してください", false),
    ] {
        let message = message(text);
        assert_eq!(super::shouts(&of(&message).text), shouts, "{text}");
    }
    let capitals = ["WHERE IS IT", "IT SHIPS TODAY", "BY WHOM", "BY US"];
    assert!(super::of_medium(capitals.into_iter()));
    assert!(!super::of_medium(capitals[..2].iter().copied()), "two who shout");
    assert!(!super::of_medium(capitals.into_iter().chain(["It ships today."])));
}
