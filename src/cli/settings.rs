//! The settings as flags, generated from the table of settings so that the two cannot drift apart.

use std::{marker::PhantomData, ops::RangeBounds, path::PathBuf};

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, builder::RangedI64ValueParser, value_parser};

use super::Failure;
use crate::config::{Config, Inputs, SETTINGS, Setting, Settings};

/// Parses a whole number from a range. Together with `allow_negative_numbers` one below it is refused for its range, not as an
/// unknown flag.
pub(super) fn whole_numbers(range: impl RangeBounds<i64>) -> RangedI64ValueParser<u64> {
    RangedI64ValueParser::new().range(range)
}

/// `--config` and one flag per setting that a command reads.
#[derive(Clone, Debug)]
pub(super) struct SettingFlags<R> {
    file: Option<PathBuf>,
    flags: Vec<(&'static str, String)>,
    reads: PhantomData<R>,
}

/// Which settings a command reads. The file and the environment may hold others, which are still validated.
pub(super) trait Reads {
    fn reads(setting: &Setting) -> bool;
}

#[derive(Clone, Debug)]
pub(super) struct All;

impl Reads for All {
    fn reads(_: &Setting) -> bool {
        true
    }
}

fn read_by<R: Reads>() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(|setting| R::reads(setting))
}

impl<R> SettingFlags<R> {
    /// Whether a setting was given as a flag.
    pub(super) fn has(&self, name: &str) -> bool {
        self.flags.iter().any(|(given, _)| *given == name)
    }

    /// Reads the settings; these flags override the file and the environment.
    pub(super) fn read(self) -> Result<Settings, Failure> {
        let inputs =
            Inputs { file: self.file, environment: std::env::vars_os().collect(), flags: self.flags };
        Settings::read(&inputs).map_err(|error| Failure::Usage(error.to_string()))
    }

    /// Like [`Self::read`], as a typed [`Config`].
    pub(super) fn config(self) -> Result<Config, Failure> {
        self.read()?.config().map_err(|error| Failure::Usage(error.to_string()))
    }
}

impl<R: Reads> FromArgMatches for SettingFlags<R> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let said = |name: &'static str| matches.get_one::<String>(name).map(|text| (name, text.clone()));
        Ok(Self {
            file: matches.get_one::<PathBuf>("config").cloned(),
            flags: read_by::<R>().filter_map(|setting| said(setting.name)).collect(),
            reads: PhantomData,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl<R: Reads> Args for SettingFlags<R> {
    fn augment_args(command: Command) -> Command {
        let file = Arg::new("config")
            .long("config")
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .help("Settings file (TOML). Default: PLAUDIT_CONFIG, else plaudit.toml in the current directory if it is there.")
            .help_heading("Settings");
        read_by::<R>().fold(command.arg(file), |command, setting| {
            command.arg(
                Arg::new(setting.name)
                    .long(setting.flag())
                    .value_name("VALUE")
                    // So that a value such as -1 is refused for its range, not as an unknown flag.
                    .allow_hyphen_values(true)
                    .help(format!(
                        "{} [default: {}] [env: {}]",
                        setting.doc,
                        setting.default_text(),
                        setting.env()
                    ))
                    .help_heading("Settings"),
            )
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}
