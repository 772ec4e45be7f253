use std::{
    net::SocketAddr,
    task::{Context, Poll},
};

use futures_util::{FutureExt as _, future::BoxFuture};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::{body::Incoming, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tonic::{Status, body::Body};

/// An HTTP/2 connection for a gRPC client, without what tonic's channel adds: a channel gives up by itself once the
/// deadline has passed, so the server's answer would never be seen.
#[derive(Clone)]
pub struct BareGrpc(http2::SendRequest<Body>);

impl BareGrpc {
    pub(super) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("HTTP/2");
        tokio::spawn(connection);
        Self(sender)
    }
}

impl BareGrpc {
    /// Calls a method with bytes that need not be a valid message, and returns the final status.
    pub async fn send(&self, path: &str, headers: &[(&str, &str)], body: Body) -> Status {
        let mut request =
            Request::builder().method("POST").uri(format!("http://localhost{path}")).header("te", "trailers");
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/grpc");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let sent = self.0.clone().send_request(request.body(body).expect("a request"));
        let (head, body) = super::soon("an answer", sent).await.expect("an answer").into_parts();
        if let Some(status) = Status::from_header_map(&head.headers) {
            return status;
        }
        let body = super::soon("the answer's end", body.collect()).await.expect("an answer");
        body.trailers().and_then(Status::from_header_map).expect("a status")
    }
}

impl tower::Service<Request<Body>> for BareGrpc {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.0.send_request(request).boxed()
    }
}
