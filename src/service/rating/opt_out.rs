//! The customers who do not want to be asked.

use crate::{
    domain::{
        Author, AuthorKind, ConversationId, ConversationRef, ExternalId, NewOptOut, RatingId, SourceName,
        Violations,
    },
    error::Error,
    service::{Call, decide::Decide},
    store::{
        Decision, Reader as _,
        conversation::{self, find_heads},
        get_one,
        keys::KnownCustomer,
        rating,
        records::{HeadWithoutMessages, OptOut},
    },
};

/// A page of opt-outs. It may be short, even empty, and still not be the last.
#[derive(Clone, Debug)]
pub struct OptOutPage {
    /// Each with the place after which the list goes on.
    pub opt_outs: Vec<(Vec<u8>, NewOptOut)>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<Vec<u8>>,
}

/// At most `limit` opt-outs after a place, by source and external id. Without those of customers who are known by name in a
/// conversation that is gone, or deleted: nobody can be asked in it.
pub async fn list_opt_outs(
    call: Call<'_>,
    after: Option<Vec<u8>>,
    limit: usize,
) -> Result<OptOutPage, Error> {
    let space = call.space();
    let read = rating::list_opt_outs(&space, after, limit).await?;
    let next = read.last().map(|(key, _)| key.clone()).filter(|_| read.len() == limit);
    let known_in = read.iter().filter_map(|(_, opt_out)| match &opt_out.customer {
        KnownCustomer::NameIn(conversation, _) => Some(*conversation),
        KnownCustomer::ExternalId(_) => None,
    });
    let mut heads = find_heads(&space, known_in).await?.into_iter();
    let mut opt_outs = Vec::with_capacity(read.len());
    for (key, opt_out) in read {
        let (external_id, name, conversation) = match opt_out.customer {
            // Nobody is known by an empty id.
            KnownCustomer::ExternalId(external_id) if external_id.is_empty() => continue,
            KnownCustomer::ExternalId(external_id) => (Some(ExternalId::mended(external_id)), None, None),
            KnownCustomer::NameIn(_, name) => {
                let head = heads.next().flatten();
                let conversation = head.map(|head| head.conversation);
                // Earlier builds also stored opt-outs under another source, which nothing looks up.
                let there = conversation.filter(|conversation| {
                    conversation.delete_time.is_none() && conversation.source.as_str() == opt_out.source
                });
                let Some(there) = there else { continue };
                let (source, external_id) = (there.source, there.external_id);
                (None, Some(name), Some(ConversationRef::External { source, external_id }))
            }
        };
        let customer = Author { kind: AuthorKind::Contact, external_id, name };
        let time = Some(opt_out.time);
        opt_outs.push((
            key,
            NewOptOut { source: Some(SourceName::mended(opt_out.source)), customer, conversation, time },
        ));
    }
    Ok(OptOutPage { opt_outs, next })
}

/// Notes that a customer does not want to be asked; returns the opt-out with its source and time. One who is noted stays as
/// they are.
///
/// A conversation that is named must be there, and of the source that is named, if one is. A customer without an external id is
/// known within it alone.
pub async fn create_opt_out(call: Call<'_>, new: &NewOptOut) -> Result<NewOptOut, Error> {
    call.decide(&Create { call, new }).await
}

struct Create<'a> {
    call: Call<'a>,
    new: &'a NewOptOut,
}

impl Decide for Create<'_> {
    type Answer = NewOptOut;

    fn subject(&self) -> String {
        "the opt-out of a customer".to_owned()
    }

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<NewOptOut, Error> {
        let new = self.new;
        let (conversation, source) = match &new.conversation {
            Some(name) => self.find_conversation(decision, name).await?,
            // The customer has an external id, by which they are known in all.
            None => (ConversationId(0), new.source.clone().unwrap_or_else(SourceName::custom)),
        };
        let known = rating::find_opt_outs(&*decision, &source, conversation, &new.customer).await?;
        let time = match known.first() {
            Some((_, known)) => known.time,
            None => {
                let key = decision.keys().opt_out(&source, conversation, &new.customer);
                let time = new.time.unwrap_or_else(|| self.call.services.clock.now());
                decision.put_new(key, &OptOut { rating: RatingId(0), time });
                time
            }
        };
        Ok(NewOptOut { source: Some(source), time: Some(time), ..new.clone() })
    }
}

impl Create<'_> {
    /// The conversation that is named, and its source. It is expected to stay, so that its purge finds what is noted in it.
    async fn find_conversation(
        &self,
        decision: &mut Decision<'_>,
        name: &ConversationRef,
    ) -> Result<(ConversationId, SourceName), Error> {
        let not_found = || Error::no_conversation(name);
        let id = conversation::resolve(&*decision, name).await?.ok_or_else(not_found)?;
        let head = decision.keys().head(id);
        let head = get_one::<HeadWithoutMessages>(&decision.unguarded(), head).await?;
        let head = head.filter(|head| head.conversation.delete_time.is_none()).ok_or_else(not_found)?;
        let own = &head.conversation.source;
        if let Some(source) = self.new.source.as_ref().filter(|source| *source != own) {
            let rule = format!("must be a conversation of the source {source:?}, is one of {own:?}");
            return Err(Violations::one("conversation", rule).into());
        }
        conversation::expect_standing(decision, &head.conversation);
        Ok((id, head.conversation.source))
    }
}
