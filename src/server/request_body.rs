//! A request body: counted, checked against gRPC framing on the gRPC edge, and never waited for indefinitely.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::BoxError;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::{oneshot, watch};

use super::{
    access::{BodyCut, CallNotes},
    framing::{Carries, Framing},
    refusal::{Refusal, Wording},
};

/// How long the server waits for the next piece of a request body.
pub const BODY_IDLE: Duration = Duration::from_secs(30);

/// How long to wait for the next piece of a body; shared by all calls.
#[derive(Clone, Debug)]
pub(super) struct Patience {
    pub(super) idle: Duration,
    /// Becomes true when the server drains.
    pub(super) draining: watch::Receiver<bool>,
    /// How long to wait once draining; shorter than the drain, so that there is time left to answer.
    pub(super) while_draining: Duration,
}

impl Patience {
    /// Resolves when the wait is over.
    async fn end(self: Arc<Self>) -> BodyCut {
        let mut draining = self.draining.clone();
        let drain = async {
            // The sender outlives all calls.
            let _ = draining.wait_for(|draining| *draining).await;
            tokio::time::sleep(self.while_draining).await;
        };
        tokio::select! {
            () = tokio::time::sleep(self.idle) => BodyCut::Idle,
            () = drain => BodyCut::Draining,
        }
    }
}

/// A request body on its way to a service.
pub(super) struct RequestBody<B> {
    /// Absent once the call has ended: an HTTP/2 stream, and with it a drain, lasts as long as anything holds its request body,
    /// and a service may have handed the body to a task of its own.
    inner: Option<B>,
    notes: Arc<CallNotes>,
    /// Present on the gRPC edge.
    framing: Option<Framing>,
    wording: Wording,
    /// Absent where a caller may pause as long as it likes between two messages.
    patience: Option<Arc<Patience>>,
    /// Present on item streams, which a drain ends: items already read are still decided and answered.
    drain: Option<BoxFuture<'static, ()>>,
    /// Present while waiting for a piece. Most bodies have already arrived when they are read and need no timer.
    waiting: Option<BoxFuture<'static, BodyCut>>,
    call_ended: oneshot::Receiver<Infallible>,
}

impl<B> RequestBody<B> {
    /// `call_ended` resolves when its sender is dropped.
    pub(super) fn new(
        inner: B,
        notes: Arc<CallNotes>,
        framing: Option<Framing>,
        wording: Wording,
        patience: Option<Arc<Patience>>,
        drain: Option<BoxFuture<'static, ()>>,
        call_ended: oneshot::Receiver<Infallible>,
    ) -> Self {
        Self { inner: Some(inner), notes, framing, wording, patience, drain, waiting: None, call_ended }
    }

    /// Gives up waiting for a piece if the call has ended or the caller is too slow.
    fn poll_given_up(&mut self, cx: &mut Context<'_>) -> Poll<BoxError> {
        if Pin::new(&mut self.call_ended).poll(cx).is_ready() {
            return Poll::Ready("the call has ended".into());
        }
        let Some(patience) = &self.patience else { return Poll::Pending };
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(patience.clone().end()));
        let cut = ready!(waiting.as_mut().poll(cx));
        let _ = self.notes.body_cut.set(cut);
        Poll::Ready("the rest of the body did not arrive in time".into())
    }

    /// Checks a frame, or the end, against the framing; returns what to pass on.
    fn check(&mut self, frame: Option<Frame<Bytes>>) -> Result<Option<Frame<Bytes>>, Refusal> {
        let data = frame.as_ref().and_then(Frame::data_ref);
        if let Some(data) = data {
            self.notes.request_bytes.fetch_add(data.len() as u64, Ordering::Relaxed);
        }
        let Some(framing) = &mut self.framing else { return Ok(frame) };
        match data {
            Some(data) if framing.carries() == Carries::Items => {
                return framing.pass_items(data).map(|data| Some(Frame::data(data)));
            }
            Some(data) => framing.take(data)?,
            // Trailers end a body as well.
            None => framing.end()?,
        }
        Ok(frame)
    }
}

impl<B> Body for RequestBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.drain.as_mut().is_some_and(|drain| drain.as_mut().poll(cx).is_ready()) {
            self.drain = None;
            self.inner = None;
            return Poll::Ready(Some(Err((self.wording.refuse)(Refusal::ShuttingDown).into())));
        }
        let Some(inner) = &mut self.inner else { return Poll::Ready(None) };
        let Poll::Ready(polled) = Pin::new(inner).poll_frame(cx) else {
            let cause = ready!(self.poll_given_up(cx));
            self.inner = None;
            return Poll::Ready(Some(Err(cause)));
        };
        self.waiting = None;
        let frame = match polled {
            Some(Err(error)) => {
                let _ = self.notes.body_cut.set(BodyCut::Broken);
                return Poll::Ready(Some(Err(error.into())));
            }
            Some(Ok(frame)) => Some(frame),
            None => None,
        };
        match self.check(frame) {
            Ok(frame) => Poll::Ready(frame.map(Ok)),
            Err(refusal) => {
                self.inner = None;
                Poll::Ready(Some(Err((self.wording.refuse)(refusal).into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        // If the body must not end here, it has to be polled once more, to report the error.
        let may_end = self.framing.as_ref().is_none_or(|framing| framing.end().is_ok());
        self.inner.as_ref().is_none_or(|inner| inner.is_end_stream() && may_end)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(SizeHint::default, Body::size_hint)
    }
}

/// Why the body of a REST request could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadBodyError {
    /// Answer 413 in the dialect's format.
    #[error("the body is larger than {limit_bytes} bytes")]
    TooLarge { limit_bytes: usize },
    /// The caller went away or broke the protocol; it will hardly read an answer.
    #[error("the body ended early")]
    Broken(#[source] axum::Error),
}

/// Reads a whole REST request body. One whose announced length is over the limit is refused unread.
pub async fn read_body(body: axum::body::Body, limit_bytes: usize) -> Result<Bytes, ReadBodyError> {
    if body.size_hint().lower() > limit_bytes as u64 {
        return Err(ReadBodyError::TooLarge { limit_bytes });
    }
    axum::body::to_bytes(body, limit_bytes).await.map_err(|error| {
        let source = std::error::Error::source(&error);
        if source.is_some_and(|cause| cause.is::<http_body_util::LengthLimitError>()) {
            ReadBodyError::TooLarge { limit_bytes }
        } else {
            ReadBodyError::Broken(error)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_rest_body_is_read_up_to_its_limit() {
        let body = |length: usize| axum::body::Body::from(vec![b'x'; length]);
        assert_eq!(read_body(body(10), 10).await.unwrap().len(), 10);
        assert!(matches!(read_body(body(11), 10).await, Err(ReadBodyError::TooLarge { limit_bytes: 10 })));
        let chunks = futures_util::stream::iter([Ok::<_, std::io::Error>("123456"), Ok("123456")]);
        let streamed = axum::body::Body::from_stream(chunks);
        assert!(matches!(read_body(streamed, 10).await, Err(ReadBodyError::TooLarge { limit_bytes: 10 })));
    }
}
