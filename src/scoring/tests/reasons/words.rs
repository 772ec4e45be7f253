//! The words of a reason: its parts, and the numbers in them.

/// `3 messages` is 3.
pub fn leading_number(text: &str) -> Option<f64> {
    text.split(' ').next()?.parse().ok()
}

/// `3 h 5 min` in seconds, and its smallest unit.
pub fn seconds(text: &str) -> Option<(f64, f64)> {
    let words: Vec<&str> = text.split(' ').collect();
    let mut total = (0.0, 1.0);
    for pair in words.chunks(2) {
        let unit = match *pair.get(1)? {
            "s" => 1.0,
            "min" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        total = (total.0 + pair[0].parse::<f64>().ok()? * unit, unit);
    }
    Some(total)
}

/// The words in the gaps of a pattern that a text begins with, and what follows it.
pub fn fit<'r>(pattern: &str, text: &'r str) -> Option<(Vec<&'r str>, &'r str)> {
    let mut literals = pattern.split("{}");
    let mut rest = text.strip_prefix(literals.next()?)?;
    let mut gaps = Vec::new();
    for literal in literals {
        let end = if literal.is_empty() { end_of_part(rest) } else { rest.find(literal)? };
        let gap = &rest[..end];
        if gap.is_empty() || gap.contains([',', ';']) {
            return None;
        }
        gaps.push(gap);
        rest = &rest[end + literal.len()..];
    }
    let ends = rest.is_empty() || rest.starts_with([',', ';', '.']);
    ends.then_some((gaps, rest))
}

fn end_of_part(text: &str) -> usize {
    let separators = [", ", "; ", ". "].iter().filter_map(|separator| text.find(separator));
    separators.min().unwrap_or_else(|| text.strip_suffix('.').unwrap_or(text).len())
}

#[test]
fn a_part_is_read_with_what_is_filled_in() {
    assert_eq!(fit("waited up to {}", "waited up to 3 h 5 min, is"), Some((vec!["3 h 5 min"], ", is")));
    assert_eq!(fit("waited up to {}", "waited up to 3 h."), Some((vec!["3 h"], ".")));
    assert_eq!(fit("{} of {} replies", "1 of 3 replies."), Some((vec!["1", "3"], ".")));
    assert_eq!(fit("with a note", "with a note, announced"), Some((vec![], ", announced")));
    assert_eq!(fit("with a note", "without a note"), None);
    assert_eq!(seconds("2 d 4 h"), Some((187_200.0, 3600.0)));
    assert_eq!(seconds("soon"), None);
}
