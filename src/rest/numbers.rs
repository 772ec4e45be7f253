//! Points and percentages in JSON.

use serde_json::Number;

pub fn tenths(value: u32) -> Number {
    thousandths(i64::from(value) * 100)
}

/// Whole numbers have no fraction: 4, but 4.3.
pub fn thousandths(value: i64) -> Number {
    let whole = Number::from(value / 1000);
    if value % 1000 == 0 {
        return whole;
    }
    // Never fails: every i64 converts to a finite float.
    Number::from_f64(value as f64 / 1000.0).unwrap_or(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_have_no_fraction() {
        for (value, text) in
            [(0, "0"), (4000, "4"), (4300, "4.3"), (-1500, "-1.5"), (4333, "4.333"), (73_300, "73.3")]
        {
            assert_eq!(thousandths(value).to_string(), text);
        }
        assert_eq!((tenths(40).to_string(), tenths(47).to_string()), ("4".to_owned(), "4.7".to_owned()));
    }
}
