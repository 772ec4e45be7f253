//! What requests that change something have in common: the id, the etag, the field mask.

use prost_types::FieldMask;

use crate::domain::{RequestId, Violations};

/// A string without presence on the wire: empty is absent.
pub fn present(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// An empty request id is none.
pub fn request_id_from_wire(text: &str, violations: &mut Violations) -> Option<RequestId> {
    if text.is_empty() {
        return None;
    }
    text.parse().map_err(|rule: String| violations.add("request_id", rule)).ok()
}

/// An empty etag is none.
pub fn etag_from_wire(etag: String) -> Option<String> {
    Some(etag).filter(|etag| !etag.is_empty())
}

/// Which of the fields that can be changed are to be changed (AIP-134): those that the mask names, all for `*`, and
/// without a mask those that say something.
pub struct Mask {
    paths: Option<Vec<String>>,
}

impl Mask {
    /// `fields` are all that can be changed.
    pub fn from_wire(mask: Option<FieldMask>, fields: &[&str], violations: &mut Violations) -> Self {
        let paths = mask.map(|mask| mask.paths).unwrap_or_default();
        let is_known = |path: &str| path == "*" || fields.contains(&path);
        if let Some(unknown) = paths.iter().find(|path| !is_known(path)) {
            let shown: String = unknown.chars().take(60).collect();
            violations
                .add("update_mask", format!("must name {} or be *, names {shown:?}", fields.join(", ")));
        }
        Self { paths: Some(paths).filter(|paths| !paths.is_empty()) }
    }

    /// `value` when the field is to be changed, and nothing when it is not. `is_said` is whether the request says anything of it.
    pub fn take<T>(&self, field: &str, value: T, is_said: bool) -> Option<T> {
        let is_meant = match &self.paths {
            Some(paths) => paths.iter().any(|path| path == field || path == "*"),
            None => is_said,
        };
        is_meant.then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(paths: &[&str]) -> (Mask, bool) {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        let mut violations = Violations::default();
        let mask = Mask::from_wire(Some(FieldMask { paths }), &["a", "b"], &mut violations);
        (mask, violations.is_empty())
    }

    #[test]
    fn a_mask_names_what_changes_also_to_nothing() {
        let (mask, is_valid) = mask(&["a"]);
        assert!(is_valid);
        assert_eq!((mask.take("a", 1, false), mask.take("b", 2, true)), (Some(1), None));
    }

    #[test]
    fn a_star_names_everything_and_no_mask_what_is_said() {
        let (star, _) = mask(&["*"]);
        assert_eq!((star.take("a", 1, false), star.take("b", 2, false)), (Some(1), Some(2)));
        let (none, _) = mask(&[]);
        assert_eq!((none.take("a", 1, true), none.take("b", 2, false)), (Some(1), None));
    }

    #[test]
    fn a_field_that_cannot_be_changed_is_refused() {
        assert!(!mask(&["a", "c"]).1);
    }
}
