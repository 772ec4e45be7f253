//! Languages: those that are read, and those that are told apart from them.

/// A language by its ISO 639-3 code: `eng`, `deu`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Language(pub &'static str);

/// Languages that are told from one another by their words, ISO 639-3 and 639-1: those that are read and neighbors of
/// theirs.
const LISTED: [(&str, &str); LISTED_LANGUAGES] = [
    ("eng", "en"),
    ("deu", "de"),
    ("spa", "es"),
    ("fra", "fr"),
    ("por", "pt"),
    ("nld", "nl"),
    ("ita", "it"),
    ("pol", "pl"),
    ("tur", "tr"),
    ("jpn", "ja"),
    ("cmn", "zh"),
    ("swe", "sv"),
    ("dan", "da"),
    ("nob", "no"),
    ("cat", "ca"),
    ("ron", "ro"),
    ("ces", "cs"),
    ("slk", "sk"),
    ("fin", "fi"),
    ("hun", "hu"),
    ("ind", "id"),
    ("vie", "vi"),
    ("hrv", "hr"),
    ("lit", "lt"),
    ("est", "et"),
    ("tgl", "tl"),
    ("swa", "sw"),
    ("kor", "ko"),
];

/// Codes of others that somebody may give.
const OTHERS: [(&str, &str); 14] = [
    ("rus", "ru"),
    ("ukr", "uk"),
    ("bul", "bg"),
    ("ara", "ar"),
    ("heb", "he"),
    ("pes", "fa"),
    ("ell", "el"),
    ("hin", "hi"),
    ("ben", "bn"),
    ("tha", "th"),
    ("kat", "ka"),
    ("afr", "af"),
    ("lav", "lv"),
    ("slv", "sl"),
];

/// How many languages are told from one another by their words.
pub const LISTED_LANGUAGES: usize = 28;

impl Language {
    pub const ENGLISH: Self = Self("eng");

    /// The English name of the language with this code; of one that is not known the code.
    pub fn name_of(code: &str) -> &str {
        match code {
            // By the names that people know them by.
            "cmn" => "Chinese",
            "nob" => "Norwegian",
            code => whatlang::Lang::from_code(code).map_or(code, |language| language.eng_name()),
        }
    }

    /// The language that somebody gives as `deu`, `de`, `de-AT` or `zh_Hant`; `None` for what is no code of a language
    /// that is known here.
    pub fn from_code(code: &str) -> Option<Self> {
        let code = code.split(['-', '_']).next()?.to_ascii_lowercase();
        let code = match code.as_str() {
            "zho" | "chi" => "cmn",
            "ger" => "deu",
            "fre" => "fra",
            "dut" => "nld",
            "nor" | "nb" | "nn" => "nob",
            other => other,
        };
        let listed = LISTED.iter().chain(&OTHERS).find(|(long, short)| *long == code || *short == code);
        listed.map(|(long, _)| Self(long)).or_else(|| Some(Self(whatlang::Lang::from_code(code)?.code())))
    }

    /// Its place among the listed ones.
    pub fn index(self) -> Option<usize> {
        LISTED.iter().position(|(long, _)| *long == self.0)
    }

    /// The listed one at this place.
    pub fn listed(index: usize) -> Option<Self> {
        LISTED.get(index).map(|(long, _)| Self(long))
    }
}
