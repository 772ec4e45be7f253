//! Enters people into the directory whom calls have named.

use std::sync::Arc;

use futures_util::{FutureExt as _, future::BoxFuture};

use crate::{
    error::Error,
    service::{
        Call, Services,
        directory::{meet_announced, wait_for_announced},
    },
};

use super::{Next, Task};

/// The wait where nobody is named; who is wakes the task.
const LONGEST_WAIT: std::time::Duration = std::time::Duration::from_secs(60);

pub struct People(Arc<Services>);

impl People {
    pub fn new(services: Arc<Services>) -> Self {
        Self(services)
    }
}

impl Task for People {
    fn name(&self) -> &'static str {
        "people"
    }

    fn step(&mut self) -> BoxFuture<'_, Result<Next, Error>> {
        async { meet_announced(Call::new(&self.0)).await.map(|()| Next::After(LONGEST_WAIT)) }.boxed()
    }

    fn wake(&mut self) -> BoxFuture<'_, ()> {
        wait_for_announced(&self.0).boxed()
    }

    /// Those who were named last are in memory alone.
    fn finish(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        meet_announced(Call::new(&self.0)).boxed()
    }
}
