//! What is not stored under a conversation's number: the store's own records, identities, queue, lists, directory, scorecards.

use std::{ops::Bound, sync::Arc};

use minicbor::Decode;

use super::{Part, Progress, Report, pieces::decode, references::get_each};
use crate::{
    domain::{ConversationId, Person, PersonId, RatingEntry, ScorecardRevision, Team},
    store::{
        Key, KeyRange, Keys, Keyspace, StoreError, Value,
        keys::{self, Kind, number_at_end},
        records::{
            AssessmentOwner, Backfill, ClockMark, Cursor, Identity, Job, Lease, Membership, NextId,
            OpenNumbers, OptOut, PersonNumber, Request, ScorecardFamily, Secret, TeamNumber,
        },
        sweep::{Part as Swept, Place, Sweep},
    },
};

pub(super) struct Others<'a> {
    pub store: &'a dyn Keyspace,
    pub keys: Keys,
    /// The conversations of which something was read, in order.
    pub known: &'a [ConversationId],
    pub report: &'a mut Report,
}

/// What a key is expected to lead to.
enum Leads {
    /// Nowhere.
    Nowhere,
    /// To a conversation.
    To(ConversationId),
    /// To other keys, whose absence is this.
    ToKeys(Vec<(Key, &'static str)>),
}

impl Others<'_> {
    pub(super) async fn read_all(mut self, progress: &mut Progress<'_>) -> Result<(), StoreError> {
        let conversations = !self.known.is_empty();
        for kind in Kind::all().filter(|kind| !kind.is_by_conversation()) {
            let before = progress.read.pairs;
            let mut sweep = Sweep::new(self.store, kind.keys());
            let mut is_lost = false;
            while let Some(part) = sweep.next().await? {
                match part {
                    Swept::Pairs(pairs) => {
                        progress.pairs(&pairs);
                        self.page(kind, pairs).await?;
                    }
                    Swept::Lost(lost) => {
                        is_lost = true;
                        progress.read.lost += 1;
                        self.lost(kind, &lost.place, &lost.why);
                    }
                }
                progress.tell();
            }
            let must_be = conversations && matches!(kind, Kind::Secret | Kind::NextId);
            if must_be && !is_lost && progress.read.pairs == before {
                self.report.other(name_of(kind), "it is missing");
            }
        }
        self.strange().await
    }

    /// Keys that are of no kind.
    async fn strange(&mut self) -> Result<(), StoreError> {
        let mut start = Bound::Unbounded;
        for kind in Kind::all() {
            let KeyRange { start: begin, end } = kind.keys();
            let Bound::Included(begin) = begin else { continue };
            let between = KeyRange { start, end: Bound::Excluded(begin) };
            self.strange_in(between).await?;
            let Bound::Excluded(end) = end else { return Ok(()) };
            start = Bound::Included(end);
        }
        self.strange_in(KeyRange { start, end: Bound::Excluded(vec![0xF0]) }).await
    }

    async fn strange_in(&mut self, range: KeyRange) -> Result<(), StoreError> {
        if range.is_empty() {
            return Ok(());
        }
        let mut sweep = Sweep::new(self.store, range);
        while let Some(part) = sweep.next().await? {
            // A stretch that cannot be read is told of the kinds beside it.
            if let Swept::Pairs(pairs) = part {
                for (key, _) in pairs {
                    self.report.other(format!("the key {}", keys::shown(&key)), "it is of no kind");
                }
            }
        }
        Ok(())
    }

    async fn page(&mut self, kind: Kind, pairs: Vec<(Key, Value)>) -> Result<(), StoreError> {
        let mut wanted: Vec<(Key, Key, &'static str)> = Vec::new();
        for (key, value) in pairs {
            let leads = match leads_to(self.keys, kind, &key, &value) {
                Ok(leads) => leads,
                Err(why) => {
                    self.lost(kind, &Place::Value(key), &why);
                    continue;
                }
            };
            match leads {
                Leads::Nowhere => {}
                Leads::To(id) => self.compare(kind, &key, id),
                Leads::ToKeys(all) => {
                    wanted.extend(all.into_iter().map(|(to, why)| (key.clone(), to, why)));
                }
            }
        }
        let targets: Vec<Key> = wanted.iter().map(|(_, to, _)| to.clone()).collect();
        let found = get_each(self.store, &targets).await?;
        for ((key, _, why), found) in wanted.into_iter().zip(found) {
            match found {
                Ok(Some(_)) => {}
                Ok(None) => self.lost(kind, &Place::Value(key), &why.into()),
                Err(why) => self.lost(kind, &Place::Value(key), &why),
            }
        }
        Ok(())
    }

    /// Whether the conversation is there that a key leads to; an identity also tells the name of one that is damaged.
    fn compare(&mut self, kind: Kind, key: &Key, id: ConversationId) {
        let is_known = self.known.binary_search(&id).is_ok();
        let name = (kind == Kind::Identity).then(|| keys::identity_of(key)).flatten();
        if !is_known {
            let why = "nothing that is stored under its number can be read";
            self.report.part(id, Part::Conversation, &why.into());
        }
        if let Some(affected) = self.report.conversations.get_mut(&id)
            && affected.name.is_none()
        {
            affected.name = name;
        }
    }

    fn lost(&mut self, kind: Kind, place: &Place, why: &Arc<str>) {
        let what = match place {
            Place::Value(key) => match keys::identity_of(key) {
                Some((source, external_id)) => format!("the number of {source}:{external_id}"),
                None => format!("{} (key {})", name_of(kind), keys::shown(key)),
            },
            Place::Stretch(range) => a_stretch(kind, range),
        };
        self.report.other(what, &**why);
    }
}

/// What is told of a stretch of a kind.
pub(super) fn a_stretch(kind: Kind, range: &KeyRange) -> String {
    let shown = |bound: &Bound<Key>| match bound {
        Bound::Included(key) | Bound::Excluded(key) => keys::shown(key),
        Bound::Unbounded => "the end".to_owned(),
    };
    format!("a stretch of {} (keys from {} to {})", name_of(kind), shown(&range.start), shown(&range.end))
}

/// What is told of keys of a kind.
fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Secret => "the store's secret, from which receipts, links and page tokens are derived",
        Kind::NextId => "the next number to be given",
        Kind::Lease => "a lease of a background task",
        Kind::NumberFence | Kind::OpenNumbers => "numbers in use by a process",
        Kind::ClockMark => "the mark of the clock",
        Kind::Identity => "external ids of conversations",
        Kind::AssessmentOwner => "conversations of assessments by number",
        Kind::ScorecardFamily => "scorecards",
        Kind::ScorecardRevision => "revisions of scorecards",
        Kind::Job => "the scoring queue",
        Kind::Request => "answers to request ids",
        Kind::RatingByTime => "ratings by time",
        Kind::OptOut => "opt-outs",
        Kind::Person => "people",
        Kind::PersonIdentity => "external ids of people",
        Kind::Team => "teams",
        Kind::TeamIdentity => "external ids of teams",
        Kind::Member => "members of teams",
        Kind::StoredPosting | Kind::ConversationPosting => "lists of conversations",
        Kind::AssessmentPosting => "lists of assessments",
        Kind::Deletion => "notes of deletions",
        Kind::Backfill => "how far lists are built",
        Kind::Cursor => "the place of a reader of the log",
        Kind::Head => "conversations",
        Kind::Segment => "messages",
        Kind::Attachment => "attachments",
        Kind::Assessment | Kind::AssessmentIndex => "assessments",
        Kind::Rating | Kind::ImportedRating => "ratings",
        Kind::Listing => "what lists know of conversations",
        _ => "what belongs to a conversation",
    }
}

/// Decodes a record and tells what it leads to.
fn leads_to(keys: Keys, kind: Kind, key: &Key, value: &Value) -> Result<Leads, Arc<str>> {
    let strange = || Arc::<str>::from("its key makes no sense");
    Ok(match kind {
        Kind::Secret => whole::<Secret>(key, value)?,
        Kind::NextId => whole::<NextId>(key, value)?,
        Kind::Lease => whole::<Lease>(key, value)?,
        Kind::OpenNumbers => whole::<OpenNumbers>(key, value)?,
        Kind::ClockMark => whole::<ClockMark>(key, value)?,
        Kind::Backfill => whole::<Backfill>(key, value)?,
        Kind::Cursor => whole::<Cursor>(key, value)?,
        Kind::Request => whole::<Request>(key, value)?,
        Kind::OptOut => whole::<OptOut>(key, value)?,
        Kind::Identity => {
            let identity: Identity = decode(key, value)?;
            keys::identity_of(key).ok_or_else(strange)?;
            Leads::To(identity.conversation)
        }
        Kind::AssessmentOwner => {
            let owner: AssessmentOwner = decode(key, value)?;
            let id = keys::assessment_of_owner(key).ok_or_else(strange)?;
            to_key(keys.assessment(owner.conversation, id), "its assessment is missing")
        }
        Kind::ScorecardFamily => {
            let family: ScorecardFamily = decode(key, value)?;
            let base = keys::base_of_family(key).ok_or_else(strange)?;
            let newest = keys.scorecard_revision(&base, family.newest_ordinal);
            to_key(newest, "its newest revision is missing")
        }
        Kind::ScorecardRevision => {
            decode::<ScorecardRevision>(key, value)?;
            let (base, _) = keys::revision_of(key).ok_or_else(strange)?;
            to_key(keys.scorecard_family(&base), "its scorecard is missing")
        }
        Kind::Job => {
            decode::<Job>(key, value)?;
            Leads::To(keys::conversation_of_job(key).ok_or_else(strange)?)
        }
        Kind::RatingByTime => {
            let entry: RatingEntry = decode(key, value)?;
            let (_, rating) = keys::rating_of_entry(key).ok_or_else(strange)?;
            to_key(keys.rating(entry.conversation, rating), "its rating is missing")
        }
        Kind::Person => {
            let person: Person = decode(key, value)?;
            let teams = person.teams.iter().flat_map(|team| {
                let member = (keys.member(*team, person.id), "its membership of a team is missing");
                [(keys.team(*team), "its team is missing"), member]
            });
            let identity = (keys.person_identity(&person.identity), "its external id or name is missing");
            Leads::ToKeys(teams.chain([identity]).collect())
        }
        Kind::PersonIdentity => {
            let number: PersonNumber = decode(key, value)?;
            to_key(keys.person(number.person), "its person is missing")
        }
        Kind::Team => match decode::<Team>(key, value)?.identity {
            Some(identity) => to_key(keys.team_identity(&identity), "its external id is missing"),
            None => Leads::Nowhere,
        },
        Kind::TeamIdentity => {
            let number: TeamNumber = decode(key, value)?;
            to_key(keys.team(number.team), "its team is missing")
        }
        Kind::Member => {
            decode::<Membership>(key, value)?;
            let person = PersonId(number_at_end(key).ok_or_else(strange)?);
            let team = keys::team_of_member(key).ok_or_else(strange)?;
            let team = (keys.team(team), "its team is missing");
            Leads::ToKeys(vec![(keys.person(person), "its person is missing"), team])
        }
        Kind::ConversationPosting | Kind::StoredPosting | Kind::AssessmentPosting => {
            Leads::To(keys::conversation_of_posting(key).ok_or_else(strange)?)
        }
        Kind::Deletion => Leads::To(keys::conversation_of_deletion(key).ok_or_else(strange)?),
        _ => Leads::Nowhere,
    })
}

fn whole<T: for<'a> Decode<'a, ()>>(key: &Key, value: &Value) -> Result<Leads, Arc<str>> {
    decode::<T>(key, value)?;
    Ok(Leads::Nowhere)
}

fn to_key(key: Key, why: &'static str) -> Leads {
    Leads::ToKeys(vec![(key, why)])
}
