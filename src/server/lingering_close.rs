//! A socket that is not closed while the client is still writing.
//!
//! A request can be answered before all of it has arrived, for example because it is too large or not JSON. If a socket is
//! closed with unread bytes in it, the kernel resets the connection, and a client that writes everything before it reads loses
//! the response. So this sends the response, shuts down the sending side, then reads and discards what still arrives, within
//! limits.

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

/// Larger than the largest request.
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// How long the client may send nothing.
const SILENCE: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(10);

/// Whether bytes have arrived that are not known to belong to a fully read request. One per HTTP/1.1 connection.
#[derive(Clone, Default)]
pub(super) struct Unread(Arc<AtomicBool>);

impl Unread {
    fn set(&self, unread: bool) {
        self.0.store(unread, Ordering::Relaxed);
    }
}

/// A socket that lingers when it is shut down with unread bytes.
pub(super) struct Lingering {
    stream: TcpStream,
    /// Absent for HTTP/2, where a request can end without its connection.
    unread: Option<Unread>,
    begun: Option<Linger>,
}

struct Linger {
    bytes_left: usize,
    latest: Instant,
    /// Fires when nothing has arrived for too long.
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

    /// Resolves when the client has closed its side or a limit is reached.
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

/// A request body that notes when it has been read to its end.
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
