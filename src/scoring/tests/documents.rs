//! The guide says what the code does: its tables are compared with the code's.

use crate::{
    domain::axis,
    scoring::{FUNCTIONS, facts},
};

const GUIDE: &str = include_str!("../../../docs/scoring.md");

fn between<'t>(text: &'t str, name: &str) -> &'t str {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
    let (_, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("docs/scoring.md has {begin}"));
    rest.split_once(&end).unwrap_or_else(|| panic!("docs/scoring.md has {end}")).0.trim()
}

fn check(name: &str, expected: &str) {
    let expected = expected.trim();
    assert!(between(GUIDE, name) == expected, "docs/scoring.md, {name}, should be:\n{expected}");
}

#[test]
fn the_table_of_facts_is_the_codes() {
    let mut table = "| fact | type | unit | known for | meaning |\n|---|---|---|---|---|\n".to_owned();
    for fact in facts::all() {
        let (name, kind, unit, scope, doc) =
            (fact.name, fact.kind.as_str(), fact.unit, fact.scope.as_str(), fact.doc);
        table.push_str(&format!("| `{name}` | {kind} | {unit} | {scope} | {doc} |\n"));
    }
    check("facts", &table);
}

#[test]
fn the_list_of_functions_is_the_codes() {
    let list: String = FUNCTIONS.iter().map(|function| format!("- {}\n", function.doc)).collect();
    check("functions", &list);
}

#[test]
fn what_axis_rests_on_is_in_the_table() {
    for name in axis::FACTS {
        assert!(facts::find(name).is_some(), "{name}");
    }
}

#[test]
fn every_data_file_names_its_source_and_licence() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/scoring/text/data/en");
    let files: Vec<_> =
        std::fs::read_dir(folder).expect("the folder is there").filter_map(Result::ok).collect();
    assert_eq!(files.len(), 4);
    for file in files {
        let text = std::fs::read_to_string(file.path()).expect("a text");
        let head: Vec<&str> = text.lines().take_while(|line| line.starts_with('#')).collect();
        let head = head.join("\n");
        assert!(
            head.contains("Source:") && (head.contains("Licence:") || head.contains("MIT")),
            "{:?}",
            file.path()
        );
    }
}
