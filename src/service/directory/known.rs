//! The numbers of people who were met lately, so that they cost no read.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use crate::domain::{PersonId, PersonIdentity};

/// About two megabytes. Most answers name the same few hundred agents.
const MOST: usize = 10_000;

/// What is remembered never changes: an identity keeps its number for ever.
#[derive(Debug, Default)]
pub struct KnownPeople(RwLock<HashMap<PersonIdentity, PersonId>>);

impl KnownPeople {
    pub fn number(&self, identity: &PersonIdentity) -> Option<PersonId> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(identity).copied()
    }

    /// Forgets everybody when there are too many: those who matter are met again at once.
    pub fn remember(&self, identity: &PersonIdentity, number: PersonId) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(identity.clone(), number);
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::{AuthorKind, KnownBy};

    use super::*;

    #[test]
    fn it_remembers_and_stays_small() {
        let known = KnownPeople::default();
        let identity = |number: usize| PersonIdentity {
            source: "x".to_owned(),
            kind: AuthorKind::Teammate,
            known_by: KnownBy::ExternalId(number.to_string()),
        };
        for number in 0..=2 * MOST {
            known.remember(&identity(number), PersonId(number as u64));
            assert_eq!(known.number(&identity(number)), Some(PersonId(number as u64)));
        }
        assert_eq!(known.number(&identity(0)), None);
        assert!(known.0.read().unwrap().len() <= MOST);
    }
}
