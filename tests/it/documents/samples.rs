//! Runs the samples of each page in their order, against a fresh server, as a reader would who begins at the top: with `sh` and
//! `curl` as they are, `plaudit` as it is built, and a stand-in for grpcurl.
//!
//! | block | what is done with it |
//! |---|---|
//! | `sh` | run; it must succeed, and if no answer is shown, so must each request |
//! | `json` | is what the `sh` block before it printed |
//! | `jsonl` | imported with `plaudit import` |
//! | `yaml` | a scorecard, saved under its id: `plaudit scorecard check` |
//! | `cel` | each line is a rule of a scorecard, and its comment the type of the criterion: `plaudit facts --scorecard` |
//! | `toml` | settings: `plaudit config` |
//! | none | what the `sh` block before it printed, as text; `…` on a line of its own leaves the rest out |

use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    process::Output,
    time::{Duration, Instant},
};

use flate2::{Compression, write::GzEncoder};
use serde_json::Value;

use super::{
    grpcurl,
    page::{Block, blocks, pages, root},
    shown::Stand,
};
use crate::harness::{PATIENCE, ServerProcess};

/// Scoring gives way to whatever else a machine does.
const SCORED_WITHIN: Duration = Duration::from_secs(4 * PATIENCE.as_secs());

/// What a page says instead of this server's address and directory.
const ADDRESSES: [&str; 3] = ["127.0.0.1:50051", "localhost:50051", "127.0.0.1:9000"];
const DATA: &str = "/var/lib/plaudit";

/// Blocks that do not run here, by their first words, and why.
const NOT_RUN: &[(&str, &str, &str)] = &[
    (
        "README.md",
        "cargo run --release -- serve --demo",
        "builds; .ci/run and the test of the demo's table run it",
    ),
    ("README.md", "cargo install --path", "builds"),
    ("README.md", "conversation      ", "the test of the demo's table compares it"),
    ("docs/operations.md", "seq 1000000", "imports a million conversations; cargo bench --bench bulk does"),
    ("docs/operations.md", "grpcurl -plaintext -d '{\"only_new\":true}'", "never ends"),
    (
        "docs/export.md",
        "t.jsonl:3: status",
        "of a file that is not shown; the tests of imports check such lines",
    ),
    ("docs/export.md", "tickets.jsonl:7: conversation", "the same"),
    ("docs/mail.md", "{\"Auto-Submitted\"", "parts of a message; scoring's tests read them"),
];

/// A shell that knows the programs that the samples use.
const PREAMBLE: &str = r#"
set -eu
plaudit() { "$PLAUDIT" "$@"; }
curl() { command curl -sS -D "$HEADERS" "$@"; cat "$HEADERS" >> "$ALL_HEADERS"; }
zstdcat() { cat "${1%.zst}"; }
grpcurl() {
    GRPCURL_ARGUMENTS=$(for argument in "$@"; do printf '%s\037' "$argument"; done)
    export GRPCURL_ARGUMENTS
    "$TESTS" --exact documents::grpcurl::stands_in --ignored > "$GRPCURL_OUT.log" 2>&1 || { cat "$GRPCURL_OUT.log" >&2; exit 1; }
    cat "$GRPCURL_OUT"
}
"#;

struct Run {
    server: ServerProcess,
    stand: Stand,
    folder: tempfile::TempDir,
    /// What the last shell block printed.
    printed: Option<String>,
    /// The last shell block, while it may be run again: it only reads.
    reading: Option<String>,
}

impl Run {
    fn begin() -> Self {
        let folder = tempfile::TempDir::new().unwrap();
        // What a reader has: the repository's demo, and a file of their own.
        std::os::unix::fs::symlink(root().join("demo"), folder.path().join("demo")).unwrap();
        fs::copy(root().join("demo/tickets.jsonl"), folder.path().join("tickets.jsonl")).unwrap();
        let mut packed = GzEncoder::new(
            fs::File::create(folder.path().join("tickets.jsonl.gz")).unwrap(),
            Compression::default(),
        );
        packed.write_all(&fs::read(root().join("demo/tickets.jsonl")).unwrap()).unwrap();
        packed.finish().unwrap();
        let server = ServerProcess::start();
        Self { server, stand: Stand::default(), folder, printed: None, reading: None }
    }

    /// A text of the page as it is meant here.
    fn meant(&self, text: &str) -> String {
        let address = self.server.address().to_string();
        let text =
            ADDRESSES.iter().fold(self.stand.resolve(text), |text, shown| text.replace(shown, &address));
        text.replace(DATA, &self.server.data().display().to_string())
    }

    fn shell(&self, script: &str) -> Output {
        let path = |name: &str| self.folder.path().join(name);
        let _ = fs::remove_file(path("all-headers"));
        std::process::Command::new("sh")
            .arg("-c")
            .arg(format!("{PREAMBLE}{script}"))
            .current_dir(&self.folder)
            .env("PLAUDIT", env!("CARGO_BIN_EXE_plaudit"))
            .env("PLAUDIT_SERVER", format!("http://{}", self.server.address()))
            .env("TESTS", std::env::current_exe().unwrap())
            .env("HEADERS", path("headers"))
            .env("ALL_HEADERS", path("all-headers"))
            .env(grpcurl::OUT, path("grpcurl"))
            .output()
            .expect("sh")
    }

    fn succeed(&self, script: &str) -> Result<String, String> {
        let output = self.shell(script);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match output.status.success() {
            true => Ok(text(&output.stdout)),
            false => Err(format!("{}\n{}{}", output.status, text(&output.stdout), text(&output.stderr))),
        }
    }

    /// The statuses of the last block's requests.
    fn statuses(&self) -> Vec<u16> {
        let headers = fs::read_to_string(self.folder.path().join("all-headers")).unwrap_or_default();
        let heads = headers.lines().filter(|line| line.starts_with("HTTP/"));
        heads.filter_map(|line| line.split(' ').nth(1)?.parse().ok()).collect()
    }

    fn take(&mut self, block: &Block, next: Option<&Block>) -> Result<(), String> {
        match block.language.as_str() {
            "sh" => self.run(&block.text, next.is_some_and(|next| next.language == "json")),
            "json" => self.compare(&block.text),
            "" => self.compare_text(&block.text),
            "jsonl" => self.with_file("lines.jsonl", &block.text, "plaudit import lines.jsonl"),
            "yaml" => {
                let id =
                    block.text.strip_prefix("id: ").and_then(|rest| rest.lines().next()).ok_or("no id")?;
                let name = format!("{id}.yaml");
                self.with_file(&name, &block.text, &format!("plaudit scorecard check {name}"))
            }
            "toml" => self.with_file("plaudit.toml", &block.text, "plaudit config --config plaudit.toml"),
            "cel" => block.text.lines().try_for_each(|rule| {
                self.with_file(
                    "rule.yaml",
                    &scorecard_of(rule),
                    "plaudit facts --scorecard rule.yaml tickets.jsonl",
                )
            }),
            other => Err(format!("nobody knows what to do with {other:?}")),
        }
    }

    fn with_file(&mut self, name: &str, text: &str, script: &str) -> Result<(), String> {
        fs::write(self.folder.path().join(name), text).unwrap();
        self.succeed(script).map(drop)
    }

    fn run(&mut self, text: &str, is_shown: bool) -> Result<(), String> {
        let script = self.meant(text);
        self.reading = None;
        if script.starts_with("plaudit serve") {
            self.printed = Some(self.server.greeting.clone());
            return Ok(());
        }
        let is_offline = script.contains("plaudit store");
        if is_offline {
            self.server.kill();
        }
        self.printed = Some(self.succeed(&script)?);
        let refused = self.statuses().into_iter().find(|status| *status >= 300);
        if let (false, Some(status)) = (is_shown, refused) {
            return Err(format!("answered {status}: {}", self.printed.as_deref().unwrap_or_default()));
        }
        let writes = [" -d ", "plaudit import", "plaudit store"];
        self.reading = (!writes.iter().any(|word| script.contains(word))).then_some(script);
        Ok(())
    }

    /// Compares what was printed with what is shown. Where it only reads, it is read until what was stored is scored.
    fn compare(&mut self, shown: &str) -> Result<(), String> {
        let shown: Value =
            serde_json::from_str(&shown.replace(DATA, "data")).map_err(|error| error.to_string())?;
        let begun = Instant::now();
        loop {
            let printed = self.printed.clone().ok_or("there is no command before it")?;
            let actual = self.shown_by_page(&printed);
            let actual: Value =
                serde_json::from_str(&actual).map_err(|error| format!("{error}: {printed}"))?;
            let Err(difference) = self.stand.check(&shown, &actual) else { return Ok(()) };
            match &self.reading {
                Some(script) if begun.elapsed() < SCORED_WITHIN => self.printed = Some(self.succeed(script)?),
                _ => return Err(format!("{difference}\nin {actual}")),
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn compare_text(&mut self, shown: &str) -> Result<(), String> {
        let printed = self.printed.clone().ok_or("there is no command before it")?;
        let actual = self.shown_by_page(&printed);
        let is_shown = match shown.strip_suffix("…\n") {
            Some(begin) => actual.starts_with(begin),
            None => actual == shown,
        };
        is_shown.then_some(()).ok_or(format!("{actual:?}, not {shown:?}"))
    }

    /// What was printed, with the address and directory of the pages.
    fn shown_by_page(&self, printed: &str) -> String {
        let printed = printed.replace(&self.server.address().to_string(), ADDRESSES[0]);
        printed.replace("data in data,", &format!("data in {DATA},"))
    }
}

fn scorecard_of(rule: &str) -> String {
    let (rule, kind) = rule.split_once("//").expect("a comment with the type");
    let (rule, kind) = (rule.trim(), kind.trim());
    format!(
        "id: x\nlabel: X\ncategories:\n  - id: a\n    label: A\n    criteria:\n      - id: b\n        label: B\n        \
         max_points: 10\n        scoring_type: {kind}\n        evaluator: rule\n        reason: So.\n        rule: >\n          {rule}\n"
    )
}

#[test]
fn every_sample_of_every_page_runs_and_answers_what_is_shown() {
    let (mut broken, mut not_run, mut count) = (Vec::new(), BTreeSet::new(), 0);
    for page in pages() {
        let blocks = blocks(&page);
        if blocks.is_empty() {
            continue;
        }
        let mut run = Run::begin();
        for (place, block) in blocks.iter().enumerate() {
            let skipped = NOT_RUN.iter().find(|(of, begin, _)| *of == page && block.text.starts_with(begin));
            if let Some((_, begin, _)) = skipped {
                not_run.insert(*begin);
                continue;
            }
            count += 1;
            if let Err(cause) = run.take(block, blocks.get(place + 1)) {
                broken.push(format!("{}: {cause}", block.place));
            }
        }
    }
    assert!(broken.is_empty(), "{} of {count} samples:\n{}", broken.len(), broken.join("\n\n"));
    assert!(count > 30, "{count} samples");
    let stale: Vec<_> = NOT_RUN.iter().filter(|(_, begin, _)| !not_run.contains(begin)).collect();
    assert!(stale.is_empty(), "no page has {stale:?}");
}
