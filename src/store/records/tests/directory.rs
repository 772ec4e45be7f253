use super::*;
use crate::domain::{KnownBy, Person, PersonIdentity, Team, TeamIdentity};

#[test]
fn the_directory_is_read_as_it_was_written() {
    let (create_time, update_time) =
        (UnixMillis::clamped(1_700_000_000_000), UnixMillis::clamped(1_700_000_060_000));
    let (person_id, team_id) = (PersonId(5_000_000_000_000_010), TeamId(5_000_000_000_000_011));
    let person = |kind, known_by| Person {
        id: person_id,
        identity: PersonIdentity { source: "zendesk".parse().unwrap(), kind, known_by },
        display_name: "Tom".parse().unwrap(),
        description: "Knows invoices".to_owned(),
        email: "tom@example.org".to_owned(),
        teams: vec![team_id],
        version: 3,
        create_time,
        update_time,
    };
    let named = KnownBy::NameIn { conversation: ID, name: "Ada".to_owned() };
    check("person_teammate", &person(AuthorKind::Teammate, KnownBy::ExternalId("tea_1".parse().unwrap())));
    check("person_ai", &person(AuthorKind::Ai, KnownBy::Name("Billing Bot".to_owned())));
    check("person_contact", &person(AuthorKind::Contact, named));
    check("person_number", &PersonNumber { person: person_id });
    let identity =
        TeamIdentity { source: "zendesk".parse().unwrap(), external_id: "billing".parse().unwrap() };
    let team = |identity| Team {
        id: team_id,
        identity,
        display_name: "Billing".parse().unwrap(),
        description: "Invoices".to_owned(),
        member_count: 2,
        version: 3,
        create_time,
        update_time,
    };
    check("team", &team(Some(identity)));
    check("team_of_ours", &team(None));
    check("team_number", &TeamNumber { team: team_id });
    check("membership", &Membership { since: create_time });
    for (kind, answer) in [
        ("update_person", RequestAnswer::UpdatePerson(person_id)),
        ("create_team", RequestAnswer::CreateTeam(team_id)),
        ("update_team", RequestAnswer::UpdateTeam(team_id)),
        ("delete_team", RequestAnswer::DeleteTeam),
    ] {
        check(&format!("request_{kind}"), &Request { fingerprint: [7; 32], create_time, answer });
    }
}
