//! Scorecard families and their revisions in the keyspace.

use std::ops::Bound;

use crate::domain::ScorecardRevision;

use super::{
    Batch, Direction, Expect, Key, Keyspace, StoreError, Stored, expect_unchanged, get_one, keys,
    records::{self, ScorecardFamily},
};

/// The newest revision of a family, with the family's record.
pub async fn find_newest(
    store: &dyn Keyspace,
    base: &str,
) -> Result<Option<(Stored<ScorecardFamily>, ScorecardRevision)>, StoreError> {
    let Some(family) = get_one::<ScorecardFamily>(store, keys::scorecard_family(base)).await? else {
        return Ok(None);
    };
    let ordinal = family.value.newest_ordinal;
    let revision = find_revision(store, base, ordinal).await?.ok_or_else(|| {
        StoreError::Corrupt(
            format!("scorecard {base} has no revision {ordinal} although its family names it").into(),
        )
    })?;
    Ok(Some((family, revision)))
}

/// One revision of a family.
pub async fn find_revision(
    store: &dyn Keyspace,
    base: &str,
    ordinal: u32,
) -> Result<Option<ScorecardRevision>, StoreError> {
    let revision = get_one::<ScorecardRevision>(store, keys::scorecard_revision(base, ordinal)).await?;
    Ok(revision.map(|stored| stored.value))
}

/// The newest revisions of at most `limit` families after `after` (`None`: from the first), by base.
pub async fn list_newest_after(
    store: &dyn Keyspace,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<ScorecardRevision>, StoreError> {
    let mut range = keys::scorecard_families();
    if let Some(after) = after {
        range.start = Bound::Excluded(keys::scorecard_family(after));
    }
    let families = store.scan(range, limit, Direction::Ascending).await?;
    let mut wanted: Vec<Key> = Vec::with_capacity(families.len());
    for (key, raw) in &families {
        let base = keys::base_of_family(key).ok_or_else(|| {
            StoreError::Corrupt(format!("a scorecard family has the key {key:02x?}").into())
        })?;
        let family: ScorecardFamily = records::decode(key, raw)?;
        wanted.push(keys::scorecard_revision(&base, family.newest_ordinal));
    }
    let values = store.get(wanted.clone()).await?;
    let decoded = wanted.iter().zip(values).filter_map(|(key, raw)| Some(records::decode(key, &raw?)));
    decoded.collect()
}

/// Puts a built-in's revision and makes it its family's newest. `read` is the family as it was, absent for a new one.
pub fn put_seeded(batch: &mut Batch, revision: &ScorecardRevision, read: Option<Stored<ScorecardFamily>>) {
    let base = &revision.revision.base;
    let ordinal = revision.revision.ordinal;
    let seeded =
        ScorecardFamily { newest_ordinal: ordinal, seeded_hash: Some(revision.content_hash.clone()) };
    let family = keys::scorecard_family(base);
    batch.expect.push((family.clone(), expect_unchanged(read.map(|stored| stored.raw))));
    batch.put.push((family, records::encode(&seeded)));
    let key = keys::scorecard_revision(base, ordinal);
    batch.expect.push((key.clone(), Expect::Absent));
    batch.put.push((key, records::encode(revision)));
}
