//! Telling what no person wrote: out of office, acknowledgements, lines of the helpdesk, surveys, reactions, bounces.

use super::{
    forms::{Kind, forms},
    headers::Said,
    phrases::normal,
    sentences::Sentence,
};
use crate::domain::{AuthorKind, Message};

/// Why a message is not a person's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Automatic {
    /// The caller said so.
    Declared,
    OutOfOffice,
    /// `We have received your request.`
    Acknowledgement,
    /// The headers say that it answers by itself.
    Reply,
    /// The headers or the words say that a program sent it: a notice, a newsletter.
    Notification,
    /// The helpdesk's line about itself: `Jane joined the chat`.
    System,
    Survey,
    /// `Liked "…"`, or a thumb alone.
    Reaction,
    /// A mail that could not be delivered.
    Bounce,
}

/// A sentence of so few words is a name or a greeting, and says nothing against an automatic text.
const FEW_WORDS: usize = 3;
/// A line of a helpdesk about itself has no more.
const SYSTEM_WORDS: usize = 24;

/// `text` is what its author newly wrote, `sentences` are of the same text before signatures were taken out.
pub fn automatic(message: &Message, text: &str, sentences: &[Sentence]) -> Option<Automatic> {
    let details = message.details.as_deref();
    let said = details.and_then(|details| details.raw_data.as_deref()).map(Said::of).unwrap_or_default();
    let subject = details.and_then(|details| details.subject.as_deref());
    let of_headers = match message.author.kind {
        AuthorKind::Contact => said.of_incoming(),
        AuthorKind::Teammate => said.answers(),
        // Its answers are automatic, and what is judged.
        AuthorKind::Ai => None,
    };
    let of_address = || {
        let from = details?.from_address.as_deref()?.to_ascii_lowercase();
        let daemon = from.starts_with("mailer-daemon@") || from.starts_with("postmaster@");
        (daemon && message.author.kind == AuthorKind::Contact).then_some(Automatic::Bounce)
    };
    let of_words = || of_sentences(sentences, said.hints());
    // The more telling kind first: an out of office reply has headers too.
    subject
        .and_then(of_subject)
        .or_else(of_address)
        .or_else(|| of_reaction(text))
        .or_else(of_words)
        .or(of_headers)
}

fn of_subject(subject: &str) -> Option<Automatic> {
    let words = normal(subject);
    let begins = |begin: &str| {
        words
            .strip_prefix(begin)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(' ') || !begin.is_ascii())
    };
    let found = forms().subjects.iter().find(|(begin, _)| begins(begin))?;
    of_kind(found.1)
}

fn of_kind(kind: Kind) -> Option<Automatic> {
    Some(match kind {
        Kind::Away => Automatic::OutOfOffice,
        Kind::Acknowledgement => Automatic::Acknowledgement,
        Kind::Survey => Automatic::Survey,
        Kind::System => Automatic::System,
        Kind::Bounce => Automatic::Bounce,
        Kind::Automated => Automatic::Notification,
        _ => return None,
    })
}

/// One kind of automatic text: the phrases that make it, and those that come with it.
struct Form {
    kind: Kind,
    with: &'static [Kind],
    /// How many sentences before its first phrase say something else, at most.
    before: usize,
}

const FORMS: [Form; 4] = [
    Form { kind: Kind::Bounce, with: &[Kind::Automated], before: 1 },
    Form { kind: Kind::Away, with: &[Kind::AwayMore, Kind::Automated], before: 1 },
    Form {
        kind: Kind::Acknowledgement,
        with: &[Kind::AcknowledgementMore, Kind::Automated, Kind::AwayMore],
        before: 1,
    },
    Form { kind: Kind::Survey, with: &[Kind::SurveyMore, Kind::Automated], before: 2 },
];

fn of_sentences(sentences: &[Sentence], hinted: bool) -> Option<Automatic> {
    let lines: Vec<&Sentence> = sentences.iter().filter(|sentence| sentence.words > 0).collect();
    let words: usize = lines.iter().map(|sentence| sentence.words).sum();
    let all_system = !lines.is_empty() && lines.iter().all(|sentence| sentence.kinds.has(Kind::System));
    if all_system && words <= SYSTEM_WORDS * lines.len() {
        return Some(Automatic::System);
    }
    FORMS.iter().find(|form| form.is_all_of(&lines, hinted)).and_then(|form| of_kind(form.kind)).or_else(
        || {
            lines
                .iter()
                .any(|sentence| sentence.kinds.has(Kind::Automated))
                .then_some(Automatic::Notification)
        },
    )
}

impl Form {
    /// Whether the text is of this form, and does not only mention it: nearly every sentence belongs to it.
    fn is_all_of(&self, sentences: &[&Sentence], hinted: bool) -> bool {
        let belongs =
            |sentence: &Sentence| sentence.kinds.has(self.kind) || sentence.kinds.has_any(self.with);
        let neutral = |sentence: &Sentence| {
            let kinds = [Kind::Courtesy, Kind::Disclaimer, Kind::Footer, Kind::SentFrom];
            sentence.words <= FEW_WORDS || sentence.kinds.has_any(&kinds)
        };
        let Some(first) = sentences.iter().position(|sentence| sentence.kinds.has(self.kind)) else {
            return false;
        };
        let foreign = |sentence: &&&Sentence| !belongs(sentence) && !neutral(sentence);
        let before = sentences[..first].iter().filter(foreign).count();
        let others: Vec<_> = sentences.iter().filter(foreign).collect();
        let evidence = sentences.iter().filter(|sentence| belongs(sentence)).count();
        let asks = others.iter().any(|sentence| sentence.asks);
        let automated = hinted || sentences.iter().any(|sentence| sentence.kinds.has(Kind::Automated));
        let allowed = if automated { evidence + 3 } else { evidence.saturating_sub(1) };
        before <= self.before && (!asks || automated) && others.len() <= allowed
    }
}

/// `Liked "Thank you"`, `👍 to "Thank you"`, or a thumb alone.
fn of_reaction(text: &str) -> Option<Automatic> {
    const LONGEST: usize = 1200;
    let text = text.trim();
    if text.is_empty() || text.len() > LONGEST {
        return None;
    }
    (is_emoji_alone(text) || is_tapback(text)).then_some(Automatic::Reaction)
}

fn is_emoji_alone(text: &str) -> bool {
    const MOST: usize = 3;
    // These say that something is wrong, and are read.
    const UNHAPPY: [char; 20] = [
        '👎', '😠', '😡', '🤬', '😤', '😞', '😟', '😢', '😭', '😒', '🙄', '😣', '😖', '😩', '😫', '💔', '🖕',
        '😕', '☹', '🤦',
    ];
    if text == ":+1:" || text == "(y)" {
        return true;
    }
    let mut count = 0;
    let all = text.chars().all(|character| {
        count += usize::from(is_emoji(character));
        is_emoji(character) || is_part_of_emoji(character) || character.is_whitespace()
    });
    all && (1..=MOST).contains(&count) && !text.contains(UNHAPPY)
}

fn is_emoji(character: char) -> bool {
    matches!(character, '\u{2600}'..='\u{27bf}' | '\u{2b50}' | '\u{2b55}' | '\u{1f300}'..='\u{1f3fa}' | '\u{1f400}'..='\u{1faff}')
}

/// Skin, joiners, variants.
fn is_part_of_emoji(character: char) -> bool {
    matches!(character, '\u{200d}' | '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}')
}

fn is_tapback(text: &str) -> bool {
    const OPEN: [char; 7] = ['"', '“', '„', '«', '”', '「', '»'];
    const CLOSE: [char; 7] = ['"', '”', '“', '»', '„', '」', '«'];
    let Some(open) = text.find(OPEN) else { return of_unquoted(text) };
    let Some(close) = text.rfind(CLOSE).filter(|close| *close > open) else { return false };
    let after = text[close..].chars().next().map_or(close, |quote| close + quote.len_utf8());
    let (before, after) = (&text[..open], &text[after..]);
    let symbol = before.chars().find(|character| is_emoji(*character));
    let (before, after) = (normal(before), normal(after));
    forms().reactions.iter().any(|(left, right)| {
        let (left, right) = (left.trim(), right.trim());
        let needs = left.contains('☺') || right.contains('☺');
        normal(left) == before && normal(right) == after && (!needs || symbol.is_some())
    })
}

/// `Liked an image`.
fn of_unquoted(text: &str) -> bool {
    const LONGEST: usize = 60;
    text.len() <= LONGEST && {
        let words = normal(text);
        forms()
            .reactions
            .iter()
            .any(|(left, right)| right.is_empty() && left.starts_with('=') && normal(left) == words)
    }
}
