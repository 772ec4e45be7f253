//! A connection's socket, which is not closed while its caller still writes.
//!
//! A request can be answered before all of it has come: it is too large, or no JSON. A socket that is closed with bytes
//! unread in it makes the system reset the connection, and a caller who writes everything before it reads loses the answer.
//! So the answer and the end of our side are sent, and what still comes is read and thrown away, within bounds.

use std::{
    io,
    mem::MaybeUninit,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep_until},
};

/// More than the largest request there is.
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// How long a caller may write nothing.
const SILENCE: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(10);

/// Whether bytes have come that are not known to be the end of a request; of one connection over HTTP/1.1.
#[derive(Clone, Default)]
pub(super) struct Unread(Arc<AtomicBool>);

impl Unread {
    fn set(&self, unread: bool) {
        self.0.store(unread, Ordering::Relaxed);
    }
}

/// A socket that lingers when it is shut down with bytes unread.
pub(super) struct Lingering {
    stream: TcpStream,
    /// Absent over HTTP/2, which ends a request without its connection.
    unread: Option<Unread>,
    begun: Option<Linger>,
}

struct Linger {
    bytes_left: usize,
    latest: Instant,
    /// Ends when nothing has come for too long.
    silence: Pin<Box<Sleep>>,
}

impl Lingering {
    pub(super) fn new(stream: TcpStream, unread: Option<Unread>) -> Self {
        Self { stream, unread, begun: None }
    }
}

impl Linger {
    fn begin() -> Self {
        let now = Instant::now();
        let silence = Box::pin(sleep_until(now + SILENCE));
        Self { bytes_left: MOST_BYTES, latest: now + LONGEST, silence }
    }

    /// Ends when the caller has ended its side, or has had its chance.
    fn poll(&mut self, stream: &mut TcpStream, cx: &mut Context<'_>) -> Poll<()> {
        let mut thrown_away = [MaybeUninit::uninit(); 16 * 1024];
        loop {
            let mut buffer = ReadBuf::uninit(&mut thrown_away);
            let Poll::Ready(read) = Pin::new(&mut *stream).poll_read(cx, &mut buffer) else {
                return self.silence.as_mut().poll(cx);
            };
            let count = buffer.filled().len();
            self.bytes_left = self.bytes_left.saturating_sub(count);
            let now = Instant::now();
            if read.is_err() || count == 0 || self.bytes_left == 0 || now >= self.latest {
                return Poll::Ready(());
            }
            self.silence.as_mut().reset((now + SILENCE).min(self.latest));
        }
    }
}

impl AsyncRead for Lingering {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if let Some(unread) = self.unread.as_ref().filter(|_| buffer.filled().len() > before) {
            unread.set(true);
        }
        read
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.begun.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
            if !this.unread.as_ref().is_some_and(|unread| unread.0.load(Ordering::Relaxed)) {
                return Poll::Ready(Ok(()));
            }
        }
        let linger = this.begun.get_or_insert_with(Linger::begin);
        linger.poll(&mut this.stream, cx).map(Ok)
    }
}

/// A request's body that tells when it has been read to its end.
pub(super) struct ReadToEnd {
    inner: Incoming,
    unread: Unread,
}

impl ReadToEnd {
    pub(super) fn new(inner: Incoming, unread: Unread) -> Self {
        let body = Self { inner, unread };
        body.note_end();
        body
    }

    fn note_end(&self) {
        if self.inner.is_end_stream() {
            self.unread.set(false);
        }
    }
}

impl Body for ReadToEnd {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        match polled {
            Poll::Ready(None) => self.unread.set(false),
            _ => self.note_end(),
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
