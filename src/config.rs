//! The settings: defaults, file, environment, flags; later ones override earlier ones.
//!
//! All problems are reported at once, each with its location.

mod file;
mod settings;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use toml::{Table, Value};

use crate::{domain::rules, store, telemetry::LogFormat};

pub use settings::{DefaultValue, Kind, SETTINGS, Setting, markdown_table};

/// The file that is read, if it exists in the current directory, when none is named.
pub const DEFAULT_FILE: &str = store::SETTINGS_FILE;

/// What all our variables begin with.
const PREFIX: &str = "PLAUDIT_";

/// Variables with our prefix that are not settings.
const OTHER_VARIABLES: [&str; 2] = ["PLAUDIT_CONFIG", "PLAUDIT_SERVER"];

/// The effective settings. [`SETTINGS`] explains each.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub listen: SocketAddr,
    pub data: PathBuf,
    pub allowed_hosts: Vec<String>,
    pub drain_seconds: u64,
    pub log: Log,
    pub store: Store,
    pub limits: Limits,
    pub scoring: Scoring,
    pub ratings: Ratings,
    pub worklog: Worklog,
    pub deletion: Deletion,
    pub events: Events,
    pub enneo: Dialect,
    pub dixa: Dixa,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    pub level: String,
    pub format: LogFormat,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    pub engine: String,
    pub cache_mib: u64,
    pub queue_batches: usize,
    pub scrub_hours: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    pub connections: usize,
    pub streams_per_connection: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scoring {
    pub threads: usize,
    pub attempts: u32,
    pub realtime_seconds: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ratings {
    pub late_delivery_hours: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Worklog {
    pub idle_hours: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deletion {
    pub keep_days: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Events {
    pub keep_days: u64,
}

/// A dialect of the REST edge whose paths name conversations by number.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dialect {
    pub source: String,
}

/// The same with a rate limit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dixa {
    pub source: String,
    pub requests_per_second: u32,
    pub burst: u32,
}

/// Where a value was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Default,
    File { path: PathBuf, line: usize },
    Environment(String),
    Flag(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment(variable) => f.write_str(variable),
            Self::Flag(flag) => write!(f, "--{flag}"),
        }
    }
}

/// The sources of the settings.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// The file named by `--config`.
    pub file: Option<PathBuf>,
    /// The process's environment.
    pub environment: Vec<(OsString, OsString)>,
    /// The setting's name and the flag's value.
    pub flags: Vec<(&'static str, String)>,
}

/// The value of every setting, and where it was set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// In the order of [`SETTINGS`].
    pub values: Vec<(&'static Setting, Value, Source)>,
}

/// Every problem with the settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid settings:\n  {}", .0.join("\n  "))]
pub struct ConfigError(pub Vec<String>);

impl Settings {
    /// Reads the file, the environment and the flags over the defaults.
    pub fn read(inputs: &Inputs) -> Result<Self, ConfigError> {
        let mut reader = Reader::default();
        reader.read_file(inputs);
        reader.read_environment(&inputs.environment);
        for (name, text) in &inputs.flags {
            if let Some(setting) = Setting::named(name) {
                reader.take_text(setting, text, Source::Flag(setting.flag()));
            }
        }
        if !reader.problems.is_empty() {
            return Err(ConfigError(reader.problems));
        }
        let value_of = |setting: &'static Setting| match reader.said.remove(setting.name) {
            Some((value, source)) => (setting, value, source),
            None => (setting, setting.default_value(), Source::Default),
        };
        Ok(Self { values: SETTINGS.iter().map(value_of).collect() })
    }

    /// The settings as a typed [`Config`].
    pub fn config(&self) -> Result<Config, ConfigError> {
        let mut root = Table::new();
        for (setting, value, _) in &self.values {
            match setting.name.split_once('.') {
                None => root.insert(setting.name.to_owned(), value.clone()),
                Some((section, key)) => root
                    .entry(section)
                    .or_insert_with(|| Value::Table(Table::new()))
                    .as_table_mut()
                    .and_then(|table| table.insert(key.to_owned(), value.clone())),
            };
        }
        root.try_into().map_err(|error: toml::de::Error| ConfigError(vec![error.message().to_owned()]))
    }
}

#[derive(Default)]
struct Reader {
    said: BTreeMap<&'static str, (Value, Source)>,
    problems: Vec<String>,
}

impl Reader {
    fn read_file(&mut self, inputs: &Inputs) {
        let variable = |(name, value): &(OsString, OsString)| {
            (name == "PLAUDIT_CONFIG" && !value.is_empty()).then(|| PathBuf::from(value))
        };
        let named = inputs.file.clone().or_else(|| inputs.environment.iter().find_map(variable));
        let path = named.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_FILE));
        match std::fs::read_to_string(&path) {
            Ok(text) => self.take_file(&path, &text),
            Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => self.problems.push(format!("{}: {error}", path.display())),
        }
    }

    fn take_file(&mut self, path: &Path, text: &str) {
        let entries = match file::entries(text) {
            Ok(entries) => entries,
            Err(problem) => {
                self.problems.push(format!("{}:{}: {}", path.display(), problem.line, problem.message));
                return;
            }
        };
        for file::Entry { name, value, line } in entries {
            let source = Source::File { path: path.to_owned(), line };
            match Setting::named(&name) {
                Some(setting) => match setting.check(&value) {
                    Ok(()) => self.take(setting, value, source),
                    Err(problem) => self.problems.push(format!("{source}: {problem}")),
                },
                None => {
                    let known = SETTINGS.iter().map(|setting| setting.name.to_owned());
                    self.problems
                        .push(format!("{source}: there is no setting {name}{}", nearest(&name, known)));
                }
            }
        }
    }

    fn read_environment(&mut self, environment: &[(OsString, OsString)]) {
        for (name, value) in environment {
            let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
            if OTHER_VARIABLES.contains(&name) {
                continue;
            }
            let Some(setting) = SETTINGS.iter().find(|setting| setting.env() == name) else {
                let known = SETTINGS.iter().map(Setting::env).chain(OTHER_VARIABLES.map(str::to_owned));
                self.problems.push(format!("{name}: there is no such variable{}", nearest(name, known)));
                continue;
            };
            match value.to_str() {
                Some(text) => self.take_text(setting, text, Source::Environment(name.to_owned())),
                None => self.problems.push(format!("{name}: its value is not UTF-8")),
            }
        }
    }

    fn take_text(&mut self, setting: &'static Setting, text: &str, source: Source) {
        match setting.parse_text(text) {
            Ok(value) => self.take(setting, value, source),
            Err(problem) => self.problems.push(format!("{source}: {problem}")),
        }
    }

    fn take(&mut self, setting: &'static Setting, value: Value, source: Source) {
        self.said.insert(setting.name, (value, source));
    }
}

/// `; did you mean …?`, with the most similar known name, if one is similar.
fn nearest(given: &str, known: impl Iterator<Item = String>) -> String {
    // What all variables begin with makes none of them similar.
    let own = |name: &str| name.strip_prefix(PREFIX).unwrap_or(name).to_ascii_lowercase();
    known
        .map(|name| (strsim::jaro_winkler(&own(given), &own(&name)), name))
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .filter(|(likeness, _)| *likeness >= rules::LIKE)
        .map(|(_, name)| format!("; did you mean {name}?"))
        .unwrap_or_default()
}
