//! What the server has to know of a gRPC method before its service does.

use std::{collections::HashMap, sync::Arc};

use super::framing::Carries;

/// How long a call of a method lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasts {
    /// Until it has answered; a drain waits for it.
    UntilAnswered,
    /// Until someone ends it; a drain does.
    UntilEnded,
}

#[derive(Debug)]
pub struct Method {
    /// `/plaudit.v1.ImportService/GetImport`
    pub path: Arc<str>,
    pub lasts: Lasts,
    pub carries: Carries,
    /// The largest message of its request.
    pub limit_bytes: usize,
}

/// The methods that exist, by path.
#[derive(Debug)]
pub struct Methods {
    by_path: HashMap<Arc<str>, Method>,
    /// The largest message to a path that is no method.
    limit_bytes: usize,
}

impl Methods {
    pub fn new(methods: impl IntoIterator<Item = Method>, limit_bytes: usize) -> Self {
        let by_path = methods.into_iter().map(|method| (Arc::clone(&method.path), method)).collect();
        Self { by_path, limit_bytes }
    }

    /// Absent when there is no such method.
    pub fn get(&self, path: &str) -> Option<&Method> {
        self.by_path.get(path)
    }

    pub(super) fn limit_bytes(&self, method: Option<&Method>) -> usize {
        method.map_or(self.limit_bytes, |method| method.limit_bytes)
    }
}
