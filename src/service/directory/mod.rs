//! The directory: who takes part in conversations, and in which teams they work.
//!
//! People and teams are made when they are first seen: by the worker before it stores a scoring, or when an answer needs a
//! number that is not there yet. So an import writes nothing of them.

mod known;
mod person;
mod team;

pub use known::KnownPeople;
pub use person::{PeopleFilter, PersonPage, PersonUpdate, get_person, list_people, update_person};
pub use team::{TeamPage, TeamUpdate, create_team, delete_team, get_team, list_teams, update_team};

use std::collections::{HashMap, HashSet};

use crate::{
    domain::{
        Author, AuthorKind, Conversation, NewTeam, Person, PersonId, PersonIdentity, Team, TeamId,
        TeamIdentity, Transcript,
    },
    error::Error,
    store::{Batch, StoreError, directory},
};

use super::{ATTEMPTS, Services};

/// How many people are made in one commit.
const MADE_AT_ONCE: usize = 100;

/// The number by which an author of a conversation is known to callers that know people by numbers alone. Somebody whose
/// external id is a number in the callers' own source, `numeric_source`, keeps it; everybody else gets one of ours.
pub async fn number_of(
    services: &Services,
    numeric_source: &str,
    conversation: &Conversation,
    author: &Author,
) -> Result<u64, Error> {
    let numbers = numbers_of(services, numeric_source, conversation, &[author]).await?;
    numbers.into_iter().next().ok_or_else(|| Error::Internal("an author has no number".to_owned()))
}

/// As [`number_of`] for many authors, in their places.
pub async fn numbers_of(
    services: &Services,
    numeric_source: &str,
    conversation: &Conversation,
    authors: &[&Author],
) -> Result<Vec<u64>, Error> {
    let mut numbers = Vec::with_capacity(authors.len());
    let mut without_own = Vec::new();
    for author in authors {
        let seen = Seen::of(conversation, author);
        let own = seen.identity.own_number().filter(|_| conversation.source == numeric_source);
        if own.is_none() {
            without_own.push(seen);
        }
        numbers.push(own);
    }
    let mut ours = meet(services, &without_own).await?.into_iter();
    // An own number is below all of ours, so that no two people have one number.
    let number = |own: Option<u64>| own.or_else(|| ours.next().map(|id| id.0));
    Ok(numbers.into_iter().filter_map(number).collect())
}

/// What the directory says of authors of a conversation, in their places; who is not in it yet is made.
pub(super) async fn entries_of(
    services: &Services,
    conversation: &Conversation,
    authors: &[&Author],
) -> Result<Vec<Person>, Error> {
    let seen: Vec<Seen> = authors.iter().map(|author| Seen::of(conversation, author)).collect();
    let numbers = meet(services, &seen).await?;
    let people = directory::find_people(&*services.store, &numbers).await?;
    if people.len() != numbers.len() {
        return Err(Error::Internal("an identity of the directory names a person that is absent".to_owned()));
    }
    Ok(people)
}

/// Makes everybody of a conversation who is seen for the first time: its authors, the agent in charge, the team. A customer
/// without an external id is left out; they are nobody outside the conversation, and are made when their number is needed.
pub(super) async fn meet_all(services: &Services, transcript: &Transcript) -> Result<(), Error> {
    let conversation = &transcript.conversation;
    let authors = transcript.messages.iter().map(|message| &message.author);
    let mut met = HashSet::new();
    let mut seen = Vec::new();
    for author in authors.chain(&conversation.handling.assignee) {
        let is_somebody = author.kind != AuthorKind::Contact || author.external_id.is_some();
        // Looked at as they are first: most messages are of somebody who wrote before.
        if is_somebody && met.insert(author) {
            seen.push(Seen::of(conversation, author));
        }
    }
    meet(services, &seen).await?;
    if let Some(name) = conversation.handling.team.as_ref().filter(|name| !name.is_empty()) {
        let identity = TeamIdentity { source: conversation.source.clone(), external_id: name.clone() };
        meet_team(services, identity).await?;
    }
    Ok(())
}

/// Somebody as they were seen.
#[derive(Clone, Debug)]
struct Seen {
    identity: PersonIdentity,
    name: Option<String>,
}

impl Seen {
    fn of(conversation: &Conversation, author: &Author) -> Self {
        let identity = PersonIdentity::of(&conversation.source, conversation.id, author);
        Self { identity, name: author.name.clone() }
    }
}

/// The numbers of these people, in their places; who is not in the directory is made. Of many calls at once that meet the
/// same person one makes them.
async fn meet(services: &Services, seen: &[Seen]) -> Result<Vec<PersonId>, Error> {
    let mut found: HashMap<&PersonIdentity, PersonId> = HashMap::new();
    let mut unknown: Vec<&Seen> = Vec::new();
    let mut asked = HashSet::new();
    for seen in seen.iter().filter(|seen| asked.insert(&seen.identity)) {
        match services.known_people.number(&seen.identity) {
            Some(number) => _ = found.insert(&seen.identity, number),
            None => unknown.push(seen),
        }
    }
    for some in unknown.chunks(MADE_AT_ONCE) {
        for (seen, number) in some.iter().zip(find_or_make(services, some).await?) {
            services.known_people.remember(&seen.identity, number);
            found.insert(&seen.identity, number);
        }
    }
    Ok(seen.iter().filter_map(|seen| found.get(&seen.identity).copied()).collect())
}

async fn find_or_make(services: &Services, wanted: &[&Seen]) -> Result<Vec<PersonId>, Error> {
    let identities: Vec<PersonIdentity> = wanted.iter().map(|seen| seen.identity.clone()).collect();
    for _ in 0..ATTEMPTS {
        let mut numbers = directory::find_numbers(&*services.store, &identities).await?;
        let missing = numbers.iter().filter(|number| number.is_none()).count() as u64;
        if missing > 0 {
            let now = services.clock.now();
            let mut next = services.ids.take(missing).await?;
            let mut batch = Batch::default();
            for (number, seen) in numbers.iter_mut().zip(wanted).filter(|(number, _)| number.is_none()) {
                let id = PersonId(next);
                next += 1;
                let person = Person::first_seen(id, seen.identity.clone(), seen.name.as_deref(), now);
                directory::put_new_person(&mut batch, &person);
                *number = Some(id);
            }
            match services.store.commit(batch).await {
                Ok(_) => {}
                Err(StoreError::Conflict { .. }) => continue,
                Err(error) => return Err(error.into()),
            }
        }
        return Ok(numbers.into_iter().flatten().collect());
    }
    Err(Error::ConcurrentChange { what: "the directory".to_owned() })
}

/// The number of the team that a helpdesk calls so; it is made when it is seen for the first time.
async fn meet_team(services: &Services, identity: TeamIdentity) -> Result<TeamId, Error> {
    for _ in 0..ATTEMPTS {
        if let Some(number) = directory::find_team_number(&*services.store, &identity).await? {
            return Ok(number);
        }
        let id = TeamId(services.ids.take(1).await?);
        let display_name = identity.external_id.clone();
        let new = NewTeam { identity: Some(identity.clone()), display_name, description: String::new() };
        let mut batch = Batch::default();
        directory::put_new_team(&mut batch, &Team::new(id, new, services.clock.now()));
        match services.store.commit(batch).await {
            Ok(_) => return Ok(id),
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::ConcurrentChange { what: format!("teams/{}:{}", identity.source, identity.external_id) })
}
