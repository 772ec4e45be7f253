//! The store's secret, and what is derived from it: receipts, the UUIDs of ratings, page tokens, fingerprints.

use std::fmt;

use uuid::Uuid;

use crate::domain::{AttachmentId, ConversationId, LAST_ID, RatingId, Receipt};

use super::{Decision, Space, StoreError, get_one, keys, records::Secret};

/// Keys derived from the store's secret.
#[derive(Clone)]
pub struct Secrets {
    receipt_tag: [u8; 32],
    receipt_mask: [u8; 32],
    rating_tag: [u8; 32],
    rating_mask: [u8; 32],
    token: [u8; 32],
    fingerprint: [u8; 32],
    attachment: [u8; 32],
}

/// Random bytes for a secret.
pub(super) fn fresh_secret() -> Result<[u8; 32], StoreError> {
    let mut key = [0; 32];
    getrandom::fill(&mut key)
        .map_err(|cause| StoreError::Failed(format!("the system gave no random numbers: {cause}").into()))?;
    Ok(key)
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

impl Secrets {
    /// Loads the store's secret, creating it for a new store.
    pub async fn load_or_create(space: Space<'_>) -> Result<Self, StoreError> {
        loop {
            let mut decision = Decision::new(space);
            if let Some(secret) = get_one::<Secret>(&decision, keys::secret()).await? {
                return Ok(Self::from_key(&secret.key));
            }
            let key = fresh_secret()?;
            decision.replace(keys::secret(), &Secret { key });
            if decision.commit().await? {
                return Ok(Self::from_key(&key));
            }
        }
    }

    pub fn from_key(key: &[u8; 32]) -> Self {
        let derive = |purpose: &str| blake3::derive_key(purpose, key);
        Self {
            receipt_tag: derive("plaudit 2026-11 receipt tag"),
            receipt_mask: derive("plaudit 2026-11 receipt mask"),
            rating_tag: derive("plaudit 2026-11 rating tag"),
            rating_mask: derive("plaudit 2026-11 rating mask"),
            token: derive("plaudit 2026-11 page token"),
            fingerprint: derive("plaudit 2026-11 request fingerprint"),
            attachment: derive("plaudit 2026-11 attachment link"),
        }
    }

    /// Distinguishes requests that carry the same request id.
    pub fn fingerprint(&self, request: &[u8]) -> [u8; 32] {
        *blake3::keyed_hash(&self.fingerprint, request).as_bytes()
    }

    /// The receipt of an import: a 64-bit tag and the conversation's 53-bit number, masked with the tag, as 23 digits.
    /// The tag also selects the leading letter.
    #[expect(clippy::indexing_slicing, reason = "there are 36 digits")]
    pub fn receipt(&self, conversation: ConversationId) -> Receipt {
        let tag = self.receipt_tag(conversation);
        let mask = self.receipt_mask(tag);
        let mut number = (u128::from(tag) << ID_BITS) | u128::from((conversation.0 ^ mask) & LAST_ID);
        let mut text = [0; Receipt::LENGTH];
        for place in text.iter_mut().skip(1).rev() {
            *place = DIGITS[(number % 36) as usize];
            number /= 36;
        }
        text[0] = b'a' + ((mask >> ID_BITS) % 26) as u8;
        let text: String = text.iter().map(|&byte| char::from(byte)).collect();
        text.parse().expect("24 letters and digits with a letter first are a receipt")
    }

    /// The conversation of a receipt; `None` if this store did not issue it.
    pub fn conversation_of(&self, receipt: &Receipt) -> Option<ConversationId> {
        let mut number = 0_u128;
        for byte in receipt.as_str().bytes().skip(1) {
            let digit = DIGITS.iter().position(|&digit| digit == byte)?;
            number = number.checked_mul(36)?.checked_add(digit as u128)?;
        }
        let tag = u64::try_from(number >> ID_BITS).ok()?;
        let conversation = ConversationId((number as u64 ^ self.receipt_mask(tag)) & LAST_ID);
        (self.receipt(conversation) == *receipt).then_some(conversation)
    }

    fn receipt_tag(&self, conversation: ConversationId) -> u64 {
        first_u64(&blake3::keyed_hash(&self.receipt_tag, &conversation.0.to_be_bytes()))
    }

    fn receipt_mask(&self, tag: u64) -> u64 {
        first_u64(&blake3::keyed_hash(&self.receipt_mask, &tag.to_be_bytes()))
    }

    /// The UUID of a rating, version 8 of RFC 9562, whose 122 free bits hold a 69-bit tag and the 53-bit number, masked
    /// with the tag.
    pub fn rating_uuid(&self, rating: RatingId) -> Uuid {
        let tag =
            first_u128(&blake3::keyed_hash(&self.rating_tag, &rating.0.to_be_bytes())) >> (128 - TAG_BITS);
        let number = (rating.0 ^ self.rating_mask(tag)) & LAST_ID;
        spread((tag << ID_BITS) | u128::from(number))
    }

    /// The rating of a UUID; `None` if this store did not issue it.
    pub fn rating_of(&self, uuid: Uuid) -> Option<RatingId> {
        let payload = gathered(uuid);
        let rating = RatingId((payload as u64 ^ self.rating_mask(payload >> ID_BITS)) & LAST_ID);
        (self.rating_uuid(rating) == uuid).then_some(rating)
    }

    fn rating_mask(&self, tag: u128) -> u64 {
        first_u64(&blake3::keyed_hash(&self.rating_mask, &tag.to_be_bytes()))
    }

    /// A page token: `place` is where the next page begins; the token is valid only with the same `arguments`.
    pub fn page_token(&self, arguments: &str, place: &str) -> String {
        format!("{}{place}", &self.token_tag(arguments, place))
    }

    /// The place of a page token; `None` if it was issued for other arguments or by another store.
    pub fn place_of(&self, arguments: &str, token: &str) -> Option<String> {
        let (tag, place) = token.split_at_checked(TOKEN_TAG_CHARACTERS)?;
        (self.token_tag(arguments, place) == tag).then(|| place.to_owned())
    }

    fn token_tag(&self, arguments: &str, place: &str) -> String {
        let mut hasher = blake3::Hasher::new_keyed(&self.token);
        hasher.update(&(arguments.len() as u64).to_be_bytes());
        hasher.update(arguments.as_bytes());
        hasher.update(place.as_bytes());
        hasher.finalize().to_hex().chars().take(TOKEN_TAG_CHARACTERS).collect()
    }
}

/// Attachment links: whoever has the link can download the file, and links cannot be guessed.
impl Secrets {
    /// The last part of an attachment's URL: both numbers, then 128 bits of tag.
    pub fn attachment_link(&self, conversation: ConversationId, attachment: AttachmentId) -> String {
        let mut hasher = blake3::Hasher::new_keyed(&self.attachment);
        hasher.update(&conversation.0.to_be_bytes());
        hasher.update(&attachment.0.to_be_bytes());
        let tag: String = hasher.finalize().to_hex().chars().take(LINK_TAG_CHARACTERS).collect();
        format!("{conversation}-{attachment}-{tag}")
    }

    /// The attachment of a link; `None` if this store did not issue it.
    pub fn attachment_of(&self, link: &str) -> Option<(ConversationId, AttachmentId)> {
        let mut parts = link.split('-');
        let mut number = || parts.next()?.parse().ok();
        let (conversation, attachment) = (ConversationId(number()?), AttachmentId(number()?));
        // Compares hashes, so that timing does not reveal how much of the link was right.
        let is_ours = blake3::hash(self.attachment_link(conversation, attachment).as_bytes())
            == blake3::hash(link.as_bytes());
        is_ours.then_some((conversation, attachment))
    }
}

const LINK_TAG_CHARACTERS: usize = 32;
const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
/// Bits of a numeric id: see `LAST_ID`.
const ID_BITS: u32 = 53;
const TOKEN_TAG_CHARACTERS: usize = 24;
/// The bits of a version 8 UUID that are left for the tag.
const TAG_BITS: u32 = 122 - ID_BITS;

/// Places 122 bits around a UUID's version and variant, as 48, 12 and 62 bits.
fn spread(payload: u128) -> Uuid {
    let (custom_a, custom_b, custom_c) = (payload >> 74, (payload >> 62) & 0xFFF, payload & ((1 << 62) - 1));
    Uuid::from_u128((custom_a << 80) | (8 << 76) | (custom_b << 64) | (2 << 62) | custom_c)
}

/// The 122 free bits of a UUID, ignoring its version.
fn gathered(uuid: Uuid) -> u128 {
    let bits = uuid.as_u128();
    ((bits >> 80) << 74) | (((bits >> 64) & 0xFFF) << 62) | (bits & ((1 << 62) - 1))
}

fn first_u128(hash: &blake3::Hash) -> u128 {
    let bytes: [u8; 16] = hash.as_bytes()[..16].try_into().expect("a hash has 32 bytes");
    u128::from_be_bytes(bytes)
}

fn first_u64(hash: &blake3::Hash) -> u64 {
    let bytes: [u8; 8] = hash.as_bytes()[..8].try_into().expect("a hash has 32 bytes");
    u64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::FIRST_ID;

    fn secrets() -> Secrets {
        Secrets::from_key(&[7; 32])
    }

    proptest! {
        #[test]
        fn a_receipt_leads_back_to_its_conversation(id in FIRST_ID..=LAST_ID) {
            let receipt = secrets().receipt(ConversationId(id));
            prop_assert_eq!(secrets().conversation_of(&receipt), Some(ConversationId(id)));
            prop_assert_eq!(Secrets::from_key(&[8; 32]).conversation_of(&receipt), None);
        }

        #[test]
        fn a_receipt_that_was_not_given_leads_nowhere(text in "[a-z][a-z0-9]{23}") {
            prop_assert_eq!(secrets().conversation_of(&text.parse().unwrap()), None);
        }

        #[test]
        fn a_link_leads_back_to_its_attachment(id in FIRST_ID..=LAST_ID, other in "[0-9a-f-]{0,70}") {
            let (conversation, attachment) = (ConversationId(id), AttachmentId(id ^ 1));
            let link = secrets().attachment_link(conversation, attachment);
            prop_assert_eq!(secrets().attachment_of(&link), Some((conversation, attachment)));
            prop_assert_eq!(Secrets::from_key(&[8; 32]).attachment_of(&link), None);
            prop_assert_eq!(secrets().attachment_of(&link[1..]), None);
            prop_assert_eq!(secrets().attachment_of(&other), None);
        }

        #[test]
        fn a_rating_s_uuid_leads_back_to_it(id in FIRST_ID..=LAST_ID) {
            let uuid = secrets().rating_uuid(RatingId(id));
            prop_assert_eq!((uuid.get_version_num(), uuid.get_variant()), (8, uuid::Variant::RFC4122));
            prop_assert_eq!(secrets().rating_of(uuid), Some(RatingId(id)));
            prop_assert_eq!(Secrets::from_key(&[8; 32]).rating_of(uuid), None);
        }

        #[test]
        fn a_uuid_that_was_not_given_leads_nowhere(id in FIRST_ID..=LAST_ID, bits in any::<u128>(), bit in 0..128) {
            prop_assert_eq!(secrets().rating_of(Uuid::from_u128(bits)), None);
            let given = secrets().rating_uuid(RatingId(id)).as_u128();
            prop_assert_eq!(secrets().rating_of(Uuid::from_u128(given ^ (1_u128 << bit))), None);
        }

        #[test]
        fn a_page_token_is_good_for_its_arguments_only(arguments in ".{0,20}", other in ".{0,20}", place in "[0-9a-z-]{0,20}") {
            let token = secrets().page_token(&arguments, &place);
            prop_assert_eq!(secrets().place_of(&arguments, &token), Some(place));
            if other != arguments {
                prop_assert_eq!(secrets().place_of(&other, &token), None);
            }
        }
    }

    /// Callers may keep these forever, so they must be the same in every version.
    #[test]
    fn what_callers_hold_leads_where_it_did() {
        let secrets = secrets();
        let (conversation, attachment) = (ConversationId(FIRST_ID), AttachmentId(FIRST_ID + 2));
        assert_eq!(secrets.receipt(conversation).as_str(), "y1xvjbikjl7up3ooxuv1bffa");
        assert_eq!(
            secrets.rating_uuid(RatingId(FIRST_ID)).to_string(),
            "8b2f5518-f729-8119-8619-51dc065d8ac5"
        );
        assert_eq!(
            secrets.attachment_link(conversation, attachment),
            "5000000000000001-5000000000000003-37934c63e1d6faca14db57c0bf292b6c"
        );
        assert_eq!(secrets.page_token("events", "5"), "3b1ae2ab62a1f515dd4849235");
    }

    #[test]
    fn consecutive_conversations_have_receipts_that_share_nothing() {
        let first = secrets().receipt(ConversationId(FIRST_ID));
        let second = secrets().receipt(ConversationId(FIRST_ID + 1));
        let same = first.as_str().bytes().zip(second.as_str().bytes()).filter(|(a, b)| a == b).count();
        assert!(same < 8, "{first} and {second} share {same} places");
    }
}
