//! Enums between the domain and the API: both know them by the same numbers.

use crate::domain::{Path, Violations, Words};

/// The API's number of a value; 0, which is unspecified, of what is absent.
pub fn number<T: Words>(value: Option<T>) -> i32 {
    value.map_or(0, T::number)
}

/// The value of a number; 0 is absent, an unknown one a violation.
pub fn choice<'a, T: Words>(
    field: impl Into<Path<'a>>,
    number: i32,
    violations: &mut Violations,
) -> Option<T> {
    let value = T::from_number(number);
    if value.is_none() && number != 0 {
        let known: Vec<_> = T::WORDS.iter().map(|(_, number, word)| format!("{number} ({word})")).collect();
        violations.add(field.into(), format!("must be one of {}, is {number}", known.join(", ")));
    }
    value
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use prost_types::{EnumDescriptorProto, FileDescriptorSet};

    use super::*;
    use crate::domain::{
        AssessmentTime, AuthorKind, Channel, ConversationTime, Direction, MessageKind, Priority, RatingState,
        RatingType, Status,
    };

    fn enum_of_the_api(name: &str) -> EnumDescriptorProto {
        let files = FileDescriptorSet::decode(crate::proto::DESCRIPTORS).unwrap().file;
        files.into_iter().flat_map(|file| file.enum_type).find(|found| found.name() == name).unwrap()
    }

    fn assert_same<T: Words>(name: &str, prefix: &str) {
        let of_the_api: Vec<_> =
            enum_of_the_api(name).value.iter().map(|it| (it.number(), it.name().to_owned())).collect();
        let mut known = vec![(0, format!("{prefix}UNSPECIFIED"))];
        known.extend(
            T::WORDS.iter().map(|(_, number, word)| (*number, format!("{prefix}{}", word.to_uppercase()))),
        );
        assert_eq!(known, of_the_api);
    }

    #[test]
    fn the_domain_knows_the_numbers_and_words_of_the_api() {
        assert_same::<AuthorKind>("AuthorKind", "AUTHOR_KIND_");
        assert_same::<MessageKind>("MessageKind", "MESSAGE_KIND_");
        assert_same::<Direction>("MessageDirection", "MESSAGE_DIRECTION_");
        assert_same::<Status>("ConversationStatus", "CONVERSATION_STATUS_");
        assert_same::<Priority>("ConversationPriority", "CONVERSATION_PRIORITY_");
        assert_same::<Channel>("Channel", "CHANNEL_");
        assert_same::<RatingType>("RatingType", "RATING_TYPE_");
        assert_same::<RatingState>("RatingState", "RATING_STATE_");
        assert_same::<ConversationTime>("ConversationTime", "CONVERSATION_TIME_");
        assert_same::<AssessmentTime>("AssessmentTime", "ASSESSMENT_TIME_");
    }
}
