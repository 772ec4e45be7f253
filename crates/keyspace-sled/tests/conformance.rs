//! The suite that every engine passes, on sled.

use std::{path::PathBuf, sync::Arc};

use futures_util::future::BoxFuture;
use plaudit_keyspace::{Keyspace, conformance::Subject, conformance_suite};
use plaudit_keyspace_sled::{SledOptions, SledStore};

struct Sled {
    dir: tempfile::TempDir,
}

impl Sled {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a temporary directory") }
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }
}

impl Subject for Sled {
    fn open(&self) -> BoxFuture<'_, Arc<dyn Keyspace>> {
        self.reopen()
    }

    fn reopen(&self) -> BoxFuture<'_, Arc<dyn Keyspace>> {
        Box::pin(async {
            let store = SledStore::open(&self.data(), SledOptions::default());
            Arc::new(store.expect("a whole data directory opens")) as Arc<dyn Keyspace>
        })
    }
}

conformance_suite!(sled, Sled::new(), opts_out: {});
