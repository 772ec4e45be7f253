//! The suite that every engine passes, in memory.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use plaudit_keyspace::{Keyspace, MemoryStore, conformance::Subject, conformance_suite};

struct Memory;

impl Subject for Memory {
    fn open(&self) -> BoxFuture<'_, Arc<dyn Keyspace>> {
        Box::pin(async { Arc::new(MemoryStore::new()) as Arc<dyn Keyspace> })
    }

    fn reopen(&self) -> BoxFuture<'_, Arc<dyn Keyspace>> {
        unreachable!("the memory engine opts out of reopening")
    }
}

conformance_suite!(memory, Memory, opts_out: {
    a_loaded_dump_survives_reopening: "it keeps nothing when its process ends, by design",
    a_trimmed_log_continues_after_reopening: "it keeps nothing when its process ends, by design",
    everything_survives_reopening: "it keeps nothing when its process ends, by design"
});
