//! A cache of the ids of people seen lately.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use crate::domain::{PersonId, PersonIdentity};

/// About two megabytes. Most answers name the same few hundred agents.
const MOST: usize = 10_000;

/// Somebody who was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    pub number: PersonId,
    /// Whether the directory is known to have a name for them. A name is never overwritten, so nobody with one needs another look.
    pub is_named: bool,
}

/// Entries never go stale: an identity keeps its id for ever.
#[derive(Debug, Default)]
pub struct KnownPeople(RwLock<HashMap<PersonIdentity, Known>>);

impl KnownPeople {
    pub fn find(&self, identity: &PersonIdentity) -> Option<Known> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(identity).copied()
    }

    /// Clears the cache when it is full; it refills quickly.
    pub fn remember(&self, identity: &PersonIdentity, person: Known) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(identity.clone(), person);
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::{AuthorKind, ExternalId, KnownBy};

    use super::*;

    #[test]
    fn it_remembers_and_stays_small() {
        let known = KnownPeople::default();
        let identity = |number: usize| PersonIdentity {
            source: "x".parse().unwrap(),
            kind: AuthorKind::Teammate,
            known_by: KnownBy::ExternalId(ExternalId::of_number(number)),
        };
        for number in 0..=2 * MOST {
            let person = Known { number: PersonId(number as u64), is_named: number % 2 == 0 };
            known.remember(&identity(number), person);
            assert_eq!(known.find(&identity(number)), Some(person));
        }
        assert_eq!(known.find(&identity(0)), None);
        assert!(known.0.read().unwrap().len() <= MOST);
    }
}
