//! A caller of both edges that treats an error as an answer.

use bytes::Bytes;
use plaudit::proto::v1::{
    directory_service_client::DirectoryServiceClient, import_service_client::ImportServiceClient,
};
use tonic::{Code, Status, transport::Channel};

use crate::harness::{Client, Http, ServerProcess};

#[derive(Clone)]
pub struct Caller {
    pub client: Client,
    pub directory: DirectoryServiceClient<Channel>,
    pub imports: ImportServiceClient<Channel>,
    http: Http,
}

/// Why a call was not carried out, or what is known if that is uncertain.
#[derive(Debug)]
pub struct Refused {
    pub text: String,
    pub is_not_found: bool,
}

impl From<Status> for Refused {
    fn from(status: Status) -> Self {
        Self { text: format!("{status:?}"), is_not_found: status.code() == Code::NotFound }
    }
}

impl Caller {
    pub async fn of(server: &ServerProcess) -> Self {
        let channel = server.channel().await;
        let directory = DirectoryServiceClient::new(channel.clone());
        let imports = ImportServiceClient::new(channel.clone());
        Self { client: Client::new(channel), directory, imports, http: server.http() }
    }

    /// Posts JSON with a key; empty means none.
    pub async fn post(&self, path: &str, key: &str, body: impl Into<Bytes>) -> Result<(), Refused> {
        let mut headers = vec![("content-type", "application/json")];
        headers.extend((!key.is_empty()).then_some(("idempotency-key", key)));
        match self.http.attempt("POST", path, &headers, body).await {
            Ok(answer) if answer.status.is_success() => Ok(()),
            Ok(answer) => {
                let is_not_found = answer.status.as_u16() == 404;
                Err(Refused { text: format!("{answer:?}"), is_not_found })
            }
            Err(error) => Err(Refused { text: error.to_string(), is_not_found: false }),
        }
    }
}
