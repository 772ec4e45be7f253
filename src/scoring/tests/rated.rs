//! How far AXIS ranks conversations as people who read them would, on the dialogues of `tests/cases/dialogues/rated`, which were
//! written by someone who had not seen the rules. Run with `--nocapture` for the figures.

use super::cases::{axis_if_any, rank_correlation, read, transcript_of};
use crate::domain::Band;

/// A file, and the least rank correlation of the unrounded AXIS with the ratings. Floors rise only.
const FILES: &[(&str, f64)] =
    &[("helpdesk", 0.62), ("booking", 0.81), ("film", 0.59), ("chats", 0.62), ("helpdesk-zh", 0.72)];

/// Ratings from here down are of unhappy customers, from `HAPPY` up of happy ones.
const UNHAPPY: f64 = 2.2;
const HAPPY: f64 = 3.8;

#[test]
fn axis_ranks_conversations_as_raters_do() {
    let (mut unhappy, mut happy) = (Vec::new(), Vec::new());
    let mut faults = Vec::new();
    for (file, floor) in FILES {
        let (mut scores, mut ratings) = (Vec::new(), Vec::new());
        for dialogue in read(&format!("dialogues/rated/{file}")) {
            let axis = axis_if_any(&transcript_of(&dialogue["lines"])).expect("a language that is read");
            let rating = dialogue["satisfaction"].as_f64().expect("a rating");
            match rating {
                ..=UNHAPPY => unhappy.push(axis.band),
                HAPPY.. => happy.push(axis.band),
                _ => {}
            }
            scores.push(axis.unrounded());
            ratings.push(rating);
        }
        let correlation = rank_correlation(&scores, &ratings);
        println!("{file}: {} dialogues, rank correlation {correlation:.3}", scores.len());
        if correlation < *floor {
            faults.push(format!("{file}: rank correlation {correlation:.3}, below {floor}"));
        }
    }
    let share = |bands: &[Band], band: Band| {
        bands.iter().filter(|one| **one == band).count() as f64 / bands.len() as f64
    };
    let praised = share(&unhappy, Band::Excellent);
    let (found, content) = (share(&unhappy, Band::Poor), share(&happy, Band::Excellent));
    println!("unhappy: {praised:.3} Excellent, {found:.3} Poor; happy: {content:.3} Excellent");
    if praised > 0.06 || found < 0.5 || content < 0.55 {
        faults.push("a band stands against what the customers felt".to_owned());
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
