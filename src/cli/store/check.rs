//! `plaudit store check`: reads all of a store and says what of it is damaged.

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::PathBuf,
    sync::Arc,
};

use serde_json::json;

use super::{OfStore, options};
use crate::{
    cli::{
        Failure,
        connect::require_store,
        output::{counted, print, print_data, say, visible},
        settings::SettingFlags,
    },
    store::{
        self, Keyspace, OnDisk, StoreError,
        check::{self, Affected, Read, Report},
    },
};

const AFTER_HELP: &str = "\
Reads everything that the store holds: every conversation with its messages, attachments, ratings and assessments, the directory, \
the log, and what they are found by. What cannot be read, cannot be decoded or does not fit what refers to it is named, with the \
conversations that it belongs to. Nothing that is stored is changed, and nothing is repaired; only the storage engine tidies up its own files \
when it opens them, as at every start. The server must be stopped.

With --json each damaged conversation is a line with its name, source, external_id and parts; everything else that is damaged is a \
line with what and why; the last line has the counts.

Exit codes: 0 whole, 1 failed, 2 wrong usage or settings, 3 something is damaged.

Examples:
  plaudit store check
  plaudit store check /var/lib/plaudit
  plaudit store check --json /var/lib/plaudit | jq -r .conversation";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Check {
    /// The data directory, in place of --data
    #[arg(value_name = "DIR", conflicts_with = "data")]
    dir: Option<PathBuf>,
    /// Print JSON lines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingFlags<OfStore>,
}

impl Check {
    pub(super) fn run(self) -> Result<(), Failure> {
        let mut config = self.settings.config()?;
        if let Some(dir) = self.dir {
            config.data = dir;
        }
        // Opening would create a store where there is none.
        require_store(&config.data)?;
        let options = store::Options { past_damage: true, ..options(&config) };
        let store = store::open(&config.store.engine, &config.data, options).map_err(Failure::failed)?;
        let report = read(&store)?;
        tell(&report, store.faults(), self.json)?;
        match damage(&report, store.faults()) {
            None => Ok(()),
            Some(damage) => {
                let data = config.data.display();
                Err(Failure::Incomplete(format!(
                    "{data} is damaged: {damage}; copy what is whole into a new directory: \
                     plaudit store salvage --data {data} NEW_DIRECTORY"
                )))
            }
        }
    }
}

/// Checks an open store and closes it.
pub(super) fn read(store: &Arc<dyn OnDisk>) -> Result<Report, Failure> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    runtime.block_on(async {
        let keyspace: Arc<dyn Keyspace> = store.clone();
        let report = check::check(&keyspace, &mut progress("checked: ")).await;
        let closed = store.close().await;
        let report = report.map_err(|cause: StoreError| Failure::failed(store.refusal(&cause)))?;
        closed.map_err(Failure::failed)?;
        Ok(report)
    })
}

/// What is damaged, in short; `None` if nothing is.
pub(super) fn damage(report: &Report, faults: &[String]) -> Option<String> {
    if report.is_whole() && faults.is_empty() {
        return None;
    }
    let conversations = counted(report.conversations.len() as u64, "conversation", "conversations");
    let others = counted((report.others.len() + faults.len()) as u64, "other thing", "other things");
    Some(format!("{conversations} and {others} are not whole"))
}

/// Prints what is damaged.
pub(super) fn tell(report: &Report, faults: &[String], as_json: bool) -> Result<(), Failure> {
    let Report { read, conversations, others } = report;
    if as_json {
        for (id, affected) in conversations {
            print_data(format_args!("{}\n", json_of(&format!("conversations/{id}"), affected)))?;
        }
        for fault in faults {
            print_data(format_args!("{}\n", json!({ "what": "the store", "why": fault })))?;
        }
        for other in others {
            print_data(format_args!("{}\n", json!({ "what": other.what, "why": other.why })))?;
        }
        let counts = json!({
            "pairs": read.pairs, "records": read.records, "conversations": read.conversations,
            "damaged_conversations": conversations.len(), "other_damage": others.len() + faults.len(),
        });
        return print_data(format_args!("{counts}\n"));
    }
    for (id, Affected { name, parts }) in conversations {
        let name = name.as_ref().map(|(source, external_id)| format!(" ({source}:{external_id})"));
        let parts: Vec<String> = parts.iter().map(|(part, why)| format!("{}: {why}", part.word())).collect();
        let line = format!("conversations/{id}{}: {}", name.unwrap_or_default(), parts.join("; "));
        print(format_args!("{}\n", visible(&line)))?;
    }
    for fault in faults {
        print(format_args!("{}\n", visible(fault)))?;
    }
    for other in others {
        print(format_args!("{}\n", visible(&format!("{}: {}", other.what, other.why))))?;
    }
    let conversations = counted(read.conversations, "conversation", "conversations");
    let pairs = counted(read.pairs, "pair", "pairs");
    let records = counted(read.records, "log record", "log records");
    say(format_args!("read {conversations}: {pairs} and {records}, {} bytes", read.bytes));
    Ok(())
}

pub(super) fn json_of(name: &str, Affected { name: known, parts }: &Affected) -> serde_json::Value {
    let (source, external_id) = known.clone().unzip();
    let words: Vec<&str> = parts.keys().map(|part| part.word()).collect();
    let why: Vec<&str> = parts.values().map(|why| &**why).collect();
    json!({ "conversation": name, "source": source, "external_id": external_id, "parts": words, "why": why })
}

/// Shows progress on a terminal only.
pub(super) fn progress(doing: &'static str) -> impl FnMut(Read) + Send {
    let terminal = io::stderr().is_terminal();
    move |Read { pairs, records, conversations, .. }| {
        if terminal {
            let mut out = io::stderr();
            let _ =
                write!(out, "\r{doing}{conversations} conversations, {pairs} pairs, {records} log records\r");
        }
    }
}
