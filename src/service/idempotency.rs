//! Idempotency: a request with an id is carried out once within 24 hours, however often it is sent.

use crate::{
    domain::{RequestId, UnixMillis},
    error::Error,
    store::{
        Decision,
        records::{Request, RequestAnswer},
        request::{self, Method, RequestKey},
    },
};

use super::{Call, decide::Decide};

/// A change that takes a request id.
pub trait Mutation: Decide {
    const METHOD: Method;

    /// Everything that determines what the request does. Its fingerprint tells different requests with the same id apart.
    fn content(&self) -> Vec<u8>;

    /// What is recorded of an answer: ids, no content.
    fn record(&self, answer: &Self::Answer) -> RequestAnswer;

    /// The answer to a request that was carried out at `time`; `None` if the record belongs to another method.
    fn replay(
        &self,
        record: RequestAnswer,
        time: UnixMillis,
    ) -> impl Future<Output = Result<Option<Self::Answer>, Error>> + Send;
}

/// A mutation under its request id.
pub struct Once<'a, M> {
    call: Call<'a>,
    mutation: &'a M,
    request_id: &'a RequestId,
    fingerprint: [u8; 32],
}

impl<'a, M: Mutation> Once<'a, M> {
    pub fn new(call: &Call<'a>, request_id: &'a RequestId, mutation: &'a M) -> Self {
        let fingerprint = call.services.secrets.fingerprint(&mutation.content());
        Self { call: *call, mutation, request_id, fingerprint }
    }

    fn key(&self) -> RequestKey<'a> {
        let (caller, request_id) = (self.call.caller.as_str(), self.request_id.as_str());
        RequestKey { caller, method: M::METHOD, request_id }
    }
}

impl<M: Mutation> Decide for Once<'_, M> {
    type Answer = M::Answer;

    fn subject(&self) -> String {
        self.mutation.subject()
    }

    /// Each attempt looks the record up again: the conflicting write may have been this very request, sent twice.
    async fn decide(&self, decision: &mut Decision<'_>) -> Result<M::Answer, Error> {
        let now = self.call.services.clock.now();
        let known = request::find(&*decision, self.key()).await?;
        if let Some(record) = known.filter(|record| request::is_kept(record, now)) {
            if record.fingerprint != self.fingerprint {
                return Err(Error::RequestIdReused { request_id: self.request_id.to_string() });
            }
            let replayed = self.mutation.replay(record.answer, record.create_time).await?;
            // The key contains the method, so this record is damaged.
            return replayed.ok_or_else(|| {
                Error::Internal("the record of a request holds the answer of another call".to_owned())
            });
        }
        let answer = self.mutation.decide(decision).await?;
        let (fingerprint, record) = (self.fingerprint, self.mutation.record(&answer));
        let record = Request { fingerprint, create_time: now, answer: record };
        request::put(decision, self.key(), &record);
        Ok(answer)
    }
}
