//! How much a request may ask to be made, counted on the wire before anything is made of it.

mod import;

use crate::domain::{Violations, limits, rules};

use super::fields::fields;

pub use import::{check_import, is_import_too_large, shortened_item};

/// More items one level down than any request needs that has no rule of its own: whoever sends back what a FULL view
/// answered may do so.
const MAX_ITEMS: usize = 10_000;

pub fn check_items(request: &[u8], field: &str) -> Result<(), Violations> {
    let items = fields(request).flat_map(|field| fields(field.value)).count();
    rules::items(items, 0..=MAX_ITEMS).map_err(|rule| Violations::one(field, rule))
}

/// The `message` of a request to store one and of one to change one, `StoreMessageRequest.tags`, and the repeated fields
/// of `Message`.
const STORED_MESSAGE: u64 = 2;
const CHANGED_MESSAGE: u64 = 1;
const STORED_TAGS: u64 = 8;
const MESSAGE_LISTS: [(u64, &str, usize); 5] = [
    (13, "message.to", limits::RECEIVERS),
    (14, "message.cc", limits::RECEIVERS),
    (15, "message.bcc", limits::RECEIVERS),
    (23, "message.intent_ids", limits::INTENTS),
    (29, "message.attachments", limits::ATTACHMENTS),
];

pub fn check_store(request: &[u8]) -> Result<(), Violations> {
    let mut violations = Violations::default();
    violations.take(check_message(request, STORED_MESSAGE));
    let tags = fields(request).filter(|field| field.number == STORED_TAGS).count();
    violations.check("tags", rules::items(tags, 0..=limits::TAGS));
    violations.or(())
}

pub fn check_update(request: &[u8]) -> Result<(), Violations> {
    check_message(request, CHANGED_MESSAGE)
}

/// Checks the one message that a request carries in a field.
fn check_message(request: &[u8], message: u64) -> Result<(), Violations> {
    let mut counts = [0; MESSAGE_LISTS.len()];
    for field in fields(request).filter(|field| field.number == message) {
        count(field.value, &MESSAGE_LISTS.map(|(number, ..)| number), &mut counts);
    }
    let mut violations = Violations::default();
    for ((_, name, most), count) in MESSAGE_LISTS.iter().zip(counts) {
        violations.check(*name, rules::items(count, 0..=*most));
    }
    violations.or(())
}

/// Adds how often each of these fields occurs in a message.
fn count(message: &[u8], numbers: &[u64], counts: &mut [usize]) {
    for field in fields(message) {
        let of_field = numbers.iter().zip(&mut *counts).filter(|(number, _)| **number == field.number);
        of_field.for_each(|(_, count)| *count += 1);
    }
}

/// `OfferRatingRequest.rating`, `Rating.questions`, and `SubmitRatingRequest.answers`.
const RATING: u64 = 2;
const RATING_QUESTIONS: u64 = 5;
const ANSWERS: u64 = 2;

pub fn check_offer(request: &[u8]) -> Result<(), Violations> {
    let ratings = fields(request).filter(|field| field.number == RATING);
    let questions = ratings.flat_map(|rating| fields(rating.value));
    check_count("rating.questions", questions.filter(|field| field.number == RATING_QUESTIONS).count())
}

pub fn check_submission(request: &[u8]) -> Result<(), Violations> {
    check_count("answers", fields(request).filter(|field| field.number == ANSWERS).count())
}

fn check_count(field: &str, count: usize) -> Result<(), Violations> {
    // That there is none is told later, with all else that is wrong.
    let rule = if count == 0 { Ok(()) } else { rules::items(count, 1..=limits::QUESTIONS) };
    rule.map_err(|rule| Violations::one(field, rule))
}

/// `UpdatePersonRequest.person` and `Person.teams`.
const PERSON: u64 = 1;
const PERSON_TEAMS: u64 = 8;

pub fn check_person(request: &[u8]) -> Result<(), Violations> {
    let people = fields(request).filter(|field| field.number == PERSON);
    let teams = people.flat_map(|person| fields(person.value)).filter(|field| field.number == PERSON_TEAMS);
    rules::items(teams.count(), 0..=limits::TEAMS).map_err(|rule| Violations::one("person.teams", rule))
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::proto::v1::{
        self, OfferRatingRequest, StoreMessageRequest, SubmitRatingRequest, UpdateConversationRequest,
        UpdatePersonRequest,
    };

    #[test]
    fn items_one_level_down_are_counted_too() {
        let with_tags = |count| {
            let conversation =
                Some(v1::Conversation { tags: vec![String::new(); count], ..Default::default() });
            UpdateConversationRequest { conversation, ..Default::default() }.encode_to_vec()
        };
        assert!(check_items(&with_tags(10_000), "conversation").is_ok());
        assert!(check_items(&with_tags(10_001), "conversation").is_err());
    }

    #[test]
    fn the_lists_of_a_stored_message_are_counted_before_they_are_made() {
        let named = |message: v1::Message, tags: usize| {
            let tags = vec![String::new(); tags];
            let request = StoreMessageRequest { message: Some(message), tags, ..Default::default() };
            let violations = check_store(&request.encode_to_vec()).err().unwrap_or_default();
            violations.iter().map(|violation| violation.field.clone()).collect::<Vec<_>>()
        };
        assert_eq!(named(v1::Message { to: vec![String::new(); 200], ..Default::default() }, 100), [""; 0]);
        let many = v1::Message {
            to: vec![String::new(); 201],
            cc: vec![String::new(); 201],
            bcc: vec![String::new(); 201],
            intent_ids: vec![String::new(); 101],
            attachments: vec![v1::Attachment::default(); 101],
            ..Default::default()
        };
        let mut expected: Vec<_> = MESSAGE_LISTS.iter().map(|(_, name, _)| *name).collect();
        expected.push("tags");
        assert_eq!(named(many, 101), expected);
    }

    #[test]
    fn questions_and_answers_are_counted_too() {
        let questions = |count| {
            let rating =
                v1::Rating { questions: vec![v1::RatingQuestion::default(); count], ..Default::default() };
            OfferRatingRequest { rating: Some(rating), ..Default::default() }.encode_to_vec()
        };
        let answers = |count| {
            let answers = vec![v1::RatingAnswer::default(); count];
            SubmitRatingRequest { name: "n".to_owned(), answers, ..Default::default() }.encode_to_vec()
        };
        assert!(check_offer(&questions(20)).is_ok() && check_submission(&answers(20)).is_ok());
        assert!(check_offer(&questions(21)).is_err() && check_submission(&answers(21)).is_err());
        // A message that comes twice is merged.
        assert!(check_offer(&[questions(20), questions(1)].concat()).is_err());
    }

    #[test]
    fn the_teams_of_a_person_are_counted_too() {
        let request = |count| {
            let person = v1::Person { teams: vec![String::new(); count], ..Default::default() };
            UpdatePersonRequest { person: Some(person), ..Default::default() }.encode_to_vec()
        };
        assert!(check_person(&request(100)).is_ok() && check_person(&request(101)).is_err());
    }
}
