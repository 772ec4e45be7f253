//! Keys as numbers, to search between two of them.

use crate::Key;

/// How much of a key counts. Longer ones are searched less finely.
const MOST_BYTES: usize = 40;
/// How much finer than the key it begins with a search gets.
const FINER_BYTES: usize = 8;

/// A key of a fixed length as a number: its bytes, the most significant first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Number {
    digits: Vec<u8>,
    first_step: usize,
}

impl Number {
    /// Not after the key.
    pub(super) fn of(key: &[u8]) -> Self {
        let mut digits: Vec<u8> = key.iter().copied().take(MOST_BYTES).collect();
        // An empty one is the beginning of all keys.
        digits.resize(digits.len().max(1) + FINER_BYTES, 0);
        Self { digits, first_step: FINER_BYTES * 8 }
    }

    /// The power of two that changes the last byte that counts.
    pub(super) fn first_step(&self) -> usize {
        self.first_step
    }

    pub(super) fn key(&self) -> Key {
        self.digits.clone()
    }

    /// `None` beyond the last key of this length.
    pub(super) fn plus_power(&self, power: usize) -> Option<Self> {
        let mut sum = self.clone();
        let mut carry = 1_u16 << (power % 8);
        let places = sum.digits.len().checked_sub(power / 8)?;
        for digit in sum.digits.iter_mut().take(places).rev() {
            carry += u16::from(*digit);
            *digit = (carry & 0xff) as u8;
            carry >>= 8;
            if carry == 0 {
                return Some(sum);
            }
        }
        None
    }

    /// `None` if nothing is between them.
    pub(super) fn halfway(&self, higher: &Self) -> Option<Self> {
        let mut digits = Vec::with_capacity(self.digits.len());
        // The sum may have one bit more than either.
        let mut sum = vec![0_u8; self.digits.len() + 1];
        let mut carry = 0_u16;
        let pairs = self.digits.iter().zip(&higher.digits).rev();
        for (to, (low, high)) in sum.iter_mut().rev().zip(pairs) {
            carry += u16::from(*low) + u16::from(*high);
            *to = (carry & 0xff) as u8;
            carry >>= 8;
        }
        let mut left = carry & 1;
        for digit in sum.iter().skip(1) {
            let part = (left << 8) | u16::from(*digit);
            digits.push((part >> 1) as u8);
            left = part & 1;
        }
        let middle = Self { digits, first_step: self.first_step };
        (middle.digits > self.digits).then_some(middle)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(number: &Number) -> u128 {
        number.digits.iter().fold(0, |value, digit| value << 8 | u128::from(*digit))
    }

    proptest! {
        #[test]
        fn numbers_are_added_and_halved(key in prop::collection::vec(any::<u8>(), 1..6), power in 0..100_usize) {
            let number = Number::of(&key);
            let most = 1_u128 << (8 * number.digits.len());
            let sum = value(&number) + (1 << power);
            let added = number.plus_power(power);
            prop_assert_eq!(added.as_ref().map(value), (sum < most).then_some(sum));
            let Some(added) = added else { return Ok(()) };
            let middle = (value(&number) + sum) / 2;
            let expected = (middle > value(&number)).then_some(middle);
            prop_assert_eq!(number.halfway(&added).as_ref().map(value), expected);
        }

        #[test]
        fn the_first_step_is_beyond_the_key(key in prop::collection::vec(0..255_u8, 1..60)) {
            let number = Number::of(&key);
            prop_assert!(number.key() <= [key.as_slice(), &[0; 8]].concat());
            prop_assert!(number.plus_power(number.first_step()).unwrap().key() > key);
        }
    }
}
