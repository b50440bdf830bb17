//! What a payload is: text or octets.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Media {
    #[serde(rename = "text/plain")]
    Text,
    #[serde(rename = "application/octet-stream")]
    Octets,
    #[serde(rename = "application/pkcs8")]
    Pkcs8,
}

impl Media {
    /// A media type as clients write it; the only charset is UTF-8.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(|part| part.trim().to_ascii_lowercase());
        let media = match parts.next()?.as_str() {
            "text/plain" => Self::Text,
            "application/octet-stream" => Self::Octets,
            "application/pkcs8" => Self::Pkcs8,
            _ => return None,
        };
        let fits = |part: String| part.split_once('=').is_some_and(|(_, charset)| charset.trim() == "utf-8");
        parts.next().is_none_or(fits).then_some(media)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text/plain",
            Self::Octets => "application/octet-stream",
            Self::Pkcs8 => "application/pkcs8",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Media;

    #[test]
    fn charsets_other_than_utf_8_are_not_known() {
        for (text, expect) in [
            ("text/plain", Some(Media::Text)),
            ("TEXT/plain; charset=UTF-8", Some(Media::Text)),
            ("text/plain;charset=latin-1", None),
            ("text/plain; utf-8", None),
            ("application/octet-stream", Some(Media::Octets)),
            ("application/pkcs8", Some(Media::Pkcs8)),
            ("application/json", None),
            ("*/*", None),
            ("", None),
        ] {
            assert_eq!(Media::parse(text), expect, "{text}");
        }
    }
}
