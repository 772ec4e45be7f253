//! What is wrong with an input, reported all at once.

use std::{collections::BTreeSet, fmt};

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The path of the field: `messages[0].kind`. Each edge renames it to what its callers call it.
    pub field: String,
    /// The rule and the offending value: `must be at most 128 bytes, is 130`.
    pub message: String,
}

/// The violations found so far; at most one per field, the first one found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Violations {
    kept: Vec<Violation>,
    /// The fields of violations that are only counted. The size limit of the input bounds how many there can be.
    left_out: BTreeSet<String>,
}

impl Violations {
    /// The most that are kept, so that an answer stays small however broken the input is. The rest is only counted.
    pub const MAX: usize = 100;

    pub fn one(field: impl Into<String>, message: impl Into<String>) -> Self {
        let mut violations = Self::default();
        violations.add(field, message);
        violations
    }

    pub fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        let field = field.into();
        if self.kept.iter().any(|known| known.field == field) {
            return;
        }
        if self.kept.len() < Self::MAX {
            self.kept.push(Violation { field, message: message.into() });
        } else {
            self.left_out.insert(field);
        }
    }

    /// The valid value; otherwise `None`, and the violation is recorded.
    pub fn check<T>(&mut self, field: impl Into<String>, rule: Result<T, String>) -> Option<T> {
        rule.map_err(|broken| self.add(field, broken)).ok()
    }

    /// Adds those violations of another pass whose field `is_told` accepts.
    pub fn add_all(&mut self, more: Self, is_told: impl Fn(&str) -> bool) {
        for wrong in more.kept.into_iter().filter(|wrong| is_told(&wrong.field)) {
            self.add(wrong.field, wrong.message);
        }
        // Their rules are no longer known; the other pass had already kept as many as it could.
        let left_out = more.left_out.into_iter().filter(|field| is_told(field));
        self.left_out.extend(left_out.filter(|field| self.kept.iter().all(|known| known.field != *field)));
    }

    pub fn is_empty(&self) -> bool {
        self.kept.is_empty() && self.left_out.is_empty()
    }

    /// Those that are kept.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Violation> {
        self.kept.iter()
    }

    /// How many there are beyond those that are kept.
    pub fn left_out(&self) -> usize {
        self.left_out.len()
    }

    /// The same violations under other field names.
    pub fn renamed(self, rename: impl Fn(&str) -> String) -> Self {
        let kept = self.kept.into_iter();
        let kept = kept.map(|violation| Violation { field: rename(&violation.field), ..violation });
        let left_out = self.left_out.iter().map(|field| rename(field));
        Self { kept: kept.collect(), left_out: left_out.collect() }
    }

    /// The same violations in the order of what `place` says of their fields.
    pub fn in_order<K: Ord>(mut self, place: impl Fn(&str) -> K) -> Self {
        self.kept.sort_by_key(|violation| place(&violation.field));
        self
    }

    /// The same violations in the order of their paths: items of a list by their numbers.
    pub fn by_path(mut self) -> Self {
        self.kept.sort_by_cached_key(|violation| steps(&violation.field));
        self
    }

    /// The parsed value; `None` if it was invalid, and the violations are recorded.
    pub fn take<T>(&mut self, parsed: Result<T, Self>) -> Option<T> {
        parsed.map_err(|more| self.add_all(more, |_| true)).ok()
    }

    /// The parsed value, or all violations if it or anything before was invalid.
    pub fn collect<T>(mut self, parsed: Result<T, Self>) -> Result<T, Self> {
        match self.take(parsed) {
            Some(value) => self.or(value),
            None => Err(self),
        }
    }

    /// `value` if nothing is wrong, else all violations.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.kept.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{}: {}", violation.field, violation.message)?;
        }
        match self.left_out() {
            0 => Ok(()),
            count => write!(f, "; and {count} more"),
        }
    }
}

/// The steps of a path: names, and the numbers of items.
fn steps(path: &str) -> Vec<(String, usize)> {
    let step = |step: &str| match step.trim_end_matches(']').parse() {
        Ok(number) => (String::new(), number),
        Err(_) => (step.to_owned(), 0),
    };
    path.split(['.', '[']).map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_path_items_go_by_their_numbers() {
        let mut violations = Violations::default();
        for field in ["on_conflict", "messages[10]", "conversation.status", "messages[2].kind", "messages[2]"]
        {
            violations.add(field, "is wrong");
        }
        let fields: Vec<_> = violations.by_path().kept.into_iter().map(|wrong| wrong.field).collect();
        let expected =
            ["conversation.status", "messages[2]", "messages[2].kind", "messages[10]", "on_conflict"];
        assert_eq!(fields, expected);
    }

    fn of_fields(numbers: std::ops::Range<usize>) -> Violations {
        let mut violations = Violations::default();
        for number in numbers {
            violations.add(number.to_string(), "is wrong");
        }
        violations
    }

    #[test]
    fn beyond_the_maximum_each_field_is_counted_once() {
        let mut violations = of_fields(0..Violations::MAX);
        assert_eq!((violations.iter().len(), violations.left_out()), (Violations::MAX, 0));
        assert!(violations.to_string().ends_with("99: is wrong"));
        for field in ["more", "0", "more", "most"] {
            violations.add(field, "is wrong");
        }
        assert_eq!((violations.iter().len(), violations.left_out()), (Violations::MAX, 2));
        assert!(violations.to_string().ends_with("99: is wrong; and 2 more"));
    }

    #[test]
    fn two_passes_together_count_no_field_twice() {
        let mut violations = of_fields(0..150);
        violations.add_all(of_fields(40..170), |field| field != "169");
        assert_eq!((violations.iter().len(), violations.left_out()), (Violations::MAX, 69));
        let all_one = violations.renamed(|_| "one".to_owned());
        assert_eq!((all_one.iter().len(), all_one.left_out()), (Violations::MAX, 1));
        assert_eq!(Violations::default().collect(Err::<(), _>(of_fields(0..130))), Err(of_fields(0..130)));
    }
}
