//! Authors between the domain and the API.

use crate::{
    domain::{Author, AuthorDraft, AuthorKind, Violations},
    proto::v1,
};

pub fn author_to_wire(author: Author) -> v1::Author {
    let kind = author_kind_to_wire(author.kind);
    v1::Author { kind: kind.into(), external_id: author.external_id, name: author.name }
}

pub fn author_kind_to_wire(kind: AuthorKind) -> v1::AuthorKind {
    match kind {
        AuthorKind::Contact => v1::AuthorKind::Contact,
        AuthorKind::Ai => v1::AuthorKind::Ai,
        AuthorKind::Teammate => v1::AuthorKind::Teammate,
    }
}

/// An unspecified kind is absent.
pub fn author_from_wire(field: &str, author: v1::Author, violations: &mut Violations) -> AuthorDraft {
    let kind = match v1::AuthorKind::try_from(author.kind) {
        Ok(v1::AuthorKind::Unspecified) => None,
        Ok(v1::AuthorKind::Contact) => Some(AuthorKind::Contact),
        Ok(v1::AuthorKind::Ai) => Some(AuthorKind::Ai),
        Ok(v1::AuthorKind::Teammate) => Some(AuthorKind::Teammate),
        Err(_) => {
            let rule = "must be AUTHOR_KIND_CONTACT, AUTHOR_KIND_AI or AUTHOR_KIND_TEAMMATE";
            violations.add(format!("{field}.kind"), format!("{rule}, is {}", author.kind));
            None
        }
    };
    AuthorDraft { kind, external_id: author.external_id, name: author.name }
}
