//! Taking out what somebody else wrote before: quotations, their headers, and whole earlier mails below an answer.

use super::{
    forms::{Kind, forms},
    headings::{attribution_in_line, found_in_one_line, heading, is_quoted_next, is_separator},
    lines::{Lines, Mark},
    phrases::normal,
};

/// Stands for what was taken out between two parts of the author's own words, as a line of its own.
pub const CUT: char = '\u{e002}';

/// The author's own lines, in order. What the mail program put there as a signature is left out, unless there is
/// nothing else.
pub fn own_text(lines: &Lines) -> String {
    let mut own = Own::default();
    let mut at = 0;
    while let Some(line) = lines.lines.get(at).copied() {
        let text = lines.text(line);
        match line.mark {
            Mark::Quoted | Mark::Attribution => own.cut(),
            Mark::Signature => own.signature(text),
            Mark::History if own.says_something() => break,
            Mark::History => {}
            Mark::Own => {
                if let Some(end) = own.line(lines, at) {
                    at = end;
                    continue;
                }
                if own.is_over {
                    break;
                }
            }
        }
        at += 1;
    }
    own.into_text()
}

#[derive(Default)]
struct Own {
    text: String,
    signature: String,
    is_over: bool,
    /// A line that is more than a greeting was kept.
    said: bool,
}

impl Own {
    fn says_something(&self) -> bool {
        self.said
    }

    /// Takes the line, or passes a heading that begins there: then it tells the line after it.
    fn line(&mut self, lines: &Lines, at: usize) -> Option<usize> {
        let text = lines.lines.get(at).map_or("", |line| lines.text(*line));
        if text.trim().is_empty() {
            self.keep("");
            return None;
        }
        if is_reply_line(text) {
            self.is_over = self.says_something();
            self.cut();
            return None;
        }
        if let Some(heading) = heading(lines, at) {
            let quoted = is_quoted_next(lines, heading.end);
            if quoted || (heading.certain && !self.says_something()) {
                self.cut();
                return Some(heading.end);
            }
            if heading.certain {
                self.is_over = true;
                return None;
            }
        }
        let within = found_in_one_line(text).or_else(|| attribution_in_line(text));
        match within.map(|at| text.split_at(at)) {
            Some((own, _)) if !own.trim().is_empty() => {
                // `--- Original message ---From: …`
                if !is_separator(own) {
                    self.keep(own.trim_end());
                }
                self.is_over = !is_quoted_next(lines, at + 1);
                self.cut();
            }
            _ => self.keep(text),
        }
        None
    }

    fn keep(&mut self, line: &str) {
        self.said |= !line.trim().is_empty() && !is_greeting(line);
        // The space of `-- ` tells it from two dashes.
        self.text.push_str(if line == "-- " { line } else { line.trim_end() });
        self.text.push('\n');
    }

    fn signature(&mut self, line: &str) {
        self.signature.push_str(line.trim_end());
        self.signature.push('\n');
    }

    fn cut(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\u{e002}\n") {
            self.text.extend([CUT, '\n']);
        }
    }

    fn into_text(self) -> String {
        if self.text.chars().all(|character| character.is_whitespace() || character == CUT) {
            self.signature
        } else {
            self.text
        }
    }
}

/// `##- Please type your reply above this line -##`: helpdesks write it above what they send.
fn is_reply_line(text: &str) -> bool {
    let text = text.trim();
    if text.len() > 6 && text.starts_with("##") && text.ends_with("##") {
        return true;
    }
    let ruled = text.starts_with(|first: char| !first.is_alphanumeric());
    let above = || forms().above.iter().any(|word| text.contains(word));
    text.len() < 160 && (ruled || above()) && forms().phrases.kinds(&normal(text)).has(Kind::ReplyAbove)
}

/// `Hello Jane,` alone says nothing: what follows it may still be the answer.
fn is_greeting(line: &str) -> bool {
    let line = line.trim();
    if line.len() >= 60 || !line.ends_with([',', '，', '、', '!', '！']) {
        return false;
    }
    let words = normal(line);
    let greets = |greeting: &&str| {
        let rest = words.strip_prefix(*greeting);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' ') || !greeting.is_ascii())
    };
    words.split(' ').count() <= 4 && forms().greetings.iter().any(greets)
}
