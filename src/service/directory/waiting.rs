//! People and teams that a call has named and that no scoring will meet. A background task enters them into the directory, so that
//! the caller does not wait.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::{
    domain::{Author, Conversation, ConversationId, SourceName, TeamIdentity},
    error::Error,
    service::{Call, Services},
};

use super::{Seen, enter, somebodies, team_of};

/// About four megabytes. Who finds no room is made at once.
const MOST: usize = 10_000;

/// Who waits to be entered. It is kept in memory alone: whoever a crash loses is met when they are named again.
#[derive(Debug, Default)]
pub struct WaitingPeople {
    waiting: Mutex<Waiting>,
    grown: Notify,
}

#[derive(Clone, Debug, Default)]
struct Waiting {
    people: Vec<Seen>,
    teams: Vec<TeamIdentity>,
}

impl WaitingPeople {
    /// Gives back what finds no room.
    fn add(&self, people: Vec<Seen>, team: Option<TeamIdentity>) -> Option<Waiting> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.people.len() + waiting.teams.len() >= MOST {
            return Some(Waiting { people, teams: team.into_iter().collect() });
        }
        waiting.people.extend(people);
        waiting.teams.extend(team);
        self.grown.notify_one();
        None
    }

    fn first(&self) -> Waiting {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets those who were made; who came since stays. For one caller at a time.
    fn forget(&self, made: &Waiting) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.people.drain(..made.people.len());
        waiting.teams.drain(..made.teams.len());
    }
}

/// Has those of these authors made who are not in the directory, or not by name. Never an error: what was to be done for the
/// caller is done.
pub async fn announce(
    call: Call<'_>,
    source: &SourceName,
    conversation: ConversationId,
    authors: impl Iterator<Item = &Author>,
) {
    add(call, somebodies(source, conversation, authors), None).await;
}

/// The same for whoever is in charge of a conversation, and for its team.
pub async fn announce_handling(call: Call<'_>, conversation: &Conversation) {
    let in_charge = conversation.handling.assignee.iter();
    let in_charge = somebodies(&conversation.source, conversation.id, in_charge);
    add(call, in_charge, team_of(conversation)).await;
}

async fn add(call: Call<'_>, mut people: Vec<Seen>, team: Option<TeamIdentity>) {
    people.retain(|seen| {
        let known = call.services.known_people.find(&seen.identity);
        known.is_none_or(|known| seen.tells_more_than(known))
    });
    if people.is_empty() && team.is_none() {
        return;
    }
    if let Some(rest) = call.services.waiting_people.add(people, team)
        && let Err(error) = enter(call, &rest.people, &rest.teams).await
    {
        tracing::warn!(%error, "people who were named could not be entered into the directory");
    }
}

/// Waits until there is somebody to make.
pub async fn wait_for_announced(services: &Services) {
    services.waiting_people.grown.notified().await;
}

/// Makes everybody who waits. After an error they wait on. For one caller at a time.
pub async fn meet_announced(call: Call<'_>) -> Result<(), Error> {
    let waiting = call.services.waiting_people.first();
    enter(call, &waiting.people, &waiting.teams).await?;
    call.services.waiting_people.forget(&waiting);
    Ok(())
}
