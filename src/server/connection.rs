//! One connection: HTTP/1.1 or HTTP/2 with prior knowledge, its limits and its shutdown.

use std::{
    future::poll_fn,
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use http::Request;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::net::TcpStream;

use super::{
    call::Calls,
    lingering_close::{Lingering, ReadToEnd, Unread},
};

/// How long a client may take to begin its first request and, on HTTP/1.1, between two requests.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// An HTTP/2 client that does not answer a ping within [`PING_TIMEOUT`] is considered gone.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
const MAX_HEADER_BYTES: usize = 32 * 1024;
const MAX_HEADERS: usize = 100;
/// Unread bytes per stream. This bounds how far ahead of the server the client of a bulk import can send: with items of about
/// 150 bytes, fewer than 1,000 items including the undecided ones.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
/// Unread bytes per connection, over all of its streams.
const CONNECTION_WINDOW_BYTES: u32 = 2 * 1024 * 1024;

const H2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(super) type Protocol = auto::Builder<TokioExecutor>;

/// The protocol settings of every connection.
pub(super) fn protocol(max_streams: u32) -> Protocol {
    let mut protocol = Protocol::new(TokioExecutor::new());
    protocol
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        // A client may close its sending side after the request and still wait for the response.
        .half_close(true)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEADER_BYTES);
    protocol
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .max_concurrent_streams(max_streams)
        .max_header_list_size(MAX_HEADER_BYTES as u32)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
    protocol
}

/// Serves a connection until the client closes it or, when the server drains, until its calls have ended.
pub(super) async fn serve(stream: TcpStream, protocol: Protocol, calls: Arc<Calls>) {
    let mut drain = calls.drain();
    let detected = tokio::select! {
        detected = tokio::time::timeout(HEADER_TIMEOUT, detect_version(&stream)) => detected,
        () = &mut drain => return,
    };
    let Ok(Ok(version)) = detected else { return };
    // Responses are small and written whole; Nagle's algorithm would only delay them.
    let _ = stream.set_nodelay(true);
    let unread = Unread::default();
    let stream = Lingering::new(stream, (version == HttpVersion::Http1).then(|| unread.clone()));
    let service = service_fn(move |request: Request<Incoming>| {
        calls.clone().answer(request.map(|body| ReadToEnd::new(body, unread.clone())))
    });
    let mut connection = pin!(protocol.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = yielding_first(connection.as_mut(), version) => ended,
        () = drain => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    match ended.as_ref().map_err(|error| error.downcast_ref::<hyper::Error>()) {
        // hyper has already answered 400 or 431 without a body. The cause is one of a few fixed texts.
        Err(Some(unreadable)) if unreadable.is_parse() => {
            tracing::info!(cause = %unreadable, "a request could not be read as HTTP/1.1; refused it");
        }
        Err(cause) => tracing::debug!(?cause, "a connection ended with an error"),
        Ok(()) => {}
    }
}

/// Drives an HTTP/2 connection, but yields first to everything else that is ready. One sync makes the writes of many calls
/// durable at once; the first of them to finish would wake its connection, which would run next and write that one response.
/// Yielding lets all those responses go out in one write.
async fn yielding_first<F: Future>(mut connection: Pin<&mut F>, version: HttpVersion) -> F::Output {
    let mut has_yielded = false;
    poll_fn(move |cx| {
        has_yielded = !has_yielded && version == HttpVersion::Http2;
        // It wakes this task once the ready tasks have run; dropping it does not undo that.
        if has_yielded && pin!(tokio::task::yield_now()).poll(cx).is_pending() {
            return Poll::Pending;
        }
        connection.as_mut().poll(cx)
    })
    .await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum HttpVersion {
    Http1,
    Http2,
}

/// Waits until the client has shown which protocol it speaks: hyper's own detection of the preface has no timeout.
async fn detect_version(stream: &TcpStream) -> io::Result<HttpVersion> {
    let mut start = [0; H2_PREFACE.len()];
    loop {
        let count = stream.peek(&mut start).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if start.get(..count) != H2_PREFACE.get(..count) {
            return Ok(HttpVersion::Http1);
        }
        if count == start.len() {
            return Ok(HttpVersion::Http2);
        }
        // `peek` leaves the bytes in the socket, which therefore stays readable, so poll. This only happens when the preface
        // arrives in pieces.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::{mpsc, oneshot};

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_connection_runs_after_the_calls_that_are_ready() {
        let (ran, mut order) = mpsc::unbounded_channel();
        let connection_ran = ran.clone();
        let (started, has_started) = oneshot::channel();
        let (wake, woken) = oneshot::channel();
        tokio::spawn(async move {
            let connection = pin!(async move {
                started.send(()).unwrap();
                woken.await.unwrap();
                connection_ran.send("the connection").unwrap();
            });
            yielding_first(connection, HttpVersion::Http2).await;
        });
        has_started.await.unwrap();
        tokio::spawn(async move {
            tokio::spawn(async move { ran.send("a call").unwrap() });
            // Without yielding, the task woken last would run next.
            wake.send(()).unwrap();
        });
        assert_eq!(order.recv().await, Some("a call"));
        assert_eq!(order.recv().await, Some("the connection"));
    }
}
