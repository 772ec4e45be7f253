//! The settings file: everything that is wrong is told, or there are settings.
#![no_main]

use std::{cell::RefCell, fs};

use libfuzzer_sys::fuzz_target;
use plaudit::config::{Inputs, Settings};
use tempfile::TempDir;

thread_local! {
    static FOLDER: RefCell<TempDir> = RefCell::new(tempfile::tempdir().expect("a folder"));
}

fuzz_target!(|text: &[u8]| {
    FOLDER.with_borrow(|folder| {
        let file = folder.path().join("plaudit.toml");
        fs::write(&file, text).expect("the disk works");
        let inputs = Inputs { file: Some(file), environment: Vec::new(), flags: Vec::new() };
        match Settings::read(&inputs).and_then(|settings| settings.config()) {
            Ok(config) => assert!(config.limits.connections > 0),
            Err(error) => assert!(!error.0.is_empty()),
        }
    });
});
