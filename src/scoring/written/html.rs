//! The lines of an HTML message: what its reader sees, with what the markup says of each line.

use super::{
    forms::{Container, container},
    lines::{Lines, MOST_BYTES, Mark},
    markup::{Attributes, Name, Piece, Pieces, resolve},
};

/// Elements within elements, as far as they are told apart.
const MOST_DEEP: usize = 512;
/// How far up an end tag looks for its element.
const LOOK_UP: usize = 64;

/// Whether a text is HTML that somebody stored as a text: it has tags of mail, and not only mentions one.
pub fn looks_like_html(text: &str) -> bool {
    const TAGS: [&str; 24] = [
        "a",
        "b",
        "blockquote",
        "body",
        "br",
        "center",
        "div",
        "em",
        "font",
        "h1",
        "h2",
        "h3",
        "html",
        "i",
        "img",
        "li",
        "ol",
        "p",
        "pre",
        "span",
        "strong",
        "table",
        "u",
        "ul",
    ];
    /// Enough to tell; the rest of a long text is not looked at.
    const LOOK_AT: usize = 4096;
    let Some(first) = text.find('<') else { return false };
    let begins = text[..first].trim().is_empty();
    let mut end = text.len().min(first + LOOK_AT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let (mut opened, mut closed) = (0, 0);
    for piece in Pieces::of(&text[first..end]) {
        match piece {
            Piece::Open(name, _) if matches!(name.as_str(), "br" | "html" | "body") => closed += 1,
            Piece::Open(name, _) if TAGS.contains(&name.as_str()) => opened += 1,
            Piece::Close(name) if TAGS.contains(&name.as_str()) => closed += 1,
            _ => {}
        }
    }
    let html = text[first..].get(..14).is_some_and(|start| start.eq_ignore_ascii_case("<!doctype html"));
    html || closed > 0 || (begins && opened > 0)
}

/// The lines of a message, and a number that is the same for texts with the same characters but white space.
pub fn read(html: &str) -> Lines<'static> {
    let mut reader = Reader::default();
    for piece in Pieces::of(html) {
        match piece {
            Piece::Text(text) => reader.text(text),
            Piece::Open(name, attributes) => reader.open(name, attributes),
            Piece::Close(name) => reader.close(name),
        }
        if reader.lines.is_full() || reader.line.len() > MOST_BYTES {
            break;
        }
    }
    reader.end_line();
    reader.lines
}

/// What an element does to the text in it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    None,
    Hidden,
    Quoted,
    Attribution,
    Signature,
    Preformatted,
}

#[derive(Default)]
struct Reader {
    lines: Lines<'static>,
    open: Vec<(Name, Effect)>,
    /// Elements that are open beyond `MOST_DEEP`.
    deeper: usize,
    /// How many elements with an effect are open, by effect.
    within: [usize; 6],
    line: String,
    mark: Option<Mark>,
    /// White space stands before the next character.
    space: bool,
    /// Line ends stand before the next line.
    breaks: usize,
}

impl Reader {
    fn is_within(&self, effect: Effect) -> bool {
        self.within[effect as usize] > 0
    }

    fn mark_here(&self) -> Mark {
        match () {
            () if self.is_within(Effect::Quoted) => Mark::Quoted,
            () if self.is_within(Effect::Attribution) => Mark::Attribution,
            () if self.is_within(Effect::Signature) => Mark::Signature,
            () => Mark::Own,
        }
    }

    fn text(&mut self, text: &str) {
        if self.is_within(Effect::Hidden) {
            return;
        }
        let mark = self.mark_here();
        if !matches!(mark, Mark::Own | Mark::Signature) {
            if !text.trim().is_empty() {
                self.end_line();
                self.lines.push("", mark);
            }
            return;
        }
        let text = &text[..text.floor_char_boundary(MOST_BYTES)];
        resolve(text, |part| self.characters(part, mark));
    }

    fn characters(&mut self, text: &str, mark: Mark) {
        if self.is_within(Effect::Preformatted) {
            for (index, line) in text.split('\n').enumerate() {
                if index > 0 {
                    self.break_line();
                }
                if !line.trim().is_empty() {
                    self.word(line, mark);
                }
            }
            return;
        }
        self.space |= text.starts_with(char::is_whitespace);
        for word in text.split_whitespace() {
            self.word(word, mark);
            self.space = true;
        }
        self.space = text.ends_with(char::is_whitespace) || (self.space && text.trim().is_empty());
    }

    fn word(&mut self, word: &str, mark: Mark) {
        if self.breaks > 0 || self.mark.is_some_and(|before| before != mark) {
            self.end_line();
        }
        if self.space && !self.line.is_empty() {
            self.line.push(' ');
        }
        self.space = false;
        self.mark = Some(mark);
        self.line.push_str(word);
    }

    /// The next word stands on a line of its own.
    fn block(&mut self, breaks: usize) {
        self.breaks = self.breaks.max(breaks);
    }

    fn break_line(&mut self) {
        self.breaks = (self.breaks + 1).min(2);
    }

    fn end_line(&mut self) {
        if let Some(mark) = self.mark.take() {
            self.lines.push(&self.line, mark);
        }
        if self.breaks > 1 {
            self.lines.push("", Mark::Own);
        }
        self.line.clear();
        self.breaks = 0;
        self.space = false;
    }

    fn open(&mut self, name: Name, attributes: Attributes) {
        let kind = name.as_str();
        match kind {
            "br" => return self.break_line(),
            "img" => return self.image(attributes),
            "p" => self.block(2),
            "td" | "th" => self.space = true,
            _ if is_block(kind) => self.block(1),
            _ => {}
        }
        self.close_implied(kind);
        let is_void = matches!(
            kind,
            "hr" | "input" | "meta" | "link" | "wbr" | "area" | "base" | "col" | "embed" | "source" | "track"
        );
        let effect = self.effect(kind, attributes);
        if is_void {
        } else if self.open.len() < MOST_DEEP {
            self.within[effect as usize] += 1;
            self.open.push((name, effect));
        } else {
            self.deeper += 1;
        }
    }

    /// Some elements end where the next of their kind begins.
    fn close_implied(&mut self, kind: &str) {
        while let Some((top, _)) = self.open.last() {
            let ends = match top.as_str() {
                "p" => is_block(kind) || kind == "p",
                "li" | "option" => top.as_str() == kind,
                "dt" | "dd" => matches!(kind, "dt" | "dd"),
                "td" | "th" => matches!(kind, "td" | "th" | "tr"),
                "tr" => kind == "tr",
                _ => false,
            };
            if !ends {
                return;
            }
            self.pop();
        }
    }

    fn pop(&mut self) {
        if let Some((_, effect)) = self.open.pop() {
            let within = &mut self.within[effect as usize];
            *within = within.saturating_sub(1);
        }
    }

    fn close(&mut self, name: Name) {
        match name.as_str() {
            "br" => self.break_line(),
            "p" => self.block(2),
            kind if is_block(kind) => self.block(1),
            _ => {}
        }
        if self.deeper > 0 {
            self.deeper -= 1;
            return;
        }
        if let Some(depth) = self.open.iter().rev().take(LOOK_UP).position(|(open, _)| *open == name) {
            for _ in 0..=depth {
                self.pop();
            }
        }
    }

    fn image(&mut self, attributes: Attributes) {
        let mut alt = "";
        for (name, value) in attributes {
            let is = |wanted: &str| name.eq_ignore_ascii_case(wanted);
            if is("alt") {
                alt = value;
            } else if ((is("width") || is("height")) && is_a_pixel(value)) || (is("style") && hides(value)) {
                return;
            }
        }
        if !alt.trim().is_empty() {
            self.space = true;
            self.text(alt);
            self.space = true;
        }
    }

    fn effect(&mut self, kind: &str, attributes: Attributes) -> Effect {
        match kind {
            "template" | "noscript" | "option" | "datalist" | "object" | "svg" | "audio" | "video"
            | "canvas" => {
                return Effect::Hidden;
            }
            // Whoever strikes words out says them no more.
            "s" | "strike" | "del" => return Effect::Hidden,
            "pre" => return Effect::Preformatted,
            _ => {}
        }
        let mut effect = if kind == "blockquote" { Effect::Quoted } else { Effect::None };
        for (name, value) in attributes {
            let name = name.to_ascii_lowercase();
            match name.as_str() {
                "hidden" => return Effect::Hidden,
                "style" if hides(value) => return Effect::Hidden,
                // Indented by its author, not quoted.
                "style" if kind == "blockquote" && is_without_border(value) => return Effect::None,
                "class" | "id" | "name" | "data-marker" => {
                    for word in value.split_ascii_whitespace() {
                        match container(&name, word) {
                            Some(Container::Quote) => effect = Effect::Quoted,
                            Some(Container::Attribution) => effect = Effect::Attribution,
                            Some(Container::Signature) => effect = Effect::Signature,
                            Some(Container::History) if !self.is_within(Effect::Quoted) => {
                                self.end_line();
                                self.lines.push("", Mark::History);
                            }
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        effect
    }
}

fn is_block(kind: &str) -> bool {
    matches!(
        kind,
        "address"
            | "article"
            | "aside"
            | "blockquote"
            | "body"
            | "caption"
            | "center"
            | "dd"
            | "div"
            | "dl"
            | "dt"
            | "fieldset"
            | "figcaption"
            | "figure"
            | "footer"
            | "form"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "header"
            | "hr"
            | "li"
            | "main"
            | "nav"
            | "ol"
            | "pre"
            | "section"
            | "table"
            | "tbody"
            | "tfoot"
            | "thead"
            | "tr"
            | "ul"
    )
}

/// `1`, `0`, `1px`: an image that is there to be fetched, not to be seen.
fn is_a_pixel(size: &str) -> bool {
    let size = size.trim();
    let digits = size.trim_end_matches("px");
    digits.parse::<u32>().is_ok_and(|pixels| pixels <= 2)
}

fn properties(style: &str) -> impl Iterator<Item = (String, String)> {
    let properties = style.split(';').filter_map(|property| property.split_once(':'));
    properties.map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_ascii_lowercase()))
}

fn hides(style: &str) -> bool {
    let zero =
        |value: &str| matches!(value.trim_end_matches("!important").trim(), "0" | "0px" | "0pt" | "0em");
    properties(style).any(|(name, value)| match name.as_str() {
        "display" => value.starts_with("none"),
        "visibility" => value.starts_with("hidden"),
        "mso-hide" => value.starts_with("all"),
        "max-height" | "opacity" => zero(&value),
        "text-decoration" | "text-decoration-line" => value.contains("line-through"),
        _ => false,
    })
}

fn is_without_border(style: &str) -> bool {
    properties(style).any(|(name, value)| {
        matches!(name.as_str(), "border" | "border-left")
            && (value.starts_with("none") || value.starts_with("medium none"))
    })
}
