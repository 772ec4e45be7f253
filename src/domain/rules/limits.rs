//! How much there may be of everything. Lengths are in bytes of UTF-8.

pub const SOURCE_BYTES: usize = 128;
/// What a source calls a conversation, a message, a person, a team.
pub const EXTERNAL_ID_BYTES: usize = 512;
/// What people, teams, files and tools are called.
pub const NAME_BYTES: usize = 512;
/// Of the small texts that have no limit of their own.
pub const TEXT_BYTES: usize = 512;
pub const SUBJECT_BYTES: usize = 4 * 1024;
/// Of a message's words and of each of its bodies.
pub const BODY_BYTES: usize = 256 * 1024;
/// Of the small JSON objects that are kept as they came.
pub const OBJECT_BYTES: usize = 64 * 1024;
pub const URL_BYTES: usize = 2048;
pub const TAG_BYTES: usize = 128;
pub const DESCRIPTION_BYTES: usize = 4 * 1024;
/// RFC 5321: a path has at most 256 octets, two of which are its angle brackets.
pub const EMAIL_BYTES: usize = 254;
/// Of what a customer is asked.
pub const QUESTION_BYTES: usize = 2 * 1024;
/// Of what a customer says with an answer.
pub const COMMENT_BYTES: usize = 16 * 1024;
/// RFC 5646 names 35 as enough for every tag in use.
pub const LANGUAGE_BYTES: usize = 35;

/// Of a conversation.
pub const TAGS: usize = 100;
/// That can be asked for at once.
pub const FILTER_TAGS: usize = 10;
/// In each of a message's three lists.
pub const RECEIVERS: usize = 200;
/// Of a message.
pub const INTENTS: usize = 100;
/// Of a message.
pub const ATTACHMENTS: usize = 100;
/// Of all attachments of a message.
pub const ATTACHMENTS_BYTES: usize = 10 * 1024 * 1024;
/// That a person is in.
pub const TEAMS: usize = 100;
/// Of an offer.
pub const QUESTIONS: usize = 20;
/// That an import brings along.
pub const RATINGS: usize = 1_000;
/// Of a conversation. They stand in its head, which every message writes anew; none is left out, as worklogs are cut at closings
/// however long ago.
pub const STATUS_CHANGES: usize = 1_000;
/// That a conversation may grow to: its scores are computed from all of them, in one go.
pub const CONVERSATION_MESSAGES: usize = 20_000;
/// Receivers, intents and attachments of all messages of an import: of small ones a request could hold millions.
pub const MESSAGE_ITEMS: usize = 20_000;
