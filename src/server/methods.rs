//! What the server needs to know about a gRPC method before it calls the service.

use std::{collections::HashMap, sync::Arc};

use super::framing::Carries;

/// How long a call of a method lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasts {
    /// Until it has answered; a drain waits for that.
    UntilAnswered,
    /// Until someone ends it; a drain does so.
    UntilEnded,
}

#[derive(Debug)]
pub struct Method {
    /// `/plaudit.v1.ImportService/GetImport`
    pub path: Arc<str>,
    pub lasts: Lasts,
    pub carries: Carries,
    /// Whether a call of it only reads.
    pub only_reads: bool,
    /// The largest request message.
    pub limit_bytes: usize,
}

/// The methods that exist, by path.
#[derive(Debug)]
pub struct Methods {
    by_path: HashMap<Arc<str>, Method>,
    /// The largest message for an unknown method.
    limit_bytes: usize,
}

impl Methods {
    pub fn new(methods: impl IntoIterator<Item = Method>, limit_bytes: usize) -> Self {
        let by_path = methods.into_iter().map(|method| (Arc::clone(&method.path), method)).collect();
        Self { by_path, limit_bytes }
    }

    pub fn get(&self, path: &str) -> Option<&Method> {
        self.by_path.get(path)
    }

    pub(super) fn limit_bytes(&self, method: Option<&Method>) -> usize {
        method.map_or(self.limit_bytes, |method| method.limit_bytes)
    }
}
