//! The directory, the scorecards, and the store's own records.

use std::collections::BTreeMap;

use minicbor::Decode;

use super::{super::secret::fresh_secret, ADVANCE, Writer, readable};
use crate::{
    domain::{ConversationId, KnownBy, LAST_ID, Person, ScorecardRevision, Team, TeamId, UnixMillis},
    store::{
        Key, Keys, Keyspace, StoreError, Value,
        check::Progress,
        keys::{self, Kind, KnownCustomer},
        records::{
            self, Backfill, ClockMark, Cursor, Membership, NextId, OptOut, PersonNumber, Request,
            RequestAnswer, ScorecardFamily, Secret, TeamNumber,
        },
        sweep::{Part, Sweep},
    },
};

pub(super) struct Others<'a> {
    pub from: &'a dyn Keyspace,
    pub keys: Keys,
    /// In order.
    pub kept: &'a [ConversationId],
    pub now: UnixMillis,
    pub is_cut: bool,
}

impl Others<'_> {
    pub(super) async fn put(
        &self,
        writer: &mut Writer<'_>,
        progress: &mut Progress<'_>,
    ) -> Result<(), StoreError> {
        self.scorecards(writer, progress).await?;
        self.directory(writer, progress).await?;
        for kind in [Kind::ClockMark, Kind::Backfill, Kind::Cursor, Kind::OptOut, Kind::Request] {
            for (key, value) in self.all(kind, progress).await? {
                if self.is_kept(kind, &key, &value) {
                    writer.raw(key, value).await?;
                }
            }
        }
        self.secret(writer).await?;
        let key = keys::next_id();
        let next = readable(self.from, &key).await?.ok().flatten();
        let next = next.and_then(|raw| records::decode::<NextId>(&key, &raw).ok());
        let lost = if next.is_none() || self.is_cut { ADVANCE } else { 0 };
        let above = writer.highest.max(next.map_or(0, |next| next.id)).saturating_add(1);
        let id = match next {
            Some(next) if lost == 0 && next.id > writer.highest => next.id,
            _ => above.saturating_add(lost).min(LAST_ID),
        };
        writer.record(key, &NextId { id }).await
    }

    /// A lost secret is made anew: what was derived from it is void.
    async fn secret(&self, writer: &mut Writer<'_>) -> Result<(), StoreError> {
        let key = keys::secret();
        match readable(self.from, &key).await? {
            Ok(Some(raw)) if is::<Secret>(&key, &raw) => writer.raw(key, raw).await,
            _ => writer.record(key, &Secret { key: fresh_secret()? }).await,
        }
    }

    /// Whether a record makes sense, and what it is about is there.
    fn is_kept(&self, kind: Kind, key: &Key, value: &Value) -> bool {
        match kind {
            Kind::ClockMark => is::<ClockMark>(key, value),
            Kind::Backfill => is::<Backfill>(key, value),
            Kind::Cursor => is::<Cursor>(key, value),
            Kind::OptOut => match keys::customer_of_opt_out(key) {
                Some((_, KnownCustomer::NameIn(id, _))) => self.has(id) && is::<OptOut>(key, value),
                Some(_) => is::<OptOut>(key, value),
                None => false,
            },
            // What it was answered with is gone: sent again, it is carried out again.
            _ => records::decode::<Request>(key, value)
                .is_ok_and(|request| conversation_of(&request.answer).is_none_or(|id| self.has(id))),
        }
    }

    fn has(&self, id: ConversationId) -> bool {
        self.kept.binary_search(&id).is_ok()
    }

    async fn scorecards(
        &self,
        writer: &mut Writer<'_>,
        progress: &mut Progress<'_>,
    ) -> Result<(), StoreError> {
        let mut newest: BTreeMap<String, u32> = BTreeMap::new();
        for (key, value) in self.all(Kind::ScorecardRevision, progress).await? {
            let Some((base, ordinal)) = keys::revision_of(&key) else { continue };
            if is::<ScorecardRevision>(&key, &value) {
                let known = newest.entry(base).or_default();
                *known = ordinal.max(*known);
                writer.raw(key, value).await?;
            }
        }
        let mut families: BTreeMap<String, ScorecardFamily> = BTreeMap::new();
        for (key, value) in self.all(Kind::ScorecardFamily, progress).await? {
            if let (Some(base), Ok(family)) = (keys::base_of_family(&key), records::decode(&key, &value)) {
                families.insert(base, family);
            }
        }
        for (base, newest_ordinal) in newest {
            let known = families.remove(&base).filter(|family| family.newest_ordinal == newest_ordinal);
            let family = known.unwrap_or(ScorecardFamily { newest_ordinal, seeded_hash: None });
            writer.record(self.keys.scorecard_family(&base), &family).await?;
        }
        Ok(())
    }

    async fn directory(
        &self,
        writer: &mut Writer<'_>,
        progress: &mut Progress<'_>,
    ) -> Result<(), StoreError> {
        let mut teams: BTreeMap<TeamId, Team> = BTreeMap::new();
        for (key, value) in self.all(Kind::Team, progress).await? {
            if let Ok(team) = records::decode::<Team>(&key, &value) {
                teams.insert(team.id, Team { member_count: 0, ..team });
            }
        }
        let mut sweep = Sweep::new(self.from, Kind::Person.keys());
        while let Some(part) = sweep.next().await? {
            let Part::Pairs(pairs) = part else { continue };
            for (key, value) in pairs {
                if let Ok(person) = records::decode::<Person>(&key, &value) {
                    self.person(key, value, person, &mut teams, writer).await?;
                }
            }
        }
        for team in teams.into_values() {
            writer.takes(team.id.0);
            if let Some(identity) = &team.identity {
                writer.record(self.keys.team_identity(identity), &TeamNumber { team: team.id }).await?;
            }
            writer.record(self.keys.team(team.id), &team).await?;
        }
        Ok(())
    }

    async fn person(
        &self,
        key: Key,
        value: Value,
        mut person: Person,
        teams: &mut BTreeMap<TeamId, Team>,
        writer: &mut Writer<'_>,
    ) -> Result<(), StoreError> {
        // Whom only a conversation knows goes with it.
        if matches!(&person.identity.known_by, KnownBy::NameIn { conversation, .. } if !self.has(*conversation))
        {
            return Ok(());
        }
        writer.takes(person.id.0);
        writer
            .record(self.keys.person_identity(&person.identity), &PersonNumber { person: person.id })
            .await?;
        let before = person.teams.len();
        person.teams.retain(|team| teams.contains_key(team));
        for team in &person.teams {
            if let Some(team) = teams.get_mut(team) {
                team.member_count = team.member_count.saturating_add(1);
            }
            let member = self.keys.member(*team, person.id);
            match readable(self.from, &member).await? {
                Ok(Some(raw)) if is::<Membership>(&member, &raw) => writer.raw(member, raw).await?,
                _ => writer.record(member, &Membership { since: self.now }).await?,
            }
        }
        if person.teams.len() == before {
            writer.raw(key, value).await
        } else {
            writer.record(key, &person).await
        }
    }

    /// What can be read of a kind of which there is little.
    async fn all(&self, kind: Kind, progress: &mut Progress<'_>) -> Result<Vec<(Key, Value)>, StoreError> {
        let mut all = Vec::new();
        let mut sweep = Sweep::new(self.from, kind.keys());
        while let Some(part) = sweep.next().await? {
            if let Part::Pairs(pairs) = part {
                progress.pairs(&pairs);
                all.extend(pairs);
            }
        }
        Ok(all)
    }
}

fn is<T: for<'a> Decode<'a, ()>>(key: &Key, value: &Value) -> bool {
    records::decode::<T>(key, value).is_ok()
}

/// The conversation that an answer names.
fn conversation_of(answer: &RequestAnswer) -> Option<ConversationId> {
    match answer {
        RequestAnswer::ImportConversation { conversation, .. }
        | RequestAnswer::StoreMessage { conversation, .. }
        | RequestAnswer::UpdateMessage { conversation, .. }
        | RequestAnswer::DeleteMessage { conversation, .. }
        | RequestAnswer::OfferRating { conversation, .. }
        | RequestAnswer::SubmitRating { conversation, .. }
        | RequestAnswer::CancelRating { conversation, .. }
        | RequestAnswer::UpdateConversation { conversation }
        | RequestAnswer::DeleteConversation { conversation }
        | RequestAnswer::UndeleteConversation { conversation } => Some(*conversation),
        RequestAnswer::UpdatePerson(_)
        | RequestAnswer::CreateTeam(_)
        | RequestAnswer::UpdateTeam(_)
        | RequestAnswer::DeleteTeam => None,
    }
}
