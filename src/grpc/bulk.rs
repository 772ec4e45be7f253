//! The stream of `ImportConversations` on the wire.

use std::sync::Arc;

use futures_util::stream::{self, BoxStream, StreamExt as _};
use prost::Message as _;
use tonic::{Status, Streaming};

use crate::{
    domain::Violations,
    error::Error,
    proto::v1::{self, import_conversations_response::Answer, imported_item::Result as ItemResult},
    server::{MAX_ATTACHMENTS_REQUEST_BYTES, MAX_REQUEST_BYTES},
    service::{
        OwnedCall, Services,
        bulk::{Bulk, Counts, Decided, Item},
    },
    wire::{message::item_count, names},
};

use super::{errors, import};

/// What a message takes in memory besides its texts.
const MESSAGE_BYTES: usize = 512;
/// The same of an item of one of its lists, of which an attachment is the largest, and of a status change.
const ITEM_BYTES: usize = 256;
/// The same of a rating with a few questions.
const RATING_BYTES: usize = 2048;

pub type Answers = BoxStream<'static, Result<v1::ImportConversationsResponse, Status>>;

/// The answers to a stream of items: they are read and decided as the answers are taken.
pub fn answers(call: OwnedCall, requests: Streaming<v1::ImportConversationsRequest>) -> Answers {
    let session = Session {
        services: Arc::clone(&call.services),
        bulk: Bulk::new(call),
        requests: Some(requests),
        end: End::Counts(None),
    };
    stream::unfold(session, Session::next).boxed()
}

/// One call.
struct Session {
    services: Arc<Services>,
    bulk: Bulk,
    /// Absent when there is nothing more to read.
    requests: Option<Streaming<v1::ImportConversationsRequest>>,
    end: End,
}

/// What is still to be said when every item is answered.
enum End {
    /// The counts, and then the error that ended the stream of items, if one did.
    Counts(Option<Status>),
    Status(Status),
    Nothing,
}

impl Session {
    async fn next(mut self) -> Option<(Result<v1::ImportConversationsResponse, Status>, Self)> {
        if let Some(decided) = self.next_decided().await {
            match decided {
                // Nobody knows what became of it, nor of those after it: they are not answered.
                Decided { outcome: Err(error @ Error::Unavailable(_)), .. } => {
                    self.requests = None;
                    self.bulk.abandon();
                    self.end = End::Counts(Some(error.into()));
                }
                decided => return Some((Ok(item_to_wire(decided)), self)),
            }
        }
        match std::mem::replace(&mut self.end, End::Nothing) {
            End::Counts(status) => {
                self.end = status.map_or(End::Nothing, End::Status);
                let counts = counts_to_wire(self.bulk.counts());
                Some((Ok(counts), self))
            }
            End::Status(status) => Some((Err(status), self)),
            End::Nothing => None,
        }
    }

    /// Reads on while there is room, until an item is decided; `None` when all are and no more come.
    async fn next_decided(&mut self) -> Option<Decided> {
        while let Some(requests) = &mut self.requests {
            tokio::select! {
                biased;
                Some(decided) = self.bulk.next() => return Some(decided),
                request = requests.message(), if self.bulk.has_room() => match request {
                    Ok(Some(request)) => self.bulk.take(item_from_wire(&self.services, request)),
                    Ok(None) => self.requests = None,
                    Err(status) => {
                        self.requests = None;
                        self.end = End::Counts(Some(status));
                    }
                },
            }
        }
        self.bulk.next().await
    }
}

fn item_from_wire(services: &Services, request: v1::ImportConversationsRequest) -> Item {
    let number = request.item_number;
    let in_memory = request.import.as_ref().map_or(0, |import| {
        let in_lists: usize = import.messages.iter().map(item_count).sum();
        let history =
            import.conversation.as_ref().map_or(0, |conversation| conversation.status_changes.len());
        import.messages.len() * MESSAGE_BYTES
            + (in_lists + history) * ITEM_BYTES
            + import.ratings.len() * RATING_BYTES
    });
    let size_bytes = request.encoded_len() + in_memory;
    let import = match request.import {
        Some(import) => import::from_wire(services, import),
        // One that is too large comes here empty.
        None => {
            let rule = format!(
                "is required, and the item must be at most {MAX_REQUEST_BYTES} bytes without its attachments' bytes, {MAX_ATTACHMENTS_REQUEST_BYTES} with them"
            );
            Err(Violations::one("import", rule))
        }
    };
    Item { number, size_bytes, import }
}

fn item_to_wire(decided: Decided) -> v1::ImportConversationsResponse {
    let result = match decided.outcome {
        Ok(imported) => ItemResult::Done(import::imported_to_wire(&imported)),
        Err(Error::AlreadyImported { conversation, receipt, .. }) => {
            ItemResult::Duplicate(v1::DuplicateImport {
                import: names::import(&receipt),
                conversation: names::conversation(conversation),
            })
        }
        Err(error) => ItemResult::Failure(errors::failure(error)),
    };
    let item = v1::ImportedItem { item_number: decided.number, result: Some(result) };
    v1::ImportConversationsResponse { answer: Some(Answer::Item(item)) }
}

fn counts_to_wire(counts: Counts) -> v1::ImportConversationsResponse {
    let Counts { created, existing, appended, duplicates, failed } = counts;
    let counts = v1::ImportCounts {
        created: created as i64,
        existing: existing as i64,
        appended: appended as i64,
        duplicates: duplicates as i64,
        failed: failed as i64,
    };
    v1::ImportConversationsResponse { answer: Some(Answer::Counts(counts)) }
}
