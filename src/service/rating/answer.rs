//! Answering a rating's questions, and cancelling it.

use crate::{
    domain::{
        ConversationId, Event, EventKind, Listing, Rating, RatingId, RatingRef, RatingState, Refused,
        Submission, UnixMillis,
    },
    error::Error,
    scoring::facts::OF_RATINGS,
    service::{Call, decide::Decide, idempotency::Mutation, listing},
    store::{
        Decision, conversation as stored_conversation, queue, rating,
        records::{self, OptOut, RequestAnswer},
        request::Method,
    },
};

use super::{find_named, find_recorded, resolve};

/// What a submission did.
#[derive(Clone, Debug)]
pub struct Submitted {
    pub rating: Rating,
    /// When it was first carried out: the time of the answers that were sent without one.
    pub time: UnixMillis,
}

/// Answers all or some of a rating's questions; of answers to one question the last stands.
pub async fn submit_rating(
    call: Call<'_>,
    name: &RatingRef,
    submission: &Submission,
) -> Result<Submitted, Error> {
    let (conversation, id) = resolve(call, name).await?;
    // One at a time: concurrent answers to one rating would all conflict but one.
    let _turn = call.services.rating_locks.lock(conversation).await;
    call.carry_out(&Submit { call, name, conversation, id, submission }).await
}

struct Submit<'a> {
    call: Call<'a>,
    name: &'a RatingRef,
    conversation: ConversationId,
    id: RatingId,
    submission: &'a Submission,
}

impl Decide for Submit<'_> {
    type Answer = Submitted;

    fn subject(&self) -> String {
        self.name.to_string()
    }

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<Submitted, Error> {
        let (before, listing) = self.find(decision).await?;
        let time = self.call.services.clock.now();
        let late_millis = self.call.services.settings().late_delivery_millis();
        let rating = before.submit(self.submission, time, late_millis).map_err(|refused| match refused {
            Refused::Invalid(violations) => Error::Invalid(violations),
            Refused::Closed(state) => {
                let because = why_closed(&before, state, time, late_millis);
                Error::RatingClosed { name: self.name.to_string(), state, because }
            }
        })?;
        rating::put_changed(decision, &rating);
        if let Some(opts_out) = self.submission.opt_out {
            let opt_out = opts_out.then_some(OptOut { rating: rating.id, time });
            rating::put_opt_out(decision, &rating, opt_out).await?;
        }
        if rating.answer_time().is_some() {
            listing::put_rated_in(decision, self.conversation, listing);
        }
        if rating.questions != before.questions {
            self.put_scoring(decision, time).await?;
        }
        let kind = EventKind::RatingSubmitted { rating: rating.id };
        decision.log(&Event { conversation: rating.conversation, time: rating.update_time, kind });
        Ok(Submitted { rating, time })
    }
}

impl Submit<'_> {
    /// As [`find_named`], with the conversation's listing. Where lists have indexed it, that says whether it is there, and its
    /// head, which may be large, is not read.
    async fn find(&self, decision: &Decision<'_>) -> Result<(Rating, Option<Listing>), Error> {
        let (conversation, id) = (self.conversation, self.id);
        let (listing, rating) = rating::find_with_listing(decision, conversation, id).await?;
        let is_listed = listing.as_ref().is_some_and(|listing| listing.is_indexed && !listing.is_deleted);
        let rating = match rating.filter(|_| is_listed) {
            Some(rating) => rating,
            None => find_named(decision, decision.unguarded(), self.name, conversation, id).await?,
        };
        Ok((rating, listing))
    }

    /// Queues the conversation again where a scorecard names what customers answer. It takes another version, or a scoring that
    /// is under way and has read the ratings could end the job.
    async fn put_scoring(&self, decision: &mut Decision<'_>, now: UnixMillis) -> Result<(), Error> {
        if !self.call.services.scorer().reads(&OF_RATINGS) {
            return Ok(());
        }
        let Some(found) = stored_conversation::find(&*decision, self.conversation).await? else {
            return Ok(());
        };
        let mut changed = found.head.conversation.clone();
        changed.version += 1;
        queue::put_next(decision, self.conversation, changed.version, now).await?;
        stored_conversation::put_changed(decision, found.head, changed);
        Ok(())
    }
}

impl Mutation for Submit<'_> {
    const METHOD: Method = Method::SubmitRating;

    fn content(&self) -> Vec<u8> {
        records::encode(&(self.conversation, self.id, self.submission)).to_vec()
    }

    fn record(&self, Submitted { rating, time }: &Submitted) -> RequestAnswer {
        RequestAnswer::SubmitRating { conversation: self.conversation, rating: rating.id, time: *time }
    }

    async fn replay(&self, record: RequestAnswer, _: UnixMillis) -> Result<Option<Submitted>, Error> {
        let RequestAnswer::SubmitRating { conversation, rating, time } = record else { return Ok(None) };
        let rating = find_recorded(self.call, conversation, rating).await?;
        Ok(Some(Submitted { rating, time }))
    }
}

/// Why an offer takes no answer, and which one it would have taken.
fn why_closed(rating: &Rating, state: RatingState, now: UnixMillis, late_millis: i64) -> String {
    let course = &rating.course;
    let closing = course.closing().filter(|_| matches!(state, RatingState::Expired | RatingState::OptedOut));
    match closing {
        Some(closing) if late_millis > 0 => {
            let last = closing.plus_millis(late_millis);
            let is = if last < now { "was" } else { "is" };
            format!(
                "it has taken no answers since {closing}; one that was given before, and says when, {is} taken until {last} \
                 (ratings.late_delivery_hours)"
            )
        }
        Some(closing) => format!("it has taken no answers since {closing}"),
        None => "it takes no answers".to_owned(),
    }
}

/// Withdraws an offer that has no answer. One that is cancelled already stays as it is.
pub async fn cancel_rating(call: Call<'_>, name: &RatingRef) -> Result<Rating, Error> {
    let (conversation, id) = resolve(call, name).await?;
    call.carry_out(&Cancel { call, name, conversation, id }).await
}

struct Cancel<'a> {
    call: Call<'a>,
    name: &'a RatingRef,
    conversation: ConversationId,
    id: RatingId,
}

impl Decide for Cancel<'_> {
    type Answer = Rating;

    fn subject(&self) -> String {
        self.name.to_string()
    }

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<Rating, Error> {
        let (name, space) = (self.name, decision.unguarded());
        let stored = find_named(&*decision, space, name, self.conversation, self.id).await?;
        let refuse = |state| {
            let because = "it has been answered, and can no longer be cancelled".to_owned();
            Error::RatingClosed { name: name.to_string(), state, because }
        };
        let Some(rating) = stored.cancel(self.call.services.clock.now()).map_err(refuse)? else {
            return Ok(stored);
        };
        rating::put_changed(decision, &rating);
        let kind = EventKind::RatingCancelled { rating: rating.id };
        decision.log(&Event { conversation: rating.conversation, time: rating.update_time, kind });
        Ok(rating)
    }
}

impl Mutation for Cancel<'_> {
    const METHOD: Method = Method::CancelRating;

    fn content(&self) -> Vec<u8> {
        records::encode(&(self.conversation, self.id)).to_vec()
    }

    fn record(&self, rating: &Rating) -> RequestAnswer {
        RequestAnswer::CancelRating { conversation: self.conversation, rating: rating.id }
    }

    async fn replay(&self, record: RequestAnswer, _: UnixMillis) -> Result<Option<Rating>, Error> {
        let RequestAnswer::CancelRating { conversation, rating } = record else { return Ok(None) };
        find_recorded(self.call, conversation, rating).await.map(Some)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        clock::SystemClock,
        domain::{ConversationRef, NewAnswer, QuestionRef, RatingType},
        service::{Services, Settings},
        store::MemoryStore,
    };

    /// What tells retried requests apart, for the 24 hours in which a caller may retry while the server is upgraded. The other
    /// methods are pinned from outside (`tests/it/upgrade.rs`), where the numbers of ratings vary from run to run.
    #[tokio::test]
    async fn the_content_of_an_answer_and_of_a_withdrawal_is_encoded_like_this() {
        let hex = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let services =
            Services::open(Arc::new(MemoryStore::new()), Arc::new(SystemClock), Settings::default());
        let services = services.await.unwrap();
        let call = Call::new(&services);
        let (conversation, id) = (ConversationId(1), RatingId(2));
        let name = RatingRef { conversation: ConversationRef::Id(conversation), uuid: uuid::Uuid::nil() };
        let question = [QuestionRef::Place(1), QuestionRef::OfType(RatingType::Nps), QuestionRef::Only];
        let mut answers =
            question.map(|question| NewAnswer { question, value: None, comment: None, time: None });
        answers[0].value = Some(4);
        answers[0].comment = Some("Thanks".to_owned());
        answers[0].time = Some(UnixMillis::clamped(1_700_000_000_123));
        let whole = Submission { answers: answers.to_vec(), opt_out: Some(true) };
        let content = |submission: &Submission| {
            hex(Submit { call, name: &name, conversation, id, submission }.content())
        };
        assert_eq!(
            content(&whole),
            "018301028283848200810104665468616e6b731b0000018bcfe5687b818201810181820280f5"
        );
        assert_eq!(content(&Submission::default()), "018301028180");
        assert_eq!(hex(Cancel { call, name: &name, conversation, id }.content()), "01820102");
    }
}
