//! HTML to plain text, for readers of words: scoring, and callers who want no markup.

use std::cell::RefCell;

use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, states::RawKind,
};

/// Tags that start and end a line of their own.
const BLOCKS: [&str; 32] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "caption",
    "center",
    "dd",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "li",
    "main",
    "nav",
    "ol",
    "p",
    "pre",
    "section",
    "ul",
];
/// Table tags that start a line of their own.
const ROWS: [&str; 5] = ["table", "tbody", "tfoot", "thead", "tr"];
/// The contents of these are never shown.
const HIDDEN: [&str; 3] = ["script", "style", "title"];

/// The text of HTML: blocks become lines, cells are separated by spaces, entities are resolved, white space is
/// collapsed as a browser does it, and scripts and styles are left out.
///
/// It reads tokens and builds no tree, so that its time is proportional to the text, however deeply nested.
pub fn plain_text(html: &str) -> String {
    let tokenizer = Tokenizer::new(Words(RefCell::new(Folded::default())), Default::default());
    let input = BufferQueue::default();
    input.push_back(html.into());
    // The result matters only where scripts are run.
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.0.into_inner().into_text()
}

struct Words(RefCell<Folded>);

impl TokenSink for Words {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut folded = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(text) => folded.push(&text),
            Token::TagToken(tag) => return folded.pass(&tag),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

/// Text as it is built up, without superfluous white space.
#[derive(Default)]
struct Folded {
    text: String,
    space: bool,
    lines: usize,
    /// Inside a script, style or title.
    hidden: bool,
    /// How many `pre` are open, in which white space is kept.
    preformatted: usize,
}

impl Folded {
    fn pass(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let name: &str = &tag.name;
        let begins = tag.kind == TagKind::StartTag;
        if HIDDEN.contains(&name) {
            self.hidden = begins;
            let kind = match name {
                "script" => RawKind::ScriptData,
                "style" => RawKind::Rawtext,
                _ => RawKind::Rcdata,
            };
            return if begins { TokenSinkResult::RawData(kind) } else { TokenSinkResult::Continue };
        }
        match name {
            "br" => self.end_line(1),
            "p" => self.end_line(2),
            "td" | "th" => self.space = true,
            _ if BLOCKS.contains(&name) => self.end_line(1),
            _ if ROWS.contains(&name) => self.end_line(1),
            _ => {}
        }
        if name == "pre" {
            let open = self.preformatted;
            self.preformatted = if begins { open + 1 } else { open.saturating_sub(1) };
        }
        TokenSinkResult::Continue
    }

    /// At least this many line breaks precede the next word.
    fn end_line(&mut self, breaks: usize) {
        self.lines = self.lines.max(breaks);
    }

    fn push(&mut self, text: &str) {
        if self.hidden {
            return;
        }
        for character in text.chars() {
            if self.preformatted > 0 && character == '\n' {
                self.flush();
                self.text.push('\n');
            } else if character.is_whitespace() && self.preformatted == 0 {
                self.space = true;
            } else {
                self.flush();
                self.text.push(character);
            }
        }
    }

    fn flush(&mut self) {
        if self.text.is_empty() {
        } else if self.lines > 0 {
            self.text.extend(std::iter::repeat_n('\n', self.lines));
        } else if self.space {
            self.text.push(' ');
        }
        self.space = false;
        self.lines = 0;
    }

    fn into_text(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_words_of_a_page_keep_their_lines() {
        for (html, text) in [
            ("Ticket body PART 2", "Ticket body PART 2"),
            (
                "<div>Thank you for your message, we can inform you that...</div>",
                "Thank you for your message, we can inform you that...",
            ),
            ("<p>One</p><p>Two<br>three</p>", "One\n\nTwo\nthree"),
            ("a &amp; b &lt; c&nbsp;d &#8364; &eacute;", "a & b < c d € é"),
            ("<ul><li>one<li>two</ul>after", "one\ntwo\nafter"),
            ("<table><tr><td>a<td>b<tr><td>c</table>", "a b\nc"),
            ("x<script>if (a < b) alert('no')</script>y<style>p{}</style>z", "xyz"),
            ("<head><title>T &amp; t</title></head>body", "body"),
            ("<pre> a\n  b</pre>c", " a\n  b\nc"),
            ("  much \n\t space  ", "much space"),
            ("<b>bo</b>ld <!-- hidden --> <a href='x'>link</a>", "bold link"),
            ("3 < 4 and <unclosed", "3 < 4 and"),
            ("", ""),
        ] {
            assert_eq!(plain_text(html), text, "{html}");
        }
    }

    #[test]
    fn deep_nesting_and_many_attributes_take_no_time() {
        let start = Instant::now();
        for part in ["<table><tr><td>x", "<blockquote>x", "<ul><li>x", "<b>", "&", "<!--", "<pre>\n"] {
            plain_text(&part.repeat(256 * 1024 / part.len()));
        }
        let attributes: String = (0..20_000).map(|number| format!(" a{number}")).collect();
        plain_text(&format!("<p{attributes}>"));
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    }

    proptest! {
        #[test]
        fn any_text_has_words(html in "[<>/a-z&;='\" \n!-]{0,200}") {
            let text = plain_text(&html);
            prop_assert!(text.len() <= 2 * html.len());
        }
    }
}
