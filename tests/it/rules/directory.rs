use plaudit::proto::v1::{
    CreateTeamRequest, DeleteTeamRequest, Person, Team, UpdatePersonRequest, UpdateTeamRequest,
    directory_service_client::DirectoryServiceClient,
};
use prost_types::FieldMask;

use super::{LONG_ID, Row, SPACED_ID, assert_refused, violations};
use crate::harness::Plaudit;

const TOM: &str = "people/test:teammate:t1";
const NAME: &str = "must be at most 512 bytes long, is 513";
const DESCRIPTION: &str = "must be at most 4096 bytes long, is 4097";
const LINE_FEED: &str = "must not contain control characters, contains '\\n'";

const PEOPLE: &[Row<UpdatePersonRequest>] = &[
    (
        "a kind that there is not",
        |it| person(it).name = "people/test:boss:t1".into(),
        "person.name",
        "must look like `people/{number}` or `people/{source}:{kind}:{external id}` with the kind teammate, ai or contact, is \"people/test:boss:t1\"",
    ),
    ("a long request id", |it| it.request_id = "r".repeat(129), "request_id", LONG_ID),
    ("a space in the request id", |it| it.request_id = "a b".into(), "request_id", SPACED_ID),
    (
        "a field that stays",
        |it| it.update_mask = mask("kind"),
        "update_mask",
        "must name fields among display_name, description, email, teams or *, names \"kind\"",
    ),
    ("a long name", |it| person(it).display_name = "x".repeat(513), "person.display_name", NAME),
    ("a line feed in a name", |it| person(it).display_name = "a\nb".into(), "person.display_name", LINE_FEED),
    ("a long description", |it| person(it).description = "x".repeat(4097), "person.description", DESCRIPTION),
    (
        "a long address",
        |it| person(it).email = format!("{}@b.example", "x".repeat(245)),
        "person.email",
        "must be at most 254 bytes long, is 255",
    ),
    (
        "no address",
        |it| person(it).email = "nowhere".into(),
        "person.email",
        "must be an address like ada@example.org, is \"nowhere\"",
    ),
    (
        "the name of something else",
        |it| person(it).teams.push("people/1".into()),
        "person.teams[0]",
        "must look like `teams/{number}` or `teams/{source}:{external id}`, is \"people/1\"",
    ),
];

/// What is checked against stored people and teams, once nothing else is wrong.
const MEMBERSHIPS: &[Row<UpdatePersonRequest>] = &[
    (
        "an unknown team",
        |it| person(it).teams.push("teams/7".into()),
        "person.teams[0]",
        "there is no teams/7",
    ),
    (
        "101 teams",
        |it| person(it).teams = vec!["teams/7".into(); 101],
        "person.teams",
        "must have at most 100 items, has 101",
    ),
];

const NEW_TEAMS: &[Row<CreateTeamRequest>] = &[
    ("no team", |it| it.team = None, "team.display_name", "must not be empty"),
    ("a long request id", |it| it.request_id = "r".repeat(129), "request_id", LONG_ID),
    (
        "a long source",
        |it| new(it).source = "s".repeat(129),
        "team.source",
        "must be at most 128 bytes long, is 129",
    ),
    ("a line feed in the source", |it| new(it).source.push('\n'), "team.source", LINE_FEED),
    ("a long external id", |it| new(it).external_id = "e".repeat(513), "team.external_id", NAME),
    ("a line feed in the external id", |it| new(it).external_id.push('\n'), "team.external_id", LINE_FEED),
    (
        "a source alone",
        |it| new(it).external_id.clear(),
        "team.external_id",
        "is required where a source is given",
    ),
    ("a long name", |it| new(it).display_name = "x".repeat(513), "team.display_name", NAME),
    ("a line feed in the name", |it| new(it).display_name.push('\n'), "team.display_name", LINE_FEED),
    ("no name", |it| new(it).display_name.clear(), "team.display_name", "must not be empty"),
    ("a long description", |it| new(it).description = "x".repeat(4097), "team.description", DESCRIPTION),
];

const TEAMS: &[Row<UpdateTeamRequest>] = &[
    (
        "a name without an id",
        |it| team(it).name = "teams/test:".into(),
        "team.name",
        "must look like `teams/{number}` or `teams/{source}:{external id}`, is \"teams/test:\"",
    ),
    (
        "a line feed in the id of a new team",
        |it| team(it).name = "teams/test:a%0Ab".into(),
        "team.name",
        "must not contain control characters, contains '\\n'",
    ),
    ("a space in the request id", |it| it.request_id = "a b".into(), "request_id", SPACED_ID),
    (
        "a field that stays",
        |it| it.update_mask = mask("source"),
        "update_mask",
        "must name fields among display_name, description or *, names \"source\"",
    ),
    (
        "no name",
        |it| (team(it).display_name, it.update_mask) = (String::new(), mask("display_name")),
        "team.display_name",
        "must not be empty",
    ),
    ("a long name", |it| team(it).display_name = "x".repeat(513), "team.display_name", NAME),
    ("a line feed in the name", |it| team(it).display_name.push('\n'), "team.display_name", LINE_FEED),
    ("a long description", |it| team(it).description = "x".repeat(4097), "team.description", DESCRIPTION),
];

fn mask(path: &str) -> Option<FieldMask> {
    Some(FieldMask { paths: vec![path.to_owned()] })
}

fn person(request: &mut UpdatePersonRequest) -> &mut Person {
    request.person.as_mut().expect("the whole request has one")
}

fn new(request: &mut CreateTeamRequest) -> &mut Team {
    request.team.as_mut().expect("the whole request has one")
}

fn team(request: &mut UpdateTeamRequest) -> &mut Team {
    request.team.as_mut().expect("the whole request has one")
}

fn whole_person() -> UpdatePersonRequest {
    let person = Person { name: TOM.to_owned(), display_name: "Tom".to_owned(), ..Person::default() };
    UpdatePersonRequest { person: Some(person), allow_missing: true, ..UpdatePersonRequest::default() }
}

fn whole_team() -> Team {
    Team {
        name: "teams/test:night".to_owned(),
        source: "test".to_owned(),
        external_id: "night".to_owned(),
        display_name: "Night shift".to_owned(),
        ..Team::default()
    }
}

#[tokio::test]
async fn a_broken_rule_of_the_directory_is_reported_by_field_and_nothing_is_created() {
    let server = Plaudit::start().await;
    let mut directory = DirectoryServiceClient::new(server.channel().await);
    for (what, change, field, said) in PEOPLE.iter().chain(MEMBERSHIPS) {
        let mut request = whole_person();
        change(&mut request);
        assert_refused(what, &directory.update_person(request).await.expect_err(what), field, said);
    }
    let customer = Person {
        name: "people/test:contact:c1".to_owned(),
        teams: vec!["teams/7".to_owned()],
        ..Person::default()
    };
    let request = UpdatePersonRequest { person: Some(customer), ..whole_person() };
    let refused = violations(&directory.update_person(request).await.expect_err("a customer in a team"));
    assert_eq!(refused[0], ("person.teams".to_owned(), "must be empty: a customer is in no team".to_owned()));

    for (what, change, field, said) in NEW_TEAMS {
        let mut request = CreateTeamRequest { team: Some(whole_team()), request_id: String::new() };
        change(&mut request);
        assert_refused(what, &directory.create_team(request).await.expect_err(what), field, said);
    }
    for (what, change, field, said) in TEAMS {
        let (team, allow_missing) = (Some(whole_team()), true);
        let mut request = UpdateTeamRequest { team, allow_missing, ..UpdateTeamRequest::default() };
        change(&mut request);
        assert_refused(what, &directory.update_team(request).await.expect_err(what), field, said);
    }
    let request =
        DeleteTeamRequest { name: "teams".to_owned(), request_id: "a b".to_owned(), ..Default::default() };
    assert_eq!(violations(&directory.delete_team(request).await.expect_err("two rules are broken")).len(), 2);
    let made = server.store.dump().await.into_iter().filter(|(key, _)| (0x50..0x80).contains(&key[0]));
    assert_eq!(made.count(), 0);
}

#[tokio::test]
async fn every_field_is_reported_when_people_and_teams_break_every_rule() {
    let server = Plaudit::start().await;
    let mut directory = DirectoryServiceClient::new(server.channel().await);
    let mut request = whole_person();
    PEOPLE.iter().for_each(|(_, change, ..)| change(&mut request));
    request.update_mask.as_mut().expect("a row sets one").paths.push("*".to_owned());
    assert_named(directory.update_person(request).await.expect_err("every rule is broken"), PEOPLE);

    let mut request = CreateTeamRequest { team: Some(whole_team()), request_id: String::new() };
    NEW_TEAMS.iter().filter(|(what, ..)| *what != "no team").for_each(|(_, change, ..)| change(&mut request));
    assert_named(directory.create_team(request).await.expect_err("every rule is broken"), NEW_TEAMS);

    let mut request = UpdateTeamRequest { team: Some(whole_team()), ..UpdateTeamRequest::default() };
    TEAMS.iter().filter(|(what, ..)| *what != "no name").for_each(|(_, change, ..)| change(&mut request));
    team(&mut request).name = "teams".to_owned();
    request.update_mask.as_mut().expect("a row sets one").paths.push("*".to_owned());
    assert_named(directory.update_team(request).await.expect_err("every rule is broken"), TEAMS);
}

/// Asserts that each field of these rows is reported, and no other.
fn assert_named<T>(refused: tonic::Status, rows: &[Row<T>]) {
    let mut named: Vec<String> = violations(&refused).into_iter().map(|(field, _)| field).collect();
    let mut expected: Vec<String> = rows.iter().map(|(_, _, field, _)| (*field).to_owned()).collect();
    named.sort_unstable();
    expected.sort_unstable();
    expected.dedup();
    assert_eq!(named, expected);
}
