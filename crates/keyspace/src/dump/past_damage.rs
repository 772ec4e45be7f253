//! A dump of what can be read of a damaged store, which says what it lacks.

use std::{io::Write, ops::Bound};

use super::{Counts, DumpError, Output, PAST_DAMAGE_VERSION, TITLE, is_half_loaded};
use crate::{
    Key, KeyRange, Keyspace,
    sweep::{LAST, LogPart, LogSweep, Part, Place, Sweep, unless_damaged},
};

/// Like [`dump`](super::dump()), past what cannot be read; answers what is missing, in words. `known` is missing besides.
pub async fn dump_past_damage(
    store: &dyn Keyspace,
    known: &[String],
    out: &mut (dyn Write + Send),
    progress: &mut (dyn FnMut(Counts) + Send),
) -> Result<(Counts, Vec<String>), DumpError> {
    if let Ok(true) = unless_damaged(is_half_loaded(store).await)? {
        return Err(DumpError::HalfLoaded);
    }
    let mut out =
        Output { out, hasher: blake3::Hasher::new(), buffer: Vec::new(), counts: Counts::default() };
    out.buffer.extend_from_slice(TITLE);
    out.buffer.extend_from_slice(&PAST_DAMAGE_VERSION.to_be_bytes());
    let mut missing = Vec::new();
    for what in known {
        note(&mut out, &mut missing, what.clone());
    }
    let mut pairs = Sweep::new(store, KeyRange::all());
    while let Some(part) = pairs.next().await? {
        match part {
            Part::Pairs(pairs) => pairs.iter().for_each(|(key, value)| out.pair(key, value)),
            Part::Lost(lost) => {
                let what = match lost.place {
                    Place::Value(key) => format!("the value of the key {}", crate::hex(&key)),
                    Place::Stretch(range) => {
                        format!(
                            "whatever is stored between the keys {} and {}",
                            bound(&range.start),
                            bound(&range.end)
                        )
                    }
                };
                note(&mut out, &mut missing, format!("{what}: {}", lost.why));
            }
        }
        out.write_page().map_err(DumpError::Io)?;
        progress(out.counts);
    }
    let mut log = LogSweep::new(store);
    while let Some(part) = log.next().await? {
        match part {
            LogPart::Records(records) => {
                records.iter().for_each(|(position, value)| out.record(*position, value));
            }
            LogPart::Lost(lost) => {
                let (after, until) = lost.place;
                let until = if until == LAST { String::new() } else { format!(" up to {until}") };
                note(
                    &mut out,
                    &mut missing,
                    format!("log records after position {after}{until}: {}", lost.why),
                );
            }
        }
        out.write_page().map_err(DumpError::Io)?;
        progress(out.counts);
    }
    let counts = out.finish().map_err(DumpError::Io)?;
    progress(counts);
    Ok((counts, missing))
}

fn note(out: &mut Output<'_>, missing: &mut Vec<String>, what: String) {
    out.missing(&what);
    missing.push(what);
}

fn bound(bound: &Bound<Key>) -> String {
    match bound {
        Bound::Included(key) | Bound::Excluded(key) => crate::hex(key),
        Bound::Unbounded => "beyond all".to_owned(),
    }
}
