//! The customers who do not want to be asked.

use crate::{
    domain::{Author, AuthorKind, ConversationId, ConversationRef, NewOptOut, RatingId, UnixMillis},
    error::Error,
    service::{ATTEMPTS, Services, conversation},
    store::{
        Batch, StoreError,
        conversation::find_heads,
        keys::{self, KnownCustomer},
        rating,
        records::OptOut,
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
    services: &Services,
    after: Option<Vec<u8>>,
    limit: usize,
) -> Result<OptOutPage, Error> {
    let store = &*services.store;
    let read = rating::list_opt_outs(store, after, limit).await?;
    let next = read.last().map(|(key, _)| key.clone()).filter(|_| read.len() == limit);
    let known_in = read.iter().filter_map(|(_, opt_out)| match &opt_out.customer {
        KnownCustomer::NameIn(conversation, _) => Some(*conversation),
        KnownCustomer::ExternalId(_) => None,
    });
    let mut heads = find_heads(store, known_in).await?.into_iter();
    let mut opt_outs = Vec::with_capacity(read.len());
    for (key, opt_out) in read {
        let (external_id, name, conversation) = match opt_out.customer {
            KnownCustomer::ExternalId(external_id) => (Some(external_id), None, None),
            KnownCustomer::NameIn(_, name) => {
                let head = heads.next().flatten();
                let conversation = head.map(|head| head.conversation);
                let there = conversation.filter(|conversation| conversation.delete_time.is_none());
                let Some(there) = there else { continue };
                let (source, external_id) = (there.source, there.external_id);
                (None, Some(name), Some(ConversationRef::External { source, external_id }))
            }
        };
        let customer = Author { kind: AuthorKind::Contact, external_id, name };
        let time = Some(opt_out.time);
        opt_outs.push((key, NewOptOut { source: opt_out.source, customer, conversation, time }));
    }
    Ok(OptOutPage { opt_outs, next })
}

/// Notes that a customer does not want to be asked; answers since when. One who is noted stays as they are.
pub async fn create_opt_out(services: &Services, new: &NewOptOut) -> Result<UnixMillis, Error> {
    let conversation = match (&new.customer.external_id, &new.conversation) {
        (None, Some(name)) => conversation::resolve(services, name).await?,
        // One with an external id is the same in all.
        _ => ConversationId(0),
    };
    let store = &*services.store;
    let key = keys::opt_out(&new.source, conversation, &new.customer);
    let time = new.time.unwrap_or_else(|| services.clock.now());
    for _ in 0..ATTEMPTS {
        let mut batch = Batch::default();
        let opt_out = OptOut { rating: RatingId(0), time };
        if let Some(since) = rating::put_new_opt_out(store, &mut batch, key.clone(), opt_out).await? {
            return Ok(since);
        }
        match store.commit(batch).await {
            Ok(_) => return Ok(time),
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::ConcurrentChange { what: format!("the opt-out of a customer of {:?}", new.source) })
}
