//! Scorecards as files: `plaudit scorecard check`, and `plaudit facts --scorecard`.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Client, ServerProcess, plaudit, sample};

const TIDY: &str = "
id: tidy
label: Tidy work
unit: worklog
categories:
  - id: handover
    label: Handover
    criteria:
      - id: fast
        label: Fast
        max_points: 10
        scoring_type: numeric_scale
        evaluator: rule
        rule: 10 - 10 * ramp(first_response_seconds, 60, 3600)
        reason: The first reply came after {duration(first_response_seconds)}.
      - id: note
        label: Note left
        max_points: 5
        scoring_type: met_not_met
        evaluator: rule
        applies_when: taken_over
        rule: note_left
        reason: >
          Another agent took over {note_left ? 'with' : 'without'} a note.
      - id: tone
        label: Tone
        max_points: 5
        scoring_type: met_not_met
        evaluator: human
";

const TICKET: &str = r#"{"ticket_id": "1", "messages": [
    {"external_id": "a", "kind": "message", "content": "Where is my order 5512?", "author": {"type": "contact"}, "timestamp": 1700000000000},
    {"external_id": "b", "kind": "message", "content": "It will arrive tomorrow.", "author": {"type": "teammate", "external_id": "t1"},
     "timestamp": 1700000060000},
    {"external_id": "c", "kind": "message", "content": "It left us today.", "author": {"type": "teammate", "external_id": "t2"},
     "timestamp": 1700000070000}
]}"#;

fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("tidy.yaml"), TIDY).unwrap();
    std::fs::write(folder.path().join("tickets.jsonl"), TICKET.replace('\n', " ")).unwrap();
    folder
}

fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = plaudit(folder).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_scorecard_in_which_nothing_is_found_is_described() {
    let folder = folder();
    let (code, said, complaint) = run(folder.path(), &["scorecard", "check", "tidy.yaml"]);
    assert_eq!((code, complaint.as_str()), (Some(0), ""));
    let expected = "tidy.yaml: no faults in tidy: 3 criteria, by 3 facts:\n  first_response_seconds, note_left, taken_over\n";
    assert_eq!(said, expected);
    for builtin in ["scorecards/axis.yaml", "scorecards/service-basics.yaml"] {
        let (code, _, complaint) =
            run(Path::new(env!("CARGO_MANIFEST_DIR")), &["scorecard", "check", builtin]);
        assert_eq!((code, complaint.as_str()), (Some(0), ""), "{builtin}");
    }
}

#[test]
fn all_that_is_wrong_with_scorecards_is_named_with_its_place() {
    let folder = folder();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "form.yaml",
        &TIDY.replace("max_points: 10", "max_points: many").replace("unit: worklog", "unit: day"),
    );
    write("rules.yaml", &TIDY.replace("rule: note_left", "rule: note_lost").replace("ramp(", "rampe("));
    write("weak.yaml", &TIDY.replace("rule: note_left", "rule: \"true\""));
    let files = ["form.yaml", "rules.yaml", "weak.yaml", "none.yaml", "tidy.yaml"];
    let (code, said, complaint) = run(folder.path(), &[&["scorecard", "check"], &files[..]].concat());
    assert_eq!(code, Some(1));
    assert!(said.starts_with("tidy.yaml: no faults in tidy"), "{said}");
    for begin in [
        "form.yaml: error: unit: ",
        "form.yaml: error: categories[0].criteria[0].max_points: ",
        "rules.yaml: error: categories[0].criteria[0].rule: ",
        "rules.yaml: error: categories[0].criteria[1].rule: ",
        "weak.yaml: weak: categories[0].criteria[1].rule: is true whatever the facts are",
        "none.yaml: ",
        "plaudit: 3 of 5 scorecards cannot be used, 1 has weak places",
    ] {
        assert!(complaint.lines().any(|line| line.starts_with(begin)), "{begin} is not in\n{complaint}");
    }
    let (code, said, complaint) =
        run(folder.path(), &["facts", "--scorecard", "rules.yaml", "tickets.jsonl"]);
    assert_eq!((code, said.as_str()), (Some(1), ""));
    assert!(complaint.contains("rules.yaml: error: categories[0].criteria[1].rule: "), "{complaint}");
    assert!(complaint.contains("plaudit scorecard check rules.yaml"), "{complaint}");
    let (code, _, complaint) =
        run(folder.path(), &["facts", "--scorecard", "tidy.yaml", "--fact", "complaints", "tickets.jsonl"]);
    assert_eq!(code, Some(2), "{complaint}");
    // Longer than any scorecard: it is not read to its end.
    write("long.yaml", &"# \n".repeat(200_000));
    let (code, _, complaint) = run(folder.path(), &["scorecard", "check", "long.yaml"]);
    assert_eq!(code, Some(1));
    assert!(complaint.starts_with("long.yaml: error: yaml: must"), "{complaint}");
}

const PAGE: &str = "\
tickets.jsonl:1: 3 messages
  tidy, the work of teammate t1 from message 2 on: 10 of 20 points, 50 %
    handover/fast                     10 of 10  The first reply came after 1 min.
    handover/note                     0 of 5  Another agent took over without a note.
    handover/tone                     not scored: it has no rule that this program answers
";

#[test]
fn a_scorecard_scores_a_file_without_a_server() {
    let folder = folder();
    let (code, page, complaint) = run(folder.path(), &["facts", "--scorecard", "tidy.yaml", "tickets.jsonl"]);
    assert_eq!((code, complaint.as_str()), (Some(0), ""));
    assert!(page.starts_with(PAGE), "{page}");
    assert!(page.contains("\n  tidy, the work of teammate t2 from message 3 on: "), "{page}");
    assert!(page.contains("    handover/note                     does not apply\n"), "{page}");

    let (code, said, _) =
        run(folder.path(), &["facts", "--json", "--scorecard", "tidy.yaml", "tickets.jsonl"]);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &said["conversation"]), (Some(0), &json!("tickets.jsonl:1")));
    let [first, second] = said["units"].as_array().unwrap().as_slice() else { panic!("{said}") };
    assert_eq!(
        (&first["assessee"], &first["firstMessage"], &first["percentage"]),
        (&json!("t1"), &json!(2), &json!(50.0))
    );
    assert_eq!((&second["assessee"], &second["firstMessage"]), (&json!("t2"), &json!(3)));
    let fast = &first["criteria"][0];
    assert_eq!(
        (&fast["criterion"], &fast["score"], &fast["maxPoints"]),
        (&json!("fast"), &json!(10.0), &json!(10.0))
    );
    assert_eq!(fast["evidence"][0]["fact"], "first_response_seconds");
    let note = &second["criteria"][1];
    assert_eq!((&note["applicable"], &note["score"]), (&json!(false), &Value::Null));
}

/// The built-in scorecards as files come to what the server came to by them.
#[tokio::test]
async fn a_scorecard_scores_a_stored_conversation_as_the_server_does() {
    let server = ServerProcess::start();
    let client = Client::new(server.channel().await);
    let name = client.import(sample::import("1")).await.unwrap().conversation;
    client.scored(&name).await;
    let stored = client.assessments(&name, 50).await;
    let url = format!("http://{}", server.address());
    for base in ["axis", "service-basics"] {
        let file = format!("{}/scorecards/{base}.yaml", env!("CARGO_MANIFEST_DIR"));
        let arguments = ["facts", "--json", "--server", &url, "--scorecard", &file, &name];
        let (code, said, complaint) = run(Path::new("."), &arguments);
        assert_eq!((code, complaint.as_str()), (Some(0), ""));
        let said: Value = serde_json::from_str(&said).unwrap();
        let units = said["units"].as_array().unwrap();
        let of_base = stored.iter().filter(|it| it.scorecard.starts_with(&format!("scorecards/{base}/")));
        let expected: Vec<(f64, &str)> =
            of_base.map(|it| (it.totals.unwrap().percentage, it.summary.as_str())).collect();
        let found: Vec<(f64, &str)> = units
            .iter()
            .map(|it| (it["percentage"].as_f64().unwrap(), it["summary"].as_str().unwrap()))
            .collect();
        assert!(!expected.is_empty());
        assert_eq!(found, expected, "{base}");
    }
}

#[test]
fn a_scorecard_comes_from_standard_input() {
    let folder = folder();
    let checked = |text: &str| {
        let text_file = folder.path().join("piped");
        std::fs::write(&text_file, text).unwrap();
        let input = std::fs::File::open(&text_file).unwrap();
        let output = plaudit(folder.path()).args(["scorecard", "check", "-"]).stdin(input).output().unwrap();
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    let (code, said) = checked(TIDY);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("standard input: no faults in tidy: 3 criteria"), "{said}");
    let (code, said) = checked(&TIDY.replace("unit: worklog", "unit: day"));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.starts_with("standard input: error: unit: "), "{said}");
    let (code, _, said) = run(folder.path(), &["facts", "--scorecard", "-", "-"]);
    assert_eq!(
        (code, said.as_str()),
        (Some(2), "plaudit: only one of FILE and --scorecard can be standard input\n")
    );
}
