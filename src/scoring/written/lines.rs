//! The lines of a message, each with what the markup says of it.

/// What a line is before its words are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Own,
    /// Somebody else's words, as the mail program marks them. Their text is not kept.
    Quoted,
    /// Says whose words follow. Its text is not kept.
    Attribution,
    /// What the mail program put there as a signature.
    Signature,
    /// No line: from here on stands what was written earlier.
    History,
}

#[derive(Clone, Copy, Debug)]
pub struct Line {
    start: usize,
    end: usize,
    pub mark: Mark,
}

/// As many as anybody reads: the words after that change no fact.
const MOST_LINES: usize = 8 * 1024;
pub const MOST_BYTES: usize = 128 * 1024;

/// Lines over one text. There are never two of those in a row that are empty or whose text is not kept.
#[derive(Debug, Default)]
pub struct Lines<'t> {
    text: std::borrow::Cow<'t, str>,
    pub lines: Vec<Line>,
    own_bytes: usize,
}

impl<'t> Lines<'t> {
    /// Of a text without markup: lines that begin with `>` are quoted.
    pub fn of_text(text: &'t str) -> Self {
        let mut lines = Self { text: text.into(), ..Self::default() };
        let mut start = 0;
        for piece in text.split('\n') {
            let line = piece.strip_suffix('\r').unwrap_or(piece);
            let mark = if is_quoted(line) { Mark::Quoted } else { Mark::Own };
            lines.add(start, start + prefix(line, MOST_BYTES).len(), mark);
            start += piece.len() + 1;
            if lines.is_full() {
                break;
            }
        }
        lines
    }

    /// Adds a line of its own text.
    pub fn push(&mut self, line: &str, mark: Mark) {
        let keeps = matches!(mark, Mark::Own | Mark::Signature);
        let mark = if mark == Mark::Own && is_quoted(line) { Mark::Quoted } else { mark };
        let text = self.text.to_mut();
        let start = text.len();
        if keeps {
            text.push_str(line);
        }
        let end = text.len();
        self.add(start, end, mark);
    }

    fn add(&mut self, start: usize, end: usize, mark: Mark) {
        let is_blank = |line: &Line| self.text[line.start..line.end].trim().is_empty();
        let line = Line { start, end, mark };
        let again = self.lines.last().is_some_and(|last| {
            let nothing = matches!(mark, Mark::Quoted | Mark::Attribution | Mark::History);
            last.mark == mark && (nothing || (is_blank(last) && is_blank(&line)))
        });
        if !again {
            self.lines.push(line);
            self.own_bytes += end - start;
        }
    }

    pub fn is_full(&self) -> bool {
        self.lines.len() >= MOST_LINES || self.own_bytes >= MOST_BYTES
    }

    pub fn text(&self, line: Line) -> &str {
        &self.text[line.start..line.end]
    }
}

/// The longest beginning of `text` that is at most `bytes` long and cuts no character.
fn prefix(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// Whether a line begins with the mark of quotations, and not with an angry face: `>:(`.
fn is_quoted(line: &str) -> bool {
    let Some(rest) = line.trim_start().strip_prefix('>') else { return false };
    let face = match rest.strip_prefix([':', ';', '=']) {
        Some(mouth) => mouth.trim_start_matches('-').starts_with(['(', '[', '/', '|', '{', '@']),
        None => rest.starts_with("_<") || rest.starts_with(".<"),
    };
    !face
}
