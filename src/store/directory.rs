//! People and teams in the keyspace.

use std::{collections::HashSet, ops::Bound};

use crate::domain::{
    AuthorKind, Person, PersonId, PersonIdentity, Team, TeamId, TeamIdentity, TeamRef, UnixMillis,
};

use super::{
    Batch, Direction, Expect, Key, Keyspace, StoreError, Stored, Value, get_one, keys,
    records::{self, Membership, PersonNumber, TeamNumber},
};

/// The numbers of those of these identities who are in the directory, in their places.
pub async fn find_numbers(
    store: &dyn Keyspace,
    identities: &[PersonIdentity],
) -> Result<Vec<Option<PersonId>>, StoreError> {
    let wanted: Vec<Key> = identities.iter().map(keys::person_identity).collect();
    let values = store.get(wanted.clone()).await?;
    let numbers = wanted.iter().zip(values).map(|(key, raw)| {
        let number = raw.map(|raw| records::decode::<PersonNumber>(key, &raw)).transpose()?;
        Ok(number.map(|number| number.person))
    });
    numbers.collect()
}

/// One person by number.
pub async fn find_person(store: &dyn Keyspace, id: PersonId) -> Result<Option<Stored<Person>>, StoreError> {
    get_one(store, keys::person(id)).await
}

/// One person by what they are known by.
pub async fn find_identity(
    store: &dyn Keyspace,
    identity: &PersonIdentity,
) -> Result<Option<Stored<Person>>, StoreError> {
    match find_numbers(store, std::slice::from_ref(identity)).await?.into_iter().flatten().next() {
        Some(id) => find_person(store, id).await,
        None => Ok(None),
    }
}

/// The people of these numbers who are in the directory, in the order of the numbers.
pub async fn find_people(store: &dyn Keyspace, numbers: &[PersonId]) -> Result<Vec<Person>, StoreError> {
    let wanted: Vec<Key> = numbers.iter().map(|id| keys::person(*id)).collect();
    let values = store.get(wanted.clone()).await?;
    wanted.iter().zip(values).filter_map(|(key, raw)| Some(records::decode(key, &raw?))).collect()
}

/// The people of these numbers, in their places, each with what is stored of them.
pub async fn find_stored(
    store: &dyn Keyspace,
    numbers: &[PersonId],
) -> Result<Vec<Option<Stored<Person>>>, StoreError> {
    let wanted: Vec<Key> = numbers.iter().map(|id| keys::person(*id)).collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let values = store.get(wanted.clone()).await?;
    wanted.iter().zip(values).map(|(key, raw)| records::decode_stored(key, raw)).collect()
}

/// The place in a list after which it goes on.
pub type Place = Key;

/// At most `limit` people of these kinds, of one source or all, each with their place. `kinds` must be in the order of the
/// keys: customers, AI agents, teammates.
pub async fn list_people(
    store: &dyn Keyspace,
    kinds: &[AuthorKind],
    source: Option<&str>,
    after: Option<&Place>,
    limit: usize,
) -> Result<Vec<(Place, Person)>, StoreError> {
    let mut found: Vec<(Key, Value)> = Vec::new();
    for kind in kinds {
        let mut range = keys::people(*kind, source);
        if let (Some(after), Bound::Included(start)) = (after, &range.start)
            && start <= after
        {
            range = range.after(after.clone());
        }
        if range.is_empty() {
            continue;
        }
        found.extend(store.scan(range, limit - found.len(), Direction::Ascending).await?);
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
    let people = find_people(store, &numbers).await?;
    if people.len() != numbers.len() {
        return Err(StoreError::Corrupt("an identity of the directory names a person that is absent".into()));
    }
    Ok(places.into_iter().zip(people).collect())
}

/// At most `limit` members of a team after `after` (0: from the first), ascending by number.
pub async fn list_members(
    store: &dyn Keyspace,
    team: TeamId,
    after: PersonId,
    limit: usize,
) -> Result<Vec<Person>, StoreError> {
    let mut range = keys::members(team);
    range.start = Bound::Excluded(keys::member(team, after));
    let members = store.scan(range, limit, Direction::Ascending).await?;
    let number = |key: &Key| key.last_chunk().map(|number| PersonId(u64::from_be_bytes(*number)));
    let numbers: Vec<PersonId> = members.iter().filter_map(|(key, _)| number(key)).collect();
    find_people(store, &numbers).await
}

/// One team.
pub async fn find_team(store: &dyn Keyspace, name: &TeamRef) -> Result<Option<Stored<Team>>, StoreError> {
    let id = match name {
        TeamRef::Id(id) => Some(*id),
        TeamRef::External(identity) => find_team_number(store, identity).await?,
    };
    match id {
        Some(id) => get_one(store, keys::team(id)).await,
        None => Ok(None),
    }
}

/// The number of the team that a helpdesk calls so.
pub async fn find_team_number(
    store: &dyn Keyspace,
    identity: &TeamIdentity,
) -> Result<Option<TeamId>, StoreError> {
    let number = get_one::<TeamNumber>(store, keys::team_identity(identity)).await?;
    Ok(number.map(|number| number.value.team))
}

/// At most `limit` teams after `after` (0: from the first), ascending by number.
pub async fn list_teams(store: &dyn Keyspace, after: TeamId, limit: usize) -> Result<Vec<Team>, StoreError> {
    let mut range = keys::teams();
    range.start = Bound::Excluded(keys::team(after));
    let page = store.scan(range, limit, Direction::Ascending).await?;
    page.iter().map(|(key, raw)| records::decode(key, raw)).collect()
}

/// Puts somebody who is not in the directory, and expects that they are not.
pub fn put_new_person(batch: &mut Batch, person: &Person) {
    let identity = keys::person_identity(&person.identity);
    batch.expect.push((identity.clone(), Expect::Absent));
    batch.put.push((identity, records::encode(&PersonNumber { person: person.id })));
    batch.put.push((keys::person(person.id), records::encode(person)));
}

/// Puts a changed person; `read` is what they were.
pub fn put_person(batch: &mut Batch, person: &Person, read: Value) {
    let key = keys::person(person.id);
    batch.expect.push((key.clone(), Expect::Is(read)));
    batch.put.push((key, records::encode(person)));
}

/// Puts a team that is not in the directory, and expects that it is not.
pub fn put_new_team(batch: &mut Batch, team: &Team) {
    if let Some(identity) = &team.identity {
        let key = keys::team_identity(identity);
        batch.expect.push((key.clone(), Expect::Absent));
        batch.put.push((key, records::encode(&TeamNumber { team: team.id })));
    }
    batch.put.push((keys::team(team.id), records::encode(team)));
}

/// Puts a changed team; `read` is what it was.
pub fn put_team(batch: &mut Batch, team: &Team, read: Value) {
    let key = keys::team(team.id);
    batch.expect.push((key.clone(), Expect::Is(read)));
    batch.put.push((key, records::encode(team)));
}

/// Deletes a team without members; `read` is what it was.
pub fn delete_team(batch: &mut Batch, team: &Team, read: Value) {
    let key = keys::team(team.id);
    batch.expect.push((key.clone(), Expect::Is(read)));
    batch.delete.push(key);
    batch.delete.extend(team.identity.as_ref().map(keys::team_identity));
}

/// Lets a person join or leave `teams`, as they were read: those of `before` are left, the others joined.
pub fn put_memberships(
    batch: &mut Batch,
    person: PersonId,
    before: &HashSet<TeamId>,
    teams: Vec<Stored<Team>>,
    now: UnixMillis,
) {
    for Stored { value: mut team, raw } in teams {
        let key = keys::member(team.id, person);
        if before.contains(&team.id) {
            team.member_count = team.member_count.saturating_sub(1);
            batch.delete.push(key);
        } else {
            team.member_count = team.member_count.saturating_add(1);
            batch.put.push((key, records::encode(&Membership { since: now })));
        }
        put_team(batch, &team, raw);
    }
}
