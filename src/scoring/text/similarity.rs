//! Whether two texts say the same: by the set of their content words, in bounded memory.

/// The most words that are compared: of longer texts those with the smallest hashes, which is an even sample.
const SKETCH_WORDS: usize = 64;

/// How many earlier messages of the same side a message is compared with.
pub const WINDOW: usize = 50;

/// The content words of a text, as ascending hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch(Vec<u32>);

impl Sketch {
    pub fn of(stems: impl Iterator<Item = u32>) -> Self {
        let mut hashes: Vec<u32> = stems.collect();
        hashes.sort_unstable();
        hashes.dedup();
        hashes.truncate(SKETCH_WORDS);
        hashes.shrink_to_fit();
        Self(hashes)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn common_with(&self, other: &Self) -> usize {
        let (mut mine, mut theirs) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut common = 0;
        while let (Some(left), Some(right)) = (mine.peek(), theirs.peek()) {
            match left.cmp(right) {
                std::cmp::Ordering::Less => drop(mine.next()),
                std::cmp::Ordering::Greater => drop(theirs.next()),
                std::cmp::Ordering::Equal => {
                    common += 1;
                    mine.next();
                    theirs.next();
                }
            }
        }
        common
    }
}

/// Jaccard: words in both as a part of words in either, 0 to 1; 0 when either has none.
pub fn similarity(left: &Sketch, right: &Sketch) -> f64 {
    if left.is_empty() || right.is_empty() {
        return 0.0;
    }
    let common = left.common_with(right);
    common as f64 / (left.len() + right.len() - common) as f64
}

/// How much of `asked` is taken up in `answer`, 0 to 1; `None` when `asked` has no content words.
pub fn overlap(asked: &Sketch, answer: &Sketch) -> Option<f64> {
    (!asked.is_empty()).then(|| asked.common_with(answer) as f64 / asked.len() as f64)
}

/// FNV-1a over a word.
pub fn hash(word: &str) -> u32 {
    word.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// One number for the words in their order (FNV-1a over their stems).
pub fn wording(stems: impl Iterator<Item = u32>) -> u64 {
    stems.fold(0xcbf2_9ce4_8422_2325, |hash, stem| (hash ^ u64::from(stem)).wrapping_mul(0x0100_0000_01b3))
}
