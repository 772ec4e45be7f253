//! The keys of customers who opted out of ratings.

use crate::domain::{Author, ConversationId, ExternalId};

use super::{
    super::{Key, KeyRange},
    Keys, OPT_OUT, push_text,
};

/// How an opt-out identifies a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KnownCustomer {
    /// In every conversation of the source.
    ExternalId(String),
    /// Within one conversation only.
    NameIn(ConversationId, String),
}

impl KnownCustomer {
    fn of(conversation: ConversationId, customer: &Author) -> Self {
        match &customer.external_id {
            Some(external_id) => Self::ExternalId(external_id.to_string()),
            None => Self::NameIn(conversation, customer.name.clone().unwrap_or_default()),
        }
    }
}

impl Keys {
    /// A customer with an external id is the same in every conversation of the source; one without is identified by
    /// name, within the conversation only.
    pub fn opt_out(self, source: &str, conversation: ConversationId, customer: &Author) -> Key {
        self.opt_out_of(source, &KnownCustomer::of(conversation, customer))
    }

    /// The keys under which a customer's opt-out may be stored: the one above, and, for an id that an earlier build
    /// accepted with control characters and that now reads with control pictures, the key it had then.
    pub fn opt_outs_of(self, source: &str, conversation: ConversationId, customer: &Author) -> Vec<Key> {
        let before = customer.external_id.as_ref().and_then(ExternalId::before_mending);
        let before = before.map(|id| self.opt_out_of(source, &KnownCustomer::ExternalId(id)));
        std::iter::once(self.opt_out(source, conversation, customer)).chain(before).collect()
    }

    pub fn opt_out_of(self, source: &str, customer: &KnownCustomer) -> Key {
        match customer {
            KnownCustomer::ExternalId(external_id) => {
                let mut key = self.in_workspace(OPT_OUT, 32);
                push_text(&mut key, source);
                key.push(0);
                push_text(&mut key, external_id);
                key
            }
            KnownCustomer::NameIn(conversation, name) => {
                let mut key = self.opt_outs_in(source, *conversation);
                push_text(&mut key, name);
                key
            }
        }
    }

    /// The prefix of the keys of customers who are identified within one conversation only.
    pub(super) fn opt_outs_in(self, source: &str, conversation: ConversationId) -> Key {
        let mut key = self.in_workspace(OPT_OUT, 32);
        push_text(&mut key, source);
        key.push(1);
        key.extend(conversation.0.to_be_bytes());
        key
    }

    pub fn opt_outs(self) -> KeyRange {
        KeyRange::prefix(self.in_workspace(OPT_OUT, 0))
    }
}

/// The source and customer of an opt-out's key; `None` for other keys.
pub fn customer_of_opt_out(key: &[u8]) -> Option<(String, KnownCustomer)> {
    let mut rest = key.strip_prefix(&[OPT_OUT])?.get(4..)?;
    let source = take_text(&mut rest)?;
    let (way, after) = rest.split_first()?;
    rest = after;
    let customer = match way {
        0 => KnownCustomer::ExternalId(take_text(&mut rest)?),
        1 => {
            let (conversation, after) = rest.split_first_chunk::<8>()?;
            rest = after;
            KnownCustomer::NameIn(ConversationId(u64::from_be_bytes(*conversation)), take_text(&mut rest)?)
        }
        _ => return None,
    };
    rest.is_empty().then_some((source, customer))
}

/// Removes a string that [`push_text`] appended.
pub(super) fn take_text(rest: &mut &[u8]) -> Option<String> {
    let mut text = Vec::new();
    loop {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        if byte != 0 {
            text.push(byte);
            continue;
        }
        let (&mark, after) = rest.split_first()?;
        *rest = after;
        match mark {
            0xFF => text.push(0),
            0x01 => return String::from_utf8(text).ok(),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::keys::WorkspaceId;

    const KEYS: Keys = Keys::of(WorkspaceId::FIRST);

    proptest! {
        #[test]
        fn a_customer_is_read_back_from_their_key(
            source in "[a\0\u{1}é]{0,4}", name in "[a\0\u{1}é]{0,4}", by_name in any::<bool>(), id in any::<u64>(),
        ) {
            let customer = if by_name {
                KnownCustomer::NameIn(ConversationId(id), name)
            } else {
                KnownCustomer::ExternalId(name)
            };
            let key = KEYS.opt_out_of(&source, &customer);
            prop_assert_eq!(customer_of_opt_out(&key), Some((source, customer)));
            prop_assert_eq!(customer_of_opt_out(&key[..key.len() - 1]), None);
        }
    }
}
