//! What is wrong with an input, all of it at once.

use std::fmt;

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The path of the field: `messages[0].kind`. An edge renames it to what its callers call it.
    pub field: String,
    /// The rule and the value that breaks it: `must be at most 128 bytes, is 130`.
    pub message: String,
}

/// The broken rules found so far; at most one per field, the first one found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// The most that are kept: an answer has to stay small however broken the input is.
    pub const MAX: usize = 100;

    pub fn one(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self(vec![Violation { field: field.into(), message: message.into() }])
    }

    pub fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        let field = field.into();
        if self.0.len() < Self::MAX && !self.0.iter().any(|known| known.field == field) {
            self.0.push(Violation { field, message: message.into() });
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Violation> {
        self.0.iter()
    }

    /// The same violations under other field names.
    pub fn renamed(self, rename: impl Fn(&str) -> String) -> Self {
        Self(
            self.0
                .into_iter()
                .map(|violation| Violation { field: rename(&violation.field), ..violation })
                .collect(),
        )
    }

    /// What was parsed; `None` when it was wrong, which is then noted.
    pub fn take<T>(&mut self, parsed: Result<T, Self>) -> Option<T> {
        parsed.map_err(|more| more.0.into_iter().for_each(|wrong| self.add(wrong.field, wrong.message))).ok()
    }

    /// What was parsed, unless it or anything before was wrong: then all of it.
    pub fn collect<T>(mut self, parsed: Result<T, Self>) -> Result<T, Self> {
        match self.take(parsed) {
            Some(value) => self.or(value),
            None => Err(self),
        }
    }

    /// `value` when nothing is wrong, else all that is.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{}: {}", violation.field, violation.message)?;
        }
        Ok(())
    }
}
