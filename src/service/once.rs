//! A request that carries an id is carried out once within 24 hours, however often it is sent.

use crate::{
    domain::{RequestId, UnixMillis},
    error::Error,
    store::{
        Batch, Stored,
        records::{Request, RequestAnswer},
        request::{self, Method, RequestKey},
    },
};

use super::Services;

/// Who calls, until access comes.
const CALLER: &str = "";

/// For a record that holds another call's answer: its key has the call in it, so it is damaged.
pub fn foreign_answer() -> Error {
    Error::Internal("the record of a request holds the answer of another call".to_owned())
}

/// One request as it was sent: its id, if it has one, and what tells it from another under the same id.
pub struct Once<'a> {
    method: Method,
    id: Option<(&'a RequestId, [u8; 32])>,
}

/// What is known of a request before it is carried out.
pub enum Begun {
    /// It was carried out before, with this answer.
    Answered(RequestAnswer),
    /// It was not. Holds the record of an expired request with the same id.
    Fresh(Option<Stored<Request>>),
}

impl<'a> Once<'a> {
    /// `content` is everything that decides what the request does; it is asked for only when there is an id.
    pub fn new(
        services: &Services,
        method: Method,
        id: Option<&'a RequestId>,
        content: impl FnOnce() -> Vec<u8>,
    ) -> Self {
        Self { method, id: id.map(|id| (id, services.secrets.fingerprint(&content()))) }
    }

    pub fn method(&self) -> Method {
        self.method
    }

    fn key(&self, id: &'a RequestId) -> RequestKey<'a> {
        RequestKey { caller: CALLER, method: self.method, request_id: id.as_str() }
    }

    /// Looks the request up. Without an id it is always fresh, and nothing is read.
    pub async fn begin(&self, services: &Services) -> Result<Begun, Error> {
        self.begin_at(services).await.map(|(begun, _)| begun)
    }

    /// As [`Once::begin`], with when the request was carried out, or now.
    pub async fn begin_at(&self, services: &Services) -> Result<(Begun, UnixMillis), Error> {
        let now = services.clock.now();
        let Some((id, fingerprint)) = self.id else { return Ok((Begun::Fresh(None), now)) };
        match request::find(&*services.store, self.key(id)).await? {
            None => Ok((Begun::Fresh(None), now)),
            Some(record) if !request::is_kept(&record.value, now) => Ok((Begun::Fresh(Some(record)), now)),
            Some(record) if record.value.fingerprint == fingerprint => {
                Ok((Begun::Answered(record.value.answer), record.value.create_time))
            }
            Some(_) => Err(Error::RequestIdReused { request_id: id.to_string() }),
        }
    }

    /// For an attempt that may have been refused because of this very request, which was sent twice and carried out since it was
    /// looked up: `None` means that it was, and is to be begun again, to find its answer.
    pub async fn unless_done<T>(
        &self,
        services: &Services,
        attempt: Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        match attempt {
            Ok(done) => Ok(Some(done)),
            Err(refusal) if self.id.is_none() => Err(refusal),
            Err(refusal) => match self.begin(services).await? {
                Begun::Answered(_) => Ok(None),
                Begun::Fresh(_) => Err(refusal),
            },
        }
    }

    /// Makes the answer part of the batch that carries the request out.
    pub fn record(
        &self,
        services: &Services,
        batch: &mut Batch,
        expired: Option<Stored<Request>>,
        answer: RequestAnswer,
    ) {
        if let Some((id, fingerprint)) = self.id {
            request::put(batch, self.key(id), fingerprint, services.clock.now(), answer, expired);
        }
    }
}
