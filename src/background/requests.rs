//! Forgets the ids of requests after their 24 hours. A record that is older does not count before it is gone either.

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future::BoxFuture};

use crate::{
    error::Error,
    service::{Call, Services},
    store::request,
};

use super::{Next, Task, clock_check::ClockCheck};

pub(super) struct SweepRequests {
    services: Arc<Services>,
    clock: Arc<ClockCheck>,
    every: Duration,
}

impl SweepRequests {
    pub(super) fn new(services: Arc<Services>, clock: Arc<ClockCheck>, every: Duration) -> Self {
        Self { services, clock, every }
    }
}

impl Task for SweepRequests {
    fn name(&self) -> &'static str {
        "requests"
    }

    fn step(&mut self) -> BoxFuture<'_, Result<Next, Error>> {
        async {
            if !self.clock.may_remove(request::KEPT_MILLIS).await? {
                return Ok(Next::After(self.every));
            }
            let swept = request::sweep(Call::new(&self.services).space(), self.services.clock.now()).await?;
            if swept > 0 {
                tracing::info!(swept, "forgot request ids older than 24 hours");
            }
            Ok(Next::After(self.every))
        }
        .boxed()
    }
}
