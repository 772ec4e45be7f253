//! The table of all settings. Parsing, `plaudit config`, `--help` and docs/configuration.md are all derived from it.

use std::{net::SocketAddr, thread};

use http::uri::Authority;
use toml::Value;

use crate::{domain::SourceName, store, telemetry};

/// One setting.
#[derive(Debug)]
pub struct Setting {
    /// The key in the file. The names of the environment variable and the flag are derived from it.
    pub name: &'static str,
    pub kind: Kind,
    pub default: DefaultValue,
    /// What it does, in one sentence, with its unit.
    pub doc: &'static str,
}

/// The type of a setting.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `host:port` with the IP address of a loopback interface.
    Address,
    Path,
    /// Host names without a port; separated by commas outside the file.
    Hosts,
    /// A namespace of external ids.
    Source,
    LogLevel,
    OneOf(&'static [&'static str]),
    Integer {
        min: i64,
        max: i64,
    },
}

/// The default of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultValue {
    Text(&'static str),
    Integer(i64),
    NoHosts,
    /// One less than the number of available processors, at least 1.
    SpareProcessors,
}

/// Every setting, in the order of the documentation. Those without a section come first, as TOML requires.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "listen",
        kind: Kind::Address,
        default: DefaultValue::Text("127.0.0.1:50051"),
        doc: "Address and port for gRPC and REST; a loopback address, as there is no access control yet. Port 0 takes a free one.",
    },
    Setting {
        name: "data",
        kind: Kind::Path,
        default: DefaultValue::Text("plaudit-data"),
        doc: "Data directory; created if it does not exist, otherwise empty or one that holds a store.",
    },
    Setting {
        name: "allowed_hosts",
        kind: Kind::Hosts,
        default: DefaultValue::NoHosts,
        doc: "Host names that requests may use in addition to localhost, 127.0.0.0/8 and [::1].",
    },
    Setting {
        name: "drain_seconds",
        kind: Kind::Integer { min: 0, max: 3600 },
        default: DefaultValue::Integer(10),
        doc: "How long running calls, and then running scoring, may take to finish when the server stops; what remains is cut off.",
    },
    Setting {
        name: "log.level",
        kind: Kind::LogLevel,
        default: DefaultValue::Text("info"),
        doc: "error, warn, info, debug, trace or off; or several, by part, as in info,plaudit::access=off.",
    },
    Setting {
        name: "log.format",
        kind: Kind::OneOf(&["auto", "text", "json"]),
        default: DefaultValue::Text("auto"),
        doc: "Log format; auto is text on a terminal and JSON elsewhere.",
    },
    Setting {
        name: "store.engine",
        kind: Kind::OneOf(&[store::AUTO, "sled", "fjall"]),
        default: DefaultValue::Text(store::AUTO),
        doc: "Storage engine of the data directory; auto is the one that it has, and sled for a new one. `plaudit store convert` changes it.",
    },
    Setting {
        name: "store.cache_mib",
        kind: Kind::Integer { min: 8, max: 1_048_576 },
        default: DefaultValue::Integer(16),
        doc: "Memory for the store's page cache, in MiB; the process holds about twice as much. What is not in it is read from the files, mostly from the system's own cache.",
    },
    Setting {
        name: "store.queue_batches",
        kind: Kind::Integer { min: 1, max: 1_000_000 },
        default: DefaultValue::Integer(4096),
        doc: "Writes that may wait for the store; further ones are rejected as overload.",
    },
    Setting {
        name: "store.scrub_hours",
        kind: Kind::Integer { min: 0, max: 87_600 },
        default: DefaultValue::Integer(168),
        doc: "Hours within which the server reads through its whole store once, slowly, to find what is damaged; 0 switches it off.",
    },
    Setting {
        name: "limits.connections",
        kind: Kind::Integer { min: 1, max: 1_000_000 },
        default: DefaultValue::Integer(1000),
        doc: "Connections at a time; further ones wait.",
    },
    Setting {
        name: "limits.streams_per_connection",
        kind: Kind::Integer { min: 1, max: 10_000 },
        default: DefaultValue::Integer(256),
        doc: "Calls at a time on one HTTP/2 connection; further ones wait in the client.",
    },
    Setting {
        name: "scoring.threads",
        kind: Kind::Integer { min: 1, max: 1024 },
        default: DefaultValue::SpareProcessors,
        doc: "Threads that score conversations.",
    },
    Setting {
        name: "scoring.attempts",
        kind: Kind::Integer { min: 1, max: 100 },
        default: DefaultValue::Integer(5),
        doc: "How often scoring a conversation is attempted before it counts as failed.",
    },
    Setting {
        name: "scoring.realtime_seconds",
        kind: Kind::Integer { min: 1, max: 3600 },
        default: DefaultValue::Integer(60),
        doc: "How long storing a message with realtime scoring waits for the scores before it responds without them.",
    },
    Setting {
        name: "ratings.late_delivery_hours",
        kind: Kind::Integer { min: 0, max: 87_600 },
        default: DefaultValue::Integer(72),
        doc: "Hours after an offer of a rating expired, or its customer opted out, for which it takes answers that were given before. 0 takes none.",
    },
    Setting {
        name: "worklog.idle_hours",
        kind: Kind::Integer { min: 1, max: 8760 },
        default: DefaultValue::Integer(24),
        doc: "Hours without a message after which an agent's next one opens a new worklog.",
    },
    Setting {
        name: "deletion.keep_days",
        kind: Kind::Integer { min: 0, max: 36_500 },
        default: DefaultValue::Integer(30),
        doc: "Days for which a deleted conversation can be restored; then all of it is purged.",
    },
    Setting {
        name: "events.keep_days",
        kind: Kind::Integer { min: 0, max: 36_500 },
        default: DefaultValue::Integer(30),
        doc: "Days for which events are kept for WatchEvents; a watcher who comes later is told that events are lost. 0 keeps them forever.",
    },
    Setting {
        name: "enneo.source",
        kind: Kind::Source,
        default: DefaultValue::Text("enneo"),
        doc: "Source of the tickets named by the ids in the paths of the Enneo dialect.",
    },
    Setting {
        name: "dixa.source",
        kind: Kind::Source,
        default: DefaultValue::Text("dixa"),
        doc: "Source of the conversations named by the ids in the paths of the Dixa dialect.",
    },
    Setting {
        name: "dixa.requests_per_second",
        kind: Kind::Integer { min: 0, max: 1_000_000 },
        default: DefaultValue::Integer(0),
        doc: "Dixa requests that one API key may send per second, further ones get 429; 0 means no limit. Dixa's document says 10.",
    },
    Setting {
        name: "dixa.burst",
        kind: Kind::Integer { min: 1, max: 1_000_000 },
        default: DefaultValue::Integer(4),
        doc: "Dixa requests that one API key may send at once, if they are limited.",
    },
];

impl Setting {
    pub fn named(name: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.name == name)
    }

    /// The environment variable: `PLAUDIT_STORE_CACHE_MIB` for `store.cache_mib`.
    pub fn env(&self) -> String {
        format!("PLAUDIT_{}", self.name.replace('.', "_").to_ascii_uppercase())
    }

    /// The flag without its dashes: `store-cache-mib` for `store.cache_mib`.
    pub fn flag(&self) -> String {
        self.name.replace(['.', '_'], "-")
    }

    pub fn default_value(&self) -> Value {
        match self.default {
            DefaultValue::Text(text) => Value::String(text.to_owned()),
            DefaultValue::Integer(number) => Value::Integer(number),
            DefaultValue::NoHosts => Value::Array(Vec::new()),
            DefaultValue::SpareProcessors => {
                let processors = thread::available_parallelism().map_or(1, |count| count.get() as i64);
                Value::Integer((processors - 1).clamp(1, 1024))
            }
        }
    }

    /// The default, for documentation.
    pub fn default_text(&self) -> String {
        match self.default {
            DefaultValue::Text(text) => text.to_owned(),
            DefaultValue::Integer(number) => number.to_string(),
            DefaultValue::NoHosts => "none".to_owned(),
            DefaultValue::SpareProcessors => "processors less 1, at least 1".to_owned(),
        }
    }

    /// The accepted values, for documentation.
    pub fn range_text(&self) -> String {
        match self.kind {
            Kind::Address => "loopback address and port".to_owned(),
            Kind::Path => "path".to_owned(),
            Kind::Hosts => "host names without a port".to_owned(),
            Kind::Source => "1 to 128 bytes".to_owned(),
            Kind::LogLevel => "log filter".to_owned(),
            Kind::OneOf(choices) => choices.join(", "),
            Kind::Integer { min, max } => format!("{min} to {max}"),
        }
    }

    /// Parses a text from the environment or a flag.
    pub(super) fn parse_text(&self, text: &str) -> Result<Value, String> {
        let value = match self.kind {
            Kind::Integer { .. } => match text.trim().parse() {
                Ok(number) => Value::Integer(number),
                Err(_) => return Err(self.refusal(&format!("{text:?}"))),
            },
            Kind::Hosts => Value::Array(
                text.split(',')
                    .map(str::trim)
                    .filter(|name| !name.is_empty())
                    .map(|name| Value::String(name.to_owned()))
                    .collect(),
            ),
            _ => Value::String(text.to_owned()),
        };
        self.check(&value).map(|()| value)
    }

    /// Checks that the setting accepts a value.
    pub(super) fn check(&self, value: &Value) -> Result<(), String> {
        let fits = match (self.kind, value) {
            (Kind::Address, Value::String(text)) => {
                text.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback())
            }
            (Kind::Path, Value::String(text)) => !text.is_empty(),
            (Kind::Hosts, Value::Array(names)) => names.iter().all(|name| name.as_str().is_some_and(is_host)),
            (Kind::Source, Value::String(text)) => SourceName::new(text.as_str()).is_ok(),
            (Kind::LogLevel, Value::String(text)) => {
                !text.trim().is_empty() && telemetry::parse_level(text).is_ok()
            }
            (Kind::OneOf(choices), Value::String(text)) => choices.contains(&text.as_str()),
            (Kind::Integer { min, max }, Value::Integer(number)) => (min..=max).contains(number),
            _ => false,
        };
        if fits { Ok(()) } else { Err(self.refusal(&value.to_string())) }
    }

    fn refusal(&self, given: &str) -> String {
        let wanted = match self.kind {
            Kind::Address => {
                "a loopback address (127.0.0.0/8 or [::1]) and a port, as in 127.0.0.1:50051 (there is no \
                              access control yet)"
                    .to_owned()
            }
            Kind::Path => "a path".to_owned(),
            Kind::Hosts => "host names without a port, as in plaudit.internal".to_owned(),
            Kind::Source => "1 to 128 bytes without control characters".to_owned(),
            Kind::LogLevel => "a level or filter, as in info or info,plaudit::access=off".to_owned(),
            Kind::OneOf(choices) => format!("one of {}", choices.join(", ")),
            Kind::Integer { min, max } => format!("a whole number from {min} to {max}"),
        };
        format!("{} must be {wanted}, not {given}", self.name)
    }
}

fn is_host(name: &str) -> bool {
    name.parse::<Authority>().is_ok_and(|authority| authority.host() == name)
}

/// The table of docs/configuration.md.
pub fn markdown_table() -> String {
    let mut table = String::from("| key | default | values | meaning |\n|---|---|---|---|\n");
    for setting in SETTINGS {
        table.push_str(&format!(
            "| `{}` | {} | {} | {} |\n",
            setting.name,
            setting.default_text(),
            setting.range_text(),
            setting.doc
        ));
    }
    table
}
