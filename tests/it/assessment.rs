//! Reading assessments: names and pages.

use plaudit::proto::v1::{AuthorKind, UnitKind};

use crate::{
    conflict::assert_unique,
    harness::{Client, Plaudit, assert_not_found, fields, sample},
};

/// A scored conversation on which 40 agents worked in turn.
async fn many_worklogs(client: &Client) -> String {
    let mut messages = sample::messages(0, 80);
    for (place, message) in messages.iter_mut().enumerate() {
        if place % 2 == 1 {
            message.author.as_mut().unwrap().external_id = Some(format!("agent {place}"));
        }
    }
    let name = client.import(sample::import_of("many", messages)).await.unwrap().conversation;
    client.scored(&name).await;
    name
}

#[tokio::test]
async fn pages_visit_every_assessment_once() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let name = many_worklogs(&client).await;
    let all = client.assessments(&name, 1000).await;
    assert_eq!(all.len(), 41, "the conversation's and one per agent");
    assert_unique(&all);
    let number = |name: &str| name.rsplit_once('/').unwrap().1.parse::<u64>().unwrap();
    assert!(all.windows(2).all(|pair| number(&pair[0].name) < number(&pair[1].name)));
    for page_size in [1, 2, 3, 50, 0, 40, 41, i32::MAX] {
        assert_eq!(client.assessments(&name, page_size).await, all, "pages of {page_size}");
    }
}

#[tokio::test]
async fn an_assessment_names_its_assessee_and_its_evidence() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let name = client.import(sample::import("42")).await.unwrap().conversation;
    client.scored(&name).await;
    let messages = client.messages(&name, 50).await;
    let all = client.assessments(&name, 50).await;
    let of = |unit: UnitKind| all.iter().find(|assessment| assessment.unit() == unit).unwrap();
    let whole = of(UnitKind::Conversation);
    assert_eq!((whole.worklog.as_str(), &whole.assessee), ("", &None));
    assert!(whole.axis.is_some());
    let worklog = of(UnitKind::Worklog);
    assert_eq!(worklog.worklog, messages[1].name, "its first message is the teammate's first");
    assert_eq!(worklog.assessee, messages[1].author);
    let known: Vec<_> = messages.into_iter().map(|message| message.name).collect();
    let mut rests_on = 0;
    for assessment in &all {
        assert_eq!(client.get_assessment(&assessment.name).await.unwrap(), *assessment);
        let by_external = assessment.name.replace(&name, "conversations/test:42");
        assert_eq!(client.get_assessment(&by_external).await.unwrap(), *assessment);
        let evidence =
            assessment.criteria.iter().flat_map(|result| &result.system).flat_map(|answer| &answer.evidence);
        let named: Vec<_> = evidence.map(|evidence| &evidence.message).collect();
        assert!(named.iter().all(|message| known.contains(message)));
        rests_on += named.len();
        assert!(assessment.facts.iter().flat_map(|fact| &fact.messages).all(|name| known.contains(name)));
        let scorecard = client.get_scorecard(&assessment.scorecard).await.unwrap();
        let criteria = scorecard.categories.iter().flat_map(|category| &category.criteria);
        let ids: Vec<_> = criteria.map(|criterion| criterion.id.as_str()).collect();
        let answered: Vec<_> =
            assessment.criteria.iter().map(|result| result.criterion_id.as_str()).collect();
        assert_eq!(answered, ids, "every criterion, in the order of the scorecard");
    }
    assert!(rests_on > 0, "no answer has a message as evidence");
}

#[tokio::test]
async fn malformed_names_are_refused_and_unknown_ones_are_not_found() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let name = client.import(sample::import("42")).await.unwrap().conversation;
    let other = client.import(sample::import_of("43", sample::messages(0, 1))).await.unwrap().conversation;
    client.scored(&name).await;
    let known = client.assessments(&name, 1).await.swap_remove(0).name;
    let number = known.rsplit_once('/').unwrap().1;
    for malformed in [
        "",
        &name,
        number,
        &format!("{name}/assessments"),
        &format!("{name}/assessments/"),
        &format!("{name}/assessments/0{number}"),
        &format!("{name}/assessments/-{number}"),
        &format!("{name}/assessments/x"),
        &format!("{known}/x"),
        &format!("conversations/assessments/{number}"),
        &format!("conversations/:42/assessments/{number}"),
    ] {
        assert_eq!(fields(&client.get_assessment(malformed).await.unwrap_err()), ["name"], "{malformed}");
    }
    for unknown in [
        format!("{name}/assessments/1"),
        format!("{name}/assessments/18446744073709551615"),
        format!("{other}/assessments/{number}"),
        format!("conversations/1/assessments/{number}"),
        format!("conversations/test:44/assessments/{number}"),
    ] {
        assert_not_found(&client.get_assessment(&unknown).await.unwrap_err(), "assessment");
    }
}

#[tokio::test]
async fn an_invalid_page_size_or_token_is_refused() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let name = many_worklogs(&client).await;
    let other = client.import(sample::import("42")).await.unwrap().conversation;
    let token = client.list_assessments(&name, 1, "").await.unwrap().next_page_token;
    let foreign = client.list_messages(&name, 1, "").await.unwrap().next_page_token;
    assert_eq!(fields(&client.list_assessments(&name, -1, "").await.unwrap_err()), ["page_size"]);
    assert_eq!(fields(&client.list_assessments(&other, 1, &token).await.unwrap_err()), ["page_token"]);
    for wrong in [foreign.as_str(), &token[1..], &format!("{token}0"), "x"] {
        let status = client.list_assessments(&name, 1, wrong).await.unwrap_err();
        assert_eq!(fields(&status), ["page_token"], "{wrong}");
    }
    let status = client.list_assessments(&name, -1, "x").await.unwrap_err();
    assert_eq!(fields(&status), ["page_size", "page_token"]);
    assert_eq!(client.list_assessments(&name, 3, &token).await.unwrap().assessments.len(), 3);
}

#[tokio::test]
async fn agents_who_take_turns_have_a_worklog_for_each_turn() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let kinds = [AuthorKind::Teammate, AuthorKind::Ai];
    let messages = (0..600).map(|place| sample::message(place, kinds[place % 2], "I am on it.")).collect();
    let name = client.import(sample::import_of("turns", messages)).await.unwrap().conversation;
    client.scored(&name).await;
    let all = client.assessments(&name, 1000).await;
    assert_eq!(all.len(), 601);
    assert_unique(&all);
}
