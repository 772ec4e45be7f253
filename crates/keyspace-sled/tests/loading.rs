//! Dumps that end early.

use plaudit_keyspace::{
    Keyspace,
    conformance::{dumped, filled, loaded},
};
use plaudit_keyspace_sled::{OpenError, SledOptions, SledStore};

#[tokio::test]
async fn a_half_loaded_store_does_not_open() {
    let file = dumped(&filled().await).await;
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let store = SledStore::open(&data, SledOptions::default()).unwrap();
    assert!(loaded(&store, &file[..file.len() - 1]).await.is_err());
    store.close().await.unwrap();
    drop(store);
    let refused = SledStore::open(&data, SledOptions::default()).err();
    assert!(matches!(refused, Some(OpenError::HalfLoaded { .. })), "{refused:?}");
}
