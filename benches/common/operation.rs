//! One operation on one store, and what it is compared with.

use std::time::Duration;

use super::{
    Result,
    figures::Outcome,
    load::{self, Load, Names},
    record::{CONVERSATIONS, Recorded, Records, scattered},
    rest,
    server::{Build, Data, Plaudit, data_dir, mib_on_disk, new_data},
    stream::{self, Amount},
};

/// In the order of a round: operations that leave nothing to score come first, and ratings are offered before they are
/// answered.
pub const OPERATIONS: [Operation; 8] = [
    Operation::List,
    Operation::Offer,
    Operation::Submit,
    Operation::Store,
    Operation::Create,
    Operation::Import,
    Operation::Bulk,
    Operation::Rest,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    List,
    Offer,
    Submit,
    Store,
    Create,
    Import,
    Bulk,
    Rest,
}

impl Operation {
    pub fn name(self) -> &'static str {
        match self {
            Self::List => "ListAssessments of one conversation",
            Self::Offer => "OfferRating",
            Self::Submit => "SubmitRating",
            Self::Store => "StoreMessage, existing conversation",
            Self::Create => "StoreMessage, new conversation",
            Self::Import => "ImportConversation",
            Self::Bulk => "ImportConversations, one stream",
            Self::Rest => "POST /v1/assess",
        }
    }

    /// What it writes; `None` if it only reads.
    pub fn recorded(self, records: &Records) -> Option<&Recorded> {
        match self {
            Self::List => None,
            Self::Offer => Some(&records.offers),
            Self::Submit => Some(&records.submits),
            Self::Store => Some(&records.stores),
            Self::Create => Some(&records.creations),
            Self::Import | Self::Bulk | Self::Rest => Some(&records.imports),
        }
    }

    /// The project's target for its ratio to raw sled; for `POST /v1/assess`, for the ratio to the import over gRPC.
    pub fn bar_to_raw(self) -> Option<f64> {
        match self {
            Self::List | Self::Rest => None,
            Self::Bulk => Some(0.8),
            _ => Some(0.6),
        }
    }

    /// Whether it leaves conversations waiting for scoring.
    fn leaves_jobs(self) -> bool {
        !matches!(self, Self::List | Self::Offer | Self::Submit)
    }

    /// Whether it needs existing conversations.
    fn needs_stored(self) -> bool {
        matches!(self, Self::List | Self::Offer | Self::Submit | Self::Store)
    }
}

/// Arguments of a server that only scores: more threads than processors, so that many commits share a sync.
const SCORES_FAST: &[&str] = &["--scoring-threads", "8"];

/// A store between two runs of a server on it.
pub struct Store {
    build: Build,
    pub data: Data,
    /// The conversations that are stored and scored.
    pub names: Names,
    /// For how many of them a rating was offered.
    offered: usize,
    /// The latest offers, not yet answered.
    ratings: Names,
    /// Whether conversations are waiting to be scored.
    has_jobs: bool,
    /// Processor time of the server per conversation, from its import until it was scored.
    pub scored_cpu_us: f64,
    /// The most memory that was resident meanwhile.
    pub peak_mib: f64,
}

impl Store {
    pub fn empty(build: &Build) -> Result<Self> {
        Ok(Self {
            build: build.clone(),
            data: new_data()?,
            names: Names::default(),
            offered: 0,
            ratings: Names::default(),
            has_jobs: false,
            scored_cpu_us: f64::NAN,
            peak_mib: f64::NAN,
        })
    }

    /// With `count` scored conversations, created by a server: a bulk import, then all the scoring.
    pub async fn of(build: &Build, count: usize) -> Result<Self> {
        let mut store = Self::empty(build)?;
        let server = store.start(SCORES_FAST).await?;
        let names = stream::import_named(&server.address, count).await?.names;
        server.rest().await?;
        store.scored_cpu_us = server.cpu_time()?.as_secs_f64() * 1e6 / count as f64;
        store.peak_mib = server.peak_mib()?;
        server.stop().await?;
        store.names = scattered(&names);
        Ok(store)
    }

    /// The smallest store on which every operation can be measured.
    pub async fn small(build: &Build) -> Result<Self> {
        Self::of(build, CONVERSATIONS).await
    }

    /// Its size on disk.
    pub fn mib_on_disk(&self) -> Result<f64> {
        mib_on_disk(&data_dir(&self.data))
    }

    /// Runs the build's server on it.
    pub async fn start(&self, arguments: &[&str]) -> Result<Plaudit> {
        Plaudit::start_build(&self.build, &self.data, arguments).await
    }

    /// Measures an operation on this small store, or on an empty one if it needs no existing conversations.
    pub async fn measure_small(&mut self, operation: Operation, length: Duration) -> Result<Measured> {
        if operation.needs_stored() {
            self.measure(operation, length).await
        } else {
            Self::empty(&self.build)?.measure(operation, length).await
        }
    }

    /// Runs a server on it until everything is scored.
    pub async fn settle(&mut self) -> Result<()> {
        if std::mem::take(&mut self.has_jobs) {
            let server = self.start(SCORES_FAST).await?;
            server.rest().await?;
            server.stop().await?;
        }
        Ok(())
    }

    /// Runs a server on it for one measurement, which starts with no work left over from the previous one.
    pub async fn measure(&mut self, operation: Operation, length: Duration) -> Result<Measured> {
        self.settle().await?;
        let server = self.start(&[]).await?;
        let cpu_before = server.cpu_time()?;
        let address = &server.address;
        let outcome = match operation {
            Operation::List => load::closed_loop(address, &Load::List(self.names.clone()), length).await?,
            Operation::Offer => self.offer(address, length).await?,
            Operation::Submit => {
                let load = Load::Submit(std::mem::take(&mut self.ratings));
                load::closed_loop(address, &load, length).await?
            }
            Operation::Store => load::closed_loop(address, &Load::Store(self.names.clone()), length).await?,
            Operation::Create => load::closed_loop(address, &Load::Create, length).await?,
            Operation::Import => load::closed_loop(address, &Load::Import, length).await?,
            Operation::Bulk => stream::import(address, Amount::During(length)).await?.into(),
            Operation::Rest => rest::imports(address, length).await?,
        };
        let cpu = server.cpu_time()? - cpu_before;
        let grouping = server.stop().await?.commits_per_group().unwrap_or(1.0);
        self.has_jobs = operation.leaves_jobs();
        Ok(Measured { cpu_us: cpu.as_secs_f64() * 1e6 / outcome.all_calls as f64, grouping, outcome })
    }

    /// One rating for each conversation without one, as long as there are any.
    async fn offer(&mut self, address: &str, length: Duration) -> Result<Outcome> {
        let parents = self.names.get(self.offered..).unwrap_or_default().into();
        let (outcome, ratings) = load::offers(address, parents, length).await?;
        self.offered += ratings.len();
        self.ratings = ratings;
        Ok(outcome)
    }
}

/// The result of an operation.
pub struct Measured {
    pub outcome: Outcome,
    /// Processor time of the server per call, including its background work afterwards.
    pub cpu_us: f64,
    /// Commits per group; 1 if nothing was committed.
    pub grouping: f64,
}
