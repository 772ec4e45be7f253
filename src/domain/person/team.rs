//! The teams that agents work in.

use std::fmt;

use minicbor::{Decode, Encode};
use percent_encoding::utf8_percent_encode;

use super::check_description;
use crate::domain::{DisplayName, ExternalId, SourceName, TeamId, UnixMillis, Violations, ids::RESERVED};

/// A team. Membership is stored with each person.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Team {
    #[n(0)]
    pub id: TeamId,
    /// Absent for a team that only this directory knows.
    #[n(1)]
    pub identity: Option<TeamIdentity>,
    #[n(2)]
    pub display_name: DisplayName,
    #[n(3)]
    pub description: String,
    /// The number of members. Joining or leaving changes it, so that nobody joins a team while it is being deleted.
    #[n(4)]
    pub member_count: u32,
    /// Incremented with every change to its description; members coming and going do not count.
    #[n(5)]
    pub version: u64,
    #[n(6)]
    pub create_time: UnixMillis,
    #[n(7)]
    pub update_time: UnixMillis,
}

/// A team's name in a helpdesk.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Encode, Decode)]
pub struct TeamIdentity {
    #[n(0)]
    pub source: SourceName,
    #[n(1)]
    pub external_id: ExternalId,
}

/// How a caller names a team.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub enum TeamRef {
    #[n(0)]
    Id(#[n(0)] TeamId),
    #[n(1)]
    External(#[n(0)] TeamIdentity),
}

/// As in a resource name.
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

/// A team to create, as decoded by an edge; empty is absent.
#[derive(Clone, Debug, Default)]
pub struct TeamDraft {
    pub source: String,
    pub external_id: String,
    pub display_name: String,
    pub description: String,
}

/// A team to create.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct NewTeam {
    #[n(0)]
    pub identity: Option<TeamIdentity>,
    #[n(1)]
    pub display_name: DisplayName,
    #[n(2)]
    pub description: String,
}

impl TeamDraft {
    /// Checks every rule. `violations` are those that the edge found while decoding.
    pub fn check(self, mut violations: Violations) -> Result<NewTeam, Violations> {
        let has_source = !self.source.is_empty();
        let source = violations.check("source", SourceName::optional(Some(self.source)));
        let external_id = ExternalId::optional(Some(self.external_id));
        let external_id = violations.check("external_id", external_id).flatten();
        if has_source && external_id.is_none() {
            violations.add("external_id", "is required where a source is given");
        }
        let display_name = check_name(self.display_name, &mut violations);
        check_description(Some(&self.description), &mut violations);
        let source = source.flatten().unwrap_or_else(SourceName::custom);
        let identity = external_id.map(|external_id| TeamIdentity { source, external_id });
        match display_name {
            Some(display_name) => {
                violations.or(NewTeam { identity, display_name, description: self.description })
            }
            None => Err(violations),
        }
    }
}

/// A team has a name.
fn check_name(name: String, violations: &mut Violations) -> Option<DisplayName> {
    if name.is_empty() {
        violations.add("display_name", "must not be empty");
    }
    violations.check("display_name", DisplayName::new(name))
}

/// Changes to a team; absent fields stay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode)]
pub struct TeamUpdate {
    #[n(0)]
    pub display_name: Option<DisplayName>,
    #[n(1)]
    pub description: Option<String>,
}

/// The same as decoded by an edge.
#[derive(Clone, Debug, Default)]
pub struct TeamUpdateDraft {
    pub display_name: Option<String>,
    pub description: Option<String>,
}

impl TeamUpdateDraft {
    /// The fields that can be changed, by their API names.
    pub const FIELDS: [&str; 2] = ["display_name", "description"];

    /// The valid parts; broken rules are recorded.
    pub fn check(self, violations: &mut Violations) -> TeamUpdate {
        let display_name = self.display_name.and_then(|name| check_name(name, violations));
        check_description(self.description.as_deref(), violations);
        TeamUpdate { display_name, description: self.description }
    }
}

impl Team {
    /// A team seen for the first time, under the id that a helpdesk knows it by.
    pub fn first_seen(id: TeamId, identity: TeamIdentity, now: UnixMillis) -> Self {
        let display_name = identity.external_id.clone().into();
        Self::new(id, NewTeam { identity: Some(identity), display_name, description: String::new() }, now)
    }

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
