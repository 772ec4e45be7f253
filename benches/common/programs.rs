//! A bench without a server, compared with the same bench of another build, whose binary `BASELINE_BENCH` names.

use std::{collections::BTreeMap, env, error::Error, process::Command};

const VARIABLE: &str = "BASELINE_BENCH";
/// The suffixes of numbers, and the factor to the first unit of the same kind.
const UNITS: [(&str, f64); 8] = [
    ("/s", 1.0),
    (" µs", 1.0),
    (" us", 1.0),
    (" ms", 1e3),
    ("ns", 1e-3),
    ("µs", 1.0),
    ("ms", 1e3),
    ("s", 1e6),
];

/// Runs both in turn, `ROUNDS` times (3), if there is a baseline; returns whether there is.
pub fn compare() -> Result<bool, Box<dyn Error>> {
    let Some(baseline) = env::var_os(VARIABLE) else { return Ok(false) };
    let this = env::current_exe()?;
    let rounds: usize = env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(3);
    let mut all: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for round in 1..=rounds {
        let run = |program: &std::ffi::OsStr| -> Result<String, Box<dyn Error>> {
            let output = Command::new(program).args(env::args_os().skip(1)).env_remove(VARIABLE).output()?;
            if !output.status.success() {
                return Err(format!("{} ended with {}", program.display(), output.status).into());
            }
            Ok(String::from_utf8(output.stdout)?)
        };
        // The next round starts with the other one.
        let (ours, theirs) = if round % 2 == 1 {
            let ours = run(this.as_os_str())?;
            (ours, run(&baseline)?)
        } else {
            let theirs = run(&baseline)?;
            (run(this.as_os_str())?, theirs)
        };
        let (ours, theirs) = (figures(&ours), figures(&theirs));
        for (name, ours) in ours {
            match theirs.get(&name) {
                Some(theirs) => {
                    all.entry(name).or_default().extend(ours.into_iter().zip(theirs.iter().copied()))
                }
                None => println!("not printed by the baseline: {name}"),
            }
        }
    }
    println!("this build, the baseline, and the first to the second ({rounds} rounds in turn): medians");
    for (name, pairs) in all {
        let mut ratios: Vec<f64> = pairs.iter().map(|(ours, theirs)| ours / theirs).collect();
        let (mut ours, mut theirs): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        let (ours, theirs, ratio) = (median(&mut ours), median(&mut theirs), median(&mut ratios));
        let (least, most) = (ratios[0], ratios[ratios.len() - 1]);
        println!("  {ours:>12.1} {theirs:>12.1}  {ratio:.2} ({least:.2} to {most:.2})  {name}");
    }
    Ok(true)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Whether a unit measures a rate or a count, not a time.
fn is_rate(unit: &str) -> bool {
    unit.ends_with("/s") || unit == " times"
}

/// Every number with a unit, by the line it is on, with a `#` for each number; times in microseconds.
fn figures(output: &str) -> BTreeMap<String, Vec<f64>> {
    let mut figures: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    // The medians cover what a bench prints for each of its own rounds.
    for line in output.lines().filter(|line| !line.starts_with("round ")) {
        let (mut name, mut values, mut rest) = (String::new(), Vec::new(), line);
        while let Some(start) = rest.find(|character: char| character.is_ascii_digit()) {
            let (before, number) = rest.split_at(start);
            let end = number.find(|character: char| !character.is_ascii_digit() && character != '.');
            let (number, after) = number.split_at(end.unwrap_or(number.len()));
            name.push_str(before);
            rest = after;
            match UNITS.iter().find(|(unit, _)| after.starts_with(unit)).zip(number.parse::<f64>().ok()) {
                Some(((unit, factor), number)) => {
                    rest = &after[unit.len()..];
                    name.push('#');
                    name.push_str(if is_rate(unit) { unit } else { " µs" });
                    values.push(number * factor);
                }
                // A ratio is not compared; a whole number tells lines apart, as in "3 messages".
                None => name.push_str(if number.contains('.') { "#" } else { number }),
            }
        }
        name.push_str(rest);
        for (place, value) in (1..).zip(values) {
            figures.entry(format!("{} [{place}]", name.trim())).or_default().push(value);
        }
    }
    figures
}
