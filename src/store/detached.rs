//! Futures that run to completion even when they are dropped.

use std::{pin::Pin, task};

use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::runtime::Handle;

/// A future that is spawned as a task if it is dropped before it completes. Awaited to completion, it needs no task.
pub struct Detached<T: Send + 'static>(Option<BoxFuture<'static, T>>);

impl<T: Send + 'static> Detached<T> {
    pub fn new(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Some(work.boxed()))
    }
}

impl<T: Send + 'static> Future for Detached<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> task::Poll<T> {
        let Some(work) = &mut self.0 else { return task::Poll::Pending };
        let polled = work.as_mut().poll(cx);
        if polled.is_ready() {
            self.0 = None;
        }
        polled
    }
}

impl<T: Send + 'static> Drop for Detached<T> {
    fn drop(&mut self) {
        // Without a runtime the process is exiting; the next start finds whatever was committed.
        if let (Some(work), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(work);
        }
    }
}
