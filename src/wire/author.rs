//! Authors between the domain and the API.

use crate::{
    domain::{Author, AuthorDraft, Path, Violations},
    proto::v1,
};

use super::enums::{choice, number};

pub fn author_to_wire(author: Author) -> v1::Author {
    v1::Author {
        kind: number(Some(author.kind)),
        external_id: author.external_id.map(String::from),
        name: author.name,
    }
}

/// An unspecified kind is absent.
pub fn author_from_wire<'a>(
    field: impl Into<Path<'a>>,
    author: v1::Author,
    violations: &mut Violations,
) -> AuthorDraft {
    let kind = choice(field.into().field("kind"), author.kind, violations);
    AuthorDraft { kind, external_id: author.external_id, name: author.name }
}
