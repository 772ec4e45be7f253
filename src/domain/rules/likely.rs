//! The name that was probably meant.

/// How alike two names must be: a slip of the pen is above it, another word below.
pub const LIKE: f64 = 0.87;

/// The known name that is most like the given one, if any is like it. Capitals, hyphens and underscores make no difference, and
/// neither does the prefix that all words of an enum share.
pub fn likely<'a>(given: &str, known: &[&'a str]) -> Option<&'a str> {
    let given = plain(given);
    let alike = known.iter().map(|name| {
        let whole = plain(name);
        let is_end = given.len() > 1 && whole.ends_with(&given) && name.contains('_');
        (if is_end { 1.0 } else { strsim::jaro_winkler(&given, &whole) }, *name)
    });
    let best = alike.max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.filter(|(likeness, _)| *likeness >= LIKE).map(|(_, name)| name)
}

fn plain(name: &str) -> String {
    // Longer ones are no slip, and the comparison is quadratic.
    let letters = name.chars().filter(|character| !"_- ".contains(*character)).take(128);
    letters.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_told_from_other_words() {
        let keys = ["externalId", "subject", "source", "status", "messageCount", "tags"];
        for (given, meant) in [
            ("external_id", Some("externalId")),
            ("externalID", Some("externalId")),
            ("subjekt", Some("subject")),
            ("staus", Some("status")),
            ("tag", Some("tags")),
            ("csat", None),
            ("assignee", None),
            ("", None),
        ] {
            assert_eq!(likely(given, &keys), meant, "{given}");
        }
        let words = ["CONVERSATION_STATUS_OPEN", "CONVERSATION_STATUS_CLOSED"];
        for (given, meant) in [
            ("closed", Some(words[1])),
            ("Open", Some(words[0])),
            ("conversation_status_close", Some(words[1])),
            ("solved", None),
        ] {
            assert_eq!(likely(given, &words), meant, "{given}");
        }
        assert_eq!(likely(&"x".repeat(1 << 20), &words), None);
    }
}
