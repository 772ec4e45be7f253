//! One conversation, copied so that everything that belongs to it fits.

use std::collections::BTreeSet;

use super::{Writer, readable};
use crate::{
    domain::{
        Assessment, AssessmentState, AttachmentId, ConversationId, Held, Listing, Message, Unit, UnixMillis,
        axis,
    },
    store::{
        Key, Keys, Keyspace, StoreError, assessment,
        check::{Part, bundles::Bundle, pieces::Pieces},
        keys::{self, Kind},
        records::{
            self, AssessmentEntry, AssessmentIndex, AssessmentOwner, AttachmentBytes, Head, Identity, Job,
            Segment,
        },
    },
};

/// A conversation to copy.
pub(super) struct Copy<'a> {
    pub from: &'a dyn Keyspace,
    pub keys: Keys,
    /// Conversations with lower numbers are in lists with filters.
    pub mark: ConversationId,
    pub now: UnixMillis,
    pub bundle: &'a Bundle,
    pub pieces: &'a Pieces,
}

impl Copy<'_> {
    /// Whether it is to be scored again; `None` if it is left out.
    pub(super) async fn put(&self, writer: &mut Writer<'_>) -> Result<Option<bool>, StoreError> {
        let Pieces { id, head, .. } = self.pieces;
        let (Some(head), Some(messages)) = (head, self.pieces.messages()) else { return Ok(None) };
        writer.takes(id.0);
        for message in &messages {
            writer.takes(message.id.0);
            writer.takes(message.event_number());
        }
        let files = self.attachments(&messages, writer).await?;
        self.messages(head, &files, writer).await?;
        let known: BTreeSet<_> = messages.iter().map(|message| message.id).collect();
        for (key, _) in self.pieces.tracked.iter().filter(|(_, message)| known.contains(message)) {
            self.as_it_is(key, writer).await?;
        }
        let conversation = &head.conversation;
        match conversation.delete_time {
            None => {
                let key = self.keys.identity(&conversation.source, &conversation.external_id);
                writer.record(key, &Identity { conversation: *id }).await?;
            }
            Some(time) => writer.raw(self.keys.deletion(time, *id), records::empty()).await?,
        }
        self.ratings(writer).await?;
        let are_whole = self.assessments(writer).await?;
        let is_queued = self.job(head, are_whole, writer).await?;
        self.listing(head, &messages, writer).await?;
        Ok(Some(is_queued))
    }

    /// Copies the attachments that can be read; answers which.
    async fn attachments(
        &self,
        messages: &[&Message],
        writer: &mut Writer<'_>,
    ) -> Result<BTreeSet<AttachmentId>, StoreError> {
        let mut copied = BTreeSet::new();
        for message in messages {
            let all = message.details.iter().flat_map(|details| &details.attachments);
            all.for_each(|attachment| writer.takes(attachment.id.0));
            for id in message.stored_attachments() {
                let key = self.keys.attachment(self.pieces.id, id);
                let Ok(Some(value)) = readable(self.from, &key).await? else { continue };
                if records::decode::<AttachmentBytes>(&key, &value).is_ok() {
                    writer.raw(key, value).await?;
                    copied.insert(id);
                }
            }
        }
        Ok(copied)
    }

    /// Attachments whose bytes are lost are said to be missing.
    async fn messages(
        &self,
        head: &Head,
        files: &BTreeSet<AttachmentId>,
        writer: &mut Writer<'_>,
    ) -> Result<(), StoreError> {
        let key = self.keys.head(self.pieces.id);
        let mut changed = head.clone();
        if lose(&mut changed.messages, files) {
            writer.record(key, &changed).await?;
        } else {
            self.as_it_is(&key, writer).await?;
        }
        for (key, segment) in &self.pieces.segments {
            let Segment { mut messages } = segment.clone();
            if lose(&mut messages, files) {
                writer.record(key.clone(), &Segment { messages }).await?;
            } else {
                self.as_it_is(key, writer).await?;
            }
        }
        Ok(())
    }

    async fn ratings(&self, writer: &mut Writer<'_>) -> Result<(), StoreError> {
        for rating in &self.pieces.ratings {
            writer.takes(rating.id.0);
            self.as_it_is(&self.keys.rating(rating.conversation, rating.id), writer).await?;
            writer.record(self.keys.rating_by_time(rating.offer_time, rating.id), &rating.entry()).await?;
            if let Some(uuid) = rating.imported_uuid() {
                let number = records::RatingNumber { rating: rating.id };
                writer.record(self.keys.imported_rating(rating.conversation, uuid), &number).await?;
            }
        }
        Ok(())
    }

    /// Copies the assessments that can be read; answers whether these are all.
    async fn assessments(&self, writer: &mut Writer<'_>) -> Result<bool, StoreError> {
        let id = self.pieces.id;
        let mut entries: Vec<AssessmentEntry> = Vec::new();
        let mut units: Vec<(Unit, &str)> = Vec::new();
        for assessment in &self.pieces.assessments {
            writer.takes(assessment.id.0);
            let unit = (assessment.unit, assessment.scorecard.base.as_str());
            if units.contains(&unit) {
                continue;
            }
            units.push(unit);
            entries.push(AssessmentEntry {
                unit: assessment.unit,
                scorecard: assessment.scorecard.base.clone(),
                assessment: assessment.id,
            });
            self.as_it_is(&self.keys.assessment(id, assessment.id), writer).await?;
            let owner = keys::assessment_owner(assessment.id);
            for key in assessment::keys_elsewhere(self.keys, assessment) {
                if key != owner {
                    writer.raw(key, records::empty()).await?;
                }
            }
            writer.record(owner, &AssessmentOwner { conversation: id }).await?;
        }
        let key = self.keys.assessment_index(id);
        let is_whole = !self.pieces.damage.contains_key(&Part::Assessments);
        match &self.pieces.index {
            Some(index) if index.entries.len() == entries.len() => self.as_it_is(&key, writer).await?,
            None if entries.is_empty() => {}
            _ => writer.record(key, &AssessmentIndex { entries }).await?,
        }
        let lost = |kind| self.bundle.lost.contains_key(&kind);
        let is_read = !lost(Kind::Assessment) && !lost(Kind::AssessmentIndex);
        // An owner or a posting that is lost is made anew.
        Ok(is_read && (is_whole || self.indexes_all()))
    }

    fn indexes_all(&self) -> bool {
        let entries = self.pieces.index.iter().flat_map(|index| &index.entries);
        let indexed: BTreeSet<_> = entries.map(|entry| entry.assessment).collect();
        indexed == self.pieces.assessments.iter().map(|assessment| assessment.id).collect()
    }

    /// Copies what is known of its scoring; answers whether it is queued anew.
    async fn job(&self, head: &Head, are_whole: bool, writer: &mut Writer<'_>) -> Result<bool, StoreError> {
        let (id, conversation) = (self.pieces.id, &head.conversation);
        let key = self.keys.job(id);
        let job = readable(self.from, &key).await?;
        let is_scored = conversation.delete_time.is_none()
            && !conversation.is_unscored()
            && conversation.message_count > 0;
        let found = job.as_ref().ok().and_then(Option::as_ref);
        let found = found.filter(|raw| records::decode::<Job>(&key, raw).is_ok());
        if let Some(raw) = found {
            writer.raw(key, raw.clone()).await?;
            return Ok(false);
        }
        if self.pieces.failure.is_some() {
            self.as_it_is(&self.keys.scoring_failure(id), writer).await?;
            return Ok(false);
        }
        let is_unknown = !matches!(job, Ok(None)) || self.bundle.lost.contains_key(&Kind::ScoringFailure);
        if !is_scored || (are_whole && !is_unknown) {
            return Ok(false);
        }
        let not_before = UnixMillis::MIN;
        let job =
            Job { version: conversation.version, failed_attempts: 0, not_before, create_time: self.now };
        writer.record(key, &job).await?;
        Ok(true)
    }

    async fn listing(
        &self,
        head: &Head,
        messages: &[&Message],
        writer: &mut Writer<'_>,
    ) -> Result<(), StoreError> {
        let id = self.pieces.id;
        let key = self.keys.listing(id);
        let listing = match &self.pieces.listing {
            Some(listing) => {
                self.as_it_is(&key, writer).await?;
                listing.clone()
            }
            // The server puts it into lists when it comes to it.
            None if id >= self.mark && !self.bundle.lost.contains_key(&Kind::Listing) => return Ok(()),
            None => {
                let listing = self.listed(head, messages);
                writer.record(key, &listing).await?;
                listing
            }
        };
        for key in listing.postings().iter().filter_map(|posting| self.keys.posting(posting, id)) {
            writer.raw(key, records::empty()).await?;
        }
        Ok(())
    }

    /// What lists know of it, made anew.
    fn listed(&self, head: &Head, messages: &[&Message]) -> Listing {
        let mut listing = Listing { is_indexed: true, ..Listing::default() };
        listing.add_writers(messages.iter().copied());
        listing.follow(&head.conversation);
        listing.held = listing.held.or_else(|| Held::of(messages.iter().copied()));
        listing.is_rated = self.pieces.ratings.iter().any(|rating| rating.answer_time().is_some());
        listing.score_tenths = self.pieces.assessments.iter().find_map(score_of);
        listing.failed_attempts = self.pieces.failure.as_ref().map(|failure| failure.failed_attempts);
        let is_settled = listing.score_tenths.is_some() || listing.failed_attempts.is_some();
        listing.settled_version = is_settled.then_some(head.conversation.version);
        listing
    }

    /// Copies what was read.
    async fn as_it_is(&self, key: &Key, writer: &mut Writer<'_>) -> Result<(), StoreError> {
        match self.bundle.pairs.get(key) {
            Some(value) => writer.raw(key.clone(), value.clone()).await,
            None => Ok(()),
        }
    }
}

/// Says of the attachments that are not among these that they are missing; answers whether there are such.
fn lose(messages: &mut [Message], files: &BTreeSet<AttachmentId>) -> bool {
    let mut is_changed = false;
    for details in messages.iter_mut().filter_map(|message| message.details.as_mut()) {
        for attachment in details.attachments.iter_mut().filter(|it| it.is_here() && !files.contains(&it.id))
        {
            attachment.is_missing = true;
            is_changed = true;
        }
    }
    is_changed
}

/// The score of a whole conversation.
fn score_of(assessment: &Assessment) -> Option<u32> {
    let is_axis = assessment.unit == Unit::Conversation
        && assessment.scorecard.base == axis::SCORECARD
        && assessment.state != AssessmentState::Deleted;
    assessment.axis.as_ref().filter(|_| is_axis).map(|axis| axis.score_tenths)
}
