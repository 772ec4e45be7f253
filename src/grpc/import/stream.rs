//! The response stream of `ImportConversations`.

use std::sync::Arc;

use futures_util::stream::{self, BoxStream, StreamExt as _};
use tonic::{Status, Streaming};

use crate::{
    error::Error,
    proto::v1::{self, import_conversations_response::Answer, imported_item::Result as ItemResult},
    service::{
        OwnedCall, Services,
        bulk::{Bulk, Counts, Decided, Item},
    },
    wire::names,
};

use super::{
    super::errors,
    item::WireItem,
    request::{from_wire, imported_to_wire},
};

pub type Answers = BoxStream<'static, Result<v1::ImportConversationsResponse, Status>>;

/// The answers to a stream of items. Items are read and decided only as fast as the answers are consumed.
pub fn answers(call: OwnedCall, requests: Streaming<WireItem>) -> Answers {
    let session = Session {
        services: Arc::clone(&call.services),
        bulk: Bulk::new(call),
        requests: Some(requests),
        end: End::Counts(None),
    };
    stream::unfold(session, Session::next).boxed()
}

/// The state of one call.
struct Session {
    services: Arc<Services>,
    bulk: Bulk,
    /// Absent when there is nothing more to read.
    requests: Option<Streaming<WireItem>>,
    end: End,
}

/// What to send after every item is answered.
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
                // The outcome of this item and of those after it is unknown, so they are not answered.
                Decided { outcome: Err(error @ Error::Unavailable { .. }), .. } => {
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

    /// Reads while there is room, until an item is decided; `None` when all are decided and no more will come.
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

fn item_from_wire(services: &Services, item: WireItem) -> Item {
    let WireItem { number, size_bytes, import } = item;
    Item { number, size_bytes, import: import.and_then(|import| from_wire(services, import)) }
}

fn item_to_wire(decided: Decided) -> v1::ImportConversationsResponse {
    let result = match decided.outcome {
        Ok(imported) => ItemResult::Done(imported_to_wire(&imported)),
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
    let Counts { created, existing, appended, updated, differing, duplicates, failed } = counts;
    let counts = v1::ImportCounts {
        created: created as i64,
        existing: existing as i64,
        appended: appended as i64,
        updated: updated as i64,
        differing: differing as i64,
        duplicates: duplicates as i64,
        failed: failed as i64,
    };
    v1::ImportConversationsResponse { answer: Some(Answer::Counts(counts)) }
}
