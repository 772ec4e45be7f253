//! The fenced blocks of a page.

use std::path::PathBuf;

/// A fenced block.
#[derive(Clone, Debug)]
pub struct Block {
    /// Where it begins: `README.md:50`.
    pub place: String,
    /// `sh`, `json`, …; empty if there is none.
    pub language: String,
    pub text: String,
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every page that has samples for its readers, relative to the root. Benchmarks are run by hand, decisions are history.
pub fn pages() -> Vec<String> {
    let mut pages = vec!["CONTRIBUTING.md".to_owned(), "README.md".to_owned(), "SECURITY.md".to_owned()];
    for entry in std::fs::read_dir(root().join("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") && name != "benchmarks.md" {
            pages.push(format!("docs/{name}"));
        }
    }
    pages.sort();
    pages
}

pub fn blocks(page: &str) -> Vec<Block> {
    let text = std::fs::read_to_string(root().join(page)).unwrap();
    let (mut blocks, mut open): (Vec<Block>, Option<Block>) = (Vec::new(), None);
    for (number, line) in (1..).zip(text.lines()) {
        match (line.strip_prefix("```"), &mut open) {
            (Some(language), None) => {
                let (place, language) = (format!("{page}:{number}"), language.to_owned());
                open = Some(Block { place, language, text: String::new() });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{page} has a block without an end");
    blocks
}
