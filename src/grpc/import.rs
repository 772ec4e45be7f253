//! `ImportService` on the wire.

mod item;
mod request;
mod stream;

use tonic::{Request, Response, Status, Streaming};

use crate::{
    error::Error,
    proto::v1,
    service::{
        bulk::Import,
        import::{self, ImportStatus},
    },
    wire::{names, times},
};

use self::{
    request::{from_wire, imported_to_wire},
    stream::Answers,
};
use super::{
    edge::{Edge, scoring_to_wire},
    services::import_service_server::ImportService,
};

pub use item::WireItem;

#[tonic::async_trait]
impl ImportService for Edge {
    async fn import_conversation(
        &self,
        request: Request<v1::ImportConversationRequest>,
    ) -> Result<Response<v1::ImportConversationResponse>, Status> {
        let import = from_wire(&self.0, request.into_inner()).map_err(Error::Invalid)?;
        let Import { new, on_conflict, request_id } = import;
        let imported =
            import::import_conversation(self.call().with_request_id(request_id.as_ref()), &new, on_conflict)
                .await?;
        Ok(Response::new(imported_to_wire(&imported)))
    }

    type ImportConversationsStream = Answers;

    async fn import_conversations(
        &self,
        request: Request<Streaming<WireItem>>,
    ) -> Result<Response<Answers>, Status> {
        Ok(Response::new(stream::answers(self.owned_call(), request.into_inner())))
    }

    async fn get_import(
        &self,
        request: Request<v1::GetImportRequest>,
    ) -> Result<Response<v1::Import>, Status> {
        let receipt = names::parse_import("name", &request.get_ref().name).map_err(Error::from)?;
        let status = import::get_import(self.call(), &receipt).await?;
        Ok(Response::new(status_to_wire(status)))
    }
}

fn status_to_wire(status: ImportStatus) -> v1::Import {
    let conversation = status.conversation;
    v1::Import {
        name: names::import(&status.receipt),
        conversation: names::conversation(conversation.id),
        source: conversation.source.into(),
        external_id: conversation.external_id.into(),
        create_time: Some(times::to_wire(conversation.create_time)),
        scoring: Some(scoring_to_wire(status.scoring)),
    }
}
