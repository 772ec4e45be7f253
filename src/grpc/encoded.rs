//! A cache of encoded assessments for lists.
//!
//! Dashboards and pollers list the same assessments again and again. An encoded assessment is a pure function of its stored
//! bytes, so both are kept together and the stored bytes compared on each use: the cache is never stale.

use prost::{
    DecodeError, Message,
    bytes::{Buf, BufMut, Bytes},
    encoding::{DecodeContext, WireType, encode_key, encode_varint, encoded_len_varint, key_len, string},
};
use quick_cache::{Weighter, sync::Cache};

use crate::{domain::AssessmentId, error::Error, service::assessment::Listed, wire::assessment::to_wire};

/// The most bytes kept, of both forms together.
const KEPT_BYTES: u64 = 16 * 1024 * 1024;
/// A rough estimate of how many that is.
const KEPT_ITEMS: usize = 4096;

/// Encoded assessments by id.
pub struct Encoder(Cache<AssessmentId, Kept, Weight>);

#[derive(Clone)]
struct Kept {
    stored: Bytes,
    encoded: Bytes,
}

#[derive(Clone)]
struct Weight;

impl Weighter<AssessmentId, Kept> for Weight {
    fn weight(&self, _: &AssessmentId, kept: &Kept) -> u64 {
        (kept.stored.len() + kept.encoded.len()) as u64
    }
}

impl Default for Encoder {
    fn default() -> Self {
        Self(Cache::with_weighter(KEPT_ITEMS, KEPT_BYTES, Weight))
    }
}

impl Encoder {
    /// The encoded `plaudit.v1.Assessment`.
    pub fn encode(&self, listed: Listed) -> Result<Bytes, Error> {
        if let Some(kept) = self.0.get(&listed.id)
            && kept.stored == *listed.stored()
        {
            return Ok(kept.encoded);
        }
        let (id, stored) = (listed.id, listed.stored().clone());
        let encoded = Bytes::from(to_wire(listed.into_assessment()?).encode_to_vec());
        self.0.insert(id, Kept { stored, encoded: encoded.clone() });
        Ok(encoded)
    }
}

/// A `plaudit.v1.ListAssessmentsResponse` built from encoded assessments.
#[derive(Clone, Debug, Default)]
pub struct EncodedAssessments {
    pub assessments: Vec<Bytes>,
    pub next_page_token: String,
}

/// Field numbers in `assessment.proto`.
const ASSESSMENTS: u32 = 1;
const NEXT_PAGE_TOKEN: u32 = 2;

impl Message for EncodedAssessments {
    fn encode_raw(&self, buffer: &mut impl BufMut) {
        for encoded in &self.assessments {
            encode_key(ASSESSMENTS, WireType::LengthDelimited, buffer);
            encode_varint(encoded.len() as u64, buffer);
            buffer.put_slice(encoded);
        }
        if !self.next_page_token.is_empty() {
            string::encode(NEXT_PAGE_TOKEN, &self.next_page_token, buffer);
        }
    }

    fn encoded_len(&self) -> usize {
        let one =
            |encoded: &Bytes| key_len(ASSESSMENTS) + encoded_len_varint(encoded.len() as u64) + encoded.len();
        let token = if self.next_page_token.is_empty() {
            0
        } else {
            string::encoded_len(NEXT_PAGE_TOKEN, &self.next_page_token)
        };
        self.assessments.iter().map(one).sum::<usize>() + token
    }

    /// Never decoded, only sent.
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buffer: &mut impl Buf,
        context: DecodeContext,
    ) -> Result<(), DecodeError> {
        prost::encoding::skip_field(wire_type, tag, buffer, context)
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::v1::{Assessment, ListAssessmentsResponse};

    #[test]
    fn a_list_of_encoded_assessments_has_the_same_encoding() {
        for (count, token) in [(0, ""), (1, ""), (3, "next")] {
            let assessments: Vec<_> = (0..count)
                .map(|number| Assessment { name: "a".repeat(number * 100), ..Default::default() })
                .collect();
            let encoded = EncodedAssessments {
                assessments: assessments.iter().map(|one| Bytes::from(one.encode_to_vec())).collect(),
                next_page_token: token.to_owned(),
            };
            let whole = ListAssessmentsResponse { assessments, next_page_token: token.to_owned() };
            assert_eq!(encoded.encode_to_vec(), whole.encode_to_vec());
            assert_eq!(encoded.encoded_len(), whole.encoded_len());
        }
    }
}
