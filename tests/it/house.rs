//! The house rules: which layer may know what, and how large files and functions may be.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// A file has one purpose and is small enough to keep in mind.
const MAX_FILE_LINES: usize = 450;
/// A function does one thing.
const MAX_FUNCTION_LINES: usize = 80;

/// A word that code may use only in some places.
struct Only {
    word: &'static str,
    below: &'static [&'static str],
}

const ONLY: &[Only] = &[
    // Also tonic_prost, tonic_reflection, tonic_types.
    Only { word: "tonic", below: &["grpc", "server", "cli/", "proto.rs"] },
    Only { word: "tonic_types", below: &["grpc", "cli/"] },
    Only { word: "prost::", below: &["wire", "grpc", "cli/", "proto.rs"] },
    Only { word: "prost_reflect", below: &["wire/export"] },
    // Also outside the wire, where its timestamps are used to read and write RFC 3339.
    Only { word: "prost_types", below: &["wire", "grpc", "cli/", "interchange/times.rs"] },
    Only { word: "axum::", below: &["rest", "server"] },
    Only { word: "hyper", below: &["server", "cli"] },
    // Also plaudit_keyspace_sled, plaudit_keyspace_fjall.
    Only { word: "sled::", below: &["crates/keyspace-sled", "store.rs", "store/engines.rs"] },
    Only { word: "fjall::", below: &["crates/keyspace-fjall", "store.rs", "store/engines.rs"] },
    Only { word: "SystemTime::now", below: &["clock.rs"] },
    Only { word: "crate::proto", below: &["wire", "grpc", "cli/"] },
    // Settings are read at startup; everything else is given the ones it needs.
    Only { word: "crate::config", below: &["assembly.rs", "cli", "config"] },
    Only { word: "clap::", below: &["cli"] },
    Only { word: "process::exit", below: &["cli/"] },
];

/// Words that a layer must not use.
struct Unknown {
    layer: &'static str,
    words: &'static [&'static str],
}

const UNKNOWN: &[Unknown] = &[
    Unknown { layer: "crates/", words: &["plaudit::"] },
    Unknown {
        layer: "domain",
        words: &[
            "async ",
            "tokio",
            "crate::store",
            "crate::service",
            "crate::scoring",
            "crate::clock",
            "crate::error",
        ],
    },
    Unknown {
        layer: "interchange",
        words: &[
            "async ",
            "tokio",
            "crate::store",
            "crate::service",
            "crate::grpc",
            "crate::rest",
            "crate::error",
            "crate::clock",
        ],
    },
    Unknown {
        layer: "scoring/",
        words: &[
            "async ",
            "tokio",
            "crate::store",
            "crate::service",
            "crate::clock",
            "crate::error",
            "std::fs",
        ],
    },
    Unknown {
        layer: "store",
        words: &[
            "crate::service",
            "crate::scoring",
            "crate::grpc",
            "crate::rest",
            "crate::error",
            "crate::clock",
        ],
    },
    Unknown { layer: "service", words: &["crate::grpc", "crate::rest", "crate::server", "serde_json"] },
    Unknown { layer: "cli/import", words: &["crate::store", "crate::service", "crate::grpc", "crate::rest"] },
    Unknown {
        layer: "wire",
        words: &[
            "async ",
            "tokio",
            "crate::store",
            "crate::service",
            "crate::scoring",
            "crate::grpc",
            "crate::rest",
            "crate::error",
            "crate::clock",
        ],
    },
    Unknown { layer: "grpc", words: &["crate::store", "crate::rest", "crate::scoring"] },
    Unknown { layer: "rest", words: &["crate::store", "crate::grpc", "crate::scoring"] },
    Unknown { layer: "background", words: &["crate::grpc", "crate::rest", "crate::server", "crate::cli"] },
    Unknown { layer: "service", words: &["crate::background"] },
];

pub struct Source {
    /// Relative to `src`, or of another crate to the project, with `/`.
    pub path: String,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn sources() -> Vec<Source> {
    let src = root().join("src");
    let crates = fs::read_dir(root().join("crates")).unwrap().map(|one| one.unwrap().path().join("src"));
    let mut folders: Vec<PathBuf> = crates.collect();
    folders.push(src.clone());
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(&src).or_else(|_| path.strip_prefix(root())).unwrap();
                let path = path.to_string_lossy().replace('\\', "/");
                sources.push(Source { path, text });
            }
        }
    }
    assert!(sources.len() > 50, "only {} files were found", sources.len());
    sources
}

impl Source {
    /// The lines of program code: no comments, no tests.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        // The guards and the conformance suite are test modules.
        let is_test = self.path.ends_with("tests.rs")
            || self.path.contains("/guards")
            || self.path.contains("/tests/")
            || self.path.contains("conformance");
        let end = if is_test { 0 } else { usize::MAX };
        let lines = self.text.lines().enumerate().map(|(number, line)| (number + 1, line)).take(end);
        let program = lines.take_while(|(_, line)| line.trim() != "#[cfg(test)]" || !self.tests_follow());
        program.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// Whether a test module ends the file; a `#[cfg(test)]` before the program's code does not count.
    fn tests_follow(&self) -> bool {
        self.text.contains("#[cfg(test)]\nmod tests {")
    }

    fn is_below(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.path.starts_with(place))
    }
}

#[test]
fn a_layer_knows_only_what_it_may() {
    let mut broken = String::new();
    for source in sources() {
        for (number, line) in source.code() {
            for Only { word, below } in ONLY {
                if has_word(line, word) && !source.is_below(below) {
                    writeln!(broken, "{}:{number}: only {} may use {word}", source.path, below.join(", "))
                        .unwrap();
                }
            }
            for Unknown { layer, words } in UNKNOWN {
                for word in words.iter().filter(|word| source.path.starts_with(layer) && line.contains(*word))
                {
                    writeln!(broken, "{}:{number}: {layer} does not know {word}", source.path).unwrap();
                }
            }
        }
    }
    assert!(broken.is_empty(), "\n{broken}");
}

/// Timestamps from outside are rejected if they are out of range, not silently clamped.
#[test]
fn edges_make_no_timestamp_from_an_unchecked_number() {
    const EDGES: &[&str] = &["grpc", "wire", "rest", "interchange", "cli"];
    let mut broken = String::new();
    for source in sources().iter().filter(|source| source.is_below(EDGES)) {
        for (number, _) in source.code().filter(|(_, line)| line.contains("UnixMillis::clamped(")) {
            writeln!(broken, "{}:{number}: use UnixMillis::checked", source.path).unwrap();
        }
    }
    assert!(broken.is_empty(), "\n{broken}");
}

/// A word within another word does not count: `electronic` is not tonic.
fn has_word(line: &str, word: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    line.match_indices(word).any(|(at, _)| !line[..at].ends_with(is_part))
}

/// One version in three places: what `rustup` installs, what cargo tells users of older compilers, and what clippy's
/// `incompatible_msrv` checks the code against.
#[test]
fn the_oldest_supported_rust_is_the_pinned_toolchain() {
    let toolchain = fs::read_to_string(root().join("rust-toolchain.toml")).unwrap();
    let toolchain: toml::Table = toolchain.parse().unwrap();
    assert_eq!(toolchain["toolchain"]["channel"].as_str(), Some(env!("CARGO_PKG_RUST_VERSION")));
}

#[test]
fn files_and_functions_stay_short() {
    let mut broken = String::new();
    for source in sources() {
        let lines = source.text.lines().count();
        if lines > MAX_FILE_LINES {
            writeln!(broken, "{}: {lines} lines, at most {MAX_FILE_LINES}", source.path).unwrap();
        }
        for (name, lines) in functions(&source.text).filter(|(_, lines)| *lines > MAX_FUNCTION_LINES) {
            writeln!(broken, "{}: fn {name} has {lines} lines, at most {MAX_FUNCTION_LINES}", source.path)
                .unwrap();
        }
    }
    assert!(broken.is_empty(), "\n{broken}");
}

/// The functions of a formatted file with their lengths: a function ends at the closing brace with its own indentation.
fn functions(text: &str) -> impl Iterator<Item = (String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let starts = lines.iter().enumerate().filter_map(|(start, line)| {
        let indent = line.len() - line.trim_start().len();
        let code = line.trim_start();
        let name = code.split_once("fn ").filter(|(before, _)| {
            before
                .split_whitespace()
                .all(|word| word.starts_with("pub") || ["async", "const", "unsafe"].contains(&word))
        })?;
        Some((start, indent, name.1.split(['(', '<']).next().unwrap_or_default().to_owned()))
    });
    let ended = starts.map(|(start, indent, name)| {
        let end = lines[start..].iter().position(|line| *line == format!("{}}}", " ".repeat(indent)));
        (name, end.map_or(1, |length| length + 1))
    });
    ended.collect::<Vec<_>>().into_iter()
}

#[test]
fn the_check_itself_detects_a_long_function() {
    let text = format!(
        "impl A {{\n    pub async fn long() {{\n{}    }}\n    fn short() {{\n    }}\n}}\n",
        "        a();\n".repeat(90)
    );
    let found: Vec<_> = functions(&text).collect();
    assert_eq!(found, [("long".to_owned(), 92), ("short".to_owned(), 2)]);
}
