//! The keys of people and teams.

use crate::domain::{AuthorKind, ConversationId, KnownBy, PersonId, PersonIdentity, TeamId, TeamIdentity};

use super::{Key, KeyRange, Keys, push_text};

pub(super) const PERSON: u8 = 0x70;
pub(super) const PERSON_IDENTITY: u8 = 0x71;
pub(super) const TEAM: u8 = 0x72;
pub(super) const TEAM_IDENTITY: u8 = 0x73;
pub(super) const MEMBER: u8 = 0x74;

/// The code for people who are identified by name within one conversation.
const NAME_IN: u8 = 2;

impl Keys {
    /// Everything stored about people who are identified within one conversation of this source only: their opt-outs
    /// and their identities.
    pub fn known_within(self, source: &str, conversation: ConversationId) -> [KeyRange; 2] {
        let mut people = self.people_prefix(AuthorKind::Contact, Some(source));
        people.push(NAME_IN);
        people.extend(conversation.0.to_be_bytes());
        [self.opt_outs_in(source, conversation), people].map(KeyRange::prefix)
    }

    pub fn person(self, id: PersonId) -> Key {
        self.in_workspace_numbered(PERSON, id.0)
    }

    /// The kind comes first, so that all agents of a source are adjacent whatever their ids are.
    pub fn person_identity(self, identity: &PersonIdentity) -> Key {
        let mut key = self.people_prefix(identity.kind, Some(&identity.source));
        match &identity.known_by {
            KnownBy::ExternalId(external_id) => {
                key.push(0);
                push_text(&mut key, external_id);
            }
            KnownBy::Name(name) => {
                key.push(1);
                push_text(&mut key, name);
            }
            KnownBy::NameIn { conversation, name } => {
                key.push(NAME_IN);
                key.extend(conversation.0.to_be_bytes());
                push_text(&mut key, name);
            }
        }
        key
    }

    /// All identities of a kind, or of a kind and a source.
    pub fn people(self, kind: AuthorKind, source: Option<&str>) -> KeyRange {
        KeyRange::prefix(self.people_prefix(kind, source))
    }

    pub(super) fn people_prefix(self, kind: AuthorKind, source: Option<&str>) -> Key {
        let mut key = self.in_workspace(PERSON_IDENTITY, 16 + source.map_or(0, str::len));
        key.push(match kind {
            AuthorKind::Contact => 0,
            AuthorKind::Ai => 1,
            AuthorKind::Teammate => 2,
        });
        if let Some(source) = source {
            push_text(&mut key, source);
        }
        key
    }

    pub fn team(self, id: TeamId) -> Key {
        self.in_workspace_numbered(TEAM, id.0)
    }

    pub fn teams(self) -> KeyRange {
        KeyRange::prefix(self.in_workspace(TEAM, 0))
    }

    pub fn team_identity(self, identity: &TeamIdentity) -> Key {
        let mut key =
            self.in_workspace(TEAM_IDENTITY, identity.source.len() + identity.external_id.len() + 4);
        push_text(&mut key, &identity.source);
        push_text(&mut key, &identity.external_id);
        key
    }

    pub fn member(self, team: TeamId, person: PersonId) -> Key {
        let mut key = self.in_workspace_numbered(MEMBER, team.0);
        key.extend(person.0.to_be_bytes());
        key
    }

    pub fn members(self, team: TeamId) -> KeyRange {
        KeyRange::prefix(self.in_workspace_numbered(MEMBER, team.0))
    }
}

/// Whether this is the key of a person's identity.
pub fn is_person_identity(key: &[u8]) -> bool {
    key.first() == Some(&PERSON_IDENTITY)
}
