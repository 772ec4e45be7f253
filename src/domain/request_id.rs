//! The id with which a caller marks a request, so that sending it again has no further effect.

use std::{fmt, str::FromStr};

/// 1 to 128 visible ASCII characters, ideally a UUID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    pub const MAX_BYTES: usize = 128;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RequestId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rule = format!("must be 1 to {} visible ASCII characters", Self::MAX_BYTES);
        if text.is_empty() || text.len() > Self::MAX_BYTES {
            Err(format!("{rule}, has {} bytes", text.len()))
        } else if let Some(other) = text.chars().find(|character| !character.is_ascii_graphic()) {
            Err(format!("{rule}, contains {other:?}"))
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}
