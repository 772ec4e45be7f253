//! A bulk import stays within the limits of its server.

use plaudit::proto::v1::ImportCounts;

use super::numbered;
use crate::harness::{Client, ServerProcess, sample};

#[tokio::test]
async fn a_store_with_a_short_queue_is_waited_for() {
    let server = ServerProcess::start_with(&["--store-queue-batches", "2"]);
    let client = Client::new(server.channel().await);
    let (_, counts) = client.import_all(numbered(0..400)).await;
    assert_eq!(counts, ImportCounts { created: 400, ..ImportCounts::default() });
}

#[tokio::test]
async fn a_long_stream_takes_no_more_memory_than_a_short_one() {
    const ITEMS: usize = 30_000;
    let server = ServerProcess::start_with(&["--store-cache-mib", "8"]);
    let client = Client::new(server.channel().await);
    client.import_all((0..2_000).map(|number| sample::import(&format!("first {number}"))).collect()).await;
    let before = server.resident_mib();
    let (_, counts) = client.import_all(numbered(0..ITEMS)).await;
    assert_eq!(counts.created, ITEMS as i64);
    let after = server.resident_mib();
    eprintln!("{before} MiB after 2,000 items, {after} MiB after {ITEMS} more");
    // The engine keeps 100 bytes per key in memory; the items themselves are 18 MiB.
    assert!(after < before + 64 && after < 200, "{before} MiB grew to {after} MiB");
}
