//! Which fields an update changes (AIP-134).

use super::{Violations, shown};

/// A validated field mask.
#[derive(Clone, Debug)]
pub struct UpdateMask<'m> {
    /// Empty: those that are present.
    paths: &'m [String],
    /// Whether `*` stands for all of them.
    takes_star: bool,
}

impl<'m> UpdateMask<'m> {
    const EVERY_FIELD: &'static str = "*";
    /// Keeps an answer small however many paths are wrong.
    const SHOWN_PATHS: usize = 20;

    /// `fields` are all that can be changed; `*` stands for all of them, no mask for those that are present.
    pub fn new(paths: &'m [String], fields: &[&str], violations: &mut Violations) -> Self {
        let is_known = |path: &str| path == Self::EVERY_FIELD || fields.contains(&path);
        Self::check(paths, is_known, &format!("{} or *", fields.join(", ")), violations);
        Self { paths, takes_star: true }
    }

    /// A mask that names each field.
    pub fn explicit(paths: &'m [String], fields: &[&str], violations: &mut Violations) -> Self {
        if paths.is_empty() {
            violations.add("update_mask", "is required: it names the fields that change");
        }
        Self::check(paths, |path| fields.contains(&path), &fields.join(", "), violations);
        Self { paths, takes_star: false }
    }

    fn check(paths: &[String], is_known: impl Fn(&str) -> bool, known: &str, violations: &mut Violations) {
        let mut unknown = paths.iter().filter(|path| !is_known(path)).peekable();
        if unknown.peek().is_some() {
            let named: Vec<_> = unknown.take(Self::SHOWN_PATHS).map(|path| shown(path)).collect();
            violations
                .add("update_mask", format!("must name fields among {known}, names {}", named.join(", ")));
        }
    }

    /// Whether a field is to be changed.
    pub fn names(&self, field: &str, is_present: bool) -> bool {
        if self.paths.is_empty() {
            return is_present;
        }
        self.paths.iter().any(|path| path == field || (self.takes_star && path == Self::EVERY_FIELD))
    }

    /// `value` if its field is to be changed.
    pub fn take<T>(&self, field: &str, value: T, is_present: bool) -> Option<T> {
        self.names(field, is_present).then_some(value)
    }

    /// A text, absent if it is empty.
    pub fn take_text(&self, field: &str, text: &str) -> Option<String> {
        self.names(field, !text.is_empty()).then(|| text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: [&str; 2] = ["a", "b"];

    fn taken(paths: &[&str]) -> (Option<u8>, Option<u8>, String) {
        let paths: Vec<_> = paths.iter().map(|path| (*path).to_owned()).collect();
        let mut violations = Violations::default();
        let mask = UpdateMask::new(&paths, &FIELDS, &mut violations);
        (mask.take("a", 1, true), mask.take("b", 2, false), violations.to_string())
    }

    #[test]
    fn a_mask_names_what_changes_or_is_cleared() {
        assert_eq!(taken(&["b"]), (None, Some(2), String::new()));
        assert_eq!(taken(&["*"]), (Some(1), Some(2), String::new()));
        assert_eq!(taken(&[]), (Some(1), None, String::new()), "no mask names what is present");
    }

    #[test]
    fn every_unknown_field_is_named() {
        let (.., wrong) = taken(&["a", "c", "d"]);
        assert_eq!(wrong, "update_mask: must name fields among a, b or *, names \"c\", \"d\"");
    }

    #[test]
    fn an_explicit_mask_is_required_and_has_no_star() {
        let wrong = |paths: &[String]| {
            let mut violations = Violations::default();
            let mask = UpdateMask::explicit(paths, &FIELDS, &mut violations);
            assert!(!mask.names("a", false), "it is not named");
            violations.to_string()
        };
        assert_eq!(wrong(&["b".to_owned()]), "");
        assert_eq!(wrong(&[]), "update_mask: is required: it names the fields that change");
        assert_eq!(wrong(&["*".to_owned()]), "update_mask: must name fields among a, b, names \"*\"");
    }
}
