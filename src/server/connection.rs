//! One connection: HTTP/1.1 or HTTP/2 with prior knowledge, its limits, and its orderly end.

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

/// A caller who opens a connection has so long to begin a request, and again between two on HTTP/1.1.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// An HTTP/2 caller who does not answer a ping within [`PING_TIMEOUT`] is taken for gone.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
const MAX_HEADER_BYTES: usize = 32 * 1024;
const MAX_HEADERS: usize = 100;
/// Unread bytes per stream. A caller of a bulk import sends so much ahead of what the server has read: of items of some 150
/// bytes it is fewer than 1,000 with those that are undecided.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
/// Unread bytes per connection, whatever the number of its streams.
const CONNECTION_WINDOW_BYTES: u32 = 2 * 1024 * 1024;

const H2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(super) type Protocol = auto::Builder<TokioExecutor>;

/// How every connection is spoken.
pub(super) fn protocol(max_streams: u32) -> Protocol {
    let mut protocol = Protocol::new(TokioExecutor::new());
    protocol
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        // A caller may end its side when it has sent its request, and still waits for the answer.
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

/// Serves a connection until the caller closes it, or, when the server drains, until its calls have ended.
pub(super) async fn serve(stream: TcpStream, protocol: Protocol, calls: Arc<Calls>) {
    let mut drain = calls.drain();
    let begun = tokio::select! {
        begun = tokio::time::timeout(HEADER_TIMEOUT, begins(&stream)) => begun,
        () = &mut drain => return,
    };
    let Ok(Ok(spoken)) = begun else { return };
    // Answers are small and written whole; waiting for more to send only adds to their time.
    let _ = stream.set_nodelay(true);
    let unread = Unread::default();
    let stream = Lingering::new(stream, (spoken == Spoken::Http1).then(|| unread.clone()));
    let service = service_fn(move |request: Request<Incoming>| {
        calls.clone().answer(request.map(|body| ReadToEnd::new(body, unread.clone())))
    });
    let mut connection = pin!(protocol.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = giving_way(connection.as_mut(), spoken) => ended,
        () = drain => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    match ended.as_ref().map_err(|error| error.downcast_ref::<hyper::Error>()) {
        // It was answered below us, with 400 or 431 and no body. The cause is one of a few fixed texts.
        Err(Some(unreadable)) if unreadable.is_parse() => {
            tracing::info!(cause = %unreadable, "a request could not be read as HTTP/1.1; refused it");
        }
        Err(cause) => tracing::debug!(?cause, "a connection ended with an error"),
        Ok(()) => {}
    }
}

/// Drives a connection over HTTP/2, but lets everything else that is ready run first. Many calls end at once, as one sync makes
/// all of them durable; each wakes its connection, which would run next and write that one answer. So the answers of one
/// moment leave in one write.
async fn giving_way<F: Future>(mut connection: Pin<&mut F>, spoken: Spoken) -> F::Output {
    let mut has_given_way = false;
    poll_fn(move |cx| {
        has_given_way = !has_given_way && spoken == Spoken::Http2;
        // It wakes this when what is ready has run; dropping it takes nothing back.
        if has_given_way && pin!(tokio::task::yield_now()).poll(cx).is_pending() {
            return Poll::Pending;
        }
        connection.as_mut().poll(cx)
    })
    .await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Spoken {
    Http1,
    Http2,
}

/// Waits until the caller has said which protocol it speaks: hyper's own search for the preface knows no timeout.
async fn begins(stream: &TcpStream) -> io::Result<Spoken> {
    let mut start = [0; H2_PREFACE.len()];
    loop {
        let count = stream.peek(&mut start).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if start.get(..count) != H2_PREFACE.get(..count) {
            return Ok(Spoken::Http1);
        }
        if count == start.len() {
            return Ok(Spoken::Http2);
        }
        // The bytes stay in the socket, so it is readable all the time; this happens when a preface comes in pieces.
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
            giving_way(connection, Spoken::Http2).await;
        });
        has_started.await.unwrap();
        tokio::spawn(async move {
            tokio::spawn(async move { ran.send("a call").unwrap() });
            // Whoever is woken last would run next.
            wake.send(()).unwrap();
        });
        assert_eq!(order.recv().await, Some("a call"));
        assert_eq!(order.recv().await, Some("the connection"));
    }
}
