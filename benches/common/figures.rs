//! The figures of a measurement.

use std::{
    fmt,
    time::{Duration, Instant},
};

use super::frames::Span;

/// The result of a load.
pub struct Outcome {
    /// Measured calls.
    pub calls: u64,
    /// Including the warm-up.
    pub all_calls: u64,
    /// Calls per second.
    pub rate: f64,
    pub p50: Millis,
    pub p99: Millis,
}

impl Outcome {
    /// From the times of the calls sent within the span. A load that ran out of calls ended before it did.
    pub fn of(mut times: Vec<Duration>, all_calls: u64, span: Span, ended: Instant) -> Self {
        times.sort_unstable();
        let at = |share: f64| {
            let place = ((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1));
            Millis(times.get(place).copied())
        };
        let measured = ended.min(span.ends).saturating_duration_since(span.begins);
        Self {
            calls: times.len() as u64,
            all_calls,
            rate: times.len() as f64 / measured.as_secs_f64(),
            p50: at(0.5),
            p99: at(0.99),
        }
    }
}

/// A duration, printed in milliseconds; `None` if there is none.
pub struct Millis(pub Option<Duration>);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(duration) => write!(f, "{:.1} ms", duration.as_secs_f64() * 1000.0),
            None => f.write_str("none"),
        }
    }
}

/// With an even number of values, the mean of the middle two.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values {
        [] => f64::NAN,
        values if values.len() % 2 == 1 => values[middle],
        values => (values[middle - 1] + values[middle]) / 2.0,
    }
}
