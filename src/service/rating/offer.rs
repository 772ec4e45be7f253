//! Offering a rating.

use crate::{
    domain::{
        Author, AuthorKind, ConversationId, ConversationRef, Course, Event, EventKind, NewRating,
        PartialAuthor, Rating, RatingId, RatingQuestion, UnixMillis, Violations,
    },
    error::Error,
    scoring::written,
    service::{
        Call, conversation,
        decide::{ATTEMPTS, Decide},
        directory::announce,
        idempotency::Mutation,
    },
    store::{
        Decision, Reader as _, Space, authors, conversation as stored_conversation, get_one, rating,
        records::{self, Head, RequestAnswer},
        request::Method,
    },
};

use super::{channel_of, find_recorded};

/// Offers a customer to rate a conversation.
///
/// A customer who opted out is not asked: the offer is stored as [`RatingState::Unscheduled`](crate::domain::RatingState).
pub async fn offer_rating(
    call: Call<'_>,
    parent: &ConversationRef,
    new: &NewRating,
) -> Result<Rating, Error> {
    for _ in 0..ATTEMPTS {
        let id = conversation::resolve(call, parent).await?;
        let offer = Offer { call, parent, id, new };
        match call.carry_out(&offer).await {
            // Another conversation may have its name by now.
            Err(Error::NotFound { .. }) if conversation::resolve(call, parent).await? != id => {}
            offered => {
                let rating = offered?;
                // Neither need have written in the conversation.
                let people = [&rating.user, &rating.agent].into_iter();
                announce(call, &rating.source, rating.conversation, people).await;
                return Ok(rating);
            }
        }
    }
    Err(Error::ConcurrentChange { what: format!("conversations/{parent}") })
}

struct Offer<'a> {
    call: Call<'a>,
    parent: &'a ConversationRef,
    id: ConversationId,
    new: &'a NewRating,
}

impl Decide for Offer<'_> {
    type Answer = Rating;

    fn subject(&self) -> String {
        format!("conversations/{}", self.parent)
    }

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<Rating, Error> {
        let (services, id, new) = (self.call.services, self.id, self.new);
        let not_found = || Error::no_conversation(self.parent);
        // Not expected, so that messages which arrive meanwhile change nothing: what the head says is pinned as it was read.
        let space = decision.unguarded();
        let head = get_one::<Head>(&space, decision.keys().head(id)).await?.ok_or_else(not_found)?;
        if head.conversation.delete_time.is_some() {
            return Err(not_found());
        }
        stored_conversation::expect_standing(decision, &head.conversation);
        let (user, agent) = people(space, &head, new).await?;
        let opt_outs = rating::find_opt_outs(&*decision, &head.conversation.source, id, &user).await?;
        let now = services.clock.now();
        let offer_time = new.offered_at(now)?;
        let questions = new.questions.iter().map(|question| RatingQuestion {
            kind: question.kind,
            text: question.text.clone(),
            language: question.language.clone(),
            answer: None,
        });
        let rating = Rating {
            id: RatingId(services.ids.take(1).await?),
            conversation: id,
            user,
            agent,
            source: head.conversation.source.clone(),
            channel: channel_of(&head.conversation),
            offer_time,
            course: Course {
                withheld: !opt_outs.is_empty(),
                scheduled: new.scheduled,
                expire_time: new.expire_time,
                ..Course::default()
            },
            questions: questions.collect(),
            version: 1,
            create_time: now,
            update_time: now,
            imported_uuid: None,
        };
        rating::put_new(decision, &rating);
        let kind = EventKind::RatingOffered { rating: rating.id };
        decision.log(&Event { conversation: id, time: now, kind });
        Ok(rating)
    }
}

impl Mutation for Offer<'_> {
    const METHOD: Method = Method::OfferRating;

    fn content(&self) -> Vec<u8> {
        records::encode(&(self.id, self.new)).to_vec()
    }

    fn record(&self, rating: &Rating) -> RequestAnswer {
        RequestAnswer::OfferRating { conversation: rating.conversation, rating: rating.id }
    }

    /// The rating as it was offered, whatever became of it since.
    async fn replay(&self, record: RequestAnswer, _: UnixMillis) -> Result<Option<Rating>, Error> {
        let RequestAnswer::OfferRating { conversation, rating } = record else { return Ok(None) };
        find_recorded(self.call, conversation, rating).await.map(|rating| Some(rating.as_offered()))
    }
}

/// Who is asked, and about whose work: as the offer says, else as the conversation does.
async fn people(space: Space<'_>, head: &Head, new: &NewRating) -> Result<(Author, Author), Error> {
    let user = match &new.user {
        Some(given) => Some(known_as(given, AuthorKind::Contact)),
        None => authors::requester(&space, head, written::is_automatic).await?,
    };
    let agent = match (&new.agent, &head.conversation.handling.assignee) {
        (Some(given), _) => Some(agent_given(space, head, given).await?),
        (None, Some(assignee)) => Some(assignee.clone()),
        (None, None) => authors::last_to_customer(&space, head, written::is_automatic).await?,
    };
    let mut violations = Violations::default();
    if user.is_none() {
        violations.add("user", "is required: no customer has written in this conversation");
    }
    if agent.is_none() {
        violations.add(
            "agent",
            "is required: the conversation has no assignee, and no agent has written to the customer",
        );
    }
    match (user, agent) {
        (Some(user), Some(agent)) => Ok((user, agent)),
        _ => Err(violations.into()),
    }
}

/// A person of whom a caller may know the id alone: then the conversation tells whether it is an AI agent.
async fn agent_given(space: Space<'_>, head: &Head, given: &PartialAuthor) -> Result<Author, Error> {
    if let (None, Some(external_id)) = (given.kind, &given.external_id)
        && let Some(known) = authors::agent_named(&space, head, external_id).await?
    {
        return Ok(Author { name: given.name.clone().or(known.name), ..known });
    }
    Ok(known_as(given, given.kind.unwrap_or(AuthorKind::Teammate)))
}

fn known_as(given: &PartialAuthor, kind: AuthorKind) -> Author {
    Author { kind, external_id: given.external_id.clone(), name: given.name.clone() }
}
