//! The dialogues below `tests/cases`, read from their files.

use super::*;

/// A conversation with what a person expects of its AXIS; `seen.yaml` says what each field means.
pub struct Dialogue {
    pub name: String,
    /// ISO 639-1 code of the customer's language.
    pub language: String,
    /// A twin that went worse.
    pub pair: Option<String>,
    pub transcript: Transcript,
    /// The right values; none: there must be no AXIS.
    pub resolutions: Vec<String>,
    pub bands: Vec<String>,
    pub outcomes: Vec<String>,
}

impl Dialogue {
    /// How well it went, 0 to 4, by the means of what is expected of resolution and band.
    pub fn expected(&self) -> f64 {
        const WORST_FIRST: [[&str; 2]; 3] =
            [["Not Resolved", "Poor"], ["Partial", "Fair"], ["Resolved", "Excellent"]];
        let place = |value: &String| {
            let place = WORST_FIRST.iter().position(|values| values.contains(&value.as_str()));
            place.unwrap_or_else(|| panic!("{}: {value} is no resolution or band", self.name)) as f64
        };
        let mean = |values: &[String]| values.iter().map(place).sum::<f64>() / values.len() as f64;
        mean(&self.resolutions) + mean(&self.bands)
    }

    /// Of a language that is not read: nothing may be said of it.
    pub fn expects_no_axis(&self) -> bool {
        self.resolutions.is_empty()
    }
}

/// A file of a list, below `tests/cases`.
pub fn read(file: &str) -> Vec<serde_json::Value> {
    let path = format!("{}/tests/cases/{file}.yaml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All dialogues of a file in `tests/cases/dialogues`.
pub fn dialogues(file: &str) -> Vec<Dialogue> {
    let texts = |value: &serde_json::Value| match value {
        serde_json::Value::Array(texts) => texts.iter().map(text_of).collect(),
        text => vec![text_of(text)],
    };
    read(&format!("dialogues/{file}"))
        .iter()
        .map(|dialogue| Dialogue {
            name: text_of(&dialogue["name"]),
            language: text_of(&dialogue["language"]),
            pair: dialogue.get("pair").map(text_of),
            transcript: transcript_of(&dialogue["lines"]),
            resolutions: texts(&dialogue["resolution"]),
            bands: texts(&dialogue["band"]),
            outcomes: texts(&dialogue["outcome"]),
        })
        .collect()
}

fn text_of(value: &serde_json::Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// `c 0: words` for each message, or a mapping `{c 0: words}`: who wrote it, and seconds since the message before.
pub fn transcript_of(lines: &serde_json::Value) -> Transcript {
    let lines = lines.as_array().unwrap_or_else(|| panic!("{lines} is no list of lines"));
    let mut seconds = 0;
    let (mut said, mut times) = (Vec::new(), Vec::new());
    for line in lines {
        let (head, words) = match line.as_object().and_then(|block| block.iter().next()) {
            Some((head, words)) => (head.clone(), text_of(words)),
            None => {
                let line = text_of(line);
                let (head, words) = line.split_once(": ").expect("a line begins with who and when");
                (head.to_owned(), words.to_owned())
            }
        };
        let (who, wait) = head.split_once(' ').expect("a line says how long it was waited for");
        seconds += wait.parse::<i64>().expect("a wait in seconds");
        said.push(format!("{who}: {words}"));
        times.push(seconds);
    }
    let said: Vec<&str> = said.iter().map(String::as_str).collect();
    let mut transcript = transcript(&said);
    for (message, seconds) in transcript.messages.iter_mut().zip(times) {
        message.create_time = UnixMillis::clamped(1_700_000_000_000 + seconds * 1000);
    }
    transcript
}

/// The AXIS of a conversation that may have none, by the built-in scorecard.
pub fn axis_if_any(transcript: &Transcript) -> Option<Axis> {
    SCORER.with(|scorer| axis_of(scorer, transcript))
}

/// The same by another scorer.
pub fn axis_of(scorer: &Scorer, transcript: &Transcript) -> Option<Axis> {
    scorer.score(transcript, UnixMillis::clamped(7)).into_iter().find_map(|scored| scored.axis)
}

/// Whether the words of a language are read: of most of its dialogues a fact on the customer's words is known.
pub fn is_read(language: &str, dialogues: &[Dialogue]) -> bool {
    let is_known = |dialogue: &&Dialogue| {
        let facts = conversation_facts(&dialogue.transcript, crate::domain::LastAnswers::default());
        facts.iter().any(|fact| fact.name == "complaints")
    };
    let of_language = || dialogues.iter().filter(|dialogue| dialogue.language == language);
    of_language().filter(is_known).count() * 2 > of_language().count()
}

/// Spearman's rank correlation, equal values sharing their mean rank.
pub fn rank_correlation(left: &[f64], right: &[f64]) -> f64 {
    let ranks = |values: &[f64]| -> Vec<f64> {
        values
            .iter()
            .map(|value| {
                let below = values.iter().filter(|other| *other < value).count() as f64;
                let equal = values.iter().filter(|other| *other == value).count() as f64;
                below + (equal - 1.0) / 2.0
            })
            .collect()
    };
    let (left, right) = (ranks(left), ranks(right));
    let mean = (left.len() as f64 - 1.0) / 2.0;
    let covariance: f64 = left.iter().zip(&right).map(|(one, two)| (one - mean) * (two - mean)).sum();
    let spread = |ranks: &[f64]| ranks.iter().map(|rank| (rank - mean).powi(2)).sum::<f64>().sqrt();
    covariance / (spread(&left) * spread(&right))
}
