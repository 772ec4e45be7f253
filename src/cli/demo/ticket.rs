//! Stores the demo's ticket message by message, and reads its assessments through the Enneo dialect.

use std::net::SocketAddr;

use http::{Request, header};
use http_body_util::{BodyExt as _, Empty};
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpStream;
use tonic::{Status, transport::Channel};

use crate::proto::v1::{StoreMessageRequest, conversation_service_client::ConversationServiceClient};

use super::DemoError;

/// Stores the messages that are not stored yet.
pub async fn store(channel: &Channel, messages: Vec<StoreMessageRequest>) -> Result<(), Status> {
    let mut conversations = ConversationServiceClient::new(channel.clone());
    for message in messages {
        conversations.store_message(message).await?;
    }
    Ok(())
}

/// What the demo shows of a row of `GET /ticket/{ticketId}/assessments`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TicketAssessment {
    pub assessed_user: u64,
    pub totals: Totals,
    pub worklog: Worklog,
    pub customer_experience: CustomerExperience,
}

#[derive(Deserialize)]
pub struct Totals {
    pub percentage: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Worklog {
    pub action_list: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomerExperience {
    pub sla_met: Option<bool>,
    pub re_opened: bool,
    pub csat: Option<Csat>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Csat {
    pub answer_stars: i32,
    pub scale: i32,
}

pub async fn assessments(address: SocketAddr, ticket_id: &str) -> Result<Vec<TicketAssessment>, DemoError> {
    let request = Request::get(format!("/ticket/{ticket_id}/assessments"))
        .header(header::HOST, address.to_string())
        .body(Empty::<Bytes>::new())
        .map_err(|cause| DemoError::Rest(cause.into()))?;
    let body = get(address, request).await.map_err(DemoError::Rest)?;
    serde_json::from_slice(&body).map_err(|cause| DemoError::Rest(cause.into()))
}

async fn get(
    address: SocketAddr,
    request: Request<Empty<Bytes>>,
) -> Result<Bytes, Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(request).await?;
    let body = answer.into_body().collect().await?.to_bytes();
    connection.abort();
    Ok(body)
}
