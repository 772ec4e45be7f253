//! `plaudit store`: dumps a store to an engine-independent file and loads it back, or converts it to another engine.

mod check;
mod convert;
mod salvage;

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, IsTerminal as _, Read, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Failure,
    connect::require_store,
    is_dash,
    output::{counted, plain, say, unwritten},
    settings::{Reads, SettingFlags},
    signals::Signals,
    whole_file::WholeFile,
};
use crate::{
    config::{Config, Setting},
    store::{
        self, OnDisk, StoreError,
        dump::{self, Counts, DumpError},
    },
};

const AFTER_HELP: &str = "\
The server must be stopped: only one process at a time can open a data directory. A dump holds everything, independent of the \
storage engine; dumping a loaded store gives the same bytes. It is not encrypted.

Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 3 something is damaged, or was left out.

Examples:
  plaudit store dump --data /var/lib/plaudit backup.dump
  plaudit store load --data /var/lib/plaudit-new backup.dump
  plaudit store convert --data /var/lib/plaudit --to fjall /var/lib/plaudit-fjall
  plaudit store check --data /var/lib/plaudit
  plaudit store salvage --data /var/lib/plaudit /var/lib/plaudit-salvaged
  plaudit store dump - | zstd > backup.dump.zst";

const AFTER_DUMP_HELP: &str = "\
The file must not exist yet; until the dump is whole, it is called FILE.part, which the next dump begins anew. A running server is \
not disturbed: the dump is refused while one uses the directory.

A damaged store is not dumped unless --past-damage says so: then what cannot be read is left out and named, on standard error and in \
the dump, which a load takes only with --past-damage as well.

Exit codes: 0 dumped, 1 failed (also: the reader of standard output went away), 2 wrong usage or settings, 3 dumped, but something was \
left out.

Examples:
  plaudit store dump backup.dump
  plaudit store dump --data /var/lib/plaudit /backup/plaudit.dump
  plaudit store dump - | zstd > backup.dump.zst";

const AFTER_LOAD_HELP: &str = "\
The directory must be new or empty, or hold an empty store. An interrupted load leaves a store that no server will open: remove it \
and load again. Of a dump that was made past damage, what it lacks is named, and things in the new store may refer to it: check \
it, and salvage it before it is served.

Exit codes: 0 loaded, 1 failed, 2 wrong usage or settings, 3 loaded, but the dump lacks something.

Examples:
  plaudit store load --data /var/lib/plaudit-new backup.dump
  zstdcat backup.dump.zst | plaudit store load --data /var/lib/plaudit-new -";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Store {
    #[command(subcommand)]
    direction: Direction,
}

#[derive(Debug, clap::Subcommand)]
enum Direction {
    /// Write a whole store to a new file.
    #[command(after_help = AFTER_DUMP_HELP, mut_arg("file", |file| file.help("The file to create; - is standard output")), mut_arg("past_damage", |flag| flag.help("Leave out what cannot be read, and name it")))]
    Dump(Transfer),
    /// Load a dump into a new or empty data directory.
    #[command(after_help = AFTER_LOAD_HELP, mut_arg("file", |file| file.help("The dump file; - is standard input")), mut_arg("past_damage", |flag| flag.help("Load also a dump that lacks what could not be read")))]
    Load(Transfer),
    /// Read all of a store and say what of it is damaged.
    Check(check::Check),
    /// Copy what is whole of a damaged store into another directory.
    Salvage(salvage::Salvage),
    /// Copy a store into another directory, to another storage engine.
    Convert(convert::Convert),
}

#[derive(Debug, clap::Args)]
struct Transfer {
    // Each command has a help of its own.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[arg(long)]
    past_damage: bool,
    #[command(flatten)]
    settings: SettingFlags<OfStore>,
}

/// What was dumped or loaded, and what is missing of it, in words.
type Transferred = (Counts, Vec<String>);

/// The settings that locate and open the store.
#[derive(Clone, Debug)]
struct OfStore;

impl Reads for OfStore {
    fn reads(setting: &Setting) -> bool {
        ["data", "store.engine", "store.cache_mib"].contains(&setting.name)
    }
}

impl Store {
    pub(super) fn run(self) -> Result<(), Failure> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
        let (done, (counts, missing)) = match self.direction {
            Direction::Check(check) => return check.run(),
            Direction::Salvage(salvage) => return salvage.run(),
            Direction::Dump(transfer) => ("dumped", runtime.block_on(transfer.dump())?),
            Direction::Load(transfer) => ("loaded", runtime.block_on(transfer.load())?),
            Direction::Convert(convert) => ("converted", (convert.run()?, Vec::new())),
        };
        let Counts { pairs, records, size_bytes } = counts;
        let (pairs, records) =
            (counted(pairs, "pair", "pairs"), counted(records, "log record", "log records"));
        say(format_args!("{done} {pairs} and {records}, {size_bytes} bytes"));
        for what in &missing {
            say(format_args!("plaudit: missing: {what}"));
        }
        match missing.len() as u64 {
            0 => Ok(()),
            count => Err(Failure::Incomplete(format!(
                "{} could not be read and {} not in it; see above. plaudit store salvage makes a whole store of what is left",
                counted(count, "thing", "things"),
                if count == 1 { "is" } else { "are" },
            ))),
        }
    }
}

impl Transfer {
    async fn dump(self) -> Result<Transferred, Failure> {
        let to_stdout = is_dash(&self.file);
        if to_stdout && io::stdout().is_terminal() {
            return Err(Failure::Usage("a dump is binary; name a file or redirect the output".to_owned()));
        }
        let past_damage = self.past_damage;
        let config = self.settings.config()?;
        // Opening would create a store where there is none.
        require_store(&config.data)?;
        let options = store::Options { past_damage, ..options(&config) };
        let store = store::open(&config.store.engine, &config.data, options).map_err(Failure::failed)?;
        let file = &self.file;
        let dumped = if to_stdout {
            Signals::end_process(1, || {
                say("plaudit: interrupted: the dump on standard output is incomplete")
            })?;
            told(write(past_damage, &*store, &mut BufWriter::new(io::stdout())).await, file, &*store)
        } else {
            dump_to_file(past_damage, &*store, file).await
        };
        closed(store, dumped).await
    }

    async fn load(self) -> Result<Transferred, Failure> {
        let input: Box<dyn Read + Send> = if is_dash(&self.file) {
            Box::new(io::stdin())
        } else {
            let file = File::open(&self.file).map_err(|cause| about(&self.file, plain(&cause)))?;
            Box::new(BufReader::new(file))
        };
        let config = self.settings.config()?;
        // Opening creates a store where there is none; a file that is no dump must not leave one behind.
        let mut input = dump::known(input, self.past_damage).map_err(|cause| of_dump(&self.file, cause))?;
        let store = open(&config)?;
        let loaded = match self.past_damage {
            true => dump::load_past_damage(&*store, &mut input, &mut progress("")).await,
            false => {
                dump::load(&*store, &mut input, &mut progress("")).await.map(|counts| (counts, Vec::new()))
            }
        };
        let loaded = told(loaded, &self.file, &*store);
        closed(store, loaded).await
    }
}

/// Writes what is dumped.
async fn write(
    past_damage: bool,
    store: &dyn OnDisk,
    out: &mut (dyn Write + Send),
) -> Result<Transferred, DumpError> {
    match past_damage {
        true => dump::dump_past_damage(store, store.faults(), out, &mut progress("")).await,
        false => Ok((dump::dump(store, out, &mut progress("")).await?, Vec::new())),
    }
}

/// The dump is synced before it counts as done.
async fn dump_to_file(past_damage: bool, store: &dyn OnDisk, path: &Path) -> Result<Transferred, Failure> {
    let mut signals = Signals::listen()?;
    let file = WholeFile::begin(path, "store dump")?;
    let mut out = file.writer();
    let dumped = tokio::select! {
        dumped = write(past_damage, store, &mut out) => told(dumped, path, store)?,
        () = signals.next() => {
            let shown = path.display();
            return Err(Failure::Failed(format!("interrupted: {shown} is not written; run the same command again")));
        }
    };
    out.flush().map_err(|cause| about(path, plain(&cause)))?;
    drop(out);
    file.finish()?;
    Ok(dumped)
}

fn open(config: &Config) -> Result<Arc<dyn OnDisk>, Failure> {
    store::open(&config.store.engine, &config.data, options(config)).map_err(Failure::failed)
}

fn options(config: &Config) -> store::Options {
    store::Options { cache_bytes: config.store.cache_mib * 1024 * 1024, ..store::Options::default() }
}

async fn closed<T>(store: Arc<dyn OnDisk>, outcome: Result<T, Failure>) -> Result<T, Failure> {
    let closed = store.close().await;
    let done = outcome?;
    closed.map_err(Failure::failed)?;
    Ok(done)
}

fn told<T>(outcome: Result<T, DumpError>, file: &Path, store: &dyn OnDisk) -> Result<T, Failure> {
    outcome.map_err(|cause| match cause {
        DumpError::Store(
            cause @ (StoreError::Corrupt(_) | StoreError::Unreadable(_) | StoreError::Failed(_)),
        ) => Failure::failed(store.refusal(&cause)),
        DumpError::Io(cause) if is_dash(file) => unwritten(file.display(), &cause),
        cause => of_dump(file, cause),
    })
}

fn of_dump(file: &Path, cause: DumpError) -> Failure {
    match cause {
        DumpError::Io(cause) => about(file, plain(&cause)),
        cause => about(file, cause),
    }
}

fn about(file: &Path, cause: impl std::fmt::Display) -> Failure {
    Failure::Failed(format!("{}: {cause}", file.display()))
}

/// Shows progress on a terminal only, behind what is being done.
fn progress(doing: &'static str) -> impl FnMut(Counts) + Send {
    let terminal = io::stderr().is_terminal();
    move |Counts { pairs, records, .. }| {
        if terminal {
            let _ = write!(io::stderr(), "\r{doing}{pairs} pairs, {records} log records\r");
        }
    }
}
