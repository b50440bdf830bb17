//! Signatures of RFC 5849 §3.4: HMAC-SHA-1, and the same with SHA-256.

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::Sha256;

/// A request as its signer saw it.
#[derive(Clone, Debug, Default)]
pub struct Signed {
    method: String,
    /// Without query.
    url: String,
    /// Of the query and of the `Authorization` header.
    params: Vec<(String, String)>,
}

impl Signed {
    /// `authorization`: `OAuth oauth_consumer_key="…", …`; anything else signs nothing.
    pub fn new(method: &str, url: String, query: &[(String, String)], authorization: Option<&str>) -> Self {
        let header = authorization.and_then(|text| text.split_once(' '));
        let header = header.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("oauth")).map_or("", |(_, rest)| rest);
        let pairs = header.split(',').filter_map(|pair| pair.trim().split_once('='));
        let pairs = pairs.map(|(name, value)| (decode(name), decode(value.trim_matches('"'))));
        let signing = pairs.filter(|(name, _)| name != "realm");
        let params = query.iter().cloned().chain(signing).collect();
        Self { method: method.to_ascii_uppercase(), url, params }
    }

    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    pub(super) fn signed_with(&self, consumer_secret: &str, token_secret: &str) -> bool {
        let Some(given) = self.param("oauth_signature").and_then(|text| BASE64_STANDARD.decode(text).ok()) else {
            return false;
        };
        let key = format!("{}&{}", encode(consumer_secret), encode(token_secret));
        let text = self.base();
        match self.param("oauth_signature_method") {
            Some("HMAC-SHA1") => fits::<Hmac<Sha1>>(&key, &text, &given),
            Some("HMAC-SHA256") => fits::<Hmac<Sha256>>(&key, &text, &given),
            _ => false,
        }
    }

    /// §3.4.1: method, address and parameters, each encoded, in an order that both sides can find.
    fn base(&self) -> String {
        let signed = self.params.iter().filter(|(name, _)| name != "oauth_signature");
        let mut pairs: Vec<_> = signed.map(|(name, value)| (encode(name), encode(value))).collect();
        pairs.sort();
        let params: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{}&{}&{}", self.method, encode(&plain(&self.url)), encode(&params.join("&")))
    }
}

/// §3.4.1.2: scheme and host in lower case, no default port, no query.
fn plain(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (scheme, host) = (scheme.to_ascii_lowercase(), host.to_ascii_lowercase());
    let default = if scheme == "https" { ":443" } else { ":80" };
    let host = host.strip_suffix(default).unwrap_or(&host);
    format!("{scheme}://{host}{}", if path.is_empty() { "/" } else { path })
}

/// Compared in constant time.
fn fits<M: Mac + hmac::digest::KeyInit>(key: &str, text: &str, given: &[u8]) -> bool {
    let Ok(mut mac) = <M as Mac>::new_from_slice(key.as_bytes()) else { return false };
    mac.update(text.as_bytes());
    mac.verify_slice(given).is_ok()
}

/// §3.6: everything but letters, digits and `-._~`.
fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for octet in text.bytes() {
        match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(octet)),
            _ => out.push_str(&format!("%{octet:02X}")),
        }
    }
    out
}

fn decode(text: &str) -> String {
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, tail)) = rest.split_first() {
        let hex = (*first == b'%').then(|| tail.get(..2)).flatten();
        let octet = hex.and_then(|hex| std::str::from_utf8(hex).ok()).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        out.push(octet.unwrap_or(*first));
        rest = if octet.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5849 §1.2's request for the photograph.
    #[test]
    fn the_rfcs_example_verifies() {
        let header = r#"OAuth realm="Photos", oauth_consumer_key="dpf43f3p2l4k3l03", oauth_token="nnch734d00sl2jdk",
            oauth_signature_method="HMAC-SHA1", oauth_timestamp="137131202", oauth_nonce="chapoH",
            oauth_signature="MdpQcU8iPSUjWoN%2FUDMsK2sui9I%3D""#;
        let query = [("file".to_owned(), "vacation.jpg".to_owned()), ("size".to_owned(), "original".to_owned())];
        let url = "http://PHOTOS.example.net:80/photos".to_owned();
        let request = Signed::new("GET", url.clone(), &query, Some(header));
        assert_eq!(request.param("oauth_token"), Some("nnch734d00sl2jdk"));
        assert!(request.signed_with("kd94hf93k423kf44", "pfkkdhi9sl3r4s00"));
        assert!(!request.signed_with("kd94hf93k423kf45", "pfkkdhi9sl3r4s00"));
        assert!(!request.signed_with("kd94hf93k423kf44", ""));
        let other =
            [Signed::new("POST", url.clone(), &query, Some(header)), Signed::new("GET", url, &[], Some(header))];
        assert!(other.iter().all(|request| !request.signed_with("kd94hf93k423kf44", "pfkkdhi9sl3r4s00")));
    }

    /// The base string of §3.4.1.1, which has every difficulty.
    #[test]
    fn the_base_string_is_the_rfcs() {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        let query =
            [pair("b5", "=%3D"), pair("a3", "a"), pair("c@", ""), pair("a2", "r b"), pair("c2", ""), pair("a3", "2 q")];
        let header = r#"OAuth realm="Example", oauth_consumer_key="9djdj82h48djs9d2", oauth_token="kkk9d7dh3k39sjv7",
            oauth_signature_method="HMAC-SHA1", oauth_timestamp="137131201", oauth_nonce="7d8f3e4a", oauth_signature="x""#;
        let request = Signed::new("POST", "http://EXAMPLE.COM:80/request".into(), &query, Some(header));
        assert_eq!(
            request.base(),
            "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D%26\
             oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26\
             oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
        );
    }

    #[test]
    fn nothing_else_is_a_signature() {
        for header in [None, Some("Basic x"), Some("OAuth"), Some("OAuth oauth_signature=\"%%%\""), Some("OAuth ,=,\"")]
        {
            let request = Signed::new("POST", "http://x".into(), &[], header);
            assert!(!request.signed_with("", ""), "{header:?}");
        }
    }
}
