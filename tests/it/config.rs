//! How settings are read.

use std::ffi::OsString;

use plaudit::config::{Config, Inputs, SETTINGS, Settings, markdown_table};
use tempfile::TempDir;

fn inputs(file: &str, environment: &[(&str, &str)], flags: &[(&'static str, &str)]) -> (TempDir, Inputs) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("plaudit.toml");
    std::fs::write(&path, file).unwrap();
    let inputs = Inputs {
        file: Some(path),
        environment: environment.iter().map(|(name, value)| (name.into(), value.into())).collect(),
        flags: flags.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
    };
    (folder, inputs)
}

fn read(file: &str, environment: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Config {
    let (_folder, inputs) = inputs(file, environment, flags);
    Settings::read(&inputs).unwrap().config().unwrap()
}

fn problems(file: &str, environment: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Vec<String> {
    let (_folder, inputs) = inputs(file, environment, flags);
    Settings::read(&inputs).unwrap_err().0
}

#[test]
fn the_defaults_match_the_table() {
    let config = read("", &[], &[]);
    assert_eq!(config.listen.to_string(), "127.0.0.1:50051");
    assert_eq!(config.data.to_str(), Some("plaudit-data"));
    assert_eq!((config.drain_seconds, config.store.cache_mib), (10, 16));
    assert_eq!((config.scoring.attempts, config.worklog.idle_hours), (5, 24));
    assert_eq!(config.ratings.late_delivery_hours, 72);
    assert_eq!((config.deletion.keep_days, config.events.keep_days), (30, 30));
    assert!(config.scoring.threads >= 1);
    assert_eq!(config.scoring.realtime_seconds, 60);
    assert_eq!((config.enneo.source.as_str(), config.dixa.source.as_str()), ("enneo", "dixa"));
}

#[test]
fn the_last_value_given_counts() {
    let file = "drain_seconds = 1\n[log]\nlevel = \"warn\"\n[scoring]\nattempts = 2\n";
    let environment = [("PLAUDIT_LOG_LEVEL", "error"), ("PLAUDIT_SCORING_ATTEMPTS", "3"), ("OTHER", "x")];
    let config = read(file, &environment, &[("scoring.attempts", "4")]);
    assert_eq!((config.drain_seconds, config.log.level.as_str(), config.scoring.attempts), (1, "error", 4));
}

#[test]
fn hosts_are_a_list_in_the_file_and_a_comma_list_elsewhere() {
    let both = vec!["a.example".to_owned(), "b.example".to_owned()];
    assert_eq!(read("allowed_hosts = [\"a.example\", \"b.example\"]", &[], &[]).allowed_hosts, both);
    assert_eq!(read("", &[("PLAUDIT_ALLOWED_HOSTS", "a.example, b.example")], &[]).allowed_hosts, both);
}

#[test]
fn all_errors_are_reported_at_once_with_their_place() {
    let file = "lissten = \"x\"\n\n[store]\ncache_mib = \"128\"\nqueue_batches = 0\n";
    let environment = [("PLAUDIT_LOG_LEVLE", "info"), ("PLAUDIT_DRAIN_SECONDS", "soon")];
    let problems = problems(file, &environment, &[("scoring.attempts", "101")]);
    let expected = [
        ("plaudit.toml:1: ", "there is no setting lissten; did you mean listen?"),
        ("plaudit.toml:4: ", "store.cache_mib must be a whole number from 8 to 1048576, not \"128\""),
        ("plaudit.toml:5: ", "store.queue_batches must be a whole number from 1 to 1000000, not 0"),
        ("PLAUDIT_LOG_LEVLE: ", "there is no such variable; did you mean PLAUDIT_LOG_LEVEL?"),
        ("PLAUDIT_DRAIN_SECONDS: ", "drain_seconds must be a whole number from 0 to 3600, not \"soon\""),
        ("--scoring-attempts: ", "scoring.attempts must be a whole number from 1 to 100, not 101"),
    ];
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    for (problem, (place, message)) in problems.iter().zip(expected) {
        assert!(problem.contains(place) && problem.ends_with(message), "{problem}");
    }
}

#[test]
fn only_a_name_that_is_like_it_is_suggested() {
    for (given, meant) in [("PLAUDIT_FOO", None), ("PLAUDIT_CONFG", Some("PLAUDIT_CONFIG"))] {
        let told = problems("", &[(given, "x")], &[]).remove(0);
        let step = meant.map_or_else(String::new, |meant| format!("; did you mean {meant}?"));
        assert_eq!(told, format!("{given}: there is no such variable{step}"));
    }
}

#[test]
fn each_kind_of_setting_refuses_invalid_values() {
    for (name, value) in [
        ("listen", "localhost:50051"),
        ("listen", "127.0.0.1"),
        ("listen", "127.0.0.1:99999"),
        ("listen", "192.168.0.7:50051"),
        ("data", ""),
        ("allowed_hosts", "a.example:80"),
        ("allowed_hosts", "http://a.example"),
        ("allowed_hosts", "user@a.example"),
        ("log.level", "loud=very=much"),
        ("log.level", ""),
        ("log.level", "inf"),
        ("log.level", "loud"),
        ("log.level", "info,plaudit"),
        ("log.format", "xml"),
        ("store.cache_mib", "7"),
        ("store.cache_mib", "1.5"),
        ("drain_seconds", "-1"),
        ("drain_seconds", "3601"),
        ("drain_seconds", "99999999999999999999"),
        ("limits.connections", "0"),
        ("limits.streams_per_connection", ""),
        ("scoring.threads", "0"),
        ("worklog.idle_hours", "8761"),
        ("ratings.late_delivery_hours", "87601"),
        ("deletion.keep_days", "36501"),
        ("scoring.realtime_seconds", "0"),
        ("enneo.source", ""),
        ("dixa.source", "a\nb"),
    ] {
        let problems = problems("", &[], &[(name, value)]);
        assert_eq!(problems.len(), 1, "{name}={value}");
        assert!(problems[0].contains(name), "{}", problems[0]);
    }
}

#[test]
fn a_file_that_cannot_be_read_or_parsed_is_an_error_with_its_place() {
    let missing = Inputs { file: Some("no/such/file.toml".into()), ..Inputs::default() };
    assert!(Settings::read(&missing).unwrap_err().0[0].starts_with("no/such/file.toml: "));
    assert!(problems("listen = \"127.0.0.1:1\"\ndata = \n", &[], &[])[0].contains("plaudit.toml:2: "));
    assert!(problems("drain_seconds = 99999999999999999999\n", &[], &[])[0].contains("plaudit.toml:1: "));
    assert!(problems("log = 3\n", &[], &[])[0].contains("plaudit.toml:1: "));
}

#[test]
fn a_file_can_be_named_by_the_environment() {
    let (_folder, mut inputs) = inputs("drain_seconds = 3", &[], &[]);
    let file = inputs.file.take().unwrap();
    inputs.environment = vec![(OsString::from("PLAUDIT_CONFIG"), file.into_os_string())];
    assert_eq!(Settings::read(&inputs).unwrap().config().unwrap().drain_seconds, 3);
}

#[test]
fn names_follow_from_the_key_and_are_unique() {
    let cache = SETTINGS.iter().find(|setting| setting.name == "store.cache_mib").unwrap();
    assert_eq!((cache.env().as_str(), cache.flag().as_str()), ("PLAUDIT_STORE_CACHE_MIB", "store-cache-mib"));
    let mut names: Vec<String> = SETTINGS.iter().map(|setting| setting.env()).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), SETTINGS.len());
}

#[test]
fn the_documented_table_matches_the_code() {
    let document = include_str!("../../docs/configuration.md");
    let table = markdown_table();
    assert!(document.contains(&table), "docs/configuration.md must hold this table:\n{table}");
}
