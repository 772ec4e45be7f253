//! People and teams in the keyspace.

use std::{collections::HashSet, ops::Bound};

use crate::domain::{
    AuthorKind, Person, PersonId, PersonIdentity, Team, TeamId, TeamIdentity, TeamRef, UnixMillis,
};

use super::{
    Decision, Direction, Key, Reader, Scanner, StoreError, Value, get_many, get_one,
    records::{self, Membership, PersonNumber, TeamNumber},
};

/// The numbers of those of these identities who are in the directory, in their places.
pub async fn find_numbers(
    reader: &dyn Reader,
    identities: &[PersonIdentity],
) -> Result<Vec<Option<PersonId>>, StoreError> {
    let keys = reader.keys();
    let wanted = identities.iter().map(|identity| keys.person_identity(identity)).collect();
    let found = get_many::<PersonNumber>(reader, wanted).await?;
    Ok(found.into_iter().map(|number| number.map(|number| number.person)).collect())
}

/// One person by number.
pub async fn find_person(reader: &dyn Reader, id: PersonId) -> Result<Option<Person>, StoreError> {
    get_one(reader, reader.keys().person(id)).await
}

/// One person by what they are known by.
pub async fn find_identity(
    reader: &dyn Reader,
    identity: &PersonIdentity,
) -> Result<Option<Person>, StoreError> {
    match find_numbers(reader, std::slice::from_ref(identity)).await?.into_iter().flatten().next() {
        Some(id) => find_person(reader, id).await,
        None => Ok(None),
    }
}

/// The people of these numbers, in their places.
pub async fn find_people(
    reader: &dyn Reader,
    numbers: &[PersonId],
) -> Result<Vec<Option<Person>>, StoreError> {
    let keys = reader.keys();
    get_many(reader, numbers.iter().map(|id| keys.person(*id)).collect()).await
}

/// The place in a list after which it goes on.
pub type Place = Key;

/// At most `limit` people of these kinds, of one source or all, each with their place; absent who was purged meanwhile. `kinds` must be in the order of the
/// keys: customers, AI agents, teammates.
pub async fn list_people(
    reader: &dyn Scanner,
    kinds: &[AuthorKind],
    source: Option<&str>,
    after: Option<&Place>,
    limit: usize,
) -> Result<Vec<(Place, Option<Person>)>, StoreError> {
    let mut found: Vec<(Key, Value)> = Vec::new();
    for kind in kinds {
        let mut range = reader.keys().people(*kind, source);
        if let (Some(after), Bound::Included(start)) = (after, &range.start)
            && start <= after
        {
            range = range.after(after.clone());
        }
        if range.is_empty() {
            continue;
        }
        found.extend(reader.scan(range, limit - found.len(), Direction::Ascending).await?);
        if found.len() >= limit {
            break;
        }
    }
    let mut places = Vec::with_capacity(found.len());
    let mut numbers = Vec::with_capacity(found.len());
    for (key, raw) in found {
        numbers.push(records::decode::<PersonNumber>(&key, &raw)?.person);
        places.push(key);
    }
    let people = find_people(reader, &numbers).await?;
    let mut found: Vec<(Place, Option<Person>)> = places.into_iter().zip(people).collect();
    for (place, person) in found.iter_mut().filter(|(_, person)| person.is_none()) {
        // Purged with their conversation since the list was read, unless the identity is still there.
        if let Some(number) = get_one::<PersonNumber>(reader, place.clone()).await? {
            *person = find_person(reader, number.person).await?;
            if person.is_none() {
                let cause = "an identity of the directory names a person that is absent";
                return Err(StoreError::Corrupt(cause.into()));
            }
        }
    }
    Ok(found)
}

/// At most `limit` members of a team after `after` (0: from the first), ascending by number.
pub async fn list_members(
    reader: &dyn Scanner,
    team: TeamId,
    after: PersonId,
    limit: usize,
) -> Result<Vec<(PersonId, Option<Person>)>, StoreError> {
    let mut range = reader.keys().members(team);
    range.start = Bound::Excluded(reader.keys().member(team, after));
    let members = reader.scan_keys(range, limit, Direction::Ascending).await?;
    let number = |key: &Key| key.last_chunk().map(|number| PersonId(u64::from_be_bytes(*number)));
    let numbers: Vec<PersonId> = members.iter().filter_map(number).collect();
    let people = find_people(reader, &numbers).await?;
    Ok(numbers.into_iter().zip(people).collect())
}

/// One team.
pub async fn find_team(reader: &dyn Reader, name: &TeamRef) -> Result<Option<Team>, StoreError> {
    let id = match name {
        TeamRef::Id(id) => Some(*id),
        TeamRef::External(identity) => find_team_number(reader, identity).await?,
    };
    match id {
        Some(id) => get_one(reader, reader.keys().team(id)).await,
        None => Ok(None),
    }
}

/// The number of the team that a helpdesk calls so.
pub async fn find_team_number(
    reader: &dyn Reader,
    identity: &TeamIdentity,
) -> Result<Option<TeamId>, StoreError> {
    let number = get_one::<TeamNumber>(reader, reader.keys().team_identity(identity)).await?;
    Ok(number.map(|number| number.team))
}

/// At most `limit` teams after `after` (0: from the first), ascending by number.
pub async fn list_teams(reader: &dyn Scanner, after: TeamId, limit: usize) -> Result<Vec<Team>, StoreError> {
    let mut range = reader.keys().teams();
    range.start = Bound::Excluded(reader.keys().team(after));
    let page = reader.scan(range, limit, Direction::Ascending).await?;
    page.iter().map(|(key, raw)| records::decode(key, raw)).collect()
}

/// Puts somebody who is not in the directory, and expects that they are not.
pub fn put_new_person(decision: &mut Decision<'_>, person: &Person) {
    let identity = decision.keys().person_identity(&person.identity);
    decision.put_new(identity, &PersonNumber { person: person.id });
    decision.put(decision.keys().person(person.id), person);
}

/// Puts a changed person, who was read.
pub fn put_person(decision: &mut Decision<'_>, person: &Person) {
    decision.replace(decision.keys().person(person.id), person);
}

/// Puts a team that is not in the directory, and expects that it is not.
pub fn put_new_team(decision: &mut Decision<'_>, team: &Team) {
    if let Some(identity) = &team.identity {
        let key = decision.keys().team_identity(identity);
        decision.put_new(key, &TeamNumber { team: team.id });
    }
    decision.put(decision.keys().team(team.id), team);
}

/// Puts a changed team, which was read.
pub fn put_team(decision: &mut Decision<'_>, team: &Team) {
    decision.replace(decision.keys().team(team.id), team);
}

/// Deletes a team without members, which was read.
pub fn delete_team(decision: &mut Decision<'_>, team: &Team) {
    let keys = decision.keys();
    decision.delete(keys.team(team.id));
    if let Some(identity) = &team.identity {
        decision.delete(keys.team_identity(identity));
    }
}

/// Lets a person join or leave `teams`, as they were read: those of `before` are left, the others joined.
pub fn put_memberships(
    decision: &mut Decision<'_>,
    person: PersonId,
    before: &HashSet<TeamId>,
    teams: Vec<Team>,
    now: UnixMillis,
) {
    for mut team in teams {
        let key = decision.keys().member(team.id, person);
        if before.contains(&team.id) {
            team.member_count = team.member_count.saturating_sub(1);
            decision.delete(key);
        } else {
            team.member_count = team.member_count.saturating_add(1);
            decision.put(key, &Membership { since: now });
        }
        put_team(decision, &team);
    }
}
