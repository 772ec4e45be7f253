//! The two forms of a line, and how each spells what the API names.

use crate::interchange::craftcx::documented_field;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Form {
    /// The body of `POST /v1/assess`.
    Assess,
    /// As `plaudit export` writes it: protobuf's JSON.
    Export,
}

impl Form {
    /// The path of a field as the file has it: `messages[0].rawData` for `messages[0].raw_data`.
    pub(in crate::cli) fn key(self, field: &str) -> String {
        match self {
            Self::Assess => documented_field(field.strip_prefix("conversation.").unwrap_or(field)),
            Self::Export => lower_camel(field),
        }
    }
}

impl Form {
    /// What is said of a difference, with the key by which a file may say that it is later.
    pub(in crate::cli) fn words(self, said: &str) -> String {
        match self {
            Self::Assess => said.to_owned(),
            Self::Export => said.replace("update_time", "updateTime"),
        }
    }
}

fn lower_camel(field: &str) -> String {
    let mut key = String::with_capacity(field.len());
    let mut is_start = false;
    for character in field.chars() {
        match character {
            '_' => is_start = true,
            character if std::mem::take(&mut is_start) => key.push(character.to_ascii_uppercase()),
            character => key.push(character),
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_named_as_the_file_has_it() {
        for (field, assess, export) in [
            ("conversation.external_id", "ticket_id", "conversation.externalId"),
            ("messages[3].create_time", "messages[3].timestamp", "messages[3].createTime"),
            ("messages[0].author.kind", "messages[0].author.type", "messages[0].author.kind"),
            ("messages[0].external_id", "messages[0].external_id", "messages[0].externalId"),
            ("messages", "messages", "messages"),
        ] {
            assert_eq!(
                (Form::Assess.key(field).as_str(), Form::Export.key(field).as_str()),
                (assess, export)
            );
        }
    }
}
