//! Offering ratings, answering and cancelling them.
//!
//! A rating does not change its conversation, no version grows, nothing is scored again, unless a scorecard names what
//! customers answer. Nor does it expect the conversation's head, so that messages that arrive meanwhile do not make it begin
//! again: what the head says of the agent and the channel is pinned as it was read. That the conversation is there is expected of its identity.

mod list;
mod opt_out;
#[cfg(test)]
mod tests;

use crate::{
    domain::{
        Author, AuthorKind, Channel, Conversation, ConversationId, ConversationRef, Course, Event, EventKind,
        Listing, NewRating, PersonDraft, Rating, RatingId, RatingQuestion, RatingRef, Refused, RequestId,
        Submission, UnixMillis, Violations,
    },
    error::{Error, ResourceKind},
    scoring::facts::OF_RATINGS,
    store::{
        Batch, StoreError, Stored, authors, conversation as stored_conversation, get_one, keys, queue,
        rating,
        records::{self, Head, OptOut, Request, RequestAnswer},
        request::Method,
    },
};

use super::{
    ATTEMPTS, Services, conversation,
    directory::announce,
    listing,
    once::{Begun, Once, foreign_answer},
};

pub use list::{Listed, Place, list_ratings, list_ratings_of, summarize_ratings};
pub use opt_out::{OptOutPage, create_opt_out, list_opt_outs};

/// What a submission did.
#[derive(Clone, Debug)]
pub struct Submitted {
    pub rating: Rating,
    /// When it was first carried out: the time of the answers that were sent without one.
    pub time: UnixMillis,
}

/// Offers a customer to rate a conversation.
///
/// A customer who opted out is not asked: the offer is stored as [`RatingState::Unscheduled`](crate::domain::RatingState::Unscheduled).
pub async fn offer_rating(
    services: &Services,
    parent: &ConversationRef,
    new: &NewRating,
    request_id: Option<&RequestId>,
) -> Result<Rating, Error> {
    let id = conversation::resolve(services, parent).await?;
    let content = || records::encode(&(id, new)).to_vec();
    let once = Once::new(services, Method::OfferRating, request_id, content);
    for _ in 0..ATTEMPTS {
        let expired = match once.begin(services).await? {
            Begun::Answered(RequestAnswer::OfferRating { conversation, rating }) => {
                let stored = find(services, conversation, rating).await?;
                return Ok(stored.value.as_offered());
            }
            Begun::Answered(_) => return Err(foreign_answer()),
            Begun::Fresh(expired) => expired,
        };
        if let Some(rating) = offer(services, parent, id, new, &once, expired).await? {
            return Ok(rating);
        }
    }
    Err(Error::ConcurrentChange { what: format!("conversations/{parent}") })
}

/// One attempt; `None` when another write came first.
async fn offer(
    services: &Services,
    parent: &ConversationRef,
    id: ConversationId,
    new: &NewRating,
    once: &Once<'_>,
    expired: Option<Stored<Request>>,
) -> Result<Option<Rating>, Error> {
    let store = &*services.store;
    let not_found = || Error::not_found(ResourceKind::Conversation, format!("conversations/{parent}"));
    let head = get_one::<Head>(store, keys::head(id)).await?.ok_or_else(not_found)?.value;
    if head.conversation.delete_time.is_some() {
        return Err(not_found());
    }
    let (user, agent) = people(services, &head, new).await?;
    let opt_out_key = keys::opt_out(&head.conversation.source, id, &user);
    let opt_out = get_one::<OptOut>(store, opt_out_key.clone()).await?;
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
            withheld: opt_out.is_some(),
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
    let mut batch = Batch::default();
    rating::expect_standing(&mut batch, &head.conversation, opt_out_key, opt_out);
    rating::put_new(&mut batch, &rating);
    let answer = RequestAnswer::OfferRating { conversation: id, rating: rating.id };
    once.record(services, &mut batch, expired, answer);
    let is_done = commit(services, batch, &rating, EventKind::RatingOffered { rating: rating.id }).await?;
    if !is_done {
        return Ok(None);
    }
    // Neither need have written in the conversation.
    announce(services, &head.conversation, [&rating.user, &rating.agent].into_iter()).await;
    Ok(Some(rating))
}

/// Answers all or some of a rating's questions; of answers to one question the last stands.
pub async fn submit_rating(
    services: &Services,
    name: &RatingRef,
    submission: &Submission,
    request_id: Option<&RequestId>,
) -> Result<Submitted, Error> {
    let (conversation, id) = resolve(services, name).await?;
    let content = || records::encode(&(conversation, id, submission)).to_vec();
    let once = Once::new(services, Method::SubmitRating, request_id, content);
    // One at a time, or of many that answer one rating all but one would have to begin again.
    let _turn = services.rating_turns.take(conversation).await;
    for _ in 0..ATTEMPTS {
        let expired = match once.begin(services).await? {
            Begun::Answered(RequestAnswer::SubmitRating { conversation, rating, time }) => {
                let stored = find(services, conversation, rating).await?;
                return Ok(Submitted { rating: stored.value, time });
            }
            Begun::Answered(_) => return Err(foreign_answer()),
            Begun::Fresh(expired) => expired,
        };
        let (stored, listing) = find_to_answer(services, name, conversation, id).await?;
        let time = services.clock.now();
        let rating = stored.value.submit(submission, time).map_err(|refused| match refused {
            Refused::Invalid(violations) => Error::Invalid(violations),
            Refused::Closed(state) => {
                Error::RatingClosed { name: name.to_string(), state, because: "it takes no answers" }
            }
        })?;
        let mut batch = Batch::default();
        rating::put_changed(&mut batch, &rating, stored.raw);
        if let Some(opts_out) = submission.opt_out {
            let opt_out = opts_out.then_some(OptOut { rating: rating.id, time });
            rating::put_opt_out(&*services.store, &mut batch, &rating, opt_out).await?;
        }
        if rating.answer_time().is_some() {
            listing::put_rated_in(&mut batch, conversation, listing);
        }
        let is_scored_again = rating.questions != stored.value.questions
            && put_scoring(services, &mut batch, conversation, time).await?;
        let answer = RequestAnswer::SubmitRating { conversation, rating: rating.id, time };
        once.record(services, &mut batch, expired, answer);
        if commit(services, batch, &rating, EventKind::RatingSubmitted { rating: rating.id }).await? {
            if is_scored_again {
                services.queue_changed.notify_one();
            }
            return Ok(Submitted { rating, time });
        }
    }
    Err(Error::ConcurrentChange { what: name.to_string() })
}

/// Queues the conversation again where a scorecard names what customers answer; `false` where none does. It takes another
/// version, or a scoring that is under way and has read the ratings could end the job.
async fn put_scoring(
    services: &Services,
    batch: &mut Batch,
    conversation: ConversationId,
    now: UnixMillis,
) -> Result<bool, Error> {
    if !services.scorer().reads(&OF_RATINGS) {
        return Ok(false);
    }
    let Some(found) = stored_conversation::find(&*services.store, conversation).await? else {
        return Ok(false);
    };
    let mut changed = found.head.value.conversation.clone();
    changed.version += 1;
    queue::put_next(batch, conversation, changed.version, now, found.failure.as_ref());
    stored_conversation::put_changed(batch, found.head, changed);
    Ok(true)
}

/// Withdraws an offer that has no answer. One that is cancelled already stays as it is.
pub async fn cancel_rating(
    services: &Services,
    name: &RatingRef,
    request_id: Option<&RequestId>,
) -> Result<Rating, Error> {
    let (conversation, id) = resolve(services, name).await?;
    let content = || records::encode(&(conversation, id)).to_vec();
    let once = Once::new(services, Method::CancelRating, request_id, content);
    for _ in 0..ATTEMPTS {
        let expired = match once.begin(services).await? {
            Begun::Answered(RequestAnswer::CancelRating { conversation, rating }) => {
                let stored = find(services, conversation, rating).await?;
                return Ok(stored.value);
            }
            Begun::Answered(_) => return Err(foreign_answer()),
            Begun::Fresh(expired) => expired,
        };
        let stored = find_named(services, name, conversation, id).await?;
        let because = "what is answered is not cancelled";
        let refuse = |state| Error::RatingClosed { name: name.to_string(), state, because };
        let Some(rating) = stored.value.cancel(services.clock.now()).map_err(refuse)? else {
            return Ok(stored.value);
        };
        let mut batch = Batch::default();
        rating::put_changed(&mut batch, &rating, stored.raw);
        let answer = RequestAnswer::CancelRating { conversation, rating: rating.id };
        once.record(services, &mut batch, expired, answer);
        if commit(services, batch, &rating, EventKind::RatingCancelled { rating: rating.id }).await? {
            return Ok(rating);
        }
    }
    Err(Error::ConcurrentChange { what: name.to_string() })
}

/// One rating.
pub async fn get_rating(services: &Services, name: &RatingRef) -> Result<Rating, Error> {
    let (conversation, id) = resolve(services, name).await?;
    let stored = find_named(services, name, conversation, id).await?;
    Ok(stored.value)
}

/// Commits what was decided, with its event; `false` when another write came first.
async fn commit(
    services: &Services,
    mut batch: Batch,
    rating: &Rating,
    kind: EventKind,
) -> Result<bool, Error> {
    let event = Event { conversation: rating.conversation, time: rating.update_time, kind };
    batch.log.push(records::encode(&event));
    match services.store.commit(batch).await {
        Ok(_) => Ok(true),
        Err(StoreError::Conflict { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Which rating of which conversation a name means; neither need be stored.
async fn resolve(services: &Services, name: &RatingRef) -> Result<(ConversationId, RatingId), Error> {
    let conversation = conversation::resolve(services, &name.conversation).await?;
    if let Some(id) = services.secrets.rating_of(name.uuid) {
        return Ok((conversation, id));
    }
    if let Some(id) = rating::find_imported(&*services.store, conversation, name.uuid).await? {
        return Ok((conversation, id));
    }
    // Of an unknown conversation that is said, whatever the UUID is.
    let head = get_one::<Head>(&*services.store, keys::head(conversation)).await?;
    Err(not_found(name, head.is_some_and(|head| head.value.conversation.delete_time.is_none())))
}

/// The rating that a name means, whose number may be another one than the UUID tells: it may have come back by an import.
async fn find_named(
    services: &Services,
    name: &RatingRef,
    conversation: ConversationId,
    id: RatingId,
) -> Result<Stored<Rating>, Error> {
    let store = &*services.store;
    let (found, mut rating) = rating::find(store, conversation, id).await?;
    let is_there = found.is_some_and(|found| found.delete_time.is_none());
    if is_there
        && rating.is_none()
        && let Some(imported) = rating::find_imported(store, conversation, name.uuid).await?
    {
        rating = get_one(store, keys::rating(conversation, imported)).await?;
    }
    rating.filter(|_| is_there).ok_or_else(|| not_found(name, is_there))
}

/// As [`find_named`], with what lists know of the conversation. Where they have taken it in, that tells whether it is there,
/// and its head, which may be large, need not be read.
async fn find_to_answer(
    services: &Services,
    name: &RatingRef,
    conversation: ConversationId,
    id: RatingId,
) -> Result<(Stored<Rating>, Option<Stored<Listing>>), Error> {
    let (listing, rating) = rating::find_with_listing(&*services.store, conversation, id).await?;
    let is_listed = listing.as_ref().is_some_and(|Stored { value, .. }| value.taken_in && !value.is_deleted);
    match rating.filter(|_| is_listed) {
        Some(rating) => Ok((rating, listing)),
        None => Ok((find_named(services, name, conversation, id).await?, listing)),
    }
}

/// What an earlier request made.
async fn find(
    services: &Services,
    conversation: ConversationId,
    id: RatingId,
) -> Result<Stored<Rating>, Error> {
    let uuid = services.secrets.rating_uuid(id);
    let name = RatingRef { conversation: ConversationRef::Id(conversation), uuid };
    find_named(services, &name, conversation, id).await
}

fn not_found(name: &RatingRef, has_conversation: bool) -> Error {
    if has_conversation {
        Error::not_found(ResourceKind::Rating, name)
    } else {
        Error::not_found(ResourceKind::Conversation, format!("conversations/{}", name.conversation))
    }
}

/// Who is asked, and about whose work: as the offer says, else as the conversation does.
async fn people(services: &Services, head: &Head, new: &NewRating) -> Result<(Author, Author), Error> {
    let store = &*services.store;
    let user = match &new.user {
        Some(given) => Some(known_as(given, AuthorKind::Contact)),
        None => authors::requester(store, head).await?,
    };
    let agent = match (&new.agent, &head.conversation.handling.assignee) {
        (Some(given), _) => Some(agent_given(services, head, given).await?),
        (None, Some(assignee)) => Some(assignee.clone()),
        (None, None) => authors::last_to_customer(store, head).await?,
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
async fn agent_given(services: &Services, head: &Head, given: &PersonDraft) -> Result<Author, Error> {
    if let (None, Some(external_id)) = (given.kind, &given.external_id)
        && let Some(known) = authors::agent_named(&*services.store, head, external_id).await?
    {
        return Ok(Author { name: given.name.clone().or(known.name), ..known });
    }
    Ok(known_as(given, given.kind.unwrap_or(AuthorKind::Teammate)))
}

fn known_as(given: &PersonDraft, kind: AuthorKind) -> Author {
    Author { kind, external_id: given.external_id.clone(), name: given.name.clone() }
}

/// The channel as the helpdesk says, else a guess: a chat. Where addresses were stored, storing them has set `Email`.
pub(super) fn channel_of(conversation: &Conversation) -> Channel {
    conversation.handling.channel.unwrap_or(Channel::WidgetChat)
}
