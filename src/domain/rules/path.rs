//! The location of a field in a request.

use std::fmt;

/// The path of a field, `messages[3].author.name`. It is formatted only when something is wrong.
#[derive(Clone, Copy, Debug)]
pub struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    name: &'a str,
    index: Option<usize>,
}

impl<'a> Path<'a> {
    /// The request itself.
    pub const ROOT: Self = Path { parent: None, name: "", index: None };

    pub const fn of(name: &'a str) -> Self {
        Path { parent: None, name, index: None }
    }

    pub fn field(&'a self, name: &'a str) -> Self {
        Path { parent: Some(self), name, index: None }
    }

    pub fn item(&'a self, name: &'a str, index: usize) -> Self {
        Path { parent: Some(self), name, index: Some(index) }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent.filter(|parent| !parent.is_root()) {
            write!(f, "{parent}.")?;
        }
        f.write_str(self.name)?;
        self.index.map_or(Ok(()), |index| write!(f, "[{index}]"))
    }
}

impl Path<'_> {
    fn is_root(&self) -> bool {
        self.parent.is_none() && self.name.is_empty()
    }
}

impl<'a> From<&'a str> for Path<'a> {
    fn from(name: &'a str) -> Self {
        Path::of(name)
    }
}

impl From<Path<'_>> for String {
    fn from(path: Path<'_>) -> Self {
        path.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_fields_and_indexes() {
        let message = Path::ROOT.item("messages", 3);
        assert_eq!(message.field("author").field("name").to_string(), "messages[3].author.name");
        assert_eq!(Path::of("assignee").field("kind").to_string(), "assignee.kind");
    }
}
