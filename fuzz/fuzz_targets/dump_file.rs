//! A file of `plaudit store load`; what loads is dumped as the same bytes.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use plaudit::store::{MemoryStore, dump};
use tokio::runtime::Runtime;

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().build().expect("a runtime"));

fuzz_target!(|data: &[u8]| {
    // Without the checksum at its end nothing of a file is taken for whole: one with it is read to its end.
    let sealed = [data, blake3::hash(data).as_bytes()].concat();
    for file in [data, &sealed] {
        plaudit_fuzz::within_budget(file.len(), || {
            RUNTIME.block_on(async {
                let store = MemoryStore::new();
                if dump::load(&store, &mut &file[..], &mut |_| ()).await.is_ok() {
                    let mut again = Vec::new();
                    dump::dump(&store, &mut again, &mut |_| ()).await.expect("what was loaded is dumped");
                    assert_eq!(again, file);
                }
            });
        });
    }
});
