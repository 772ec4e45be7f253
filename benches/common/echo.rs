//! Bare tonic servers: one echoes an import's body, one always returns the same list.

use std::{
    convert::Infallible, future::Future, io::Write as _, pin::Pin, process::Stdio, task, time::Duration,
};

use plaudit::proto::v1::{
    Assessment, GetAssessmentRequest, ImportConversationRequest, ListAssessmentsRequest,
    ListAssessmentsResponse,
    assessment_service_server::{AssessmentService, AssessmentServiceServer},
};
use prost::Message as _;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
    process::{Child, Command},
};
use tonic::{
    Request, Response, Status, body::Body, codegen::http, server::NamedService,
    transport::server::TcpIncoming,
};
use tonic_prost::ProstCodec;

use super::{Result, server::cpu_time};

/// The argument with which a bench starts itself as the bare server.
pub const BARE_SERVER: &str = "bare-server";
/// The path of the echo.
pub const ECHO: &str = "/bench.Echo/Echo";

/// A bare server in a separate process.
pub struct Bare {
    pub address: String,
    child: Child,
}

impl Bare {
    pub async fn start() -> Result<Self> {
        Self::start_with(&ListAssessmentsResponse::default()).await
    }

    /// A server that answers every list request with `answer`.
    pub async fn start_with(answer: &ListAssessmentsResponse) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(BARE_SERVER)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut stdin = child.stdin.take().ok_or("the child has no input")?;
        stdin.write_all(&answer.encode_to_vec()).await?;
        drop(stdin);
        let mut address = String::new();
        BufReader::new(child.stdout.take().ok_or("the child has no output")?).read_line(&mut address).await?;
        Ok(Self { address: address.trim().to_owned(), child })
    }

    /// Processor time used so far, by all threads.
    pub fn cpu_time(&self) -> Result<Duration> {
        cpu_time(self.child.id().ok_or("the server has ended")?)
    }

    pub async fn stop(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }
}

/// The child process: reads the answer from its input, prints its address, serves until it is killed.
pub async fn serve() -> Result<()> {
    let mut answer = Vec::new();
    tokio::io::stdin().read_to_end(&mut answer).await?;
    let answer = ListAssessmentsResponse::decode(answer.as_slice())?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    tonic::transport::Server::builder()
        .add_service(Echo)
        .add_service(AssessmentServiceServer::new(Fixed(answer)))
        .serve_with_incoming(incoming)
        .await?;
    Ok(())
}

/// Decodes an import and encodes it again.
#[derive(Clone)]
struct Echo;

impl NamedService for Echo {
    const NAME: &'static str = "bench.Echo";
}

impl tower::Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = std::result::Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> task::Poll<std::result::Result<(), Infallible>> {
        task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            let codec = ProstCodec::<ImportConversationRequest, ImportConversationRequest>::default();
            Ok(tonic::server::Grpc::new(codec).unary(Echoed, request).await)
        })
    }
}

struct Echoed;

impl tonic::server::UnaryService<ImportConversationRequest> for Echoed {
    type Response = ImportConversationRequest;
    type Future = std::future::Ready<std::result::Result<Response<Self::Response>, Status>>;

    fn call(&mut self, request: Request<ImportConversationRequest>) -> Self::Future {
        std::future::ready(Ok(Response::new(request.into_inner())))
    }
}

struct Fixed(ListAssessmentsResponse);

#[tonic::async_trait]
impl AssessmentService for Fixed {
    async fn get_assessment(
        &self,
        _: Request<GetAssessmentRequest>,
    ) -> std::result::Result<Response<Assessment>, Status> {
        Err(Status::unimplemented("this server only lists"))
    }

    async fn list_assessments(
        &self,
        _: Request<ListAssessmentsRequest>,
    ) -> std::result::Result<Response<ListAssessmentsResponse>, Status> {
        Ok(Response::new(self.0.clone()))
    }
}
