//! People whose source gives them no ids.

use plaudit::proto::v1::{AuthorKind, Message, UnitKind};
use serde_json::Value;

use super::Directory;
use crate::harness::{Plaudit, sample};

fn said(place: usize, kind: AuthorKind, name: &str) -> Message {
    let mut message = sample::message(place, kind, "Thank you, it will arrive tomorrow before noon.");
    let author = message.author.as_mut().unwrap();
    (author.external_id, author.name) = (Some(String::new()), Some(name.to_owned()));
    message
}

/// An empty id once turned all who had it into one person, whose work was scored as that of the first.
#[tokio::test]
async fn two_teammates_with_an_empty_id_are_two_people() {
    let server = Plaudit::start().await;
    let (client, directory) = (server.client().await, Directory::of(&server).await);
    let (contact, teammate) = (AuthorKind::Contact, AuthorKind::Teammate);
    let mut request = sample::import_of(
        "8821",
        vec![
            said(0, contact, "Ada"),
            said(1, teammate, "Ruth"),
            said(2, contact, "Ada"),
            said(3, teammate, "Paul"),
        ],
    );
    request.conversation.as_mut().unwrap().source = "enneo".to_owned();
    let name = client.import(request).await.unwrap().conversation;
    client.scored(&name).await;

    // By name.
    assert_eq!(directory.called(teammate, "enneo", 0).await, ["Paul", "Ruth"]);
    let [ruth, paul] = ["Ruth", "Paul"].map(|name| format!("people/enneo:teammate:name={name}"));
    let (ruth, paul) = (directory.person(&ruth).await.unwrap(), directory.person(&paul).await.unwrap());
    assert_eq!((ruth.external_id, paul.external_id), (None, None));
    assert_ne!(ruth.name, paul.name);

    let mut assessees = Vec::new();
    for assessment in client.assessments(&name, 50).await {
        if assessment.unit() == UnitKind::Worklog {
            let assessee = assessment.assessee.unwrap();
            assert_eq!(assessee.external_id, None);
            assessees.push(assessee.name.unwrap());
        }
    }
    assessees.sort_unstable();
    assessees.dedup();
    assert_eq!(assessees, ["Paul", "Ruth"]);

    let answer = server.http().get("/ticket/8821/assessments").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let rows = answer.json();
    let numbers = |name: &str| name.strip_prefix("people/").unwrap().parse::<u64>().unwrap();
    let mut worked: Vec<_> =
        rows.as_array().unwrap().iter().map(|row: &Value| row["assessedUser"].as_u64().unwrap()).collect();
    worked.dedup();
    assert_eq!(worked, [numbers(&ruth.name), numbers(&paul.name)], "a worklog each");
}
