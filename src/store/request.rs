//! The answers to requests with a request id, kept for 24 hours.

use crate::domain::UnixMillis;

use super::{
    Decision, Direction, Key, Keys, Reader, Scanner as _, Space, StoreError, get_one,
    records::{self, Request},
};

/// How long a request id is remembered.
pub const KEPT_MILLIS: i64 = UnixMillis::DAY_MILLIS;
/// Records that a sweep reads at once.
const SWEEP_PAGE: usize = 256;

/// The calls that accept a request id. The numbers are stored: append only.
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

/// Identifies a request: the caller, the call and the id sent.
#[derive(Clone, Copy, Debug)]
pub struct RequestKey<'a> {
    pub caller: &'a str,
    pub method: Method,
    pub request_id: &'a str,
}

impl RequestKey<'_> {
    pub fn key(&self, keys: Keys) -> Key {
        keys.request(self.caller, self.method as u8, self.request_id)
    }
}

/// The record of a request, even if expired.
pub async fn find(reader: &dyn Reader, request: RequestKey<'_>) -> Result<Option<Request>, StoreError> {
    get_one(reader, request.key(reader.keys())).await
}

/// Whether a record has not expired.
pub fn is_kept(record: &Request, now: UnixMillis) -> bool {
    now.millis_since(record.create_time) < KEPT_MILLIS
}

/// Puts a request's record in place of an absent or expired one, which was read.
pub fn put(decision: &mut Decision<'_>, request: RequestKey<'_>, record: &Request) {
    decision.replace(request.key(decision.keys()), record);
}

/// Deletes expired records, and damaged ones: those protect nothing, and calls that read them fail. Returns how many.
pub async fn sweep(space: Space<'_>, now: UnixMillis) -> Result<usize, StoreError> {
    let mut range = space.keys().requests();
    let mut swept = 0;
    loop {
        let page = space.scan(range.clone(), SWEEP_PAGE, Direction::Ascending).await?;
        let mut decision = Decision::new(space);
        for (key, raw) in &page {
            let is_kept = match records::decode(key, raw) {
                Ok(record) => is_kept(&record, now),
                Err(_) => {
                    // Logs neither the key nor the error, since both may contain an id that identifies a person.
                    tracing::error!("the record of a request is damaged; removed it");
                    false
                }
            };
            if !is_kept {
                decision.expect(key.clone(), Some(raw.clone()));
                decision.delete(key.clone());
            }
        }
        let deleted = decision.writes();
        // False if an expired id was reused meanwhile; the next sweep deletes the others.
        if decision.commit().await? {
            swept += deleted;
        }
        match page.last() {
            Some((last, _)) if page.len() == SWEEP_PAGE => range = range.after(last.clone()),
            _ => return Ok(swept),
        }
    }
}
