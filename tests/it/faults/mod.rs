//! Disks and clocks that misbehave under a real server, on each engine: what is said, what goes on, what comes back.
//!
//! A disk that is full is in `drain.rs`, one that does not read in `damaged_files`, power losses are in `power`.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use plaudit::proto::{
    health::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient},
    v1::{
        Conversation, ImportConversationRequest, UpdateConversationRequest,
        import_service_client::ImportServiceClient,
    },
};
use tempfile::TempDir;
use tonic::{Code, Request};

use crate::{
    harness::{Client, ENGINES, ServerProcess, fault, plaudit, sample, sample::with_id, until},
    syncs::compile,
};

/// A server whose faults the test decides on.
struct Faulty {
    server: ServerProcess,
    root: PathBuf,
}

/// The file whose sync comes before an answer.
fn data_file(engine: &str) -> &'static str {
    if engine == "sled" { "sled/db" } else { "fjall/0.jnl" }
}

impl Faulty {
    fn start(engine: &str) -> Self {
        let folder = Arc::new(TempDir::new().expect("a directory"));
        let root = folder.path().canonicalize().expect("it is there");
        compile(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/faults/shim.rs"), &root.join("shim.so"));
        let mut command = plaudit(&root);
        command.args(["serve", "--listen", "127.0.0.1:0", "--store-engine", engine, "--data", "data"]);
        command.env("LD_PRELOAD", root.join("shim.so")).env("FAULTS", &root);
        Self { server: ServerProcess::start_as(command, folder), root }
    }

    fn say(&self, name: &str, what: &str) {
        // Renamed into place: it is never read half written.
        fs::write(self.root.join("new"), what).expect("there is room");
        fs::rename(self.root.join("new"), self.root.join(name)).expect("there is room");
    }

    fn unsay(&self, name: &str) {
        fs::remove_file(self.root.join(name)).expect("it was said");
    }

    async fn client(&self) -> Client {
        Client::new(self.server.channel().await)
    }

    async fn health(&self) -> Option<ServingStatus> {
        let mut health = HealthClient::new(self.server.channel().await);
        let answer = health.check(HealthCheckRequest::default()).await.ok()?;
        Some(answer.into_inner().status())
    }
}

async fn imported(client: &Client, count: usize) -> Vec<String> {
    let mut names = Vec::new();
    for number in 0..count {
        names.push(client.import(sample::import(&number.to_string())).await.unwrap().conversation);
    }
    names
}

async fn assert_there(client: &Client, names: &[String]) {
    for name in names {
        assert_eq!(client.conversation(name).await.unwrap().message_count, 4, "{name}");
    }
}

fn late() -> ImportConversationRequest {
    with_id(sample::import("late"), "once")
}

/// The kernel forgets what it could not write, so that a second sync that succeeds would prove nothing.
#[tokio::test]
async fn a_sync_that_fails_ends_the_program_and_loses_nothing_acknowledged() {
    for engine in ENGINES {
        for file in [data_file(engine), "data/synced"] {
            let mut faulty = Faulty::start(engine);
            let client = faulty.client().await;
            let names = imported(&client, 10).await;
            faulty.say("eio", file);
            // Where the disk refuses `synced` alone, it is the next sync of that which fails.
            let refused = client.import(late()).await.err();
            if file == data_file(engine) {
                let refused = refused.expect("it was answered though its sync failed");
                let was_gone = std::error::Error::source(&refused).is_some();
                let told = (Code::Unavailable, "STORE_UNAVAILABLE".to_owned());
                assert!(was_gone || fault(&refused) == told, "{engine}: {refused:?}");
            }
            assert_eq!(faulty.server.ended().await.code(), Some(1), "{}", faulty.server.log());
            let log = faulty.server.log();
            assert!(log.contains("the store has failed"), "{log}");
            assert!(log.contains("Input/output error"), "{log}");

            // On a disk that works again nothing more has to be done.
            let server = faulty.server.restart();
            let client = Client::new(server.channel().await);
            assert_there(&client, &names).await;
            for _ in 0..2 {
                client.import(late()).await.unwrap();
            }
            let message_count = client.conversation("conversations/test:late").await.unwrap().message_count;
            assert_eq!(message_count, 4, "{engine}, {file}");
        }
    }
}

/// A disk that takes as long as it likes: callers wait no longer than they want to, reads go on, and a retry is no second
/// import.
#[tokio::test]
async fn a_slow_disk_delays_writes_alone() {
    for engine in ENGINES {
        let faulty = Faulty::start(engine);
        let client = faulty.client().await;
        let names = imported(&client, 10).await;
        for name in &names {
            client.scored(name).await;
        }
        faulty.say("hold", data_file(engine));
        let mut request = Request::new(late());
        request.set_timeout(Duration::from_millis(300));
        let mut waiting = ImportServiceClient::new(faulty.server.channel().await);
        let refused =
            waiting.import_conversation(request).await.expect_err("it was answered before its sync");
        assert!(matches!(refused.code(), Code::DeadlineExceeded | Code::Cancelled), "{refused:?}");
        until("a sync that waits", || faulty.root.join("held").exists()).await;
        assert_there(&client, &names).await;
        assert_eq!(faulty.health().await, Some(ServingStatus::Serving), "{engine}");
        // Of what could still be lost, nothing is shown. On sled, whoever asks for it waits.
        let mut waits = Request::new(late());
        waits.set_timeout(Duration::from_millis(300));
        assert!(waiting.import_conversation(waits).await.is_err(), "{engine}");

        faulty.unsay("hold");
        client.import(late()).await.unwrap();
        let late = client.conversation("conversations/test:late").await.unwrap();
        assert_eq!(late.message_count, 4, "{engine}");
        assert_there(&client, &names).await;
        let server = faulty.server.restart();
        let client = Client::new(server.channel().await);
        assert_eq!(client.conversation("conversations/test:late").await.unwrap().name, late.name);
    }
}

/// A correction of the clock, as after a long time without a time server.
#[tokio::test]
async fn a_clock_that_steps_back_an_hour_stops_nothing() {
    for engine in ENGINES {
        let faulty = Faulty::start(engine);
        let client = faulty.client().await;
        let names = imported(&client, 3).await;
        client.scored(&names[0]).await;
        faulty.say("back", "3600");
        let late_name = client.import(late()).await.unwrap().conversation;
        client.scored(&late_name).await;
        let changed =
            Conversation { name: names[0].clone(), subject: Some("Later".to_owned()), ..Default::default() };
        let change = UpdateConversationRequest { conversation: Some(changed), ..Default::default() };
        client.update(change).await.unwrap();
        assert_eq!(client.import(late()).await.unwrap().conversation, late_name, "a retry is recognised");
        client.delete(&names[2]).await.unwrap();
        client.undelete(&names[2]).await.unwrap();
        assert_there(&client, &names).await;
        assert_eq!(faulty.health().await, Some(ServingStatus::Serving));

        // Both after a start in the wrong time, and after one in the right time.
        faulty.unsay("back");
        let server = faulty.server.restart();
        let client = Client::new(server.channel().await);
        assert_there(&client, &names).await;
        assert_eq!(client.import(late()).await.unwrap().conversation, late_name);
        assert_eq!(client.conversation(&names[0]).await.unwrap().subject.as_deref(), Some("Later"));
        client.scored(&client.import(sample::import("after")).await.unwrap().conversation).await;
        assert!(!server.log().contains("panicked"), "{}", server.log());
    }
}
