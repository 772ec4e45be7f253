//! The teams that agents work in.

use std::fmt;

use minicbor::{Decode, Encode};
use percent_encoding::utf8_percent_encode;

use super::{check_description, check_name};
use crate::domain::{ImportLimits, TeamId, UnixMillis, Violations, ids::RESERVED};

/// A team. Who is in it stands with each person.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Team {
    #[n(0)]
    pub id: TeamId,
    /// Absent for a team that only this directory knows.
    #[n(1)]
    pub identity: Option<TeamIdentity>,
    #[n(2)]
    pub display_name: String,
    #[n(3)]
    pub description: String,
    /// How many are in it. Whoever joins or leaves changes it, so that nobody joins a team while it is deleted.
    #[n(4)]
    pub member_count: u32,
    /// Grows by one with every change of what is said of it; members coming and going leave it.
    #[n(5)]
    pub version: u64,
    #[n(6)]
    pub create_time: UnixMillis,
    #[n(7)]
    pub update_time: UnixMillis,
}

/// What a helpdesk calls a team.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Encode, Decode)]
pub struct TeamIdentity {
    #[n(0)]
    pub source: String,
    #[n(1)]
    pub external_id: String,
}

impl TeamIdentity {
    /// What a caller says of a new team; `None` when it has no external id, or one that breaks a rule. A source without an
    /// external id says nothing.
    pub fn checked(source: String, external_id: String, violations: &mut Violations) -> Option<Self> {
        for (field, text, most) in [
            ("source", &source, ImportLimits::SOURCE_BYTES),
            ("external_id", &external_id, ImportLimits::EXTERNAL_ID_BYTES),
        ] {
            if text.len() > most {
                violations.add(field, format!("must be at most {most} bytes long, is {}", text.len()));
            } else if let Some(control) = text.chars().find(|character| character.is_control()) {
                violations.add(field, format!("must not contain control characters, contains {control:?}"));
            }
        }
        if external_id.is_empty() {
            if !source.is_empty() {
                violations.add("external_id", "is required where a source is given");
            }
            return None;
        }
        let source = if source.is_empty() { ImportLimits::DEFAULT_SOURCE.to_owned() } else { source };
        Some(Self { source, external_id })
    }
}

/// How a caller names a team.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub enum TeamRef {
    #[n(0)]
    Id(#[n(0)] TeamId),
    #[n(1)]
    External(#[n(0)] TeamIdentity),
}

/// As it stands in a resource name.
impl fmt::Display for TeamRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::External(TeamIdentity { source, external_id }) => {
                let encoded = |part| utf8_percent_encode(part, RESERVED);
                write!(f, "{}:{}", encoded(source), encoded(external_id))
            }
        }
    }
}

/// A team to make.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct NewTeam {
    #[n(0)]
    pub identity: Option<TeamIdentity>,
    #[n(1)]
    pub display_name: String,
    #[n(2)]
    pub description: String,
}

/// What is to be said of a team from now on; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode)]
pub struct TeamPatch {
    #[n(0)]
    pub display_name: Option<String>,
    #[n(1)]
    pub description: Option<String>,
}

impl TeamPatch {
    /// Notes every rule that it breaks.
    pub fn check(&self, violations: &mut Violations) {
        check_name(violations, self.display_name.as_deref());
        if self.display_name.as_deref() == Some("") {
            violations.add("display_name", "must not be empty");
        }
        check_description(violations, self.description.as_deref());
    }
}

impl Team {
    /// A team without members.
    pub fn new(id: TeamId, new: NewTeam, now: UnixMillis) -> Self {
        let NewTeam { identity, display_name, description } = new;
        Self {
            id,
            identity,
            display_name,
            description,
            member_count: 0,
            version: 1,
            create_time: now,
            update_time: now,
        }
    }
}
