//! `plaudit import --wait`: waits until everything imported is scored.

use std::time::{Duration, Instant};

use prost_types::Timestamp;
use tonic::{Code, transport::Endpoint};

use super::{Signals, report::Report};
use crate::{
    cli::{Failure, connect::status_line, output::counted, queue},
    proto::v1::Queue,
};

/// How often to poll the server.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// How often to report progress.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// Waits until everything queued now is scored or given up, whatever is imported meanwhile. Tolerates a server that is
/// unreachable for up to `patience`.
pub(super) async fn until_scored(
    endpoint: &Endpoint,
    patience: Duration,
    report: &Report,
) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    tokio::select! {
        scored = watch(endpoint, patience, report) => scored,
        () = signals.next() => {
            Err(Failure::Incomplete("stopped waiting; every line is imported, and the server continues scoring".to_owned()))
        }
    }
}

async fn watch(endpoint: &Endpoint, patience: Duration, report: &Report) -> Result<(), Failure> {
    let channel = endpoint.connect_lazy();
    let (mut begun, mut answered, mut last_report) = (None, Instant::now(), Instant::now());
    loop {
        match queue::ask(channel.clone()).await {
            Ok(queue) => {
                answered = Instant::now();
                let begun: &Queue = begun.get_or_insert_with(|| queue.clone());
                if is_done(begun, &queue) {
                    return outcome(begun, &queue);
                }
                if last_report.elapsed() >= REPORT_EVERY {
                    last_report = Instant::now();
                    report.note(queue::describe(&queue));
                }
            }
            Err(status) if status.code() == Code::Unavailable && answered.elapsed() < patience => {}
            Err(status) => {
                let cause = status_line(&status);
                return Err(Failure::Incomplete(format!(
                    "every line is imported, but the state of scoring is unknown: {cause}"
                )));
            }
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

/// Whether nothing that was queued at the start is still waiting.
fn is_done(begun: &Queue, now: &Queue) -> bool {
    let moment = |time: &Option<Timestamp>| time.as_ref().map(|time| (time.seconds, time.nanos));
    match moment(&now.oldest_create_time) {
        None => now.waiting_count == 0,
        // With more waiting than were counted, the oldest may be among those not counted.
        Some(oldest) => !now.has_more_waiting && Some(oldest) > moment(&begun.read_time),
    }
}

fn outcome(begun: &Queue, now: &Queue) -> Result<(), Failure> {
    match now.failed_count.saturating_sub(begun.failed_count) {
        ..=0 => Ok(()),
        failed => Err(Failure::Failed(format!(
            "{} could not be scored; the server's log has the cause of each",
            counted(failed.unsigned_abs().into(), "conversation", "conversations"),
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversations_queued_later_are_not_waited_for() {
        let at = |seconds| Some(Timestamp { seconds, nanos: 0 });
        let queue = |waiting_count, oldest, has_more_waiting| Queue {
            waiting_count,
            oldest_create_time: oldest,
            has_more_waiting,
            read_time: at(100),
            ..Queue::default()
        };
        let begun = queue(5, at(90), false);
        for (now, expected) in [
            (queue(0, None, false), true),
            (queue(3, at(100), false), false),
            (queue(3, at(101), false), true),
            (queue(100_000, at(101), true), false),
            // A job without a time is unreadable and will be given up.
            (queue(1, None, false), false),
        ] {
            assert_eq!(is_done(&begun, &now), expected, "{now:?}");
        }
    }
}
