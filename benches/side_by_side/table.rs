//! The figures of two builds, side by side.

use std::time::Duration;

use crate::common::{
    Result,
    figures::{Outcome, median},
    operation::{Measured, Operation},
};

/// The project's target for every figure.
const BAR: f64 = 0.95;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    PerSecond,
    /// Processor time.
    Micros,
    Millis,
    Mib,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::PerSecond => "/s",
            Self::Micros => "µs",
            Self::Millis => "ms",
            Self::Mib => "MiB",
        }
    }

    /// How much better the first is: greater than 1 if it is better, whether more or less of the unit is better.
    fn ratio(self, this: f64, baseline: f64) -> f64 {
        match self {
            Self::PerSecond => this / baseline,
            Self::Micros | Self::Millis | Self::Mib => baseline / this,
        }
    }
}

/// The figures of one build in one round.
#[derive(Default)]
pub struct Sample(Vec<(String, Unit, f64)>);

impl Sample {
    pub fn add(&mut self, name: &str, unit: Unit, value: f64) {
        self.0.push((name.to_owned(), unit, value));
    }

    /// Rate, latency, and the server's processor time per call out of `cpu`.
    pub fn outcome(&mut self, name: &str, outcome: &Outcome, cpu: Duration) {
        self.add(name, Unit::PerSecond, outcome.rate);
        self.latencies(name, outcome);
        self.add(&format!("{name}, processor time each"), Unit::Micros, micros_each(outcome, cpu));
    }

    pub fn operation(&mut self, operation: Operation, measured: &Measured) {
        let name = operation.name();
        self.add(name, Unit::PerSecond, measured.outcome.rate);
        self.latencies(name, &measured.outcome);
        self.add(&format!("{name}, processor time each"), Unit::Micros, measured.cpu_us);
    }

    pub fn latencies(&mut self, name: &str, outcome: &Outcome) {
        for (which, time) in [("p50", &outcome.p50), ("p99", &outcome.p99)] {
            if let Some(time) = time.0 {
                self.add(&format!("{name}, {which}"), Unit::Millis, time.as_secs_f64() * 1e3);
            }
        }
    }
}

fn micros_each(outcome: &Outcome, cpu: Duration) -> f64 {
    cpu.as_secs_f64() * 1e6 / outcome.all_calls as f64
}

pub struct Table {
    figures: Vec<Figure>,
}

struct Figure {
    name: String,
    unit: Unit,
    this: Vec<f64>,
    baseline: Vec<f64>,
}

impl Table {
    pub fn new(what: &str) -> Self {
        println!("\n{what}");
        Self { figures: Vec::new() }
    }

    /// Adds the figures of both builds in one round, this build first.
    pub fn add(&mut self, [this, baseline]: [Sample; 2]) -> Result<()> {
        if this.0.len() != baseline.0.len() {
            return Err("one build gave a figure that the other did not".into());
        }
        for ((name, unit, this), (_, _, baseline)) in this.0.into_iter().zip(baseline.0) {
            let place =
                match self.figures.iter().position(|figure| (&figure.name, figure.unit) == (&name, unit)) {
                    Some(place) => place,
                    None => {
                        self.figures.push(Figure { name, unit, this: Vec::new(), baseline: Vec::new() });
                        self.figures.len() - 1
                    }
                };
            self.figures[place].this.push(this);
            self.figures[place].baseline.push(baseline);
        }
        Ok(())
    }

    /// One line per figure: the medians of both, and the median, minimum and maximum of the rounds' ratios. A ratio
    /// above 1 is always better: more calls, or less time or memory.
    pub fn print(mut self) {
        let width = self.figures.iter().map(|figure| figure.name.chars().count()).max().unwrap_or(0);
        println!("  {:width$}  {:>14} {:>14}  ratio (of {BAR})", "", "this build", "baseline");
        for Figure { name, unit, this, baseline } in &mut self.figures {
            let mut ratios: Vec<f64> = this
                .iter()
                .zip(baseline.iter())
                .map(|(this, baseline)| unit.ratio(*this, *baseline))
                .collect();
            let ratio = median(&mut ratios);
            let bounds = ratios.first().zip(ratios.last());
            let (least, most) = bounds.map_or((f64::NAN, f64::NAN), |(least, most)| (*least, *most));
            let value = |values: &mut [f64]| format!("{:.1} {}", median(values), unit.name());
            let below = if ratio < BAR { "  BELOW" } else { "" };
            println!(
                "  {name:width$}  {:>14} {:>14}  {ratio:.2} ({least:.2} to {most:.2}){below}",
                value(this),
                value(baseline)
            );
        }
    }
}
