//! People and teams in the keyspace.

use std::{collections::HashSet, ops::Bound};

use crate::domain::{
    AuthorKind, Person, PersonId, PersonIdentity, Team, TeamId, TeamIdentity, TeamRef, UnixMillis,
};

use super::{
    Decision, Direction, Key, Reader, Scanner, StoreError, Value, get_many, get_one,
    records::{self, Membership, PersonNumber, TeamNumber},
};

/// The numbers of the people with these identities, in the same order; `None` where not in the directory.
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

/// One person by identity.
pub async fn find_identity(
    reader: &dyn Reader,
    identity: &PersonIdentity,
) -> Result<Option<Person>, StoreError> {
    match find_numbers(reader, std::slice::from_ref(identity)).await?.into_iter().flatten().next() {
        Some(id) => find_person(reader, id).await,
        None => Ok(None),
    }
}

/// The people with these numbers, in the same order.
pub async fn find_people(
    reader: &dyn Reader,
    numbers: &[PersonId],
) -> Result<Vec<Option<Person>>, StoreError> {
    let keys = reader.keys();
    get_many(reader, numbers.iter().map(|id| keys.person(*id)).collect()).await
}

/// The position after which a list continues.
pub type Place = Key;

/// At most `limit` people of these kinds, from one source or all, each with their position; `None` if purged meanwhile.
/// `kinds` must be in key order: customers, AI agents, teammates.
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
        // Either purged since the list was read, or replaced: read the identity again.
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

/// The number of a team by the helpdesk's name for it.
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

/// Adds a person, expecting that they are not in the directory yet.
pub fn put_new_person(decision: &mut Decision<'_>, person: &Person) {
    let identity = decision.keys().person_identity(&person.identity);
    decision.put_new(identity, &PersonNumber { person: person.id });
    decision.put(decision.keys().person(person.id), person);
}

/// Puts a changed person, which must have been read.
pub fn put_person(decision: &mut Decision<'_>, person: &Person) {
    decision.replace(decision.keys().person(person.id), person);
}

/// Adds a team, expecting that it is not in the directory yet.
pub fn put_new_team(decision: &mut Decision<'_>, team: &Team) {
    if let Some(identity) = &team.identity {
        let key = decision.keys().team_identity(identity);
        decision.put_new(key, &TeamNumber { team: team.id });
    }
    decision.put(decision.keys().team(team.id), team);
}

/// Puts a changed team, which must have been read.
pub fn put_team(decision: &mut Decision<'_>, team: &Team) {
    decision.replace(decision.keys().team(team.id), team);
}

/// Deletes a team without members, which must have been read.
pub fn delete_team(decision: &mut Decision<'_>, team: &Team) {
    let keys = decision.keys();
    decision.delete(keys.team(team.id));
    if let Some(identity) = &team.identity {
        decision.delete(keys.team_identity(identity));
    }
}

/// Moves a person out of the teams in `before` and into the others. `teams` are as they were read.
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
