//! A response body: counted for the access log, ended at the call's deadline and, for calls that would otherwise never end, by
//! the drain.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use axum::{BoxError, body::Body};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Response, StatusCode};
use http_body::{Body as _, Frame, SizeHint};
use tokio::time::Sleep;
use tonic::Code;

use super::{
    access::{Access, Edge, Outcome},
    refusal::{self, Refusal, Wording},
};

pub(super) struct AnswerBody {
    inner: Body,
    access: Access,
    wording: Wording,
    http_status: StatusCode,
    /// With what is said once it has passed.
    deadline: Option<(Pin<Box<Sleep>>, Refusal)>,
    /// Only for calls that last until someone ends them.
    drain: Option<BoxFuture<'static, ()>>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// The drain has begun: one more frame may follow, in case the service has something to say about it.
    LastFrame,
    Ended,
}

impl AnswerBody {
    /// Wraps a response. Only the gRPC edge passes `deadline` and `drain`, because only it can end a response with a status.
    pub(super) fn wrap(
        response: Response<Body>,
        mut access: Access,
        wording: Wording,
        deadline: Option<(Pin<Box<Sleep>>, Refusal)>,
        drain: Option<BoxFuture<'static, ()>>,
    ) -> Response<Self> {
        let http_status = response.status();
        if access.edge() == Edge::Grpc
            && let Some(code) = refusal::code(response.headers())
        {
            access.ended(Outcome::Named(refusal::code_name(code)));
        } else if response.body().is_end_stream() {
            end(&mut access, http_status, None);
        }
        response.map(|inner| Self {
            inner,
            access,
            wording,
            http_status,
            deadline,
            drain,
            state: State::Open,
        })
    }

    fn poll_inner(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Self { inner, access, .. } = self;
        let polled =
            access.span.in_scope(|| catch_unwind(AssertUnwindSafe(|| Pin::new(inner).poll_frame(cx))));
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(Some(Ok(frame)))) => Poll::Ready(Some(Ok(self.pass(frame)))),
            Ok(Poll::Ready(Some(Err(error)))) => {
                self.state = State::Ended;
                self.access.ended(Outcome::Named("BROKEN"));
                Poll::Ready(Some(Err(error.into())))
            }
            Ok(Poll::Ready(None)) => {
                self.state = State::Ended;
                end(&mut self.access, self.http_status, None);
                Poll::Ready(None)
            }
            Err(_) => {
                self.access.span.in_scope(|| tracing::error!("a call panicked while streaming its response"));
                Poll::Ready(Some(match self.access.edge() {
                    Edge::Grpc => Ok(self.end_with(Refusal::Fault)),
                    Edge::Rest => {
                        self.state = State::Ended;
                        self.access.ended(Outcome::Named("BROKEN"));
                        Err("internal error".into())
                    }
                }))
            }
        }
    }

    /// Counts a frame from the service and notes whether it ends the call.
    fn pass(&mut self, frame: Frame<Bytes>) -> Frame<Bytes> {
        if let Some(data) = frame.data_ref() {
            self.access.sent(data.len());
            if self.inner.is_end_stream() {
                end(&mut self.access, self.http_status, None);
            }
            return frame;
        }
        match frame.into_trailers() {
            Ok(mut trailers) => {
                if self.access.edge() == Edge::Grpc {
                    self.access.span.in_scope(|| (self.wording.complete)(&mut trailers, None));
                }
                end(&mut self.access, self.http_status, Some(&trailers));
                Frame::trailers(trailers)
            }
            Err(other) => other,
        }
    }

    /// Ends the call with a status of the server itself.
    fn end_with(&mut self, refusal: Refusal) -> Frame<Bytes> {
        self.state = State::Ended;
        self.inner = Body::empty();
        let trailers = refusal::trailers(&(self.wording.refuse)(refusal));
        end(&mut self.access, self.http_status, Some(&trailers));
        Frame::trailers(trailers)
    }
}

/// Notes that the response was sent to its end.
fn end(access: &mut Access, http_status: StatusCode, trailers: Option<&HeaderMap>) {
    match access.edge() {
        Edge::Rest => access.ended(Outcome::Http(http_status)),
        Edge::Grpc => match trailers.map(|trailers| refusal::code(trailers).unwrap_or(Code::Unknown)) {
            Some(code) => access.ended(Outcome::Named(refusal::code_name(code))),
            None => access.ended_if_open(Outcome::Named(refusal::code_name(Code::Unknown))),
        },
    }
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        if this.state == State::Ended {
            return Poll::Ready(None);
        }
        if let Some((deadline, late)) = &mut this.deadline
            && deadline.as_mut().poll(cx).is_ready()
        {
            let late = *late;
            return Poll::Ready(Some(Ok(this.end_with(late))));
        }
        let last = this.state == State::LastFrame;
        if !last && this.drain.as_mut().is_some_and(|drain| drain.as_mut().poll(cx).is_ready()) {
            this.drain = None;
            this.state = State::LastFrame;
        }
        if last {
            return Poll::Ready(Some(Ok(this.end_with(Refusal::ShuttingDown))));
        }
        match this.poll_inner(cx) {
            Poll::Pending if this.state == State::LastFrame => {
                Poll::Ready(Some(Ok(this.end_with(Refusal::ShuttingDown))))
            }
            polled => polled,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.state == State::Ended || (self.state == State::Open && self.inner.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        if self.deadline.is_some() || self.drain.is_some() {
            SizeHint::default()
        } else {
            self.inner.size_hint()
        }
    }
}
