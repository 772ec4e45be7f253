//! How the compressed messages of a gRPC request are encoded.

use http::{HeaderMap, HeaderValue};

/// The header that names a request's encoding.
pub(super) const ENCODING: &str = "grpc-encoding";
/// The header that says which are accepted.
pub const ACCEPT_ENCODING: &str = "grpc-accept-encoding";
pub const ACCEPTED: &str = "identity,gzip,zstd";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Gzip,
    Zstd,
}

/// The encoding is none of those that are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotAccepted;

impl Encoding {
    /// The encoding of a request's compressed messages; `None` if it has none.
    pub(super) fn of(headers: &HeaderMap) -> Result<Option<Self>, NotAccepted> {
        match headers.get(ENCODING).map(HeaderValue::as_bytes) {
            None | Some(b"identity") => Ok(None),
            Some(b"gzip") => Ok(Some(Self::Gzip)),
            Some(b"zstd") => Ok(Some(Self::Zstd)),
            Some(_) => Err(NotAccepted),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_encodings_that_are_accepted_are_taken() {
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ENCODING, value.parse().unwrap());
            Encoding::of(&headers)
        };
        assert_eq!(Encoding::of(&HeaderMap::new()), Ok(None));
        for (value, encoding) in
            [("identity", None), ("gzip", Some(Encoding::Gzip)), ("zstd", Some(Encoding::Zstd))]
        {
            assert_eq!(of(value), Ok(encoding));
            assert!(ACCEPTED.split(',').any(|accepted| accepted == value));
        }
        for value in ["deflate", "snappy", "br", "GZIP", "gzip, zstd", ""] {
            assert_eq!(of(value), Err(NotAccepted), "{value}");
        }
    }
}
