//! Lists of assessments, of one conversation or of all. No page reads more than [`READS_PER_ITEM`] times what was asked for:
//! when it has, it ends early.

mod by_conversation;

use std::collections::HashMap;

use crate::{
    domain::{Assessment, AssessmentFilter, AssessmentId, AssessmentTerm, ConversationId, Place, UnixMillis},
    error::Error,
    service::{
        Call,
        page::{CHUNK, Cursor, MAX_PAGE_BYTES, Page, READS_PER_ITEM, next_leader},
    },
    store::{
        Direction, Key, Scanner, Space, Stored, Value,
        assessment::{self, Posted, RawAssessment},
        conversation, listing,
    },
};

/// An assessment in a list. One that the list did not need to look into is not decoded yet.
#[derive(Clone, Debug)]
pub struct Listed {
    pub id: AssessmentId,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Raw(RawAssessment),
    Decoded(Box<Stored<Assessment>>),
}

impl Listed {
    /// What is stored: the assessment is a pure function of it.
    pub fn stored(&self) -> &Value {
        match &self.content {
            Content::Raw(raw) => &raw.value,
            Content::Decoded(stored) => &stored.raw,
        }
    }

    pub fn into_assessment(self) -> Result<Assessment, Error> {
        match self.content {
            Content::Raw(raw) => Ok(raw.decode()?),
            Content::Decoded(stored) => Ok(stored.value),
        }
    }
}

impl From<RawAssessment> for Listed {
    fn from(raw: RawAssessment) -> Self {
        Self { id: raw.id, content: Content::Raw(raw) }
    }
}

impl From<Stored<Assessment>> for Listed {
    fn from(stored: Stored<Assessment>) -> Self {
        Self { id: stored.value.id, content: Content::Decoded(Box::new(stored)) }
    }
}

/// Whose assessments a list holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssessmentsOf {
    /// Of one conversation, ascending by number.
    One(ConversationId),
    /// Of every conversation, newest first.
    All,
}

/// At most `limit` assessments after `after` that the filter lets pass.
pub async fn list_assessments(
    call: Call<'_>,
    of: AssessmentsOf,
    filter: &AssessmentFilter,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Page<Listed>, Error> {
    let store = call.space();
    match of {
        AssessmentsOf::One(conversation) => list_of_one(&store, conversation, filter, after, limit).await,
        AssessmentsOf::All => {
            if let Some(conversations) = filter.conversations() {
                return by_conversation::list(call, filter, &conversations, after, limit).await;
            }
            let terms: Option<Vec<(AssessmentTerm, Key)>> = filter
                .terms()
                .into_iter()
                .map(|term| call.keys().assessment_term(&term).map(|key| (term, key)))
                .collect();
            match terms {
                Some(terms) => Walk { store, filter, terms }.page(after, limit).await,
                // Nothing has a text that is too long to be indexed.
                None => Ok(Page::default()),
            }
        }
    }
}

/// One value for each candidate, and one for the conversation, or two.
async fn list_of_one(
    store: &dyn Scanner,
    conversation: ConversationId,
    filter: &AssessmentFilter,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Page<Listed>, Error> {
    let mut reads_left = limit * READS_PER_ITEM - 1;
    if filter.conversations().is_some() {
        reads_left -= 1;
        let began = began(store, conversation).await?;
        if !began.is_some_and(|began| filter.times.contains(began)) {
            return Ok(Page::default());
        }
    } else if !conversation::exists(store, conversation).await? {
        return Err(Error::no_conversation(conversation));
    }
    let mut page = Page::after(after, 0);
    let lets_all_pass =
        AssessmentFilter { times: filter.scored(), ..filter.clone() } == AssessmentFilter::default();
    loop {
        let wanted = (limit - page.items.len()).min(reads_left);
        if wanted == 0 || page.bytes >= MAX_PAGE_BYTES {
            return Ok(page);
        }
        // One more tells whether this is the end.
        let chunk = (wanted + 1).min(reads_left).min(CHUNK);
        let after = AssessmentId(page.next.map_or(0, |place| place.number));
        let found = assessment::list_raw_after(store, conversation, after, chunk).await?;
        reads_left -= found.len().max(1);
        let mut is_end = found.len() < chunk;
        for raw in found {
            if page.items.len() == limit {
                is_end = false;
                break;
            }
            // A list of one conversation is ordered by number alone.
            let place = Place { time: UnixMillis::clamped(0), number: raw.id.0 };
            page.next = Some(place);
            let listed = Listed::from(raw);
            if lets_all_pass || filter.lets_pass(&listed.clone().into_assessment()?) {
                page.push_listed(listed, place);
            }
        }
        if is_end {
            page.next = None;
            return Ok(page);
        }
    }
}

/// When a conversation began. One value, or two where an earlier version stored it.
async fn began(store: &dyn Scanner, id: ConversationId) -> Result<Option<UnixMillis>, Error> {
    let head = conversation::find_outline(store, id).await?.ok_or_else(|| Error::no_conversation(id))?;
    let held = match head.held() {
        Some(held) => Some(held),
        None => conversation::held_at(store, &head, Direction::Ascending).await?,
    };
    Ok(held.map(|held| held.first))
}

/// A walk over the postings of one term of the filter at a time, as that of conversations.
struct Walk<'a> {
    store: Space<'a>,
    filter: &'a AssessmentFilter,
    terms: Vec<(AssessmentTerm, Key)>,
}

impl Walk<'_> {
    /// Each candidate costs its posting and itself, each one found what lists know of its conversation too.
    async fn page(&self, after: Option<Cursor>, limit: usize) -> Result<Page<Listed>, Error> {
        const READS_AT_MOST: usize = 3;
        let mut page = Page::after(after, 0);
        let mut reads_left = limit * READS_PER_ITEM;
        // With several terms, read little until it is known which one should lead.
        let most = if self.terms.len() > 1 { CHUNK / 4 } else { CHUNK };
        loop {
            let chunk = (limit - page.items.len()).min(reads_left / READS_AT_MOST).min(most);
            let Some((_, key)) = self.terms.get(page.leader).filter(|_| chunk > 0) else { return Ok(page) };
            if page.bytes >= MAX_PAGE_BYTES {
                return Ok(page);
            }
            let posted = assessment::posted(&self.store, key, self.filter.scored(), page.next, chunk).await?;
            reads_left -= posted.len().max(1);
            page.next = posted.last().map(|posted| posted.place).or(page.next);
            let wanted = posted.iter().map(|Posted { conversation, id, .. }| (*conversation, *id));
            let found = assessment::find_many(&self.store, wanted).await?;
            reads_left -= posted.len();
            let mut refusals = vec![0_usize; self.terms.len()];
            // Gone: purged, or its worklog was cut differently, since it was indexed.
            let found = found.into_iter().flatten();
            let passing: Vec<_> = found.filter(|found| self.passes(&found.value, &mut refusals)).collect();
            reads_left -= self.push_shown(&mut page, passing).await?;
            if posted.len() < chunk {
                page.next = None;
                return Ok(page);
            }
            page.leader = next_leader(&refusals, page.leader);
        }
    }

    /// Whether an assessment passes the filter; counts the terms that it lacks.
    fn passes(&self, assessment: &Assessment, refusals: &mut [usize]) -> bool {
        let has = assessment.terms();
        for ((term, _), refused) in self.terms.iter().zip(refusals) {
            *refused += usize::from(!has.contains(term));
        }
        self.filter.lets_pass(assessment)
    }

    /// Adds those whose conversation is not deleted; answers how many values that read.
    async fn push_shown(
        &self,
        page: &mut Page<Listed>,
        passing: Vec<Stored<Assessment>>,
    ) -> Result<usize, Error> {
        let mut conversations: Vec<ConversationId> =
            passing.iter().map(|assessment| assessment.value.conversation).collect();
        conversations.sort_unstable();
        conversations.dedup();
        let listings = listing::find_many(&self.store, conversations.iter().copied()).await?;
        let is_deleted: HashMap<ConversationId, bool> = conversations
            .iter()
            .zip(&listings)
            .map(|(id, listing)| (*id, listing.as_ref().is_some_and(|listing| listing.is_deleted)))
            .collect();
        for assessment in passing {
            if is_deleted.get(&assessment.value.conversation) == Some(&false) {
                let place = assessment.value.place();
                page.push_listed(Listed::from(assessment), place);
            }
        }
        Ok(listings.len())
    }
}

impl Page<Listed> {
    fn push_listed(&mut self, listed: Listed, place: Place) {
        // In an answer the messages it names by number have their whole names, which makes about twice as much of it.
        let bytes = 2 * listed.stored().len();
        self.push(listed, place, bytes);
    }
}
