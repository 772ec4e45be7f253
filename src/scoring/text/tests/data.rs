//! The data files.

use std::collections::{HashMap, HashSet};

use super::super::{
    Side,
    files::{Counts, ENDINGS, Files, Kinds, READ, sections},
    signals::Signal,
};

/// What no phrase can say at once.
const CONTRARY: &[(Signal, &[Signal])] = &[
    (
        Signal::Confirmation,
        &[Signal::Unsolved, Signal::Problem, Signal::Complaint, Signal::Anger, Signal::Abandonment],
    ),
    (Signal::Thanks, &[Signal::Complaint, Signal::Anger, Signal::Unsolved, Signal::Problem]),
    (Signal::Praise, &[Signal::Complaint, Signal::Anger, Signal::Unsolved, Signal::Leaving]),
    (Signal::ActionDone, &[Signal::Inability, Signal::Misunderstanding, Signal::DataRequest]),
];

fn name(signal: Signal) -> &'static str {
    Signal::ALL.iter().find(|(other, _)| *other == signal).map_or("", |(_, name)| name)
}

fn is_without_spaces(files: &Files) -> bool {
    ["jpn", "cmn"].contains(&files.language.0)
}

fn in_every_file(check: impl Fn(&Files, &mut Vec<String>)) {
    let mut faults = Vec::new();
    for files in READ {
        let mut own = Vec::new();
        check(files, &mut own);
        faults.extend(own.into_iter().map(|fault| format!("{}: {fault}", files.language.0)));
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_section_is_known() {
    in_every_file(|files, faults| {
        for (section, _) in sections(files.words) {
            if section != ENDINGS && Kinds::named(section).is_none() {
                faults.push(format!("words.txt has [{section}]"));
            }
        }
        for (section, _) in sections(files.phrases) {
            let (signal, condition) = section.split_once(", ").unwrap_or((section, ""));
            if Signal::from_name(signal).is_none() || Counts::named(condition).is_none() {
                faults.push(format!("phrases.txt has [{section}]"));
            }
        }
    });
}

#[test]
fn no_section_is_missing() {
    in_every_file(|files, faults| {
        let words: HashSet<&str> = files.words().map(|(section, _)| section).collect();
        for section in
            ["function", "negation", "booster", "damper", "contrast", "interrogative", "answer", "date"]
        {
            if !words.contains(section) {
                faults.push(format!("words.txt has no [{section}]"));
            }
        }
        let mut counts: HashMap<&str, usize> = HashMap::new();
        files.phrases().for_each(|phrase| *counts.entry(name(phrase.signal)).or_default() += 1);
        for (_, name) in Signal::ALL {
            if counts.get(name).copied().unwrap_or(0) < 8 {
                faults.push(format!("phrases.txt has {:?} phrases of [{name}]", counts.get(name)));
            }
        }
        if files.valences().count() < 120 {
            faults.push("valence.tsv is short".to_owned());
        }
    });
}

#[test]
fn every_entry_is_written_as_texts_are_read() {
    in_every_file(|files, faults| {
        let words = files.words().map(|(_, word)| word);
        let valences = files.valences().map(|(word, _)| word);
        let phrases = files.phrases().map(|phrase| phrase.text);
        for entry in words.chain(valences).chain(phrases) {
            if entry.to_lowercase() != entry {
                faults.push(format!("{entry:?} is not in small letters"));
            }
            let is_letter = |letter: char| letter.is_alphanumeric() || "' _*".contains(letter);
            let odd = entry.chars().find(|letter| !is_letter(*letter) && !('\u{2600}'..).contains(letter));
            if let Some(odd) = odd.filter(|_| files.language.0 != "eng") {
                faults.push(format!("{entry:?} has {odd:?}"));
            }
            let parts: Vec<&str> = entry.split(' ').collect();
            if parts.first() == Some(&"_") || parts.last() == Some(&"_") || parts.contains(&"") {
                faults.push(format!("{entry:?} begins or ends with a gap"));
            }
            for part in parts.iter().filter(|part| part.contains('*')) {
                let letters = part.trim_end_matches('*').chars().count();
                if !part.ends_with('*') || letters < 3 || part.len() != part.trim_end_matches('*').len() + 1 {
                    faults.push(format!("{entry:?} has a star out of place"));
                }
            }
        }
    });
}

#[test]
fn no_phrase_says_the_contrary_too() {
    in_every_file(|files, faults| {
        let mut signals: HashMap<&str, Vec<Signal>> = HashMap::new();
        files.phrases().for_each(|phrase| signals.entry(phrase.text).or_default().push(phrase.signal));
        for (text, signals) in signals {
            for (signal, others) in CONTRARY.iter().filter(|(signal, _)| signals.contains(signal)) {
                for other in others.iter().filter(|other| signals.contains(other)) {
                    faults.push(format!("{text:?} is in [{}] and [{}]", name(*signal), name(*other)));
                }
            }
        }
    });
}

#[test]
fn no_phrase_stands_twice_in_a_section() {
    in_every_file(|files, faults| {
        let mut known = HashSet::new();
        for phrase in files.phrases() {
            if !known.insert((name(phrase.signal), phrase.text)) {
                faults.push(format!("{:?} is twice in [{}]", phrase.text, name(phrase.signal)));
            }
        }
    });
}

#[test]
fn a_phrase_is_found_in_its_own_words() {
    in_every_file(|files, faults| {
        for phrase in files.phrases() {
            // A gap holds any word; a word of which the beginning is known goes on somehow.
            let text = phrase.text.replace('_', "zzz").replace('*', "");
            let side = if super::super::Signals::said_by(Side::Customer).has(phrase.signal) {
                Side::Customer
            } else {
                Side::Agents
            };
            let reading = super::given(files.language.0, side, &text);
            let negated = phrase.counts == Counts::UnlessNegated && !is_without_spaces(files);
            if !reading.signals.has(phrase.signal) && reading.language == Some(files.language) && !negated {
                faults.push(format!("{text:?} gives no [{}]: {:?}", name(phrase.signal), reading.signals));
            }
        }
    });
}

#[test]
fn a_phrase_of_several_words_is_in_its_language() {
    in_every_file(|files, faults| {
        for phrase in files.phrases().filter(|phrase| !phrase.text.contains(['*', '_'])) {
            let text = phrase.text;
            if text.split(' ').count() >= 4
                && let Some(language) = super::customer(text).language
                && language != files.language
            {
                faults.push(format!("{text:?} is {}", language.0));
            }
        }
    });
}

/// What is told of `n'est` holds of `n'`, so an article or a pronoun must not stand there: it would negate in every text.
#[test]
fn no_contraction_negates_but_those_of_a_negation() {
    in_every_file(|files, faults| {
        let negating = files.words().filter(|(section, _)| section.starts_with("negation"));
        for (_, word) in
            negating.filter(|(_, word)| ["fra", "ita"].contains(&files.language.0) && word.contains('\''))
        {
            if !word.starts_with("n'") {
                faults.push(format!("{word:?} negates"));
            }
        }
    });
}
