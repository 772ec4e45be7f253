//! Addresses of senders and receivers, in the notation of mail.

/// Splits `Ada Lovelace <ada@example.org>` into address and name; any other text is an address alone.
pub fn address_and_name(text: &str) -> (String, Option<String>) {
    let text = text.trim();
    let parts = text.strip_suffix('>').and_then(|rest| rest.rsplit_once('<'));
    match parts {
        Some((name, address)) if address.contains('@') => {
            (address.trim().to_owned(), Some(unquoted(name.trim())).filter(|name| !name.is_empty()))
        }
        _ => (text.to_owned(), None),
    }
}

/// What identifies somebody who has only an address. Case is ignored: nobody means two people by two spellings.
pub fn identity_of(address: &str) -> String {
    address.to_lowercase()
}

/// A name without the quotes of RFC 5322.
fn unquoted(name: &str) -> String {
    let inner = name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match inner {
        Some(inner) => inner.replace("\\\"", "\"").replace("\\\\", "\\").trim().to_owned(),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_before_an_address_is_split_off() {
        for (text, address, name) in [
            ("jane@x.com", "jane@x.com", None),
            (" Jane <jane@x.com> ", "jane@x.com", Some("Jane")),
            ("\"Customer, Jane\" <Jane@X.com>", "Jane@X.com", Some("Customer, Jane")),
            ("\"Jane \\\"J\\\"\" <jane@x.com>", "jane@x.com", Some("Jane \"J\"")),
            ("<jane@x.com>", "jane@x.com", None),
            ("Jane < jane@x.com >", "jane@x.com", Some("Jane")),
            ("Jane", "Jane", None),
            ("Jane <3>", "Jane <3>", None),
            ("Jane <jane@x.com", "Jane <jane@x.com", None),
            ("+49 170 1234", "+49 170 1234", None),
            (">", ">", None),
        ] {
            assert_eq!(address_and_name(text), (address.to_owned(), name.map(str::to_owned)), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_has_an_address_that_is_no_longer(text in ".*") {
            let (address, name) = address_and_name(&text);
            prop_assert!(address.len() + name.map_or(0, |name| name.len()) <= text.len());
        }
    }
}
