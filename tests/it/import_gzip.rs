//! `plaudit import` of a file that is packed with gzip.

use std::{
    io::{Read as _, Write as _},
    process::Stdio,
};

use flate2::{Compression, write::GzEncoder};
use serde_json::json;
use tempfile::TempDir;

use crate::harness::{Client, ServerProcess, plaudit, soon};

fn lines(tickets: std::ops::Range<usize>) -> String {
    let line = |ticket: usize| {
        json!({ "ticket_id": ticket.to_string(), "source": "file", "messages": [
            { "external_id": "m", "kind": "message", "content": "Hello", "author": { "type": "contact" },
                "timestamp": 1_764_579_600_000_i64 },
        ]})
    };
    tickets.map(|ticket| format!("{}\n", line(ticket))).collect()
}

fn packed(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_ref()).unwrap();
    encoder.finish().unwrap()
}

/// Imports a file by its name, and the same bytes as standard input.
fn import(server: &ServerProcess, file: &[u8], more: &[&str]) -> [(Option<i32>, String, String); 2] {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("t.gz"), file).unwrap();
    let address = server.address().to_string();
    ["t.gz", "-"].map(|name| {
        let mut command = plaudit(folder.path());
        command.args(["import", name, "--server", &address]).args(more);
        if name == "-" {
            command.stdin(std::fs::File::open(folder.path().join("t.gz")).unwrap());
        }
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    })
}

#[tokio::test]
async fn gzip_is_read_whatever_its_name_and_however_many_members_it_has() {
    let server = ServerProcess::start();
    let client = Client::new(server.channel().await);
    // The second member begins in the middle of a line.
    let text = lines(0..300);
    let (one, two) = text.split_at(text.len() / 2 + 7);
    let members = [packed(one), packed(two), packed(""), packed(lines(300..310))].concat();
    let [file, stdin] = import(&server, &members, &[]);
    assert_eq!((file.0, file.2.as_str()), (Some(0), ""));
    assert!(file.1.ends_with(": 310 stored, 0 there already, 0 bad\n"), "{}", file.1);
    assert!(stdin.1.ends_with(": 0 stored, 310 there already, 0 bad\n"), "{} {}", stdin.1, stdin.2);
    assert!(client.conversation("conversations/file:309").await.is_ok());
    // Lines are counted as they are unpacked.
    let [file, _] = import(&server, &members, &["--from-line", "306"]);
    assert!(file.1.starts_with("5 lines, "), "{}", file.1);
}

#[test]
fn damage_is_told_with_the_line_that_it_comes_after() {
    let server = ServerProcess::start();
    // Random ids keep it from being packed into a single block.
    let text: String = (0..3000)
        .map(|ticket| {
            lines(ticket..ticket + 1).replace("Hello", &blake3::hash(&[ticket as u8, 1]).to_string())
        })
        .collect();
    let whole = packed(&text);
    let mut damaged = whole.clone();
    let last = damaged.len() - 6;
    damaged[last] ^= 1;
    for (file, told) in [
        (&whole[..whole.len() - 900], "its gzip data is cut off, after line "),
        (&damaged, "its gzip data is damaged, after line "),
    ] {
        for (code, out, errors) in import(&server, file, &[]) {
            assert_eq!(code, Some(2), "{errors}");
            assert!(errors.contains(told) && !errors.contains("os error"), "{errors}");
            let done = out.split(' ').next().unwrap();
            let next = done.parse::<u64>().unwrap() + 1;
            let step = format!(
                "; every line before {next} is done. The file is not whole: get it again, and import that"
            );
            assert!(next > 100 && errors.contains(&step) && !errors.contains("Resume"), "{out} {errors}");
        }
    }
}

#[test]
fn what_is_packed_twice_is_told() {
    let server = ServerProcess::start();
    for (inner, what) in
        [(packed("{}"), "gzip within gzip"), (b"\x28\xb5\x2f\xfd".to_vec(), "zstd within gzip")]
    {
        for (code, _, errors) in import(&server, &packed(&inner), &[]) {
            assert!(code == Some(2) && errors.contains(what), "{errors}");
        }
    }
    let [array, _] = import(&server, &packed("[\n{}\n]"), &[]);
    assert!(array.2.contains("a JSON array") && array.2.contains("jq -c '.[]'"), "{}", array.2);
}

#[tokio::test]
async fn lines_of_a_slow_pipe_are_imported_as_they_come() {
    let server = ServerProcess::start();
    let client = Client::new(server.channel().await);
    let folder = TempDir::new().unwrap();
    let address = server.address().to_string();
    let mut command = plaudit(folder.path());
    command.args(["import", "-", "--server", &address]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    for round in 0..3 {
        input.write_all(&packed(lines(round * 50..round * 50 + 50))).unwrap();
        soon("a line in the store", async {
            let last = format!("conversations/file:{}", round * 50 + 49);
            while client.conversation(&last).await.is_err() {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        })
        .await;
    }
    drop(input);
    assert!(child.wait().unwrap().success());
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    assert!(out.starts_with("150 lines, "), "{out}");
}
