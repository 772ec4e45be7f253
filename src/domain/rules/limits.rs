//! Limits on everything. Lengths are in bytes of UTF-8.

pub const SOURCE_BYTES: usize = 128;
/// The external id of a conversation, message, person or team.
pub const EXTERNAL_ID_BYTES: usize = 512;
/// The name of a person, team, file or tool.
pub const NAME_BYTES: usize = 512;
/// Any other small text.
pub const TEXT_BYTES: usize = 512;
pub const SUBJECT_BYTES: usize = 4 * 1024;
/// A message's text, and each of its bodies.
pub const BODY_BYTES: usize = 256 * 1024;
/// A small JSON object that is kept as it came.
pub const OBJECT_BYTES: usize = 64 * 1024;
pub const URL_BYTES: usize = 2048;
pub const TAG_BYTES: usize = 128;
pub const DESCRIPTION_BYTES: usize = 4 * 1024;
/// RFC 5321: a path has at most 256 octets, two of which are its angle brackets.
pub const EMAIL_BYTES: usize = 254;
/// The wording of a question to a customer.
pub const QUESTION_BYTES: usize = 2 * 1024;
/// A customer's comment on an answer.
pub const COMMENT_BYTES: usize = 16 * 1024;
/// RFC 5646 calls 35 enough for every tag in use.
pub const LANGUAGE_BYTES: usize = 35;

/// Per conversation.
pub const TAGS: usize = 100;
/// In one filter.
pub const FILTER_TAGS: usize = 10;
/// In each of a message's three lists.
pub const RECEIVERS: usize = 200;
/// Per message.
pub const INTENTS: usize = 100;
/// Per message.
pub const ATTACHMENTS: usize = 100;
/// All attachments of a message together.
pub const ATTACHMENTS_BYTES: usize = 10 * 1024 * 1024;
/// Teams per person.
pub const TEAMS: usize = 100;
/// Per offer.
pub const QUESTIONS: usize = 20;
/// Per import.
pub const RATINGS: usize = 1_000;
/// Per conversation. They are stored in its head, which every message rewrites; none can be dropped, because worklogs
/// are split at closings however long ago.
pub const STATUS_CHANGES: usize = 1_000;
/// The most that a conversation may grow to: its scores are computed from all of them at once.
pub const CONVERSATION_MESSAGES: usize = 20_000;
/// Receivers, intents and attachments of all messages of an import together: a request could hold millions of small
/// ones.
pub const MESSAGE_ITEMS: usize = 20_000;
