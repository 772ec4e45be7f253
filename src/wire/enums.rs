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
        violations.add(field.into(), not_among(T::names(), number));
    }
    value
}

/// The rule that a number breaks which is none of an enum's, whose values callers know by these names.
pub fn not_among<N: AsRef<str>>(names: impl IntoIterator<Item = N>, number: i32) -> String {
    let mut known = String::new();
    for name in names {
        if !known.is_empty() {
            known.push_str(", ");
        }
        known.push_str(name.as_ref());
    }
    format!("must be one of {known}, is {number}")
}

/// The values of an enum that only the API has, without the unspecified one.
pub fn values<T: TryFrom<i32>>() -> impl Iterator<Item = T> {
    (1..).map_while(|number| T::try_from(number).ok())
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

    fn assert_same<T: Words>(name: &str) {
        let of_the_api: Vec<_> =
            enum_of_the_api(name).value.iter().map(|it| (it.number(), it.name().to_owned())).collect();
        let mut known = vec![(0, format!("{}UNSPECIFIED", T::PREFIX))];
        known.extend(T::WORDS.iter().map(|(_, number, _)| *number).zip(T::names()));
        assert_eq!(known, of_the_api);
    }

    #[test]
    fn the_domain_knows_the_numbers_and_words_of_the_api() {
        assert_same::<AuthorKind>("AuthorKind");
        assert_same::<MessageKind>("MessageKind");
        assert_same::<Direction>("MessageDirection");
        assert_same::<Status>("ConversationStatus");
        assert_same::<Priority>("ConversationPriority");
        assert_same::<Channel>("Channel");
        assert_same::<RatingType>("RatingType");
        assert_same::<RatingState>("RatingState");
        assert_same::<ConversationTime>("ConversationTime");
        assert_same::<AssessmentTime>("AssessmentTime");
    }
}
