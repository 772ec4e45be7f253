//! Taking out what stands below every mail of a sender: legal notices, lines about unsubscribing, `Sent from my phone`.

use super::{forms::Kind, quotes::CUT, sentences::Sentence};

/// The longest line of a phone or a mail program about itself, in words.
const OF_A_DEVICE: usize = 14;
/// With a comma in it, it may be its author's: "Sent from my desk, which is easier".
const WITH_COMMA: usize = 7;

/// `text` without it; all of `text` where nothing else would be left.
pub fn without_boilerplate(text: &str, sentences: &[Sentence]) -> Option<String> {
    const KINDS: [Kind; 3] = [Kind::Disclaimer, Kind::Footer, Kind::SentFrom];
    sentences.iter().any(|sentence| sentence.kinds.has_any(&KINDS)).then_some(())?;
    let mut kept = String::with_capacity(text.len());
    let mut in_notice = false;
    let mut end = 0;
    for sentence in sentences {
        // What stands between sentences: blank lines and cuts.
        kept.push_str(&text[end..sentence.start]);
        in_notice &= !sentence.begins_paragraph && !text[end..sentence.start].contains(CUT);
        in_notice |= sentence.kinds.has(Kind::Disclaimer);
        end = sentence.end;
        let sent_from = sentence.kinds.has(Kind::SentFrom) && is_of_a_device(sentence, text);
        // "To unsubscribe I need a password" is no footer.
        let footer = sentence.kinds.has(Kind::Footer) && !sentence.is_personal;
        if in_notice || sent_from || footer {
            kept.push('\n');
        } else {
            kept.push_str(&text[sentence.start..sentence.end]);
        }
    }
    kept.push_str(text.get(end..).unwrap_or_default());
    let says = kept.chars().any(|character| character.is_alphanumeric());
    says.then_some(kept)
}

fn is_of_a_device(sentence: &Sentence, text: &str) -> bool {
    let comma = text[sentence.start..sentence.end].contains([',', ';', '，', '、']);
    !sentence.asks && sentence.words <= if comma { WITH_COMMA } else { OF_A_DEVICE }
}
