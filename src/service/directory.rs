//! The directory: who takes part in conversations, and in which teams they work.
//!
//! People and teams are created when they are first seen: by a background task, before a scoring is stored or soon after a call that
//! queues none, or when an answer needs their id. An import itself writes none of them.

mod known;
mod person;
mod team;
mod waiting;

pub use known::KnownPeople;
pub use person::{PeopleFilter, PersonPage, UpdatePerson, get_person, list_people, update_person};
pub use team::{TeamPage, UpdateTeam, create_team, delete_team, get_team, list_teams, update_team};
pub(super) use waiting::{WaitingPeople, announce, announce_handling};
pub use waiting::{meet_announced, wait_for_announced};

use std::collections::{HashMap, HashSet, hash_map::Entry};

use crate::{
    domain::{
        Author, AuthorKind, Conversation, ConversationId, DisplayName, KnownBy, Person, PersonId,
        PersonIdentity, SourceName, Team, TeamId, TeamIdentity, Transcript, UnixMillis,
    },
    error::Error,
    store::{
        Decision, Reader as _, StoreError, conversation, directory, get_one, records::HeadWithoutMessages,
    },
};

use self::known::Known;
use super::{Call, decide::Decide};

/// How many people are created in one commit.
const MADE_AT_ONCE: usize = 100;

/// The number by which an author of a conversation is known to callers that know people by numbers alone. Somebody whose
/// external id is a number in the callers' own source, `numeric_source`, keeps it; everybody else gets one of ours.
pub async fn number_of(
    call: Call<'_>,
    numeric_source: &str,
    conversation: &Conversation,
    author: &Author,
) -> Result<u64, Error> {
    let numbers = numbers_of(call, numeric_source, conversation, &[author]).await?;
    numbers.into_iter().next().ok_or_else(|| Error::Internal("an author has no number".to_owned()))
}

/// As [`number_of`] for many authors, in their places.
pub async fn numbers_of(
    call: Call<'_>,
    numeric_source: &str,
    conversation: &Conversation,
    authors: &[&Author],
) -> Result<Vec<u64>, Error> {
    let mut numbers = Vec::with_capacity(authors.len());
    let mut without_own = Vec::new();
    for author in authors {
        let seen = Seen::of(&conversation.source, conversation.id, author);
        let own = seen.identity.own_number().filter(|_| conversation.source == *numeric_source);
        if own.is_none() {
            without_own.push(seen);
        }
        numbers.push(own);
    }
    let mut ours = meet(call, &without_own).await?.into_iter();
    // An own number is below all of ours, so that no two people have one number.
    let number = |own: Option<u64>| own.or_else(|| ours.next().map(|id| id.0));
    Ok(numbers.into_iter().filter_map(number).collect())
}

/// An author as the directory knows them, for calls that read: nobody is made.
pub(super) struct KnownAuthor {
    /// As [`numbers_of`] answers it; `None` while they have none.
    pub number: Option<u64>,
    pub entry: Option<Person>,
}

/// What the directory says of authors of a conversation, in their places.
pub(super) async fn find_authors(
    call: Call<'_>,
    numeric_source: &str,
    conversation: &Conversation,
    authors: &[&Author],
) -> Result<Vec<KnownAuthor>, Error> {
    let Conversation { id, source, .. } = conversation;
    let seen = authors.iter().map(|author| Seen::of(source, *id, author).identity);
    let identities: Vec<PersonIdentity> = seen.collect();
    let numbers = directory::find_numbers(&call.space(), &identities).await?;
    let in_directory: Vec<PersonId> = numbers.iter().flatten().copied().collect();
    let mut entries = directory::find_people(&call.space(), &in_directory).await?.into_iter();
    let known = identities.iter().zip(numbers).map(|(identity, number)| {
        let own = identity.own_number().filter(|_| source == numeric_source);
        let entry = number.and_then(|_| entries.next().flatten());
        KnownAuthor { number: own.or(number.map(|id| id.0)), entry }
    });
    Ok(known.collect())
}

/// Makes everybody of a conversation who is seen for the first time: its authors, the agent in charge, the team. A customer
/// without an external id is left out; they are nobody outside the conversation, and are made when their number is needed.
pub(super) async fn meet_all(call: Call<'_>, transcript: &Transcript) -> Result<(), Error> {
    let conversation = &transcript.conversation;
    let authors = transcript.messages.iter().map(|message| &message.author);
    let authors = authors.chain(&conversation.handling.assignee);
    let seen = somebodies(&conversation.source, conversation.id, authors);
    enter(call, &seen, team_of(conversation).as_slice()).await
}

/// Makes everybody who is not in the directory. Whose record is damaged is reported and passed over, so that nobody stands in
/// the way of the others.
async fn enter(call: Call<'_>, people: &[Seen], teams: &[TeamIdentity]) -> Result<(), Error> {
    for some in people.chunks(MADE_AT_ONCE) {
        match meet(call, some).await {
            Err(Error::Internal(_) | Error::Damaged(_)) => {}
            met => {
                met?;
                continue;
            }
        }
        for one in some {
            passed_over(meet(call, std::slice::from_ref(one)).await.map(drop))?;
        }
    }
    for team in teams {
        passed_over(meet_team(call, team.clone()).await.map(drop))?;
    }
    Ok(())
}

fn passed_over(entered: Result<(), Error>) -> Result<(), Error> {
    match entered {
        Err(Error::Internal(cause) | Error::Damaged(cause)) => {
            tracing::error!(%cause, "an entry of the directory is damaged; it stays as it is");
            Ok(())
        }
        entered => entered,
    }
}

/// Those who are somebody outside the conversation.
fn somebodies<'a>(
    source: &SourceName,
    conversation: ConversationId,
    authors: impl Iterator<Item = &'a Author>,
) -> Vec<Seen> {
    let mut met = HashSet::new();
    let mut seen = Vec::new();
    for author in authors {
        let is_somebody = author.kind != AuthorKind::Contact || author.external_id.is_some();
        // Looked at as they are first: most messages are of somebody who wrote before.
        if is_somebody && met.insert(author) {
            seen.push(Seen::of(source, conversation, author));
        }
    }
    seen
}

fn team_of(conversation: &Conversation) -> Option<TeamIdentity> {
    let name = conversation.handling.team.as_ref()?;
    Some(TeamIdentity { source: conversation.source.clone(), external_id: name.clone() })
}

/// Somebody as they were seen.
#[derive(Clone, Debug)]
struct Seen {
    identity: PersonIdentity,
    /// Not empty.
    name: Option<String>,
}

impl Seen {
    fn of(source: &SourceName, conversation: ConversationId, author: &Author) -> Self {
        let identity = PersonIdentity::of(source, conversation, author);
        Self { identity, name: author.name.clone().filter(|name| !name.is_empty()) }
    }

    /// Whether the directory may learn something of them.
    fn tells_more_than(&self, known: Known) -> bool {
        self.name.is_some() && !known.is_named
    }
}

/// The numbers of these people, in their places; who is not in the directory is made, and whom it has no name for gets the
/// first one that they were seen with. Of many calls at once that meet the same person one makes them.
async fn meet(call: Call<'_>, seen: &[Seen]) -> Result<Vec<PersonId>, Error> {
    let mut told: HashMap<&PersonIdentity, &Seen> = HashMap::new();
    let mut in_order = Vec::new();
    for seen in seen {
        match told.entry(&seen.identity) {
            Entry::Vacant(place) => {
                place.insert(seen);
                in_order.push(&seen.identity);
            }
            Entry::Occupied(mut place) if place.get().name.is_none() => _ = place.insert(seen),
            Entry::Occupied(_) => {}
        }
    }
    let mut found: HashMap<&PersonIdentity, PersonId> = HashMap::new();
    let mut unknown: Vec<&Seen> = Vec::new();
    for seen in in_order.into_iter().filter_map(|identity| told.get(identity)) {
        match call.services.known_people.find(&seen.identity) {
            Some(known) if !seen.tells_more_than(known) => _ = found.insert(&seen.identity, known.number),
            _ => unknown.push(seen),
        }
    }
    for some in unknown.chunks(MADE_AT_ONCE) {
        for (seen, known) in some.iter().zip(find_or_make(call, some).await?) {
            call.services.known_people.remember(&seen.identity, known);
            found.insert(&seen.identity, known.number);
        }
    }
    Ok(seen.iter().filter_map(|seen| found.get(&seen.identity).copied()).collect())
}

async fn find_or_make(call: Call<'_>, wanted: &[&Seen]) -> Result<Vec<Known>, Error> {
    call.decide(&Meet { call, wanted }).await
}

/// Finds or makes people.
struct Meet<'a> {
    call: Call<'a>,
    wanted: &'a [&'a Seen],
}

impl Decide for Meet<'_> {
    type Answer = Vec<Known>;

    fn subject(&self) -> String {
        "the directory".to_owned()
    }

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<Vec<Known>, Error> {
        let Self { call, wanted } = self;
        let identities: Vec<PersonIdentity> = wanted.iter().map(|seen| seen.identity.clone()).collect();
        let mut numbers = directory::find_numbers(&*decision, &identities).await?;
        let now = call.services.clock.now();
        self.name_nameless(decision, &numbers, now).await?;
        let missing = numbers.iter().filter(|number| number.is_none()).count() as u64;
        let mut next = if missing > 0 { call.services.ids.take(missing).await? } else { 0 };
        for (number, seen) in numbers.iter_mut().zip(*wanted).filter(|(number, _)| number.is_none()) {
            if let KnownBy::NameIn { conversation, .. } = &seen.identity.known_by {
                expect_kept(decision, *conversation).await?;
            }
            let id = PersonId(next);
            next += 1;
            let person = Person::first_seen(id, seen.identity.clone(), seen.name.as_deref(), now);
            directory::put_new_person(decision, &person);
            *number = Some(id);
        }
        let known = |(number, seen): (PersonId, &&Seen)| Known { number, is_named: seen.name.is_some() };
        Ok(numbers.into_iter().flatten().zip(*wanted).map(known).collect())
    }
}

/// Expects a conversation to be there. With it a purge takes whoever is known in it alone; nobody may come after it.
async fn expect_kept(decision: &mut Decision<'_>, id: ConversationId) -> Result<(), Error> {
    let head = decision.keys().head(id);
    let head = get_one::<HeadWithoutMessages>(&decision.unguarded(), head).await?;
    match head.filter(|head| head.conversation.delete_time.is_none()) {
        Some(head) => {
            conversation::expect_standing(decision, &head.conversation);
            Ok(())
        }
        None => Err(Error::no_conversation(id)),
    }
}

impl Meet<'_> {
    /// Gives those who are in the directory without a name the one that they were seen with; a name that is there stays.
    async fn name_nameless(
        &self,
        decision: &mut Decision<'_>,
        numbers: &[Option<PersonId>],
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        let named = numbers.iter().zip(self.wanted);
        let named = named.filter_map(|(number, seen)| Some(((*number)?, seen.name.clone()?)));
        let (numbers, names): (Vec<PersonId>, Vec<String>) = named.unzip();
        let people = directory::find_people(&*decision, &numbers).await?;
        for (person, name) in people.into_iter().zip(names) {
            let Some(mut person) = person.filter(|person| person.display_name.is_empty()) else { continue };
            person.display_name = DisplayName::mended(name);
            person.version += 1;
            person.update_time = now;
            directory::put_person(decision, &person);
        }
        Ok(())
    }
}

/// The number of the team that a helpdesk calls so; it is made when it is seen for the first time.
async fn meet_team(call: Call<'_>, identity: TeamIdentity) -> Result<TeamId, Error> {
    call.decide(&MeetTeam { call, identity }).await
}

struct MeetTeam<'a> {
    call: Call<'a>,
    identity: TeamIdentity,
}

impl Decide for MeetTeam<'_> {
    type Answer = TeamId;

    fn subject(&self) -> String {
        format!("teams/{}:{}", self.identity.source, self.identity.external_id)
    }

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<TeamId, Error> {
        if let Some(number) = directory::find_team_number(&*decision, &self.identity).await? {
            return Ok(number);
        }
        let services = self.call.services;
        let id = TeamId(services.ids.take(1).await?);
        directory::put_new_team(decision, &Team::first_seen(id, self.identity.clone(), services.clock.now()));
        Ok(id)
    }
}
