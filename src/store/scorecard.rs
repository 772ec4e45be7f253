//! Scorecard families and their revisions in the keyspace.

use std::ops::Bound;

use crate::domain::ScorecardRevision;

use super::{
    Decision, Direction, Key, Reader, Scanner, StoreError, get_many, get_one, keys,
    records::{self, ScorecardFamily},
};

/// The newest revision of a family, with the family's record.
pub async fn find_newest(
    reader: &dyn Reader,
    base: &str,
) -> Result<Option<(ScorecardFamily, ScorecardRevision)>, StoreError> {
    let Some(family) = get_one::<ScorecardFamily>(reader, reader.keys().scorecard_family(base)).await? else {
        return Ok(None);
    };
    let ordinal = family.newest_ordinal;
    let revision = find_revision(reader, base, ordinal).await?.ok_or_else(|| {
        StoreError::Corrupt(
            format!("scorecard {base} has no revision {ordinal} although its family names it").into(),
        )
    })?;
    Ok(Some((family, revision)))
}

/// One revision of a family.
pub async fn find_revision(
    reader: &dyn Reader,
    base: &str,
    ordinal: u32,
) -> Result<Option<ScorecardRevision>, StoreError> {
    get_one(reader, reader.keys().scorecard_revision(base, ordinal)).await
}

/// The newest revisions of at most `limit` families after `after` (`None`: from the first), by base.
pub async fn list_newest_after(
    reader: &dyn Scanner,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<ScorecardRevision>, StoreError> {
    let mut range = reader.keys().scorecard_families();
    if let Some(after) = after {
        range.start = Bound::Excluded(reader.keys().scorecard_family(after));
    }
    let families = reader.scan(range, limit, Direction::Ascending).await?;
    let mut wanted: Vec<Key> = Vec::with_capacity(families.len());
    for (key, raw) in &families {
        let base = keys::base_of_family(key).ok_or_else(|| {
            StoreError::Corrupt(format!("a scorecard family has the key {key:02x?}").into())
        })?;
        let family: ScorecardFamily = records::decode(key, raw)?;
        wanted.push(reader.keys().scorecard_revision(&base, family.newest_ordinal));
    }
    Ok(get_many(reader, wanted).await?.into_iter().flatten().collect())
}

/// Puts a built-in revision and makes it the newest of its family, which must have been read.
pub fn put_seeded(decision: &mut Decision<'_>, revision: &ScorecardRevision) {
    let base = &revision.revision.base;
    let ordinal = revision.revision.ordinal;
    let seeded =
        ScorecardFamily { newest_ordinal: ordinal, seeded_hash: Some(revision.content_hash.clone()) };
    let keys = decision.keys();
    decision.replace(keys.scorecard_family(base), &seeded);
    decision.put_new(keys.scorecard_revision(base, ordinal), revision);
}
