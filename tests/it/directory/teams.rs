use futures_util::future::join_all;
use plaudit::proto::v1::{
    Author, AuthorKind, CreateTeamRequest, ListPeopleRequest, Message, Person, StoreMessageRequest, Team,
    UpdatePersonRequest, UpdateTeamRequest,
};
use tonic::Code;

use crate::harness::{Plaudit, assert_not_found, fault, fields};

use super::{Directory, mask, new_team, upsert};

async fn members(directory: &Directory, team: &str, page_size: i32) -> Vec<String> {
    let mut found = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListPeopleRequest {
            team: team.to_owned(),
            page_size,
            page_token,
            ..ListPeopleRequest::default()
        };
        let page = directory.people(request).await.unwrap();
        found.extend(page.people.into_iter().map(|person| person.external_id.unwrap()));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return found;
        }
    }
}

fn in_teams(external_id: &str, teams: &[&str]) -> UpdatePersonRequest {
    let teams = teams.iter().map(|team| (*team).to_owned()).collect();
    let person = Person { teams, ..Person::default() };
    let name = format!("people/custom:teammate:{external_id}");
    UpdatePersonRequest { update_mask: mask(&["teams"]), ..upsert(&name, person) }
}

#[tokio::test]
async fn a_team_is_created_read_changed_and_deleted() {
    let server = Plaudit::start().await;
    let directory = Directory::of(&server).await;
    let made = directory.create_team(new_team("billing", "Billing")).await.unwrap();
    assert_eq!((made.source.as_str(), made.external_id.as_str()), ("custom", "billing"));
    assert_eq!((made.member_count, made.etag.as_str()), (0, "1"));
    assert_eq!(directory.team(&made.name).await.unwrap(), made);
    assert_eq!(directory.team("teams/custom:billing").await.unwrap(), made);

    let change = Team { name: made.name.clone(), description: "Invoices".to_owned(), ..Team::default() };
    let update = UpdateTeamRequest { team: Some(change), ..UpdateTeamRequest::default() };
    let changed = directory.update_team(update).await.unwrap();
    assert_eq!((changed.display_name.as_str(), changed.description.as_str()), ("Billing", "Invoices"));
    assert_eq!(changed.etag, "2");

    directory.delete_team(&made.name, "", "").await.unwrap();
    for name in [made.name.as_str(), "teams/custom:billing"] {
        assert_not_found(&directory.team(name).await.unwrap_err(), "team");
    }
    // Its id can be reused.
    let again = directory.create_team(new_team("billing", "Billing")).await.unwrap();
    assert_ne!(again.name, made.name);
}

#[tokio::test]
async fn an_external_id_is_unique_within_a_source() {
    let server = Plaudit::start().await;
    let directory = Directory::of(&server).await;
    let requests = (0..16).map(|_| directory.create_team(new_team("billing", "Billing")));
    let (made, refused): (Vec<_>, Vec<_>) = join_all(requests).await.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), refused.len()), (1, 15));
    for refused in refused {
        let refused = refused.unwrap_err();
        assert_eq!(fault(&refused), (Code::AlreadyExists, "TEAM_EXISTS".to_owned()));
        assert!(refused.message().ends_with("; UpdateTeam changes it"), "{refused:?}");
    }
    // Teams that only the directory knows may have the same name.
    let first = directory.create_team(new_team("", "Night shift")).await.unwrap();
    let second = directory.create_team(new_team("", "Night shift")).await.unwrap();
    assert_ne!(first.name, second.name);
}

#[tokio::test]
async fn members_come_and_go() {
    let server = Plaudit::start().await;
    let directory = Directory::of(&server).await;
    let billing = directory.create_team(new_team("billing", "Billing")).await.unwrap().name;
    let night = directory.create_team(new_team("", "Night shift")).await.unwrap().name;
    for external_id in ["1", "2", "3"] {
        directory.update(in_teams(external_id, &[&billing])).await.unwrap();
    }
    // Named in two ways, it is still one team.
    let both = in_teams("2", &[&night, "teams/custom:billing", &billing]);
    assert_eq!(directory.update(both).await.unwrap().teams, [night.clone(), billing.clone()]);
    for page_size in [0, 1, 2] {
        assert_eq!(members(&directory, &billing, page_size).await, ["1", "2", "3"]);
    }
    assert_eq!(members(&directory, &night, 0).await, ["2"]);

    directory.update(in_teams("1", &[])).await.unwrap();
    directory.update(in_teams("2", &[&night])).await.unwrap();
    assert_eq!(members(&directory, "teams/custom:billing", 0).await, ["3"]);
    let counts = [&billing, &night].map(|name| directory.team(name));
    let counts: Vec<_> = join_all(counts).await.into_iter().map(|team| team.unwrap().member_count).collect();
    assert_eq!(counts, [1, 1]);
}

#[tokio::test]
async fn concurrent_joins_are_all_counted() {
    let server = Plaudit::start().await;
    let directory = Directory::of(&server).await;
    let team = directory.create_team(new_team("", "All")).await.unwrap().name;
    let ids: Vec<String> = (10..18).map(|id| id.to_string()).collect();
    for joined in join_all(ids.iter().map(|id| directory.update(in_teams(id, &[&team])))).await {
        joined.unwrap();
    }
    let mut found = members(&directory, &team, 0).await;
    found.sort_unstable();
    assert_eq!(found, ids);
    assert_eq!(directory.team(&team).await.unwrap().member_count, 8);
}

#[tokio::test]
async fn a_team_with_members_cannot_be_deleted() {
    let server = Plaudit::start().await;
    let directory = Directory::of(&server).await;
    let team = directory.create_team(new_team("billing", "Billing")).await.unwrap().name;
    directory.update(in_teams("1", &[&team])).await.unwrap();
    let refused = directory.delete_team(&team, "", "").await.unwrap_err();
    assert_eq!(fault(&refused), (Code::FailedPrecondition, "TEAM_NOT_EMPTY".to_owned()));
    directory.update(in_teams("1", &[])).await.unwrap();
    directory.delete_team(&team, "", "").await.unwrap();
}

#[tokio::test]
async fn a_retried_request_is_carried_out_once() {
    let server = Plaudit::start().await;
    let directory = Directory::of(&server).await;
    let create = CreateTeamRequest { request_id: "one".to_owned(), ..new_team("", "Night shift") };
    let made = directory.create_team(create.clone()).await.unwrap();
    assert_eq!(directory.create_team(create.clone()).await.unwrap(), made);
    let change = Team { name: made.name.clone(), display_name: "Day shift".to_owned(), ..Team::default() };
    let update = UpdateTeamRequest {
        team: Some(change),
        request_id: "one".to_owned(),
        ..UpdateTeamRequest::default()
    };
    let changed = directory.update_team(update.clone()).await.unwrap();
    assert_eq!(directory.update_team(update).await.unwrap(), changed);
    assert_eq!(changed.etag, "2");
    directory.delete_team(&made.name, "2", "one").await.unwrap();
    directory.delete_team(&made.name, "2", "one").await.unwrap();
    assert!(directory.teams(0, "").await.unwrap().teams.is_empty());

    let other = CreateTeamRequest { request_id: "one".to_owned(), ..new_team("", "Another") };
    let reused = directory.create_team(other).await.unwrap_err();
    assert_eq!(fault(&reused), (Code::InvalidArgument, "REQUEST_ID_REUSED".to_owned()));
    let reused = directory.delete_team(&made.name, "", "one").await.unwrap_err();
    assert_eq!(fault(&reused), (Code::InvalidArgument, "REQUEST_ID_REUSED".to_owned()));
}

#[tokio::test]
async fn an_outdated_etag_aborts() {
    let server = Plaudit::start().await;
    let directory = Directory::of(&server).await;
    let team = directory.create_team(new_team("", "Night shift")).await.unwrap();
    let change = |name: &str| Team {
        name: team.name.clone(),
        display_name: name.to_owned(),
        etag: team.etag.clone(),
        ..Team::default()
    };
    let update = |name| UpdateTeamRequest { team: Some(change(name)), ..UpdateTeamRequest::default() };
    directory.update_team(update("Day shift")).await.unwrap();
    for late in [
        directory.update_team(update("Late shift")).await.unwrap_err(),
        directory.delete_team(&team.name, "1", "").await.unwrap_err(),
    ] {
        assert_eq!(fault(&late), (Code::Aborted, "ETAG_MISMATCH".to_owned()));
    }
}

#[tokio::test]
async fn all_violations_of_a_team_are_reported_at_once() {
    let server = Plaudit::start().await;
    let directory = Directory::of(&server).await;
    let team = Team {
        name: "teams/x".to_owned(),
        source: "s".repeat(129),
        external_id: "a\u{7}".to_owned(),
        description: "d".repeat(4097),
        ..Team::default()
    };
    let create = CreateTeamRequest { team: Some(team.clone()), request_id: "\n".to_owned() };
    let mut named = fields(&directory.create_team(create).await.unwrap_err());
    named.sort_unstable();
    assert_eq!(
        named,
        ["request_id", "team.description", "team.display_name", "team.external_id", "team.source"]
    );
    let update = UpdateTeamRequest {
        team: Some(team),
        update_mask: mask(&["*", "member_count"]),
        ..UpdateTeamRequest::default()
    };
    let mut named = fields(&directory.update_team(update).await.unwrap_err());
    named.sort_unstable();
    assert_eq!(named, ["team.description", "team.display_name", "team.name", "update_mask"]);
    let source_alone = Team { source: "s".to_owned(), display_name: "d".to_owned(), ..Team::default() };
    let create = CreateTeamRequest { team: Some(source_alone), ..CreateTeamRequest::default() };
    assert_eq!(fields(&directory.create_team(create).await.unwrap_err()), ["team.external_id"]);
    assert_eq!(fields(&directory.delete_team("teams/x", "", " ").await.unwrap_err()), ["request_id", "name"]);
    assert_eq!(fields(&directory.team("x").await.unwrap_err()), ["name"]);
    assert_eq!(fields(&directory.teams(-1, "x").await.unwrap_err()), ["page_size", "page_token"]);
}

#[tokio::test]
async fn an_update_can_create_a_missing_team() {
    let server = Plaudit::start().await;
    let directory = Directory::of(&server).await;
    let team = Team { name: "teams/enneo:7".to_owned(), description: "Seven".to_owned(), ..Team::default() };
    let update = UpdateTeamRequest { team: Some(team), ..UpdateTeamRequest::default() };
    assert_not_found(&directory.update_team(update.clone()).await.unwrap_err(), "team");
    let update = UpdateTeamRequest { allow_missing: true, ..update };
    let made = directory.update_team(update.clone()).await.unwrap();
    assert_eq!((made.display_name.as_str(), made.description.as_str()), ("7", "Seven"));
    assert_eq!(directory.update_team(update).await.unwrap(), made);
}

#[tokio::test]
async fn teams_are_listed_by_number_in_pages() {
    let server = Plaudit::start().await;
    let directory = Directory::of(&server).await;
    let names: Vec<String> = (0..5).map(|number| format!("Team {number}")).collect();
    for name in &names {
        directory.create_team(new_team("", name)).await.unwrap();
    }
    for page_size in [0, 1, 2, 5] {
        let (mut found, mut token) = (Vec::new(), String::new());
        loop {
            let page = directory.teams(page_size, &token).await.unwrap();
            found.extend(page.teams.into_iter().map(|team| team.display_name));
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(found, names);
    }
    // No person entered because of it.
    assert!(directory.called(AuthorKind::Unspecified, "", 0).await.is_empty());
}

#[tokio::test]
async fn the_team_and_assignee_of_a_conversation_enter_when_it_is_scored() {
    let server = Plaudit::start().await;
    let (client, directory) = (server.client().await, Directory::of(&server).await);
    let assignee = Author {
        kind: AuthorKind::Teammate.into(),
        external_id: Some("31".to_owned()),
        name: Some("Tina".to_owned()),
    };
    let stored = StoreMessageRequest {
        parent: "conversations/enneo:8821".to_owned(),
        message: Some(Message { content: Some("Hello".to_owned()), ..Message::default() }),
        team: Some("Billing & co".to_owned()),
        assignee: Some(assignee),
        ..StoreMessageRequest::default()
    };
    for _ in 0..2 {
        client.store(stored.clone()).await.unwrap();
        client.scored("conversations/enneo:8821").await;
    }
    let team = directory.team("teams/enneo:Billing%20%26%20co").await.unwrap();
    assert_eq!((team.display_name.as_str(), team.member_count), ("Billing & co", 0));
    assert_eq!(directory.teams(0, "").await.unwrap().teams, [team]);
    assert_eq!(directory.called(AuthorKind::Teammate, "enneo", 0).await, ["Tina"]);
}
