//! `plaudit config`: the effective settings and where each comes from.

use std::io::{self, IsTerminal as _};

use super::{
    Failure,
    output::{print, print_data},
    settings::{All, SettingFlags},
};
use crate::config::{DefaultValue, Settings, Source};

const AFTER_HELP: &str = "\
On a terminal the settings are printed as a table, otherwise as TOML that can be used as plaudit.toml. Precedence: flags, then \
PLAUDIT_… variables, then the file, then defaults.

Examples:
  plaudit config
  plaudit config --config /etc/plaudit.toml > effective.toml";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Config {
    #[command(flatten)]
    settings: SettingFlags<All>,
}

impl Config {
    pub(super) fn run(self) -> Result<(), Failure> {
        let settings = self.settings.read()?;
        if io::stdout().is_terminal() { print(as_table(&settings)) } else { print_data(as_toml(&settings)) }
    }
}

fn as_table(settings: &Settings) -> String {
    let rows: Vec<[String; 3]> = settings
        .values
        .iter()
        .map(|(setting, value, source)| [setting.name.to_owned(), value.to_string(), source.to_string()])
        .collect();
    let width = |cell: fn(&[String; 3]) -> &String| {
        rows.iter().map(|row| cell(row).chars().count()).max().unwrap_or(0)
    };
    let (name_width, value_width) = (width(|[name, ..]| name), width(|[_, value, _]| value));
    rows.iter()
        .map(|[name, value, source]| format!("{name:name_width$}  {value:value_width$}  {source}\n"))
        .collect()
}

fn as_toml(settings: &Settings) -> String {
    let mut text = String::new();
    let mut open_section = "";
    for (setting, value, source) in &settings.values {
        let (section, key) = setting.name.split_once('.').unwrap_or(("", setting.name));
        if section != open_section {
            text.push_str(&format!("\n[{section}]\n"));
            open_section = section;
        }
        let comment = match source {
            Source::Default => String::new(),
            said => format!(" # {}", said.to_string().replace(|c: char| c.is_control(), "?")),
        };
        // In a file it would hold for any machine that the file is copied to.
        let of_machine = *source == Source::Default && setting.default == DefaultValue::SpareProcessors;
        let (mark, comment) =
            if of_machine { ("# ", " # this machine's spare processors".to_owned()) } else { ("", comment) };
        text.push_str(&format!("{mark}{key} = {value}{comment}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Inputs;

    #[test]
    fn the_toml_output_parses_to_the_same_settings() {
        let inputs = Inputs {
            flags: vec![
                ("log.level", "debug".to_owned()),
                ("allowed_hosts", "a.example,b.example".to_owned()),
            ],
            ..Inputs::default()
        };
        let settings = Settings::read(&inputs).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("plaudit.toml");
        std::fs::write(&file, as_toml(&settings)).unwrap();
        let again = Settings::read(&Inputs { file: Some(file), ..Inputs::default() }).unwrap();
        assert_eq!(again.config().unwrap(), settings.config().unwrap());
    }

    #[test]
    fn the_toml_output_does_not_fix_what_follows_the_machine() {
        let threads = |inputs| {
            let text = as_toml(&Settings::read(&inputs).unwrap());
            text.lines().find(|line| line.contains("threads = ")).unwrap().to_owned()
        };
        assert!(threads(Inputs::default()).starts_with("# threads = "));
        let said = Inputs { flags: vec![("scoring.threads", "3".to_owned())], ..Inputs::default() };
        assert_eq!(threads(said), "threads = 3 # --scoring-threads");
    }

    #[test]
    fn the_table_shows_where_each_setting_comes_from() {
        let inputs = Inputs { flags: vec![("listen", "127.0.0.1:7".to_owned())], ..Inputs::default() };
        let text = as_table(&Settings::read(&inputs).unwrap());
        let listen = text.lines().find(|line| line.starts_with("listen ")).unwrap();
        assert!(listen.contains("127.0.0.1:7") && listen.ends_with("--listen"), "{listen}");
        assert!(text.lines().any(|line| line.starts_with("data ") && line.ends_with("default")), "{text}");
    }
}
