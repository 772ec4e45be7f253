//! Heads of conversations where not all can be read: who is among those that cannot is told by what leads to them.

use std::{
    collections::BTreeSet,
    ops::{Bound, RangeBounds as _},
};

use super::{
    Key, KeyRange, Reader as _, Space, StoreError, Value,
    conversation::NumberedHead,
    keys::{Kind, conversation_of},
    records::{self, Identity, Stored},
    sweep::{Part, Place, Sweep, unless_damaged},
};
use crate::domain::ConversationId;

/// At least `limit` heads of conversations from `first` up to but excluding `before`, ascending, or all that there are, and where to
/// read on. What cannot be read is among them with its error, if anything tells that it is there.
pub async fn heads_from(
    space: Space<'_>,
    first: ConversationId,
    before: ConversationId,
    limit: usize,
) -> Result<(Vec<NumberedHead>, Option<ConversationId>), StoreError> {
    let mut heads: Vec<NumberedHead> = Vec::new();
    let range = space.keys().heads_between(first, Some(before));
    if range.is_empty() {
        return Ok((heads, None));
    }
    let mut sweep = Sweep::new(&**space.store(), range);
    while let Some(part) = sweep.next().await? {
        match part {
            Part::Pairs(pairs) => heads.extend(pairs.into_iter().map(|(key, raw)| numbered(key, raw))),
            Part::Lost(lost) => match lost.place {
                Place::Value(key) => heads.push((conversation_of(&key), Err(StoreError::Corrupt(lost.why)))),
                Place::Stretch(range) => heads.extend(in_stretch(space, &range).await?),
            },
        }
        if heads.len() >= limit {
            break;
        }
    }
    let next = sweep.rest().map(|rest| match &rest.start {
        Bound::Unbounded => ConversationId(0),
        Bound::Included(key) | Bound::Excluded(key) => {
            let id = conversation_of(key);
            let is_before = !holds(&rest, &space.keys().head(id));
            ConversationId(id.0 + u64::from(is_before))
        }
    });
    Ok((heads, next))
}

fn numbered(key: Key, raw: Value) -> NumberedHead {
    let head = records::decode(&key, &raw).map(|value| Stored { value, raw });
    (conversation_of(&key), head)
}

/// The conversations whose heads ought to be in a stretch that cannot be read: by their external ids, and by what lists know of them.
async fn in_stretch(space: Space<'_>, range: &KeyRange) -> Result<Vec<NumberedHead>, StoreError> {
    let keys = space.keys();
    let mut known = BTreeSet::new();
    for kind in [Kind::Identity, Kind::Listing, Kind::AssessmentIndex] {
        let mut sweep = Sweep::new(&**space.store(), keys.of_kind(kind));
        while let Some(part) = sweep.next().await? {
            let Part::Pairs(pairs) = part else { continue };
            let ids = pairs.iter().filter_map(|(key, raw)| match kind {
                Kind::Identity => Some(records::decode::<Identity>(key, raw).ok()?.conversation),
                _ => Some(conversation_of(key)),
            });
            known.extend(ids.filter(|id| holds(range, &keys.head(*id))));
        }
    }
    if known.is_empty() {
        tracing::error!(
            "conversations may be stored where nothing can be read, and nothing tells their numbers"
        );
    }
    let mut heads = Vec::with_capacity(known.len());
    for id in known {
        let key = keys.head(id);
        match unless_damaged(space.store().get(vec![key.clone()]).await)? {
            Ok(mut found) => heads.extend(found.pop().flatten().map(|raw| numbered(key, raw))),
            Err(why) => heads.push((id, Err(StoreError::Corrupt(why)))),
        }
    }
    Ok(heads)
}

/// The values of several keys, each by itself where not all can be read; then the others are errors.
pub async fn get_each(
    space: Space<'_>,
    wanted: Vec<Key>,
) -> Result<Vec<Result<Option<Value>, StoreError>>, StoreError> {
    let found = super::check::references::get_each(&**space.store(), &wanted).await?;
    Ok(found.into_iter().map(|found| found.map_err(StoreError::Corrupt)).collect())
}

fn holds(range: &KeyRange, key: &Key) -> bool {
    (range.start.clone(), range.end.clone()).contains(key)
}
