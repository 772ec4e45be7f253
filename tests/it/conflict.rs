//! Importing a conversation that is already stored.

use std::collections::HashSet;

use futures_util::future::join_all;
use plaudit::proto::v1::{Assessment, AuthorKind, ConflictPolicy, ImportOutcome, Message};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::harness::{
    KEYS, Plaudit, fault,
    sample::{self, with_policy, without_names},
};

/// Asserts that there is one assessment per unit and scorecard.
pub fn assert_unique(assessments: &[Assessment]) {
    let unit = |assessment: &Assessment| {
        let scorecard = assessment.scorecard.split_once("/revisions/").expect("a revision").0.to_owned();
        (assessment.unit, assessment.worklog.clone(), scorecard)
    };
    let units: HashSet<_> = assessments.iter().map(unit).collect();
    assert_eq!(units.len(), assessments.len(), "a unit has two assessments by one scorecard: {units:?}");
    let names: HashSet<_> = assessments.iter().map(|assessment| &assessment.name).collect();
    assert_eq!(names.len(), assessments.len(), "two assessments have one name");
}

#[tokio::test]
async fn by_default_a_duplicate_is_refused_with_the_name_of_the_existing_one() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let first = client.import(sample::import("42")).await.unwrap();
    client.scored(&first.conversation).await;
    let before = server.store.dump().await;
    let mut other = sample::import("42");
    other.messages.push(sample::message(4, AuthorKind::Contact, "More."));
    for policy in [ConflictPolicy::Unspecified, ConflictPolicy::Reject] {
        let status = client.import(with_policy(other.clone(), policy)).await.unwrap_err();
        assert_eq!(fault(&status), (Code::AlreadyExists, "DUPLICATE_IMPORT".to_owned()));
        let metadata = status.get_details_error_info().unwrap().metadata;
        assert_eq!((&metadata["conversation"], &metadata["import"]), (&first.conversation, &first.import));
        let resource = status.get_details_resource_info().unwrap();
        assert_eq!(resource.resource_name, first.conversation);
    }
    assert_eq!(server.store.dump().await, before, "nothing was stored");
    // The same external id in another source is another conversation.
    let mut elsewhere = sample::import("42");
    elsewhere.conversation.as_mut().unwrap().source = "elsewhere".to_owned();
    assert_ne!(client.import(elsewhere).await.unwrap().conversation, first.conversation);
}

#[tokio::test]
async fn the_existing_one_is_returned_unchanged_on_request() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let policy = ConflictPolicy::ReturnExisting;
    let first = client.import(with_policy(sample::import("42"), policy)).await.unwrap();
    assert_eq!((first.outcome(), first.stored_messages), (ImportOutcome::Created, 4));
    client.scored(&first.conversation).await;
    let before = server.store.dump().await;
    server.clock.advance_millis(1000);
    let mut other = sample::import("42");
    other.conversation.as_mut().unwrap().subject = Some("Another".to_owned());
    other.messages.push(sample::message(4, AuthorKind::Contact, "More."));
    let second = client.import(with_policy(other, policy)).await.unwrap();
    assert_eq!((second.outcome(), second.stored_messages), (ImportOutcome::Existing, 0));
    assert_eq!((second.conversation, second.import), (first.conversation, first.import));
    assert_eq!(server.store.dump().await, before, "nothing was stored");
}

#[tokio::test]
async fn append_stores_new_messages_in_order_and_rescores() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let first = client.import(sample::import("42")).await.unwrap();
    let before = client.scored(&first.conversation).await;
    let scored_before = client.assessments(&first.conversation, 50).await;
    server.clock.advance_millis(5000);

    // Known messages among new ones; a known message keeps its first text.
    let mut more = sample::import("42").messages;
    more[1].content = Some("Other words under a known id.".to_owned());
    more.insert(0, sample::message(9, AuthorKind::Contact, "Thank you, that helps!"));
    more.insert(3, sample::message(5, AuthorKind::Ai, "I am the helper. Your order arrives tomorrow."));
    more.push(sample::message(7, AuthorKind::Contact, "Thanks."));
    let append = with_policy(sample::import_of("42", more.clone()), ConflictPolicy::Append);
    let second = client.import(append.clone()).await.unwrap();
    assert_eq!((second.outcome(), second.stored_messages), (ImportOutcome::Appended, 3));
    assert_eq!((&second.conversation, &second.import), (&first.conversation, &first.import));

    let mut expected = sample::import("42").messages;
    expected.extend([more[0].clone(), more[3].clone(), more[6].clone()]);
    assert_eq!(without_names(client.messages(&first.conversation, 50).await), expected);
    let after = client.scored(&first.conversation).await;
    assert_eq!(after.message_count, 7);
    assert_ne!(after.etag, before.etag);
    assert_eq!(after.create_time, before.create_time);
    let moved = after.update_time.unwrap().seconds - before.update_time.unwrap().seconds;
    assert_eq!(moved, 5);

    let scored = client.assessments(&first.conversation, 50).await;
    assert_unique(&scored);
    // The earlier units are rescored under the same names; the helper's worklog is new.
    assert_eq!(scored.len(), scored_before.len() + 1);
    for (old, new) in scored_before.iter().zip(&scored) {
        assert_eq!((&old.name, &old.unit, &old.worklog), (&new.name, &new.unit, &new.worklog));
        assert_eq!(old.create_time, new.create_time);
        assert_ne!((&old.etag, old.update_time), (&new.etag, new.update_time));
    }

    server.clock.advance_millis(5000);
    let stored = server.store.dump().await;
    let third = client.import(append).await.unwrap();
    assert_eq!((third.outcome(), third.stored_messages), (ImportOutcome::Existing, 0));
    assert_eq!(server.store.dump().await, stored, "nothing was stored again");
}

#[tokio::test]
async fn append_creates_a_missing_conversation() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let answer = client.import(with_policy(sample::import("42"), ConflictPolicy::Append)).await.unwrap();
    assert_eq!((answer.outcome(), answer.stored_messages), (ImportOutcome::Created, 4));
    client.scored(&answer.conversation).await;
}

#[tokio::test]
async fn concurrent_overlapping_appends_store_each_message_once() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let name = client.import(sample::import_of("42", sample::messages(0, 2))).await.unwrap().conversation;
    let append = async |from: usize| {
        let messages = sample::messages(from, 10);
        let request = with_policy(sample::import_of("42", messages), ConflictPolicy::Append);
        let client = server.client().await;
        loop {
            match client.import(request.clone()).await {
                Ok(answer) => return answer.stored_messages,
                Err(status) => assert_eq!(fault(&status), (Code::Aborted, "CONCURRENT_CHANGE".to_owned())),
            }
        }
    };
    let stored = join_all((0..32).map(append)).await;
    assert_eq!(stored.iter().sum::<i32>(), 41 - 2, "m0 to m40, of which two already existed");
    let after = client.scored(&name).await;
    assert_eq!(after.message_count, 41);
    let messages = client.messages(&name, 1000).await;
    let ids: HashSet<_> = messages.iter().map(|message: &Message| message.external_id.clone()).collect();
    assert_eq!((messages.len(), ids.len()), (41, 41));
    assert_unique(&client.assessments(&name, 50).await);
}

#[tokio::test]
async fn of_concurrent_identical_imports_one_is_stored_and_the_others_name_it() {
    let server = Plaudit::start().await;
    let import = async |_| server.client().await.import(sample::import("42")).await;
    let answers = join_all((0..64).map(import)).await;
    let (stored, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!((stored.len(), refused.len()), (1, 63));
    let winner = stored.into_iter().next().unwrap().unwrap();
    for status in refused.into_iter().map(Result::unwrap_err) {
        assert_eq!(fault(&status), (Code::AlreadyExists, "DUPLICATE_IMPORT".to_owned()));
        let metadata = status.get_details_error_info().unwrap().metadata;
        assert_eq!((&metadata["conversation"], &metadata["import"]), (&winner.conversation, &winner.import));
    }
    let client = server.client().await;
    client.scored(&winner.conversation).await;
    let assessments = client.assessments(&winner.conversation, 50).await;
    assert_eq!(assessments.len(), 2, "the conversation's and the teammate's");
    assert_unique(&assessments);
    let heads = server.store.dump().await.into_iter().filter(|(key, _)| key[0] == 0x10).count();
    assert_eq!(heads, 1);
    assert_eq!(server.store.count(KEYS.jobs()).await, 0);
}
