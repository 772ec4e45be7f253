//! The numbers of a JSON text as written, because the parser rounds `1700000000000.0000001` to `1700000000000`.

/// Iterates over the numbers of a valid JSON text.
pub(super) struct Numbers<'t>(&'t [u8]);

impl<'t> Numbers<'t> {
    pub(super) fn of(text: &'t [u8]) -> Self {
        Self(text)
    }
}

impl<'t> Iterator for Numbers<'t> {
    type Item = &'t [u8];

    fn next(&mut self) -> Option<&'t [u8]> {
        loop {
            let (&first, after) = self.0.split_first()?;
            match first {
                b'"' => self.0 = after_string(after),
                b'-' | b'0'..=b'9' => {
                    let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
                    let end = self.0.iter().position(|byte| !is_part(byte)).unwrap_or(self.0.len());
                    let (number, rest) = self.0.split_at(end);
                    self.0 = rest;
                    return Some(number);
                }
                _ => self.0 = after,
            }
        }
    }
}

/// The rest of the text after a string whose opening quote has been read.
fn after_string(mut text: &[u8]) -> &[u8] {
    while let Some((&first, after)) = text.split_first() {
        text = match first {
            b'"' => return after,
            b'\\' => after.get(1..).unwrap_or_default(),
            _ => after,
        };
    }
    text
}

/// No larger float has a fraction.
const MAX_FRACTIONAL: f64 = (1_u64 << 52) as f64;

/// Restores a fraction that parsing rounded away, as the smallest there is, so that the number does not pass for an integer.
pub(super) fn with_fraction(value: f64, written: &[u8]) -> f64 {
    let lost = value.fract() == 0.0 && value.abs() < MAX_FRACTIONAL && has_fraction(written);
    if lost { value.next_up() } else { value }
}

/// Whether a number has a fraction: `1.5` and `15e-1` do, `1.50e1` and `1.0` do not.
fn has_fraction(written: &[u8]) -> bool {
    let exponent_at = written.iter().position(|byte| matches!(byte, b'e' | b'E')).unwrap_or(written.len());
    let (mantissa, exponent) = written.split_at(exponent_at);
    let point = mantissa.iter().position(|&byte| byte == b'.').unwrap_or(mantissa.len());
    let first = usize::from(mantissa.first() == Some(&b'-'));
    let whole_digits = i64::try_from(point - first).unwrap_or(i64::MAX);
    let whole_digits = whole_digits.saturating_add(exponent_of(exponent.get(1..).unwrap_or_default()));
    let digits = (0..).zip(mantissa.iter().skip(first).filter(|&&byte| byte != b'.'));
    digits.into_iter().any(|(place, &digit)| digit != b'0' && place >= whole_digits)
}

/// An exponent out of range is clamped.
fn exponent_of(written: &[u8]) -> i64 {
    const LARGEST: i64 = 1 << 62;
    let text = std::str::from_utf8(written).unwrap_or_default();
    match text.parse() {
        Ok(exponent) => exponent,
        Err(_) if text.is_empty() => 0,
        Err(_) if text.starts_with('-') => -LARGEST,
        Err(_) => LARGEST,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_fraction_is_recognized_in_any_notation() {
        for (written, expected) in [
            ("0", false),
            ("-0.0", false),
            ("1.7e12", false),
            ("1.50E+1", false),
            ("100e-2", false),
            ("0e-99999999999999999999", false),
            ("1e99999999999999999999", false),
            ("1.5", true),
            ("15e-1", true),
            ("-1.25e1", true),
            ("1700000000000.0000001", true),
            ("1e-99999999999999999999", true),
        ] {
            assert_eq!(has_fraction(written.as_bytes()), expected, "{written}");
        }
    }

    proptest! {
        #[test]
        fn numbers_are_found_in_order_whatever_is_between_them(
            parts in prop::collection::vec((".{0,6}", any::<f64>()), 0..9),
        ) {
            let parts: Vec<_> = parts.into_iter().filter(|(_, number)| number.is_finite()).collect();
            let text = serde_json::to_string(&parts).unwrap();
            let read = |number: &[u8]| std::str::from_utf8(number).unwrap().parse::<f64>().unwrap();
            let found: Vec<f64> = Numbers::of(text.as_bytes()).map(read).collect();
            prop_assert_eq!(found, parts.iter().map(|(_, number)| *number).collect::<Vec<_>>());
        }

        #[test]
        fn a_fraction_is_kept_however_small(whole in -(1_i64 << 51)..1_i64 << 51, zeros in 0_usize..400) {
            let written = format!("{whole}.{}1", "0".repeat(zeros));
            let read = with_fraction(written.parse().unwrap(), written.as_bytes());
            prop_assert_ne!(read.fract(), 0.0);
            let whole = format!("{whole}.{}", "0".repeat(zeros + 1));
            prop_assert_eq!(with_fraction(whole.parse().unwrap(), whole.as_bytes()).fract(), 0.0);
        }
    }
}
