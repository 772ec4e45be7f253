//! Tables and their lists: what is missing or damaged is told, and nothing is removed for it.

use super::*;

/// A closed store with some of its data in tables.
async fn with_tables() -> Data {
    let data = Data::new();
    let store = data.open().unwrap();
    for round in 0..3_u64 {
        for number in 0..12 {
            let at = (round * 12 + number).to_be_bytes();
            let put = (0..16_u8).map(|part| ([at.as_slice(), &[part]].concat(), noise(30_000, number)));
            store.commit(Batch { put: put.collect(), ..Batch::default() }).await.unwrap();
        }
    }
    store.close().await.unwrap();
    assert!(!tables(&data).is_empty(), "nothing was written to a table");
    data
}

fn tables(data: &Data) -> Vec<PathBuf> {
    let entries = fs::read_dir(data.fjall("keyspaces/1/tables")).unwrap();
    let mut tables: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    tables.sort_unstable();
    tables
}

fn list(data: &Data, keyspace: &str) -> PathBuf {
    let current = fs::read(data.fjall(&format!("keyspaces/{keyspace}/current"))).unwrap();
    let number = u64::from_le_bytes(current[..8].try_into().unwrap());
    data.fjall(&format!("keyspaces/{keyspace}/v{number}"))
}

/// Without the file, fjall removes the keyspace with everything in it.
#[tokio::test]
async fn a_missing_file_is_named_and_nothing_is_removed() {
    let data = with_tables().await;
    for name in ["version", "lock", "keyspaces/0/current", "keyspaces/1/current"] {
        let damaged = data.copy();
        fs::remove_file(damaged.fjall(name)).unwrap();
        let refused = damaged.refusal_that_changes_nothing();
        assert!(refused.contains(&format!("fjall/{name} is missing")), "{refused}");
    }
    for keyspace in ["0", "1"] {
        let damaged = data.copy();
        fs::remove_file(list(&damaged, keyspace)).unwrap();
        let refused = damaged.refusal_that_changes_nothing();
        assert!(
            refused.contains(&format!("keyspaces/{keyspace}/v")) && refused.contains("is missing"),
            "{refused}"
        );
        let damaged = data.copy();
        fs::remove_dir_all(damaged.fjall(&format!("keyspaces/{keyspace}/tables"))).unwrap();
        assert!(damaged.refusal_that_changes_nothing().contains("tables is missing"));
    }
    let damaged = data.copy();
    fs::remove_file(&tables(&damaged)[0]).unwrap();
    let refused = damaged.refusal_that_changes_nothing();
    assert!(refused.contains("a table, or the list of tables, is missing or damaged"), "{refused}");
}

#[tokio::test]
async fn a_damaged_list_of_tables_is_refused() {
    let data = with_tables().await;
    for keyspace in ["0", "1"] {
        let whole = fs::read(list(&data, keyspace)).unwrap();
        for at in (0..whole.len()).step_by(3) {
            let damaged = data.copy();
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            fs::write(list(&damaged, keyspace), bytes).unwrap();
            assert!(damaged.refusal_that_changes_nothing().contains("its checksum is wrong"), "byte {at}");
        }
        let damaged = data.copy();
        fs::write(damaged.fjall(&format!("keyspaces/{keyspace}/current")), "cut").unwrap();
        assert!(damaged.refusal_that_changes_nothing().contains("it does not name a list of tables"));
    }
}

/// Damage is met while opening or when it is read; what is read is what was written.
#[tokio::test]
async fn a_damaged_table_is_never_believed() {
    let data = with_tables().await;
    let sizes: Vec<usize> =
        tables(&data).iter().map(|table| fs::metadata(table).unwrap().len() as usize).collect();
    let (mut refused, mut corrupt) = (0, 0);
    for case in 0..40_u64 {
        let damaged = data.copy();
        let number = case as usize % sizes.len();
        let at = u64::from_be_bytes(noise(8, case)[..].try_into().unwrap()) as usize % sizes[number];
        // The end of a table is where it says what is where.
        let at = if case % 4 == 0 { sizes[number] - 1 - at % 600 } else { at };
        let path = &tables(&damaged)[number];
        let mut bytes = fs::read(path).unwrap();
        let end = (at + 64).min(bytes.len());
        bytes[at..end].iter_mut().for_each(|byte| *byte ^= 0x5a);
        fs::write(path, bytes).unwrap();
        let store = match damaged.open() {
            Ok(store) => store,
            Err(error) => {
                assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
                refused += 1;
                continue;
            }
        };
        for at in 0..36_u64 {
            for part in 0..16_u8 {
                match get(&store, [at.to_be_bytes().as_slice(), &[part]].concat()).await {
                    Ok(value) => assert_eq!(value, Some(noise(30_000, at % 12)), "case {case}"),
                    Err(StoreError::Corrupt(_)) => corrupt += 1,
                    Err(StoreError::Failed(why)) => {
                        assert!(why.contains("panicked"), "{why}");
                        corrupt += 1;
                    }
                    Err(other) => panic!("case {case}: {other}"),
                }
            }
        }
    }
    println!("{refused} refused, {corrupt} reads refused");
    assert!(corrupt > 0, "no damage was met");
}

#[test]
fn the_cache_has_the_configured_size() {
    let data = Data::new();
    let options = FjallOptions { cache_bytes: 7 * 1024 * 1024, ..options() };
    let opened = files::open::<Fjall>(&data.dir(), &options).unwrap();
    assert_eq!(opened.engine.db.cache_capacity(), options.cache_bytes);
}

#[tokio::test]
async fn opening_waits_for_fjalls_lock_too() {
    let data = Data::new();
    data.open().unwrap().close().await.unwrap();
    let raw = ::fjall::Database::builder(data.fjall("")).open().unwrap();
    let closing = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(700));
        drop(raw);
    });
    let patient = FjallOptions { lock_wait: PATIENCE, ..options() };
    FjallStore::open(&data.dir(), patient).unwrap();
    closing.join().unwrap();
}
