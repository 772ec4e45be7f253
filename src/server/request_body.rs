//! The body of a request: counted, and on the gRPC edge held to a limit per message.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, ready},
};

use axum::BoxError;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::oneshot;

use super::{access::Learnt, refusal};

/// The largest gRPC request message, and the largest REST body where no attachments may come.
pub const MAX_REQUEST_BYTES: usize = 4 * 1024 * 1024;

/// A request's body on its way to a service.
pub(super) struct RequestBody<B> {
    /// Absent once the call has ended: an HTTP/2 stream, and with it a drain, lasts until nobody reads its request any
    /// more, and a service may have left that to a task of its own.
    inner: Option<B>,
    learnt: Arc<Learnt>,
    limit: Option<MessageLimit>,
    call_ended: oneshot::Receiver<Infallible>,
}

impl<B> RequestBody<B> {
    /// `call_ended` hears it when its sender is dropped.
    pub(super) fn new(
        inner: B,
        learnt: Arc<Learnt>,
        limit: Option<MessageLimit>,
        call_ended: oneshot::Receiver<Infallible>,
    ) -> Self {
        Self { inner: Some(inner), learnt, limit, call_ended }
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
        let Some(inner) = &mut self.inner else { return Poll::Ready(None) };
        let polled = Pin::new(inner).poll_frame(cx);
        if polled.is_pending() && Pin::new(&mut self.call_ended).poll(cx).is_ready() {
            self.inner = None;
            return Poll::Ready(Some(Err("the call has ended".into())));
        }
        let frame = match ready!(polled) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
            None => return Poll::Ready(None),
        };
        if let Some(data) = frame.data_ref() {
            self.learnt.request_bytes.fetch_add(data.len() as u64, Ordering::Relaxed);
            if let Some(limit) = &mut self.limit
                && !limit.take(data)
            {
                return Poll::Ready(Some(Err(refusal::too_large(limit.bytes).into())));
            }
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(SizeHint::default, Body::size_hint)
    }
}

/// Reads along with gRPC's framing (one byte of flags, four of length, the message) and knows from the length, before
/// the message has come, that it is too large. A stream may carry any number of messages within the limit.
#[derive(Debug)]
pub(super) struct MessageLimit {
    bytes: usize,
    /// What has come of the next prefix.
    prefix: [u8; 5],
    prefix_len: usize,
    /// What is yet to come of the message.
    rest: usize,
}

impl MessageLimit {
    pub(super) fn new(bytes: usize) -> Self {
        Self { bytes, prefix: [0; 5], prefix_len: 0, rest: 0 }
    }

    /// Whether all messages are within the limit so far.
    fn take(&mut self, mut data: &[u8]) -> bool {
        while !data.is_empty() {
            if self.rest > 0 {
                let step = self.rest.min(data.len());
                self.rest -= step;
                data = &data[step..];
                continue;
            }
            self.prefix[self.prefix_len] = data[0];
            self.prefix_len += 1;
            data = &data[1..];
            if self.prefix_len == self.prefix.len() {
                self.prefix_len = 0;
                let [_, length @ ..] = self.prefix;
                self.rest = u32::from_be_bytes(length) as usize;
                if self.rest > self.bytes {
                    return false;
                }
            }
        }
        true
    }
}

/// Why the body of a REST request could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadBodyError {
    /// Answer 413 in the dialect's shape.
    #[error("the body is larger than {limit_bytes} bytes")]
    TooLarge { limit_bytes: usize },
    /// The caller went away or broke the protocol; what is answered will hardly be read.
    #[error("the body ended early")]
    Broken(#[source] axum::Error),
}

/// Reads all of a REST request's body. A body that announces its length is refused before it is read.
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
    use proptest::prelude::*;

    fn framed(lengths: &[usize]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for &length in lengths {
            bytes.push(0);
            bytes.extend((length as u32).to_be_bytes());
            bytes.extend(std::iter::repeat_n(1, length));
        }
        bytes
    }

    proptest! {
        #[test]
        fn the_limit_is_per_message_however_the_bytes_are_cut(
            lengths in proptest::collection::vec(0_usize..40, 0..8),
            cut in 1_usize..50,
        ) {
            let mut limit = MessageLimit::new(30);
            let within = framed(&lengths).chunks(cut).all(|chunk| limit.take(chunk));
            prop_assert_eq!(within, lengths.iter().all(|&length| length <= 30));
        }
    }

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
