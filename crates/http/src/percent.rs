//! Percent-encoding of what is put into an address, or into the text of a signature.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but RFC 3986's unreserved characters: letters, digits and `-._~`.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The text as it may stand anywhere in a path or a query.
#[must_use]
pub fn percent(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_stands_in_a_query_leads_nowhere_else() {
        assert_eq!(super::percent("a&b=c d/é-._~9Z"), "a%26b%3Dc%20d%2F%C3%A9-._~9Z");
    }
}
