//! Assessments by when their conversations were held: a walk over these, and in each over its assessments.
//!
//! An assessment has no posting for it. So nothing of it moves when a conversation does, and a scoring writes no key more.

use std::collections::VecDeque;

use crate::{
    domain::{AssessmentFilter, AssessmentId, ConversationFilter, ConversationId},
    error::Error,
    service::{
        Call,
        conversation::{Item, Scope, Walked, walk},
        page::{CHUNK, Cursor, MAX_PAGE_BYTES, Page, READS_PER_ITEM},
    },
    store::{Space, assessment, conversation},
};

use super::Listed;

/// A conversation whose assessments are wanted.
struct Wanted(ConversationId);

impl Item for Wanted {
    /// By its head: that, its listing and, as an earlier version stored it, some of its messages. Else its posting, its listing and
    /// its head.
    const READS: usize = 3;

    async fn take(page: &mut Page<Self>, _: &Space<'_>, listed: Vec<Walked>) -> Result<usize, Error> {
        for found in listed {
            page.push(Self(found.conversation.id), found.place, 0);
        }
        Ok(0)
    }
}

/// At most `limit` assessments after `after` of the conversations that a filter finds, in their order; those of one conversation
/// ascending by number.
pub(super) async fn list(
    call: Call<'_>,
    filter: &AssessmentFilter,
    conversations: &ConversationFilter,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Page<Listed>, Error> {
    let (page, found) = (Page::after(after, 0), VecDeque::new());
    let mut list = List { call, filter, page, limit, reads_left: limit * READS_PER_ITEM, found };
    let mut walked = after.map(|after| Cursor { within: 0, ..after });
    if let (Some(after), Some(within)) = (after, walked)
        && after.within > 0
    {
        // The page before ended within a conversation, which may be gone by now.
        list.reads_left -= 1;
        let id = ConversationId(after.place.number);
        if conversation::exists(&call.space(), id).await? {
            list.found.push_back((Wanted(id), within));
        }
    }
    loop {
        list.take_found().await?;
        if !list.found.is_empty() {
            return Ok(list.page);
        }
        // Between two conversations.
        list.page.go_to(walked);
        if list.is_full() || list.reads_left <= Wanted::READS {
            return Ok(list.page);
        }
        walked = list.find_more(conversations, walked).await?;
        if walked.is_none() {
            list.take_found().await?;
            if list.found.is_empty() {
                list.page.go_to(None);
            }
            return Ok(list.page);
        }
    }
}

/// A page in the making.
struct List<'a> {
    call: Call<'a>,
    filter: &'a AssessmentFilter,
    page: Page<Listed>,
    limit: usize,
    reads_left: usize,
    /// Conversations that were found, each with where the list continues after it.
    found: VecDeque<(Wanted, Cursor)>,
}

impl List<'_> {
    fn is_full(&self) -> bool {
        self.page.items.len() >= self.limit || self.page.bytes >= MAX_PAGE_BYTES
    }

    /// Finds some conversations after a place; answers where the walk over them goes on, `None` at its end.
    async fn find_more(
        &mut self,
        conversations: &ConversationFilter,
        after: Option<Cursor>,
    ) -> Result<Option<Cursor>, Error> {
        /// Most conversations have at least as many assessments, so few are found in vain.
        const ASSESSMENTS: usize = 3;
        let wanted = (self.limit - self.page.items.len()).div_ceil(ASSESSMENTS);
        let wanted = wanted.min(self.reads_left / (Wanted::READS + ASSESSMENTS)).clamp(1, CHUNK);
        // Each that is found is looked into, which costs a read at least.
        let reads = self.reads_left - wanted;
        let (page, left) =
            walk::<Wanted>(self.call, Scope::Kept, conversations, after, wanted, reads).await?;
        self.reads_left -= reads - left;
        let next = page.next_cursor();
        self.found.extend(page.items.into_iter().zip(page.cursors));
        Ok(next)
    }

    /// Lists what passes of the conversations that were found, as far as the page and its reads go.
    async fn take_found(&mut self) -> Result<(), Error> {
        while let Some((Wanted(id), after)) = self.found.front() {
            let (id, after) = (*id, *after);
            let wanted = (self.limit - self.page.items.len()).min(self.reads_left).min(CHUNK);
            if wanted == 0 || self.is_full() {
                return Ok(());
            }
            let within = AssessmentId(self.page.within);
            let raw = assessment::list_raw_after(&self.call.space(), id, within, wanted).await?;
            self.reads_left -= raw.len().max(1);
            let is_end = raw.len() < wanted;
            for raw in raw {
                self.page.go_to(Some(Cursor { within: raw.id.0, ..after }));
                let listed = Listed::from(raw);
                if self.filter.lets_pass(&listed.clone().into_assessment()?) {
                    self.page.push_listed(listed, after.place);
                }
            }
            if is_end {
                self.found.pop_front();
                self.page.go_to(Some(after));
            }
        }
        Ok(())
    }
}
