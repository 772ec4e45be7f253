//! The conformance suite that every engine passes.
//!
//! An engine joins with a [`Subject`] and one use of [`conformance_suite!`](crate::conformance_suite) in its tests, with the
//! feature `conformance` and `tokio` among its dependencies; it opts out of a case only there, with its
//! name and a reason. The reason is printed, so that nothing is skipped silently.

mod dumps;
mod hammer;
mod history;
mod isolation;
mod large;
mod logs;
mod reading;
mod trimming;
mod whole;

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use bytes::Bytes;
use futures_util::future::{BoxFuture, join_all};
use proptest::prelude::*;

pub use self::{
    dumps::*, hammer::*, history::*, isolation::*, large::*, logs::*, reading::*, trimming::*, whole::*,
};
use super::*;

/// Creates an engine's stores for the suite.
pub trait Subject: Send + Sync {
    /// An empty store.
    fn open(&self) -> BoxFuture<'_, Arc<dyn Keyspace>>;

    /// The store that `open` gave last, as another process has it open at the same time; none where one process has it alone.
    fn peer(&self) -> BoxFuture<'_, Option<Arc<dyn Keyspace>>> {
        Box::pin(async { None })
    }

    /// The same store after it was closed, for persistent engines.
    fn reopen(&self) -> BoxFuture<'_, Arc<dyn Keyspace>>;
}

/// Generates the cases as tests of one engine. An engine opts out of a case by its name, with a reason.
#[macro_export]
macro_rules! conformance_suite {
    ($engine:ident, $subject:expr, opts_out: { $($out:ident: $reason:literal),* }) => {
        mod $engine {
            use super::*;

            const OPTED_OUT: &[(&str, &str)] = &[$((stringify!($out), $reason)),*];

            $crate::conformance_suite!(@cases $subject;
                two_batches_that_each_expect_two_absent_keys_never_both_win,
                a_claim_is_won_once,
                no_increment_of_a_counter_is_lost,
                no_update_of_several_keys_is_lost,
                there_is_no_write_skew,
                nothing_is_taken_twice,
                nothing_is_issued_twice,
                conflicts_within_a_group_are_found,
                the_log_has_no_gaps_under_load,
                a_conflict_names_its_key_and_writes_nothing,
                a_batch_sees_the_earlier_ones_of_its_group,
                a_batch_without_writes_only_checks,
                an_expectation_may_name_an_empty_value,
                a_value_may_be_empty,
                several_keys_are_read_in_the_requested_order,
                a_read_sees_a_batch_wholly_or_not_at_all,
                a_scan_respects_every_kind_of_bound,
                a_scan_ends_at_its_limit,
                a_scan_ends_at_its_bytes_and_skips_nothing,
                a_scan_of_keys_returns_those_of_the_pairs,
                a_prefix_of_ff_bytes_has_no_end,
                a_long_reader_yields_to_other_tasks,
                a_page_is_never_larger_than_the_largest,
                the_log_keeps_the_order_of_commits,
                a_refused_batch_logs_nothing,
                a_follower_of_the_log_misses_nothing,
                several_writers_append_to_one_log,
                restored_positions_are_kept_and_gone_on_from,
                a_trimmed_log_begins_after_what_was_removed,
                the_newest_record_is_never_trimmed,
                a_trim_is_bounded,
                large_records_can_be_trimmed,
                gaps_do_not_count_as_removed,
                a_follower_of_a_trimmed_log_misses_nothing_unnoticed,
                a_trimmed_log_continues_after_reopening,
                large_values_come_back_whole,
                large_values_can_shrink_grow_and_go,
                large_values_can_be_expected,
                large_records_can_be_logged,
                the_largest_batch_is_taken,
                a_batch_beyond_a_limit_is_refused,
                a_random_history_equals_its_model,
                stats_follow_the_commits,
                everything_survives_reopening,
                a_closed_store_refuses_everything,
                a_dump_passes_through_byte_for_byte,
                a_loaded_dump_survives_reopening,
                a_dump_of_a_trimmed_log_keeps_its_positions,
                a_dump_of_a_log_trimmed_to_its_end_keeps_its_position,
            );
        }
    };
    (@cases $subject:expr; $($case:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $case() {
                if let Some((name, reason)) = OPTED_OUT.iter().find(|(name, _)| *name == stringify!($case)) {
                    println!("{name} does not run on this engine: {reason}");
                    return;
                }
                $crate::conformance::$case(&$subject).await;
            }
        )*

        #[test]
        fn every_case_opted_out_of_exists() {
            let cases = [$(stringify!($case)),*];
            assert!(OPTED_OUT.iter().all(|(name, reason)| cases.contains(name) && !reason.is_empty()));
        }
    };
}

fn key(bytes: &[u8]) -> Key {
    bytes.to_vec()
}

fn value(text: &str) -> Value {
    Bytes::copy_from_slice(text.as_bytes())
}

/// Bytes that depend on the seed and do not repeat with the chunk size.
fn large(size: usize, seed: u8) -> Value {
    let mut bytes = vec![0; size];
    blake3::Hasher::new().update(&[seed]).finalize_xof().fill(&mut bytes);
    Bytes::from(bytes)
}

fn put_bytes(at: &[u8], value: Value) -> Batch {
    Batch { put: vec![(key(at), value)], ..Batch::default() }
}

fn put_batch(at: &[u8], text: &str) -> Batch {
    put_bytes(at, value(text))
}

async fn put(store: &Arc<dyn Keyspace>, at: &[u8], text: &str) {
    store.commit(put_batch(at, text)).await.unwrap();
}

async fn get(store: &Arc<dyn Keyspace>, at: &[u8]) -> Option<Value> {
    store.get(vec![key(at)]).await.unwrap().remove(0)
}

async fn all(store: &Arc<dyn Keyspace>) -> Vec<(Key, Value)> {
    store.scan(KeyRange::all(), MAX_PAGE, Direction::Ascending).await.unwrap()
}

async fn scan_keys(
    store: &Arc<dyn Keyspace>,
    range: &KeyRange,
    limit: usize,
    direction: Direction,
) -> Vec<Key> {
    let pairs = store.scan(range.clone(), limit, direction).await.unwrap();
    pairs.into_iter().map(|(key, _)| key).collect()
}

async fn spawn_commit(store: &Arc<dyn Keyspace>, batch: Batch) -> Result<Committed, StoreError> {
    let store = store.clone();
    tokio::spawn(async move { store.commit(batch).await }).await.unwrap()
}
