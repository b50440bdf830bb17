//! Signatures of RFC 5849 §3.4. Methods are Keystone's (oauthlib's): HMAC with SHA-1, SHA-256 or SHA-512, and PLAINTEXT. The
//! RSA methods are known, and refused as not valid: a consumer has a secret and no key.

use super::SKEW;
use crate::Refusal;
use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, Mac};
use http::percent;
use kernel::Timestamp;
use sha1::Sha1;
use sha2::{Sha256, Sha512};

const METHODS: &str =
    "('HMAC-SHA1', 'HMAC-SHA256', 'HMAC-SHA512', 'RSA-SHA1', 'RSA-SHA256', 'RSA-SHA512', 'PLAINTEXT')";

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

    /// What makes it a signed request, in oauthlib's order and words; the second of its signature.
    pub(super) fn well_formed(&self, now: Timestamp) -> Result<u64, Refusal> {
        let wrong = |error: &str, why: String| {
            Refusal::Invalid(format!("Validation failed with errors: {error}, detail message is: {why}."))
        };
        let invalid = |why: &str| wrong("invalid_request", why.to_owned());
        let mut names: Vec<_> = self.params.iter().map(|(name, _)| name).filter(|n| n.starts_with("oauth_")).collect();
        names.sort();
        if names.windows(2).any(|two| two[0] == two[1]) {
            return Err(invalid("Duplicate OAuth1 entries."));
        }
        let given = |name: &str| self.param(name).ok_or_else(|| invalid("Missing mandatory OAuth parameters."));
        for name in ["oauth_signature", "oauth_consumer_key", "oauth_nonce"] {
            given(name)?;
        }
        let (timestamp, method) = (given("oauth_timestamp")?, given("oauth_signature_method")?);
        if !METHODS.contains(&format!("'{method}'")) {
            let why = format!("Invalid signature, {method} not in {METHODS}.");
            return Err(wrong("invalid_signature_method", why));
        }
        if self.param("oauth_version").is_some_and(|version| version != "1.0") {
            return Err(invalid("Invalid OAuth version."));
        }
        if timestamp.chars().count() != 10 {
            return Err(invalid("Invalid timestamp size"));
        }
        let at: u64 = timestamp.parse().map_err(|_| invalid("Timestamp must be an integer."))?;
        if at.abs_diff(u64::try_from(now.secs()).unwrap_or(0)) > SKEW {
            let why = format!("Timestamp given is invalid, differ from allowed by over {SKEW} seconds.");
            return Err(invalid(&why));
        }
        Ok(at)
    }

    pub(super) fn signed_with(&self, consumer_secret: &str, token_secret: &str) -> bool {
        let Some(text) = self.param("oauth_signature") else { return false };
        let key = format!("{}&{}", percent(consumer_secret), percent(token_secret));
        let (base, given) = (self.base(), BASE64_STANDARD.decode(text).unwrap_or_default());
        match self.param("oauth_signature_method") {
            Some("HMAC-SHA1") => fits::<Hmac<Sha1>>(&key, &base, &given),
            Some("HMAC-SHA256") => fits::<Hmac<Sha256>>(&key, &base, &given),
            Some("HMAC-SHA512") => fits::<Hmac<Sha512>>(&key, &base, &given),
            Some("PLAINTEXT") => same(&key, text),
            _ => false,
        }
    }

    /// §3.4.1: method, address and parameters, each encoded, in an order that both sides can find.
    fn base(&self) -> String {
        let signed = self.params.iter().filter(|(name, _)| name != "oauth_signature");
        let mut pairs: Vec<_> = signed.map(|(name, value)| (percent(name), percent(value))).collect();
        pairs.sort();
        let params: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{}&{}&{}", self.method, percent(&plain(&self.url)), percent(&params.join("&")))
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

/// Whether two secrets are one, in a time that tells nothing about either: their MACs are compared.
fn same(a: &str, b: &str) -> bool {
    let Ok(mac) = <Hmac<Sha256> as Mac>::new_from_slice(b.as_bytes()) else { return false };
    fits::<Hmac<Sha256>>(a, "", &mac.finalize().into_bytes())
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

    #[test]
    fn methods_are_oauthlibs() {
        let signed = |method: &str, signature: &str| {
            let header =
                format!("OAuth oauth_signature_method=\"{method}\", oauth_signature=\"{}\"", percent(signature));
            Signed::new("POST", "http://x/y".into(), &[], Some(&header))
        };
        let mac = |key: &str| {
            let mut mac = <Hmac<Sha512> as Mac>::new_from_slice(key.as_bytes()).unwrap();
            mac.update(signed("HMAC-SHA512", "").base().as_bytes());
            BASE64_STANDARD.encode(mac.finalize().into_bytes())
        };
        for (method, signature, expect) in [
            ("PLAINTEXT", "a%20b&c", true),
            ("PLAINTEXT", "a%20b&", false),
            ("PLAINTEXT", "", false),
            ("HMAC-SHA512", mac("a%20b&c").as_str(), true),
            ("HMAC-SHA512", mac("a%20b&d").as_str(), false),
            ("RSA-SHA1", "a%20b&c", false),
            ("", "a%20b&c", false),
        ] {
            assert_eq!(signed(method, signature).signed_with("a b", "c"), expect, "{method} {signature}");
        }
    }

    #[test]
    fn what_is_no_signed_request_is_told_in_oauthlibs_words() {
        let whole = [
            ("oauth_signature", "s"),
            ("oauth_consumer_key", "k"),
            ("oauth_nonce", "n"),
            ("oauth_timestamp", "1800000000"),
            ("oauth_signature_method", "PLAINTEXT"),
        ];
        let check = |name: &str, value: Option<&str>, expect: &str| {
            let pairs = whole.iter().filter(|(n, _)| *n != name).copied().chain(value.map(|v| (name, v)));
            let header: Vec<_> = pairs.map(|(n, v)| format!("{n}=\"{}\"", percent(v))).collect();
            let header = format!("OAuth {}", header.join(","));
            let request = Signed::new("POST", "http://x".into(), &[("oauth_x".into(), "1".into())], Some(&header));
            let told = request.well_formed(Timestamp::from_secs(1_800_000_500)).map_err(|e| e.to_string());
            match told {
                Ok(at) => assert_eq!((at.to_string().as_str(), expect), ("1800000000", "")),
                Err(text) => {
                    assert!(!expect.is_empty() && text.contains(expect), "{name} {value:?}: {text}");
                    assert!(text.starts_with("Validation failed with errors: invalid_"), "{text}");
                }
            }
        };
        check("", None, "");
        check("oauth_version", Some("1.0"), "");
        for (name, _) in whole {
            check(name, None, "invalid_request, detail message is: Missing mandatory OAuth parameters..");
        }
        check(
            "oauth_signature_method",
            Some("MD5"),
            "invalid_signature_method, detail message is: Invalid signature, MD5",
        );
        check("oauth_version", Some("2.0"), "Invalid OAuth version.");
        check("oauth_timestamp", Some("180000000"), "Invalid timestamp size");
        check("oauth_timestamp", Some("18000000.0"), "Timestamp must be an integer.");
        check("oauth_timestamp", Some("1799999899"), "differ from allowed by over 600 seconds");
        check("oauth_timestamp", Some("1800001101"), "differ from allowed by over 600 seconds");
        check("oauth_x", Some("2"), "Duplicate OAuth1 entries.");
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
