//! Reading people and saying more of them.

use std::collections::HashSet;

use crate::{
    domain::{
        AuthorKind, ConversationRef, CustomerByName, Person, PersonId, PersonIdentity, PersonPatch,
        PersonRef, RequestId, Team, TeamId, TeamRef, Violations,
    },
    error::{Error, ResourceKind},
    service::{
        ATTEMPTS, Services,
        once::{Begun, Once, foreign_answer},
    },
    store::{
        Batch, Expect, Key, StoreError, Stored, Value,
        directory::{self, Place},
        get_one, keys,
        records::{self, Identity, RequestAnswer},
        request::Method,
    },
};

/// Which people a list holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeopleFilter {
    /// Everybody of a kind and source; absent: of every one.
    Of { kind: Option<AuthorKind>, source: Option<String> },
    /// The members of a team.
    In(TeamRef),
}

/// A page of people.
#[derive(Clone, Debug)]
pub struct PersonPage {
    /// Each with the place after which the list goes on.
    pub people: Vec<(Place, Person)>,
    /// Whether there are more after it.
    pub has_more: bool,
}

/// One person.
pub async fn get_person(services: &Services, name: &PersonRef) -> Result<Person, Error> {
    let found = Found::of(services, name).await?.person;
    found.map(|stored| stored.value).ok_or_else(|| not_found(name))
}

/// What a name leads to.
struct Found {
    person: Option<Stored<Person>>,
    /// Who could be made under it.
    identity: Option<PersonIdentity>,
    /// What leads to the conversation in which they are known, and must still do so when they are made.
    conversation: Option<(Key, Value)>,
}

impl Found {
    async fn of(services: &Services, name: &PersonRef) -> Result<Self, Error> {
        let store = &*services.store;
        let (identity, conversation) = match name {
            PersonRef::Id(id) => {
                let person = directory::find_person(store, *id).await?;
                return Ok(Self { person, identity: None, conversation: None });
            }
            PersonRef::Identity(identity) => (identity.clone(), None),
            PersonRef::InConversation(customer) => {
                let CustomerByName { source, external_id, .. } = customer;
                let key = keys::identity(source, external_id);
                let Some(known) = get_one::<Identity>(store, key.clone()).await? else {
                    let (source, external_id) = (source.clone(), external_id.clone());
                    let name = ConversationRef::External { source, external_id };
                    let name = format!("conversations/{name}");
                    return Err(Error::not_found(ResourceKind::Conversation, name));
                };
                (customer.identity(known.value.conversation), Some((key, known.raw)))
            }
        };
        let person = directory::find_identity(store, &identity).await?;
        Ok(Self { person, identity: Some(identity), conversation })
    }
}

/// At most `limit` people after a place: customers first, then AI agents, then teammates, each by source and what they are
/// known by; members of a team by number.
pub async fn list_people(
    services: &Services,
    filter: &PeopleFilter,
    after: Option<&Place>,
    limit: usize,
) -> Result<PersonPage, Error> {
    const IN_ORDER: [AuthorKind; 3] = [AuthorKind::Contact, AuthorKind::Ai, AuthorKind::Teammate];
    let store = &*services.store;
    let mut people = match filter {
        PeopleFilter::Of { kind, source } => {
            let kinds = kind.as_ref().map_or(&IN_ORDER[..], std::slice::from_ref);
            directory::list_people(store, kinds, source.as_deref(), after, limit + 1).await?
        }
        PeopleFilter::In(team) => {
            let not_found = || Error::not_found(ResourceKind::Team, format!("teams/{team}"));
            let team = directory::find_team(store, team).await?.ok_or_else(not_found)?.value.id;
            let after = after.and_then(|place| place.as_slice().try_into().ok());
            let after = PersonId(after.map_or(0, u64::from_be_bytes));
            let members = directory::list_members(store, team, after, limit + 1).await?;
            members.into_iter().map(|person| (person.id.0.to_be_bytes().to_vec(), person)).collect()
        }
    };
    let has_more = people.len() > limit;
    people.truncate(limit);
    Ok(PersonPage { people, has_more })
}

/// What is to be done with a person.
#[derive(Clone, Debug)]
pub struct PersonUpdate {
    pub name: PersonRef,
    pub patch: PersonPatch,
    /// The version that the caller decided on.
    pub etag: Option<String>,
    /// Whether somebody who is not in the directory is made.
    pub allow_missing: bool,
}

/// Says more of a person; nothing is written where all of it was said before.
pub async fn update_person(
    services: &Services,
    update: &PersonUpdate,
    request_id: Option<&RequestId>,
) -> Result<Person, Error> {
    let PersonUpdate { name, patch, etag, allow_missing } = update;
    let content = || records::encode(&(name, patch, etag, allow_missing)).to_vec();
    let once = Once::new(services, Method::UpdatePerson, request_id, content);
    for _ in 0..ATTEMPTS {
        let expired = match once.begin(services).await? {
            Begun::Answered(RequestAnswer::UpdatePerson(id)) => {
                return get_person(services, &PersonRef::Id(id)).await;
            }
            Begun::Answered(_) => return Err(foreign_answer()),
            Begun::Fresh(expired) => expired,
        };
        let mut batch = Batch::default();
        let attempt = change(services, update, &mut batch).await;
        let Some(person) = once.unless_done(services, attempt).await? else { continue };
        once.record(services, &mut batch, expired, RequestAnswer::UpdatePerson(person.id));
        if batch.put.is_empty() {
            return Ok(person);
        }
        match services.store.commit(batch).await {
            Ok(_) => return Ok(person),
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::ConcurrentChange { what: format!("people/{name}") })
}

/// Builds what an update writes, and answers what the person is then.
async fn change(services: &Services, update: &PersonUpdate, batch: &mut Batch) -> Result<Person, Error> {
    let PersonUpdate { name, patch, etag, allow_missing } = update;
    let now = services.clock.now();
    let Found { person: read, identity, conversation } = Found::of(services, name).await?;
    let mut person = match (&read, identity) {
        (Some(stored), _) => stored.value.clone(),
        (None, Some(identity)) if *allow_missing => {
            let id = PersonId(services.ids.take(1).await?);
            // With its conversation a purge takes whoever is known in it alone; nobody may come after it.
            batch.expect.extend(conversation.map(|(key, raw)| (key, Expect::Is(raw))));
            Person::first_seen(id, identity, None, now)
        }
        _ => return Err(not_found(name)),
    };
    if let (Some(etag), Some(stored)) = (etag, &read)
        && stored.value.version.to_string() != *etag
    {
        return Err(Error::EtagMismatch { name: format!("people/{name}"), sent: etag.clone() });
    }
    set_if(&mut person.display_name, &patch.display_name);
    set_if(&mut person.description, &patch.description);
    set_if(&mut person.email, &patch.email);
    if let Some(teams) = &patch.teams {
        move_to_teams(services, &mut person, teams, batch).await?;
    }
    match read {
        None => directory::put_new_person(batch, &person),
        Some(Stored { value, .. }) if value == person => {}
        Some(Stored { raw, .. }) => {
            person.version += 1;
            person.update_time = now;
            directory::put_person(batch, &person, raw);
        }
    }
    Ok(person)
}

/// Puts a person into exactly these teams.
async fn move_to_teams(
    services: &Services,
    person: &mut Person,
    wanted: &[TeamRef],
    batch: &mut Batch,
) -> Result<(), Error> {
    let store = &*services.store;
    let mut violations = Violations::default();
    if person.identity.kind == AuthorKind::Contact && !wanted.is_empty() {
        violations.add("teams", "must be empty: a customer is in no team");
    }
    let mut changed: Vec<Stored<Team>> = Vec::new();
    let mut teams: Vec<TeamId> = Vec::new();
    for (index, name) in wanted.iter().enumerate() {
        match directory::find_team(store, name).await? {
            Some(team) if teams.contains(&team.value.id) => {}
            Some(team) => {
                teams.push(team.value.id);
                if !person.teams.contains(&team.value.id) {
                    changed.push(team);
                }
            }
            None => violations.add(format!("teams[{index}]"), format!("there is no teams/{name}")),
        }
    }
    violations.or(())?;
    for left in person.teams.iter().filter(|team| !teams.contains(team)) {
        changed.extend(directory::find_team(store, &TeamRef::Id(*left)).await?);
    }
    let before: HashSet<TeamId> = std::mem::replace(&mut person.teams, teams).into_iter().collect();
    directory::put_memberships(batch, person.id, &before, changed, services.clock.now());
    Ok(())
}

fn set_if(field: &mut String, value: &Option<String>) {
    if let Some(value) = value {
        field.clone_from(value);
    }
}

fn not_found(name: &PersonRef) -> Error {
    Error::not_found(ResourceKind::Person, format!("people/{name}"))
}
