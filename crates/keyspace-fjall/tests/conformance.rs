//! The suite that every engine passes, on fjall.

use std::{path::PathBuf, sync::Arc};

use futures_util::future::BoxFuture;
use plaudit_keyspace::{Keyspace, conformance::Subject, conformance_suite};
use plaudit_keyspace_fjall::{FjallOptions, FjallStore};

struct Fjall {
    dir: tempfile::TempDir,
}

impl Fjall {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a temporary directory") }
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }
}

impl Subject for Fjall {
    fn open(&self) -> BoxFuture<'_, Arc<dyn Keyspace>> {
        self.reopen()
    }

    fn reopen(&self) -> BoxFuture<'_, Arc<dyn Keyspace>> {
        Box::pin(async {
            let store = FjallStore::open(&self.data(), FjallOptions::default());
            Arc::new(store.expect("a whole data directory opens")) as Arc<dyn Keyspace>
        })
    }
}

conformance_suite!(fjall, Fjall::new(), opts_out: {});
