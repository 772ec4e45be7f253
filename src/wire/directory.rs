//! People and teams between the domain and the API.

use crate::{
    domain::{KnownBy, Person, PersonIdentity, Team, TeamIdentity},
    proto::v1,
};

use super::{enums::number, names, times};

pub fn person_to_wire(person: Person) -> v1::Person {
    let PersonIdentity { source, kind, known_by } = person.identity;
    let (external_id, known_name, conversation) = match known_by {
        KnownBy::ExternalId(external_id) => (Some(external_id.into()), None, String::new()),
        KnownBy::Name(name) => (None, Some(name), String::new()),
        KnownBy::NameIn { conversation, name } => (None, Some(name), names::conversation(conversation)),
    };
    v1::Person {
        name: names::person(person.id),
        source: source.into(),
        kind: number(Some(kind)),
        external_id,
        display_name: person.display_name.into(),
        description: person.description,
        email: person.email,
        teams: person.teams.into_iter().map(names::team).collect(),
        create_time: Some(times::to_wire(person.create_time)),
        update_time: Some(times::to_wire(person.update_time)),
        etag: person.version.to_string(),
        conversation,
        known_name,
    }
}

pub fn team_to_wire(team: Team) -> v1::Team {
    let (source, external_id) = match team.identity {
        Some(TeamIdentity { source, external_id }) => (source.into(), external_id.into()),
        None => (String::new(), String::new()),
    };
    v1::Team {
        name: names::team(team.id),
        source,
        external_id,
        display_name: team.display_name.into(),
        description: team.description,
        member_count: i32::try_from(team.member_count).unwrap_or(i32::MAX),
        create_time: Some(times::to_wire(team.create_time)),
        update_time: Some(times::to_wire(team.update_time)),
        etag: team.version.to_string(),
    }
}
