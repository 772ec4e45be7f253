//! What a file is that is no JSON Lines, told by how it begins, and what makes lines of it.

use std::{
    borrow::Cow,
    collections::HashMap,
    io::{self, BufRead, Cursor, Read as _},
};

use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::{input::ToldBy, lines::MARK};
use crate::wire::export::TELLING_KEYS;

/// A kind of file that is no lines.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// Completes "it looks like".
    what: &'static str,
    step: Step,
    /// Whether one line alone may as well be a bad line.
    pub(super) needs_more_lines: bool,
}

/// What to do, and how.
#[derive(Clone, Debug)]
enum Step {
    /// A command that makes lines of the file that is named after it.
    Pipe(Cow<'static, str>),
    /// What stands before the name of the file and after it.
    Around(&'static str, &'static str),
    Words(&'static str),
}

impl Step {
    const fn pipe(command: &'static str) -> Self {
        Self::Pipe(Cow::Borrowed(command))
    }

    fn told(&self, ToldBy { file, command }: &ToldBy) -> String {
        match self {
            Self::Pipe(maker) => format!("{maker} {file} | plaudit {command} -"),
            Self::Around(before, after) => format!("{before} {file}{after}"),
            Self::Words(words) => (*words).to_owned(),
        }
    }
}

impl Layout {
    const fn new(what: &'static str, step: Step) -> Self {
        Self { what, step, needs_more_lines: false }
    }

    /// The same, of an input whose second line is this one: the list that it begins may be what holds the objects.
    pub(super) fn above(self, second: &[u8]) -> Self {
        match list_begun(second).filter(|_| self.needs_more_lines) {
            Some(key) => Self::of_list(key),
            None => self,
        }
    }

    fn of_list(key: &str) -> Self {
        Self::new("one object that holds a list of them", Step::Pipe(Cow::Owned(format!("jq -c '.{key}[]'"))))
    }

    pub(super) fn told(self, by: &ToldBy) -> io::Error {
        refused(self.what, &self.step, by)
    }
}

/// The refusal of a whole input.
fn refused(what: &str, step: &Step, by: &ToldBy) -> io::Error {
    let step = step.told(by);
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("it looks like {what}, and must have one JSON object per line: {step}"),
    )
}

/// How a file is packed.
#[derive(Clone, Debug)]
pub(super) enum Packed {
    /// Unpacked here.
    Gzip,
    Otherwise(Layout),
}

impl Packed {
    pub(super) fn told(self, by: &ToldBy) -> io::Error {
        match self {
            Self::Gzip => refused("gzip", &Step::pipe("zcat"), by),
            Self::Otherwise(layout) => layout.told(by),
        }
    }

    pub(super) fn told_within_gzip(self, by: &ToldBy) -> io::Error {
        let what = match self {
            Self::Gzip => "gzip",
            Self::Otherwise(layout) => layout.what,
        };
        let step = Step::Around("unpack it with zcat", ", then unpack what is in it");
        refused(&format!("{what} within gzip"), &step, by)
    }
}

const UTF_16: &str = "UTF-16 text";
const FROM_UTF_16: Step = Step::pipe("iconv -f UTF-16 -t UTF-8");
const FORM: Step = Step::Words("write each conversation as docs/rest-craftcx.md shows");

/// What files begin with that are no text.
const BEGINNINGS: &[(&[u8], Packed)] = &[
    (b"\x1f\x8b", Packed::Gzip),
    (b"\x28\xb5\x2f\xfd", Packed::Otherwise(Layout::new("zstd", Step::pipe("zstdcat")))),
    (b"\xfd7zXZ\0", Packed::Otherwise(Layout::new("xz", Step::pipe("xzcat")))),
    (b"BZh", Packed::Otherwise(Layout::new("bzip2", Step::pipe("bzcat")))),
    (b"\x04\x22\x4d\x18", Packed::Otherwise(Layout::new("lz4", Step::pipe("lz4cat")))),
    (b"7z\xbc\xaf\x27\x1c", Packed::Otherwise(Layout::new("a 7z archive", Step::pipe("7z e -so")))),
    (
        b"PK\x03\x04",
        Packed::Otherwise(Layout::new(
            "a ZIP archive, or a spreadsheet",
            Step::pipe("of an archive: unzip -p"),
        )),
    ),
    (b"\xff\xfe\0\0", Packed::Otherwise(Layout::new("UTF-32 text", Step::pipe("iconv -f UTF-32 -t UTF-8")))),
    (b"\xff\xfe", Packed::Otherwise(Layout::new(UTF_16, FROM_UTF_16))),
    (b"\xfe\xff", Packed::Otherwise(Layout::new(UTF_16, FROM_UTF_16))),
    (b"PAR1", Packed::Otherwise(Layout::new("Parquet", FORM))),
    (b"SQLite format 3\0", Packed::Otherwise(Layout::new("an SQLite database", FORM))),
    (b"%PDF-", Packed::Otherwise(Layout::new("a PDF", FORM))),
];

/// Reads as many bytes as it takes to know how the input is packed, and gives them back with the rest.
pub(super) fn packing(
    mut reader: Box<dyn BufRead + Send>,
) -> io::Result<(Box<dyn BufRead + Send>, Option<Packed>)> {
    let mut begin = Vec::new();
    while BEGINNINGS.iter().any(|(magic, _)| magic.len() > begin.len() && magic.starts_with(&begin)) {
        let mut byte = [0];
        match reader.read(&mut byte) {
            Ok(0) => break,
            Ok(_) => begin.extend(byte),
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(cause) => return Err(cause),
        }
    }
    let found = BEGINNINGS.iter().filter(|(magic, _)| begin.starts_with(magic));
    let found = found.max_by_key(|(magic, _)| magic.len()).map(|(_, packed)| packed.clone());
    Ok((Box::new(Cursor::new(begin).chain(reader)), found))
}

/// What the first line says.
#[derive(Debug)]
pub(super) enum First {
    Fine,
    Is(Layout),
    /// This, unless the next line is an object.
    Unless(Layout),
}

const ARRAY: Layout = Layout::new("a JSON array", Step::pipe("jq -c '.[]'"));
const SPREAD: Layout = Layout {
    what: "JSON whose objects extend over several lines",
    step: Step::pipe("jq -c ."),
    needs_more_lines: true,
};
const TOGETHER: Layout = Layout::new("JSON with several objects on a line", Step::pipe("jq -c ."));
const COMMAS: Layout =
    Layout::new("JSON objects with commas between them", Step::pipe("sed 's/,[[:space:]]*$//'"));
const MARKUP: Layout = Layout::new("XML or HTML", FORM);
const ROWS: &str = " makes an object of each row; group them by conversation, as docs/rest-craftcx.md shows";
/// Tables as text, by what stands between their columns.
const TABLES: [(u8, Layout); 4] = [
    (b',', Layout::new("CSV", Step::Around("mlr --icsv --ojsonl cat", ROWS))),
    (b';', Layout::new("CSV with semicolons", Step::Around("mlr --icsv --ifs ';' --ojsonl cat", ROWS))),
    (b'\t', Layout::new("TSV", Step::Around("mlr --itsv --ojsonl cat", ROWS))),
    (b'|', Layout::new("CSV with vertical bars", Step::Around("mlr --icsv --ifs '|' --ojsonl cat", ROWS))),
];
const YAML: Layout = Layout::new("YAML", Step::pipe("yq -o=json -I=0 '.[]'"));
const TAR: Layout = Layout::new("a tar archive", Step::pipe("tar -xOf"));
const LITTLE: Layout = Layout::new(UTF_16, Step::pipe("iconv -f UTF-16LE -t UTF-8"));
const BIG: Layout = Layout::new(UTF_16, Step::pipe("iconv -f UTF-16BE -t UTF-8"));
const BINARY: Layout = Layout::new("no text", FORM);

/// The layout of a file with this first line.
pub(super) fn of(first: &[u8]) -> First {
    if first.get(257..262) == Some(b"ustar") {
        return First::Is(TAR);
    }
    let line = first.strip_prefix(MARK).unwrap_or(first).trim_ascii();
    match line {
        [b'[', ..] => First::Is(ARRAY),
        [b'<', ..] => First::Is(MARKUP),
        [0, ..] if line.get(2) == Some(&0) => First::Is(BIG),
        [_, 0, _, 0, ..] => First::Is(LITTLE),
        _ if line.iter().take(4096).any(|byte| *byte == 0) => First::Is(BINARY),
        [b'{', ..] => of_object(line),
        b"---" => First::Unless(YAML),
        _ => table(line).map_or(First::Fine, First::Unless),
    }
}

/// Whether a line begins as an object does.
pub(super) fn is_object(line: &[u8]) -> bool {
    line.trim_ascii_start().starts_with(b"{")
}

fn of_object(line: &[u8]) -> First {
    let mut values = serde_json::Deserializer::from_slice(line).into_iter::<IgnoredAny>();
    match values.next() {
        Some(Err(cause)) if cause.is_eof() => First::Unless(SPREAD),
        None | Some(Err(_)) => First::Fine,
        Some(Ok(_)) => match line.get(values.byte_offset()..).unwrap_or_default().trim_ascii() {
            [] => match list_within(line) {
                // It may also be a line of another form, as the next one is then.
                Some(key) => First::Unless(Layout::of_list(&key)),
                None => First::Fine,
            },
            [b'{', ..] => First::Is(TOGETHER),
            b"," => First::Is(COMMAS),
            _ => First::Fine,
        },
    }
}

/// The key of the list of objects in an object that is no line of either form.
fn list_within(line: &[u8]) -> Option<String> {
    let fields: HashMap<String, &RawValue> = serde_json::from_slice(line).ok()?;
    if TELLING_KEYS.iter().chain(&["ticket_id"]).any(|known| fields.contains_key(*known)) {
        return None;
    }
    let is_list = |value: &RawValue| {
        value.get().strip_prefix('[').is_some_and(|items| items.trim_ascii_start().starts_with('{'))
    };
    let mut lists: Vec<_> =
        fields.into_iter().filter(|(key, value)| is_word(key) && is_list(value)).collect();
    let (key, _) = lists.pop()?;
    lists.is_empty().then_some(key)
}

/// Others would have to be quoted, for jq and for the shell.
fn is_word(key: &str) -> bool {
    key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The key of a list of objects that begins on a line, if it is none that a conversation has.
fn list_begun(line: &[u8]) -> Option<&str> {
    let (key, list) = std::str::from_utf8(line).ok()?.trim().strip_prefix('"')?.split_once("\":")?;
    let begins = matches!(list.trim_start().strip_prefix('[').map(str::trim), Some("" | "{"));
    (begins && is_word(key) && !TELLING_KEYS.contains(&key)).then_some(key)
}

/// The table that a line begins, if it looks like the names of columns. Names may hold what stands between those of another
/// table, so the most columns count.
fn table(line: &[u8]) -> Option<Layout> {
    let is_name = |name: &[u8]| (1..=64).contains(&name.trim_ascii().len());
    let columns = |separator: u8| {
        let columns: Vec<&[u8]> = line.split(|byte| *byte == separator).collect();
        if columns.iter().all(|name| is_name(name)) { columns.len() } else { 0 }
    };
    let tables = TABLES.into_iter().map(|(separator, layout)| (columns(separator), layout)).rev();
    tables.filter(|(columns, _)| *columns > 1).max_by_key(|(columns, _)| *columns).map(|(_, layout)| layout)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by() -> ToldBy {
        ToldBy { file: "t.json".to_owned(), command: "import" }
    }

    fn begin(bytes: &[u8]) -> (Vec<u8>, Option<String>) {
        let (mut reader, packed) = packing(Box::new(Cursor::new(bytes.to_vec()))).unwrap();
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).unwrap();
        (rest, packed.map(|packed| packed.told(&by()).to_string()))
    }

    #[test]
    fn the_beginning_tells_what_is_packed_and_is_not_lost() {
        for (bytes, step) in [
            (&b"\x1f\x8b\x08rest"[..], "zcat t.json"),
            (b"\x28\xb5\x2f\xfdrest", "zstdcat t.json | plaudit import -"),
            (b"\xfd7zXZ\0rest", "xzcat"),
            (b"BZh9", "bzcat"),
            (b"PK\x03\x04", "unzip -p t.json"),
            (b"\xff\xfe{\0", "iconv -f UTF-16 -t UTF-8 t.json"),
            (b"\xff\xfe\0\0{\0\0\0", "iconv -f UTF-32"),
            (b"\xfe\xff\0{", "iconv -f UTF-16"),
            (b"PAR1", "docs/rest-craftcx.md"),
        ] {
            let (rest, told) = begin(bytes);
            assert_eq!(rest, bytes);
            assert!(told.as_ref().is_some_and(|told| told.contains(step)), "{told:?}");
        }
        for bytes in [&b""[..], b"{", b"\x1f", b"B", b"PK", b"\xff", b"\xef\xbb\xbf{}", b"7zip"] {
            assert_eq!(begin(bytes), (bytes.to_vec(), None));
        }
    }

    #[test]
    fn the_second_line_tells_where_the_objects_are() {
        for (second, command) in [
            (&b"  \"tickets\": ["[..], "jq -c '.tickets[]' t.json"),
            (b"\"tickets\":[{", "jq -c '.tickets[]' t.json"),
            (b"  \"messages\": [", "jq -c . t.json"),
            (b"  \"it's\": [", "jq -c . t.json"),
            (b"  \"count\": 3,", "jq -c . t.json"),
            (b"  \"tags\": [\"vip\"],", "jq -c . t.json"),
        ] {
            let told = SPREAD.above(second).told(&by()).to_string();
            assert!(told.contains(command), "{told}");
        }
        let [(_, csv), ..] = TABLES;
        assert!(csv.above(b"\"tickets\": [").told(&by()).to_string().contains("CSV"));
    }

    #[test]
    fn a_command_names_the_file_and_the_key_as_they_are() {
        let told = |first: &[u8], file: &str| match of(first) {
            First::Is(layout) | First::Unless(layout) => {
                layout.told(&ToldBy { file: file.to_owned(), command: "facts" }).to_string()
            }
            First::Fine => panic!("{first:?}"),
        };
        for (first, file, command) in [
            (&b"[{}]"[..], "IMPORT.json", "jq -c '.[]' IMPORT.json | plaudit facts -"),
            (b"[{}]", "FILE", "jq -c '.[]' FILE | plaudit facts -"),
            (b"{\"FILES\":[{}]}", "t.json", "jq -c '.FILES[]' t.json | plaudit facts -"),
            (b"{\"IMPORTED\":[{}]}", "t.json", "jq -c '.IMPORTED[]' t.json | plaudit facts -"),
            (b"id,subject", "FILE-IMPORT", "mlr --icsv --ojsonl cat FILE-IMPORT makes an object"),
        ] {
            let told = told(first, file);
            assert!(told.contains(&format!(": {command}")), "{told}");
        }
    }

    #[test]
    fn the_first_line_tells_the_layout() {
        let told = |first: &[u8]| match of(first) {
            First::Fine => "fine".to_owned(),
            First::Is(layout) => layout.told(&by()).to_string(),
            First::Unless(layout) => format!("unless: {}", layout.told(&by())),
        };
        for (first, expected) in [
            (
                &b"[{\"a\":1},"[..],
                "it looks like a JSON array, and must have one JSON object per line: jq -c '.[]' t.json |",
            ),
            (b"\xef\xbb\xbf [", "it looks like a JSON array"),
            (b"{", "unless: it looks like JSON whose objects extend over several lines"),
            (b"{\"ticket_id\": \"1\",", "unless: it looks like JSON whose objects extend"),
            (b"{\"ticket_id\":\"1\"}, ", "it looks like JSON objects with commas"),
            (b"{\"a\":1}{\"a\":2}", "it looks like JSON with several objects"),
            (
                b"{\"count\":1,\"tickets\":[ {}]}",
                "unless: it looks like one object that holds a list of them, and must have one JSON object per line: \
                 jq -c '.tickets[]' t.json | plaudit import -",
            ),
            (b"{\"ticket_id\":\"1\",\"tickets\":[{}]}", "fine"),
            (b"{\"a\":[{}],\"b\":[{}]}", "fine"),
            (b"{\"it's\":[{}]}", "fine"),
            (b"{} and more", "fine"),
            (b"{]", "fine"),
            (b"<?xml version=\"1.0\"?>", "it looks like XML"),
            (b"id,subject,created_at", "unless: it looks like CSV"),
            (b"id;subject", "mlr --icsv --ifs ';' --ojsonl cat t.json makes"),
            (b"id;subject, or title;created", "mlr --icsv --ifs ';' --ojsonl cat t.json makes"),
            (
                b"id\tsubject",
                "unless: it looks like TSV, and must have one JSON object per line: mlr --itsv --ojsonl cat t.json",
            ),
            (b"id|subject", "mlr --icsv --ifs '|' --ojsonl cat t.json makes"),
            (b"nonsense", "fine"),
            (b"not JSON", "fine"),
            (b"{\0\"\0a\0", "iconv -f UTF-16LE"),
            (b"\0{\0\"\0a", "iconv -f UTF-16BE"),
            (b"ELF\0\x01", "it looks like no text"),
        ] {
            let told = told(first);
            assert!(told.contains(expected), "{expected}: {told}");
        }
    }
}
