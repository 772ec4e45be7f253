//! Telling what no person wrote: out of office, acknowledgements, lines of the helpdesk, surveys, reactions, bounces.

use super::{
    contains_any,
    forms::{Kind, forms},
    headers::Said,
    phrases::{Kinds, normal},
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
const SYSTEM_WORDS: usize = 12;

/// `text` is what its author newly wrote, `sentences` are of the same text before signatures were taken out.
pub fn automatic(message: &Message, text: &str, sentences: &[Sentence]) -> Option<Automatic> {
    if message.is_automatic {
        return Some(Automatic::Declared);
    }
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
        Kind::Bounce => Automatic::Bounce,
        _ => return None,
    })
}

/// One kind of automatic text.
struct Form {
    /// The phrases that make it.
    kinds: &'static [Kind],
    /// Those that come with it.
    with: &'static [Kind],
    /// How many sentences before its first phrase say something else, at most.
    before: usize,
}

const FORMS: [Form; 4] = [
    Form { kinds: &[Kind::Bounce], with: &[Kind::Automated], before: 0 },
    Form { kinds: &[Kind::Away, Kind::AwayMaybe], with: &[Kind::AwayMore, Kind::Automated], before: 1 },
    Form { kinds: &[Kind::Acknowledgement], with: &[Kind::AcknowledgementMore, Kind::Automated], before: 1 },
    Form { kinds: &[Kind::Survey], with: &[Kind::SurveyMore, Kind::Automated], before: 2 },
];

fn of_sentences(sentences: &[Sentence], hinted: bool) -> Option<Automatic> {
    let lines: Vec<&Sentence> = sentences.iter().filter(|sentence| sentence.words > 0).collect();
    if lines.is_empty() || lines.iter().all(|sentence| sentence.kinds == Kinds::default()) {
        return None;
    }
    let system = |sentence: &&Sentence| {
        let speaks = sentence.asks || sentence.exclaims || sentence.is_personal;
        sentence.kinds.has(Kind::System) && sentence.words <= SYSTEM_WORDS && !speaks
    };
    if lines.iter().all(system) {
        return Some(Automatic::System);
    }
    let form = FORMS.iter().find(|form| form.is_all_of(&lines, hinted));
    let automated = |sentence: &&Sentence| sentence.kinds.has(Kind::Automated) && !sentence.is_personal;
    form.and_then(|form| of_kind(form.kinds[0]))
        .or_else(|| lines.iter().any(automated).then_some(Automatic::Notification))
}

impl Form {
    fn makes(&self, sentence: &Sentence) -> bool {
        let received = !sentence.kinds.has(Kind::Acknowledgement) || sentence.names_inquiry;
        sentence.kinds.has_any(self.kinds) && (received || self.kinds[0] != Kind::Acknowledgement)
    }

    /// Whether the text is of this form, and does not only mention it: nearly every sentence belongs to it.
    fn is_all_of(&self, sentences: &[&Sentence], hinted: bool) -> bool {
        let with = |sentence: &Sentence| sentence.kinds.has_any(self.with);
        let neutral = |sentence: &Sentence| {
            let kinds = [Kind::Courtesy, Kind::Disclaimer, Kind::Footer, Kind::SentFrom];
            sentence.words <= FEW_WORDS || sentence.kinds.has_any(&kinds)
        };
        let foreign = |sentence: &&&Sentence| !self.makes(sentence) && !with(sentence) && !neutral(sentence);
        let Some(first) = sentences.iter().position(|sentence| self.makes(sentence)) else { return false };
        // After its heading a failure report says whatever the mail server said.
        if self.kinds[0] == Kind::Bounce && first == 0 {
            return true;
        }
        let before = sentences[..first].iter().filter(foreign).count();
        let others = sentences.iter().filter(foreign).count();
        let asks = sentences.iter().filter(foreign).any(|sentence| sentence.asks);
        let evidence: usize = sentences
            .iter()
            .map(|sentence| usize::from(self.makes(sentence)) + usize::from(with(sentence)))
            .sum();
        // What a mail server tells besides is in no list.
        let is_bounce =
            self.kinds[0] == Kind::Bounce && !asks && !sentences.iter().any(|sentence| sentence.is_personal);
        if is_bounce {
            return before == 0;
        }
        if hinted || sentences.iter().any(|sentence| sentence.kinds.has(Kind::Automated)) {
            return before <= self.before && others <= evidence + 2;
        }
        let enough = evidence > 1 || sentences.get(first).is_some_and(|sentence| is_enough(sentence));
        enough && before <= self.before && !asks && others <= evidence.saturating_sub(1) / 2
    }
}

/// Whether one sentence is enough to tell an automatic text, with nothing else in it.
fn is_enough(sentence: &Sentence) -> bool {
    const SHORT: usize = 7;
    /// A longer one tells more than that somebody is away.
    const WITH_TIME: usize = 12;
    match () {
        () if sentence.kinds.has(Kind::Bounce) => true,
        () if sentence.kinds.has(Kind::Away) => {
            sentence.words <= SHORT || (sentence.has_time && sentence.words <= WITH_TIME)
        }
        () if sentence.kinds.has(Kind::AwayMaybe) => false,
        () if sentence.kinds.has(Kind::Survey) => true,
        () => sentence.words <= SHORT,
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
    if !contains_any(text, "\"", &OPEN) {
        return of_unquoted(text);
    }
    // The words may be quoted themselves, and a verb may be too: `Marked "…" with "Like"`.
    let opens = text.match_indices(OPEN).take(3);
    opens.into_iter().any(|(open, _)| {
        let mut closes = text.rmatch_indices(CLOSE).take(4);
        closes.any(|(close, quote)| open < close && is_around(&text[..open], &text[close + quote.len()..]))
    })
}

/// Whether a reaction's words stand before and after what it quotes.
fn is_around(before: &str, after: &str) -> bool {
    let with_symbol = before.chars().chain(after.chars()).any(is_emoji);
    let (before, after) = (normal(before), normal(after));
    forms().reactions.iter().any(|reaction| {
        let around = reaction.before == before && reaction.after == after;
        around && !reaction.is_whole && (!reaction.with_symbol || with_symbol)
    })
}

/// `Liked an image`.
fn of_unquoted(text: &str) -> bool {
    const LONGEST: usize = 60;
    text.len() <= LONGEST && {
        let words = normal(text);
        forms().reactions.iter().any(|reaction| reaction.is_whole && reaction.before == words)
    }
}
