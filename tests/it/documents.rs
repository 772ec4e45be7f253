//! What the pages show is what happens: their samples run, in their order, against a server of their own.

mod grpcurl;
mod page;
mod samples;
mod shown;

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Stdio},
};

use tempfile::TempDir;

use crate::harness::{Client, ServerProcess, plaudit, sample};

/// Killed when the test ends, however it ends.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have exited by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The lines that the demo prints before its suggestions.
fn demo(folder: &Path, more: &[&str]) -> Vec<String> {
    let mut command = plaudit(folder);
    command.args(["serve", "--demo", "--listen", "127.0.0.1:0"]).args(more);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = Killed(command.spawn().expect("the binary starts"));
    let out = BufReader::new(server.0.stdout.take().expect("it is piped"));
    let lines: Vec<String> =
        out.lines().map(|line| line.expect("it is text")).take_while(|line| line != "Try next:").collect();
    lines
}

/// The rows of the demo's table without the conversations' numbers, which vary from run to run.
fn rows<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let from_table = lines.skip_while(|line| !line.starts_with("conversation  "));
    let rows = from_table.skip(1).take_while(|line| line.starts_with("5000"));
    rows.map(|row| row.split_once(' ').expect("a number and a title").1.to_owned()).collect()
}

/// What the demo prints below the table: the ticket's rows and the customers' line.
fn below<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let from_ticket = lines.skip_while(|line| !line.starts_with("Ticket 8821"));
    let mut below: Vec<&str> =
        from_ticket.take_while(|line| *line != "```" && *line != "Try next:").collect();
    while below.last().is_some_and(|line| line.is_empty()) {
        below.pop();
    }
    below
}

#[test]
fn the_demo_prints_the_table_of_the_readme_and_duplicates_nothing_when_restarted() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let folder = TempDir::new().unwrap();
    let first = demo(folder.path(), &["--data", "data"]);
    let printed = rows(first.iter().map(String::as_str));
    assert_eq!(printed.len(), 5, "{first:#?}");
    assert_eq!(rows(readme.lines()), printed);
    let below_table = below(first.iter().map(String::as_str));
    assert!(below_table.len() >= 7, "{first:#?}");
    assert_eq!(below(readme.lines()), below_table);
    assert!(
        first.iter().any(|line| line.starts_with("5 conversations imported, 0 already stored")),
        "{first:#?}"
    );

    let second = demo(folder.path(), &["--data", "data"]);
    assert!(
        second.iter().any(|line| line.starts_with("0 conversations imported, 5 already stored")),
        "{second:#?}"
    );
    let table =
        |lines: &[String]| lines.iter().filter(|line| line.starts_with("5000")).cloned().collect::<Vec<_>>();
    assert_eq!(table(&second), table(&first));
}

#[test]
fn a_demo_keeps_its_data_to_itself() {
    let folder = TempDir::new().unwrap();
    let first = demo(folder.path(), &[]);
    assert!(first[0].contains("data in plaudit-demo-data,"), "{first:#?}");
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(names, ["plaudit-demo-data"]);
    // Also where the settings name the directory that somebody works with.
    std::fs::write(folder.path().join("plaudit.toml"), "data = \"mine\"\n").unwrap();
    let second = demo(folder.path(), &[]);
    assert!(second.iter().any(|line| line.starts_with("0 conversations imported, 5 already")), "{second:#?}");
    assert!(!folder.path().join("mine").exists());
}

#[tokio::test]
async fn a_demo_joins_no_other_conversations() {
    let mut server = ServerProcess::start();
    let client = Client::new(server.channel().await);
    client.import(sample::import("1")).await.unwrap();
    assert_eq!(server.terminate().await.code(), Some(0));
    let data = server.data().display().to_string();
    let folder = TempDir::new().unwrap();
    let output = plaudit(folder.path())
        .args(["serve", "--demo", "--listen", "127.0.0.1:0", "--data", &data])
        .output()
        .unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("holds other conversations") && errors.contains("leave out --data"), "{errors}");
    let server = server.restart();
    let client = Client::new(server.channel().await);
    assert!(client.conversation("conversations/demo:chat-1").await.is_err());
    assert!(client.conversation("conversations/test:1").await.is_ok());
}
