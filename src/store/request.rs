//! The answers to requests that carried an id, kept for 24 hours.

use crate::domain::UnixMillis;

use super::{
    Batch, Direction, Expect, Keyspace, StoreError, Stored, get_one, keys,
    records::{self, Request, RequestAnswer},
};

/// How long a request id is remembered.
pub const KEPT_MILLIS: i64 = 24 * 60 * 60 * 1000;
/// How many records a sweep reads at once.
const SWEEP_PAGE: usize = 256;

/// The calls that take a request id. Numbers are stored: append only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Method {
    ImportConversation = 1,
    StoreMessage = 2,
    UpdateMessage = 3,
    DeleteMessage = 4,
    OfferRating = 5,
    SubmitRating = 6,
    CancelRating = 7,
    UpdatePerson = 11,
    CreateTeam = 12,
    UpdateTeam = 13,
    DeleteTeam = 14,
    UpdateConversation = 8,
    DeleteConversation = 9,
    UndeleteConversation = 10,
}

/// Which request: the caller, the call and the id that it sent.
#[derive(Clone, Copy, Debug)]
pub struct RequestKey<'a> {
    pub caller: &'a str,
    pub method: Method,
    pub request_id: &'a str,
}

impl RequestKey<'_> {
    pub fn key(&self) -> super::Key {
        keys::request(self.caller, self.method as u8, self.request_id)
    }
}

/// The record of a request, however old.
pub async fn find(
    store: &dyn Keyspace,
    request: RequestKey<'_>,
) -> Result<Option<Stored<Request>>, StoreError> {
    get_one(store, request.key()).await
}

/// Whether a record still counts.
pub fn is_kept(record: &Request, now: UnixMillis) -> bool {
    now.0.saturating_sub(record.create_time.0) < KEPT_MILLIS
}

/// Puts the record of a request. `expired` is the record that it replaces, absent for a new id.
pub fn put(
    batch: &mut Batch,
    request: RequestKey<'_>,
    fingerprint: [u8; 32],
    now: UnixMillis,
    answer: RequestAnswer,
    expired: Option<Stored<Request>>,
) {
    let key = request.key();
    let expect = expired.map_or(Expect::Absent, |stored| Expect::Is(stored.raw));
    batch.expect.push((key.clone(), expect));
    batch.put.push((key, records::encode(&Request { fingerprint, create_time: now, answer })));
}

/// Deletes the records that no longer count, and those that nobody can read: they protect nothing, and a call that meets one
/// fails. Answers how many.
pub async fn sweep(store: &dyn Keyspace, now: UnixMillis) -> Result<usize, StoreError> {
    let mut range = keys::requests();
    let mut swept = 0;
    loop {
        let page = store.scan(range.clone(), SWEEP_PAGE, Direction::Ascending).await?;
        let mut batch = Batch::default();
        for (key, raw) in &page {
            let is_kept = match records::decode(key, raw) {
                Ok(record) => is_kept(&record, now),
                Err(_) => {
                    // Neither its key nor what is wrong with it: both may hold an id that names a person.
                    tracing::error!("the record of a request is damaged; removed it");
                    false
                }
            };
            if !is_kept {
                batch.expect.push((key.clone(), Expect::Is(raw.clone())));
                batch.delete.push(key.clone());
            }
        }
        let deleted = batch.delete.len();
        if deleted > 0 {
            match store.commit(batch).await {
                Ok(_) => swept += deleted,
                // Somebody used an expired id again meanwhile: the next sweep takes the others.
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        match page.last() {
            Some((last, _)) if page.len() == SWEEP_PAGE => range = range.after(last.clone()),
            _ => return Ok(swept),
        }
    }
}
