//! `plaudit store salvage`: copies what is whole of a damaged store into a new one.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::builder::PossibleValuesParser;
use serde_json::json;

use super::{OfStore, check, options};
use crate::{
    cli::{
        Failure,
        connect::require_store,
        output::{counted, say, visible},
        settings::SettingFlags,
        signals::Signals,
    },
    clock::{Clock as _, SystemClock},
    store::{
        self, Earlier, Keyspace, OnDisk, OpenError, ReadCopy, Target,
        check::Report,
        salvage::{Salvaged, salvage},
    },
};

const AFTER_HELP: &str = "\
The server must be stopped; start it with the new directory when this is done. --data is not changed: its files are copied into the \
new directory first, for as long as they are read, so there must be room for both.

A conversation is copied with all its messages, or left out as a whole. Where assessments are lost, it is queued for scoring again; lists \
and what conversations are found by are made anew; attachments that are lost are said to be missing. Events before the last one that is \
lost are left out, so that who follows them is told. What is damaged, and what became of it, stands in salvage.jsonl in the new \
directory. At the end the new store is checked; only after that a server opens it.

If it is interrupted, run the same command again: it begins anew.

Exit codes: 0 copied, nothing was damaged; 1 failed; 2 wrong usage or settings; 3 copied, but something is lost.

Examples:
  plaudit store salvage --data /var/lib/plaudit /var/lib/plaudit-salvaged
  plaudit store salvage --data /var/lib/plaudit --to fjall /var/lib/plaudit-salvaged";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Salvage {
    /// The engine of the new store; by default that of the damaged one
    #[arg(long, value_name = "ENGINE", value_parser = PossibleValuesParser::new(["sled", "fjall"]))]
    to: Option<String>,
    /// The directory of the new store: new or empty
    #[arg(value_name = "TARGET_DIR")]
    target: PathBuf,
    #[command(flatten)]
    settings: SettingFlags<OfStore>,
}

/// In the new directory, while it is read.
const COPY: &str = "damaged";
/// In the new directory: what is damaged, and what became of it.
const REPORT: &str = "salvage.jsonl";

impl Salvage {
    pub(super) fn run(self) -> Result<(), Failure> {
        let config = self.settings.config()?;
        let (data, target) = (&config.data, &self.target);
        require_store(data)?;
        if super::convert::is_same(data, target) {
            let target = target.display();
            return Err(Failure::Usage(format!("{target} is the damaged directory; name another one")));
        }
        let engine = match &self.to {
            Some(engine) => engine.clone(),
            None => store::engine_of(data).map_err(Failure::failed)?,
        };
        let begun = Target::begin_anew(&engine, target, options(&config)).map_err(Failure::failed)?;
        if begun.earlier == Earlier::Removed {
            let target = target.display();
            say(format_args!("plaudit: an earlier salvage into {target} did not finish; beginning anew"));
        }
        let shown = target.display().to_string();
        Signals::end_process(1, move || {
            say(format_args!("plaudit: interrupted: {shown} is not whole; run the same command again"));
        })?;
        let done = copy(data, target, &begun.store, &config);
        super::convert::run(async { begun.store.close().await.map_err(Failure::failed) })?;
        let done = match done {
            Ok(done) => done,
            Err(failure) => {
                begun.abandon(options(&config).lock_wait).map_err(Failure::failed)?;
                return Err(failure);
            }
        };
        verify(&engine, target, &config)?;
        done.write(&target.join(REPORT))?;
        begun.finish().map_err(Failure::failed)?;
        done.tell(target)
    }
}

/// Copies what is whole, from a copy of the files.
fn copy(
    data: &Path,
    target: &Path,
    into: &Arc<dyn OnDisk>,
    config: &crate::config::Config,
) -> Result<Done, Failure> {
    let files = target.join(COPY);
    // The copy is ours; who reads of damage wants to know of the directory.
    let about = |cause: String| {
        Failure::Failed(cause.replace(&files.display().to_string(), &data.display().to_string()))
    };
    let copy = ReadCopy::begin(data, &files, options(config)).map_err(|cause| match cause {
        OpenError::Damaged { .. } | OpenError::Missing { .. } | OpenError::Mismatch { .. } => about(format!(
            "{}: so much that nothing can be read of it; restore the whole data directory from a backup, or load a dump",
            cause.problem()
        )),
        cause => about(cause.to_string()),
    })?;
    let faults: Vec<String> = copy.store.faults().to_vec();
    let copied = super::convert::run(async {
        let from: Arc<dyn Keyspace> = copy.store.clone();
        let report = store::check::check(&from, &mut check::progress("read: ")).await;
        let report = report.map_err(|cause| about(copy.store.refusal(&cause).to_string()))?;
        let mut progress = check::progress("copied: ");
        let salvaged =
            salvage(&*from, &**into, &report, !faults.is_empty(), SystemClock.now(), &mut progress).await;
        let salvaged = salvaged.map_err(|cause| about(cause.to_string()))?;
        copy.store.close().await.map_err(Failure::failed)?;
        Ok((report, salvaged))
    });
    copy.remove().map_err(Failure::failed)?;
    let (report, salvaged) = copied?;
    Ok(Done { report, faults, salvaged })
}

/// Checks the new store.
fn verify(engine: &str, target: &Path, config: &crate::config::Config) -> Result<(), Failure> {
    let reopened = store::open_unfinished(engine, target, options(config)).map_err(Failure::failed)?;
    let report = check::read(&reopened)?;
    match check::damage(&report, &[]) {
        None => Ok(()),
        Some(damage) => {
            check::tell(&report, &[], false)?;
            let target = target.display();
            Err(Failure::Failed(format!(
                "{target}: {damage}, although they were copied; remove it, and check the disk"
            )))
        }
    }
}

/// What was done.
struct Done {
    report: Report,
    faults: Vec<String>,
    salvaged: Salvaged,
}

impl Done {
    fn write(&self, path: &Path) -> Result<(), Failure> {
        let mut lines = String::new();
        for (id, affected) in &self.salvaged.damage {
            let mut line = check::json_of(&format!("conversations/{id}"), affected);
            if let Some(fields) = line.as_object_mut() {
                fields.insert("left_out".to_owned(), self.salvaged.left_out.contains(id).into());
                fields.insert("scored_again".to_owned(), self.salvaged.queued.contains(id).into());
            }
            lines += &format!("{line}\n");
        }
        for fault in &self.faults {
            lines += &format!("{}\n", json!({ "what": "the store", "why": fault }));
        }
        for other in &self.report.others {
            lines += &format!("{}\n", json!({ "what": other.what, "why": other.why }));
        }
        let counts = json!({
            "kept": self.salvaged.kept, "left_out": self.salvaged.left_out.len(),
            "scored_again": self.salvaged.queued.len(), "events_left_out": self.salvaged.events_left_out,
        });
        lines += &format!("{counts}\n");
        fs::write(path, lines)
            .and_then(|()| fs::File::open(path)?.sync_all())
            .map_err(|cause| super::about(path, crate::cli::output::plain(&cause)))
    }

    fn tell(&self, target: &Path) -> Result<(), Failure> {
        let Salvaged { kept, left_out, queued, events_left_out, damage } = &self.salvaged;
        for id in left_out {
            let name = damage.get(id).and_then(|affected| affected.name.as_ref());
            let name =
                name.map(|(source, external_id)| format!(" ({source}:{external_id})")).unwrap_or_default();
            say(visible(&format!("left out conversations/{id}{name}")));
        }
        self.faults.iter().for_each(|fault| say(visible(fault)));
        self.report.others.iter().for_each(|other| say(visible(&format!("{}: {}", other.what, other.why))));
        let conversations = |count: u64| counted(count, "conversation", "conversations");
        say(format_args!(
            "copied {}; {} left out, {} queued for scoring again, {} left out",
            conversations(*kept),
            left_out.len(),
            queued.len(),
            counted(*events_left_out, "event", "events"),
        ));
        let target = target.display();
        match check::damage(&self.report, &self.faults) {
            None => Ok(()),
            Some(_) => Err(Failure::Incomplete(format!(
                "{target} is whole, but something is lost: {target}/{REPORT} says what"
            ))),
        }
    }
}
