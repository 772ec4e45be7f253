//! The forms of mail programs and of automatic texts, read once from the data files beside this one.

use std::{collections::HashMap, sync::LazyLock};

use super::phrases::{Phrases, normal};

const CONTAINERS: &str = include_str!("data/containers.txt");
const LANGUAGES: [&str; 11] = [
    include_str!("data/de.txt"),
    include_str!("data/en.txt"),
    include_str!("data/es.txt"),
    include_str!("data/fr.txt"),
    include_str!("data/it.txt"),
    include_str!("data/ja.txt"),
    include_str!("data/nl.txt"),
    include_str!("data/pl.txt"),
    include_str!("data/pt.txt"),
    include_str!("data/tr.txt"),
    include_str!("data/zh.txt"),
];

/// What an element of HTML is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    Quote,
    Attribution,
    History,
    Signature,
}

/// What the element is for that has this attribute, whose name is in lower case.
pub fn container(attribute: &str, word: &str) -> Option<Container> {
    let word = word.to_ascii_lowercase();
    let found = CONTAINER_TABLE.iter().find(|(name, whole, text, _)| {
        *name == attribute && if *whole { word == *text } else { word.starts_with(text) }
    });
    found.map(|(_, _, _, container)| *container)
}

type ContainerEntry = (&'static str, bool, &'static str, Container);

static CONTAINER_TABLE: LazyLock<Vec<ContainerEntry>> = LazyLock::new(|| {
    let entries = sections(CONTAINERS).filter_map(|(section, line)| {
        let container = match section {
            "quote" => Container::Quote,
            "attribution" => Container::Attribution,
            "history" => Container::History,
            "signature" => Container::Signature,
            _ => return None,
        };
        let (attribute, text) = line.split_once(' ')?;
        Some(match text.strip_suffix('*') {
            Some(text) => (attribute, false, text, container),
            None => (attribute, true, text, container),
        })
    });
    entries.collect()
});

/// The labels of the headers that mail programs copy above a quoted mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    From,
    Sent,
    To,
    Subject,
    /// `Date`, `Cc`, `Reply to`, …
    Other,
}

/// What a sentence or a line can be by the phrases in it. Each is one bit of `Kinds`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// `Sent from my phone`.
    SentFrom,
    Disclaimer,
    /// Above the line of a helpdesk: `Please type your reply above this line`.
    ReplyAbove,
    Footer,
    /// Says by itself that a program wrote it.
    Automated,
    /// Away from an office.
    Away,
    /// Away, as persons also say it.
    AwayMaybe,
    AwayMore,
    Acknowledgement,
    AcknowledgementMore,
    Survey,
    SurveyMore,
    System,
    Bounce,
    /// Greetings, thanks for writing, and what else stands in any mail.
    Courtesy,
}

/// A reaction to a message, as a phone sends it to those who see none.
pub struct Reaction {
    /// Before and after the quoted words, `normal`.
    pub before: String,
    pub after: String,
    pub with_symbol: bool,
    /// It is all there is, and quotes nothing.
    pub is_whole: bool,
}

impl Reaction {
    fn of(line: &str) -> Option<Self> {
        let (before, after) = line.split_once('…')?;
        let with_symbol = line.contains('☺');
        let (before, after) = (normal(before), normal(after));
        Some(Self { before, after, with_symbol, is_whole: line.starts_with('=') })
    }
}

pub struct Forms {
    /// The verbs of `… wrote:`.
    pub wrote: Vec<&'static str>,
    /// The last bytes of those.
    pub ends_of_wrote: Vec<u8>,
    /// The words that say that the author quotes themselves.
    pub own: Vec<&'static str>,
    /// How the header of a quotation begins: `on`, `am`, `le`.
    pub openings: Vec<&'static str>,
    pub labels: HashMap<&'static str, Vec<Label>>,
    /// What stands between dashes above a quoted mail: `original message`.
    pub separators: Vec<&'static str>,
    /// A word that every line has above which one is to reply.
    pub above: Vec<&'static str>,
    pub greetings: Vec<&'static str>,
    /// Sign-offs that say nothing: `best regards`.
    pub sign_offs: Vec<&'static str>,
    /// Sign-offs that say something: `thanks`.
    pub thanks: Vec<&'static str>,
    /// Labels of a signature: `phone`, `vat id`.
    pub contacts: Vec<&'static str>,
    /// What stands before and after the quoted words of a reaction.
    pub reactions: Vec<Reaction>,
    /// How the subject of an answer begins that nobody wrote, and what it then is.
    pub subjects: Vec<(&'static str, Kind)>,
    /// The words of a time that somebody is away: `until`.
    pub until: Vec<&'static str>,
    /// What is received when somebody writes: `request`, `message`. Parts of words.
    pub inquiries: Vec<&'static str>,
    pub phrases: Phrases,
}

fn ends(words: &[&str]) -> Vec<u8> {
    let mut ends: Vec<u8> = words.iter().filter_map(|word| word.bytes().next_back()).collect();
    ends.sort_unstable();
    ends.dedup();
    ends
}

pub fn forms() -> &'static Forms {
    &FORMS
}

static FORMS: LazyLock<Forms> = LazyLock::new(|| {
    let all: Vec<(&str, &str)> = LANGUAGES.iter().flat_map(|file| sections(file)).collect();
    let list = |wanted: &str| -> Vec<&'static str> {
        let mut list: Vec<&str> =
            all.iter().filter(|(section, _)| *section == wanted).map(|(_, line)| *line).collect();
        list.sort_unstable();
        list.dedup();
        list
    };
    let kinds = [
        ("sent from", Kind::SentFrom),
        ("disclaimer", Kind::Disclaimer),
        ("reply above", Kind::ReplyAbove),
        ("footer", Kind::Footer),
        ("automated", Kind::Automated),
        ("away", Kind::Away),
        ("away, maybe", Kind::AwayMaybe),
        ("away, more", Kind::AwayMore),
        ("acknowledgement", Kind::Acknowledgement),
        ("acknowledgement, more", Kind::AcknowledgementMore),
        ("survey", Kind::Survey),
        ("survey, more", Kind::SurveyMore),
        ("system", Kind::System),
        ("bounce", Kind::Bounce),
        ("courtesy", Kind::Courtesy),
    ];
    let phrases = kinds
        .into_iter()
        .flat_map(|(section, kind)| list(section).into_iter().map(move |phrase| (phrase, kind)));
    let mut labels: HashMap<&str, Vec<Label>> = HashMap::new();
    for (section, label) in [
        ("header from", Label::From),
        ("header sent", Label::Sent),
        ("header to", Label::To),
        ("header subject", Label::Subject),
        ("header other", Label::Other),
    ] {
        for word in list(section) {
            labels.entry(word).or_default().push(label);
        }
    }
    let subjects = [
        ("subject away", Kind::Away),
        ("subject acknowledgement", Kind::Acknowledgement),
        ("subject bounce", Kind::Bounce),
    ]
    .into_iter()
    .flat_map(|(section, kind)| list(section).into_iter().map(move |begins| (begins, kind)));
    Forms {
        ends_of_wrote: ends(&list("wrote")),
        wrote: list("wrote"),
        own: list("own"),
        openings: list("openings"),
        labels,
        separators: list("separator"),
        above: list("above"),
        greetings: list("greeting"),
        sign_offs: list("sign-off"),
        thanks: list("thanks"),
        contacts: list("contact"),
        reactions: list("reaction").into_iter().filter_map(Reaction::of).collect(),
        subjects: subjects.collect(),
        until: list("until"),
        inquiries: list("inquiry"),
        phrases: Phrases::of(phrases, list("no name")),
    }
});

/// The lines of a data file, each with its section, without comments.
fn sections(file: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let mut section = "";
    file.lines().filter_map(move |line| {
        // `##` is no comment: helpdesks write it.
        let line = line.split(" #").next().unwrap_or_default().trim();
        match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            Some(name) => section = name,
            None if !line.is_empty() && !line.starts_with('#') => return Some((section, line)),
            None => {}
        }
        None
    })
}
