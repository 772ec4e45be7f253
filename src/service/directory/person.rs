//! Reading and updating people.

use std::collections::HashSet;

use crate::{
    domain::{
        AuthorKind, ConversationRef, CustomerByName, Person, PersonId, PersonIdentity, PersonRef,
        PersonUpdate, Team, TeamId, TeamRef, UnixMillis, Violations,
    },
    error::{Error, ResourceKind},
    service::{Call, check_etag, decide::Decide, idempotency::Mutation},
    store::{
        Decision, Reader,
        directory::{self, Place},
        get_one,
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
pub async fn get_person(call: Call<'_>, name: &PersonRef) -> Result<Person, Error> {
    let (person, _) = find(&call.space(), name).await?;
    person.ok_or_else(|| not_found(name))
}

/// The person that a name refers to, and the identity under which one could be created. Somebody known in one conversation only is
/// purged with it, so the conversation's identity is read as well, and expected by a decision.
async fn find(
    reader: &dyn Reader,
    name: &PersonRef,
) -> Result<(Option<Person>, Option<PersonIdentity>), Error> {
    let identity = match name {
        PersonRef::Id(id) => return Ok((directory::find_person(reader, *id).await?, None)),
        PersonRef::Identity(identity) => identity.clone(),
        PersonRef::InConversation(customer) => {
            let CustomerByName { source, external_id, .. } = customer;
            let key = reader.keys().identity(source, external_id);
            let Some(known) = get_one::<Identity>(reader, key).await? else {
                let (source, external_id) = (source.clone(), external_id.clone());
                let name = ConversationRef::External { source, external_id };
                return Err(Error::no_conversation(name));
            };
            customer.identity(known.conversation)
        }
    };
    Ok((directory::find_identity(reader, &identity).await?, Some(identity)))
}

/// At most `limit` people after a place: customers first, then AI agents, then teammates, each by source and what they are
/// known by; members of a team by number.
pub async fn list_people(
    call: Call<'_>,
    filter: &PeopleFilter,
    after: Option<&Place>,
    limit: usize,
) -> Result<PersonPage, Error> {
    const IN_ORDER: [AuthorKind; 3] = [AuthorKind::Contact, AuthorKind::Ai, AuthorKind::Teammate];
    let store = &call.space();
    let mut people = match filter {
        PeopleFilter::Of { kind, source } => {
            let kinds = kind.as_ref().map_or(&IN_ORDER[..], std::slice::from_ref);
            directory::list_people(store, kinds, source.as_deref(), after, limit + 1).await?
        }
        PeopleFilter::In(team) => {
            let not_found = || Error::not_found(ResourceKind::Team, format!("teams/{team}"));
            let team = directory::find_team(store, team).await?.ok_or_else(not_found)?.id;
            let after = after.and_then(|place| place.as_slice().try_into().ok());
            let after = PersonId(after.map_or(0, u64::from_be_bytes));
            let members = directory::list_members(store, team, after, limit + 1).await?;
            members.into_iter().map(|(id, person)| (id.0.to_be_bytes().to_vec(), person)).collect()
        }
    };
    let has_more = people.len() > limit;
    people.truncate(limit);
    let people = people.into_iter().filter_map(|(place, person)| Some((place, person?))).collect();
    Ok(PersonPage { people, has_more })
}

/// An update of a person.
#[derive(Clone, Debug)]
pub struct UpdatePerson {
    pub name: PersonRef,
    pub patch: PersonUpdate,
    /// The version that the caller has seen.
    pub etag: Option<String>,
    /// Whether to create a person who is not in the directory.
    pub allow_missing: bool,
}

/// Updates a person; an update that changes nothing writes nothing.
pub async fn update_person(call: Call<'_>, update: &UpdatePerson) -> Result<Person, Error> {
    call.carry_out(&Update { call, update }).await
}

struct Update<'a> {
    call: Call<'a>,
    update: &'a UpdatePerson,
}

impl Decide for Update<'_> {
    type Answer = Person;

    fn subject(&self) -> String {
        format!("people/{}", self.update.name)
    }

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<Person, Error> {
        let services = self.call.services;
        let UpdatePerson { name, patch, etag, allow_missing } = self.update;
        let now = services.clock.now();
        let (before, identity) = find(&*decision, name).await?;
        let mut person = match (&before, identity) {
            (Some(before), _) => before.clone(),
            (None, Some(identity)) if *allow_missing => {
                Person::first_seen(PersonId(services.ids.take(1).await?), identity, None, now)
            }
            _ => return Err(not_found(name)),
        };
        if let Some(before) = &before {
            check_etag(
                etag.as_deref(),
                || before.version.to_string(),
                ResourceKind::Person,
                || self.subject(),
            )?;
        }
        set_if(&mut person.display_name, &patch.display_name);
        set_if(&mut person.description, &patch.description);
        set_if(&mut person.email, &patch.email);
        if let Some(teams) = &patch.teams {
            move_to_teams(decision, &mut person, teams, now).await?;
        }
        match before {
            None => directory::put_new_person(decision, &person),
            Some(before) if before == person => {}
            Some(_) => {
                person.version += 1;
                person.update_time = now;
                directory::put_person(decision, &person);
            }
        }
        Ok(person)
    }
}

impl Mutation for Update<'_> {
    const METHOD: Method = Method::UpdatePerson;

    fn content(&self) -> Vec<u8> {
        let UpdatePerson { name, patch, etag, allow_missing } = self.update;
        records::encode(&(name, patch, etag, allow_missing)).to_vec()
    }

    fn record(&self, person: &Person) -> RequestAnswer {
        RequestAnswer::UpdatePerson(person.id)
    }

    async fn replay(&self, record: RequestAnswer, _: UnixMillis) -> Result<Option<Person>, Error> {
        let RequestAnswer::UpdatePerson(id) = record else { return Ok(None) };
        get_person(self.call, &PersonRef::Id(id)).await.map(Some)
    }
}

/// Puts a person into exactly these teams.
async fn move_to_teams(
    decision: &mut Decision<'_>,
    person: &mut Person,
    wanted: &[TeamRef],
    now: UnixMillis,
) -> Result<(), Error> {
    let mut violations = Violations::default();
    if person.identity.kind == AuthorKind::Contact && !wanted.is_empty() {
        violations.add("teams", "must be empty: a customer is in no team");
    }
    let mut changed: Vec<Team> = Vec::new();
    let mut teams: Vec<TeamId> = Vec::new();
    for (index, name) in wanted.iter().enumerate() {
        match directory::find_team(&*decision, name).await? {
            Some(team) if teams.contains(&team.id) => {}
            Some(team) => {
                teams.push(team.id);
                if !person.teams.contains(&team.id) {
                    changed.push(team);
                }
            }
            None => violations.add(format!("teams[{index}]"), format!("there is no teams/{name}")),
        }
    }
    violations.or(())?;
    for left in person.teams.iter().filter(|team| !teams.contains(team)) {
        changed.extend(directory::find_team(&*decision, &TeamRef::Id(*left)).await?);
    }
    let before: HashSet<TeamId> = std::mem::replace(&mut person.teams, teams).into_iter().collect();
    directory::put_memberships(decision, person.id, &before, changed, now);
    Ok(())
}

fn set_if<T: Clone>(field: &mut T, value: &Option<T>) {
    if let Some(value) = value {
        field.clone_from(value);
    }
}

fn not_found(name: &PersonRef) -> Error {
    Error::not_found(ResourceKind::Person, format!("people/{name}"))
}
