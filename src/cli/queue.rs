//! `plaudit queue`: how far behind scoring is.

use prost_types::Timestamp;
use tonic::{Status, transport::Channel};

use super::{
    Failure,
    connect::{DEFAULT_SERVER, ask_once, status_line},
    output::print,
    settings::whole_numbers,
};
use crate::proto::v1::{GetQueueRequest, Queue, queue_service_client::QueueServiceClient};

const AFTER_HELP: &str = "\
Exit codes: 0 answered, 1 the server cannot be reached, 2 wrong usage.

Examples:
  plaudit queue
  plaudit queue --server 127.0.0.1:9000
  watch plaudit queue";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct QueueCommand {
    /// The server's address.
    #[arg(long, value_name = "URL", env = "PLAUDIT_SERVER", hide_env_values = true, default_value = DEFAULT_SERVER)]
    server: String,
    /// How long to wait for the answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, allow_negative_numbers = true, value_parser = whole_numbers(1..=3600))]
    timeout_seconds: u64,
}

impl QueueCommand {
    pub(super) fn run(self) -> Result<(), Failure> {
        let (_, queue) = ask_once(&self.server, self.timeout_seconds, async |channel| {
            ask(channel).await.map_err(|status| status_line(&status))
        })?;
        print(format_args!("{}\n", describe(&queue)))
    }
}

/// Reads the queue.
pub(super) async fn ask(channel: Channel) -> Result<Queue, Status> {
    let request = GetQueueRequest { name: String::new() };
    Ok(QueueServiceClient::new(channel).get_queue(request).await?.into_inner())
}

/// The queue in one line.
pub(super) fn describe(queue: &Queue) -> String {
    let waiting = match (queue.waiting_count, &queue.oldest_create_time, &queue.read_time) {
        (0, _, _) => "nothing waits for scoring".to_owned(),
        (waiting, Some(oldest), Some(now)) => {
            let (more, verb) = (more(queue.has_more_waiting), if waiting == 1 { "waits" } else { "wait" });
            format!("{waiting}{more} {verb} for scoring, the oldest for {} s", seconds_between(oldest, now))
        }
        (waiting, _, _) => format!("{waiting}{} wait for scoring", more(queue.has_more_waiting)),
    };
    match queue.failed_count {
        0 => waiting,
        failed => format!("{waiting}; {failed}{} given up", more(queue.has_more_failed)),
    }
}

fn more(has_more: bool) -> &'static str {
    if has_more { " or more" } else { "" }
}

fn seconds_between(earlier: &Timestamp, later: &Timestamp) -> i64 {
    later.seconds.saturating_sub(earlier.seconds).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_is_described_in_one_line() {
        let at = |seconds| Some(Timestamp { seconds, nanos: 0 });
        let queue = |waiting_count, has_more_waiting, failed_count| Queue {
            waiting_count,
            has_more_waiting,
            failed_count,
            oldest_create_time: (waiting_count > 0).then(|| at(100)).flatten(),
            read_time: at(160),
            ..Queue::default()
        };
        for (queue, expected) in [
            (queue(0, false, 0), "nothing waits for scoring"),
            (queue(1, false, 0), "1 waits for scoring, the oldest for 60 s"),
            (queue(100_000, true, 2), "100000 or more wait for scoring, the oldest for 60 s; 2 given up"),
            (queue(0, false, 2), "nothing waits for scoring; 2 given up"),
        ] {
            assert_eq!(describe(&queue), expected);
        }
    }
}
