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
    inflate::{Inflating, Step},
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

/// How the messages of a gRPC request are read.
pub(super) struct Messages {
    pub(super) framing: Framing,
    /// Present if some may be compressed.
    pub(super) inflating: Option<Inflating>,
}

impl Messages {
    /// Checks a piece of plain messages; returns what to pass on.
    fn check(&mut self, data: Bytes) -> Result<Bytes, Refusal> {
        if self.framing.carries() == Carries::Items {
            return self.framing.pass_items(&data);
        }
        self.framing.take(&data).map(|()| data)
    }

    /// Whether the request may end here.
    fn end(&self) -> Result<(), Refusal> {
        self.inflating.as_ref().map_or(Ok(()), Inflating::end)?;
        self.framing.end()
    }
}

/// A request body on its way to a service.
pub(super) struct RequestBody<B> {
    /// Absent once the call has ended: an HTTP/2 stream, and with it a drain, lasts as long as anything holds its request body,
    /// and a service may have handed the body to a task of its own.
    inner: Option<B>,
    notes: Arc<CallNotes>,
    /// Present on the gRPC edge.
    messages: Option<Messages>,
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
        messages: Option<Messages>,
        wording: Wording,
        patience: Option<Arc<Patience>>,
        drain: Option<BoxFuture<'static, ()>>,
        call_ended: oneshot::Receiver<Infallible>,
    ) -> Self {
        Self { inner: Some(inner), notes, messages, wording, patience, drain, waiting: None, call_ended }
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

    /// Checks a frame, or the end, against the framing; returns what to pass on now.
    fn check(&mut self, frame: Option<Frame<Bytes>>) -> Result<Checked, Refusal> {
        let frame = match frame.map(Frame::into_data) {
            Some(Ok(data)) => {
                self.notes.request_bytes.fetch_add(data.len() as u64, Ordering::Relaxed);
                return match &mut self.messages {
                    Some(Messages { inflating: Some(inflating), .. }) => {
                        inflating.feed(data);
                        Ok(Checked::Inflate)
                    }
                    Some(messages) => messages.check(data).map(|data| Checked::Pass(Some(Frame::data(data)))),
                    None => Ok(Checked::Pass(Some(Frame::data(data)))),
                };
            }
            Some(Err(trailers)) => Some(trailers),
            None => None,
        };
        // Trailers end a body as well.
        self.messages.as_ref().map_or(Ok(()), Messages::end)?;
        Ok(Checked::Pass(frame))
    }

    /// The next piece of what is compressed; `None` when more of the request is needed, or nothing is.
    fn poll_inflating(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Refusal>>> {
        let Some(messages) = &mut self.messages else { return Poll::Ready(None) };
        let Some(inflating) = &mut messages.inflating else { return Poll::Ready(None) };
        match inflating.step() {
            Ok(Step::Ready(data)) => Poll::Ready(Some(messages.check(data))),
            Ok(Step::Starved) => Poll::Ready(None),
            Ok(Step::Again) => {
                // Others get their turn between two steps.
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Err(refusal) => Poll::Ready(Some(Err(refusal))),
        }
    }

    fn refuse<T>(&mut self, refusal: Refusal) -> Poll<Option<Result<T, BoxError>>> {
        self.inner = None;
        Poll::Ready(Some(Err((self.wording.refuse)(refusal).into())))
    }
}

/// What becomes of a frame.
enum Checked {
    Pass(Option<Frame<Bytes>>),
    /// It was taken to be inflated.
    Inflate,
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
            return self.refuse(Refusal::ShuttingDown);
        }
        loop {
            if self.inner.is_none() {
                return Poll::Ready(None);
            }
            match ready!(self.poll_inflating(cx)) {
                Some(Ok(data)) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Some(Err(refusal)) => return self.refuse(refusal),
                None => {}
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
                Ok(Checked::Pass(frame)) => return Poll::Ready(frame.map(Ok)),
                Ok(Checked::Inflate) => {}
                Err(refusal) => return self.refuse(refusal),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        // If the body must not end here, it has to be polled once more, to report the error.
        let may_end = self.messages.as_ref().is_none_or(|messages| messages.end().is_ok());
        self.inner.as_ref().is_none_or(|inner| inner.is_end_stream() && may_end)
    }

    fn size_hint(&self) -> SizeHint {
        let is_inflated = self.messages.as_ref().is_some_and(|messages| messages.inflating.is_some());
        let inner = self.inner.as_ref().filter(|_| !is_inflated);
        inner.map_or_else(SizeHint::default, Body::size_hint)
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
