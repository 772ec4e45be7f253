//! What a conversation is found by: its identity, its postings, the owners of its assessments.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Part,
    pieces::{Pieces, part_of},
};
use crate::{
    domain::{Assessment, ConversationId, Rating},
    store::{
        Key, Keys, Keyspace, StoreError, Value, assessment,
        keys::Kind,
        records::{self, Backfill, Identity, Job},
        sweep::unless_damaged,
    },
};

/// The number below which conversations are in lists with filters; 0 if that is not known.
pub async fn indexed_below(store: &dyn Keyspace, keys: Keys) -> Result<ConversationId, StoreError> {
    let key = keys.backfill();
    let mark = unless_damaged(store.get(vec![key.clone()]).await)?;
    let raw = mark.ok().and_then(|mut values| values.pop().flatten());
    let mark = raw.and_then(|raw| records::decode::<Backfill>(&key, &raw).ok());
    Ok(mark.filter(|mark| mark.by_held).and_then(|mark| mark.next).unwrap_or(ConversationId(0)))
}

/// Compares a conversation with what it is found by.
pub async fn compare(
    store: &dyn Keyspace,
    keys: Keys,
    indexed_below: ConversationId,
    pieces: &mut Pieces,
) -> Result<(), StoreError> {
    let Some(head) = &pieces.head else { return Ok(()) };
    let (id, conversation) = (pieces.id, &head.conversation);
    let is_deleted = conversation.delete_time.is_some();
    let mut wanted: Vec<Key> = Vec::new();
    let identity = keys.identity(&conversation.source, &conversation.external_id);
    match conversation.delete_time {
        None => wanted.push(identity.clone()),
        Some(time) => wanted.push(keys.deletion(time, id)),
    }
    wanted.extend(pieces.ratings.iter().map(|it: &Rating| keys.rating_by_time(it.offer_time, it.id)));
    wanted.extend(pieces.assessments.iter().flat_map(|it: &Assessment| assessment::keys_elsewhere(keys, it)));
    let must_be_listed = id < indexed_below;
    match &pieces.listing {
        None if must_be_listed && !pieces.damage.contains_key(&Part::Lists) => {
            pieces.damage.insert(Part::Lists, "what lists know of it is missing".into());
        }
        None => {}
        Some(listing) => {
            wanted.extend(listing.postings().iter().filter_map(|posting| keys.posting(posting, id)));
        }
    }
    let job = keys.job(id);
    wanted.push(job.clone());
    let may_be_absent = BTreeSet::from([&job]);
    let found = get_each(store, &wanted).await?;
    for (key, found) in wanted.iter().zip(found) {
        let part = Kind::of(key).map_or(Part::Lists, part_of);
        let why: Arc<str> = match found {
            Err(why) => why,
            Ok(None) if may_be_absent.contains(key) => continue,
            Ok(None) => format!("nothing is stored under its key {}", crate::store::keys::shown(key)).into(),
            Ok(Some(value)) => match is_right(key, &value, &identity, &job, id) {
                Ok(()) => continue,
                Err(why) => why,
            },
        };
        pieces.damage.entry(part).or_insert(why);
    }
    // A deleted conversation is not scored.
    if is_deleted {
        pieces.damage.remove(&Part::Scoring);
    }
    Ok(())
}

fn is_right(key: &Key, value: &Value, identity: &Key, job: &Key, id: ConversationId) -> Result<(), Arc<str>> {
    if key == identity {
        let found: Identity = super::pieces::decode(key, value)?;
        if found.conversation != id {
            return Err(format!("its external id leads to conversation {}", found.conversation).into());
        }
    }
    if key == job {
        super::pieces::decode::<Job>(key, value)?;
    }
    Ok(())
}

/// A value, its absence, or why it cannot be read.
pub type Found = Result<Option<Value>, Arc<str>>;

/// Values of several keys, each by itself where not all can be read.
pub async fn get_each(store: &dyn Keyspace, keys: &[Key]) -> Result<Vec<Found>, StoreError> {
    if let Ok(values) = unless_damaged(store.get(keys.to_vec()).await)? {
        return Ok(values.into_iter().map(Ok).collect());
    }
    let mut found = Vec::with_capacity(keys.len());
    for key in keys {
        let value = unless_damaged(store.get(vec![key.clone()]).await)?;
        found.push(value.map(|mut values| values.pop().flatten()));
    }
    Ok(found)
}
