//! Signatures of AWS: versions 0, 1, 2 and 4 over a request's parts, and S3's over a text that the gateway has made of them.

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE},
};
use hmac::{Hmac, Mac};
use http::percent;
use serde_json::{Map, Value};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The parts of a request that EC2's signatures are over.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts<'a> {
    pub verb: &'a str,
    pub host: &'a str,
    pub path: &'a str,
    pub params: BTreeMap<&'a str, String>,
    /// By name in lower case.
    pub headers: BTreeMap<String, &'a str>,
    pub body_hash: &'a str,
}

impl<'a> Parts<'a> {
    pub(super) fn read(credentials: &'a Map<String, Value>) -> Self {
        let text = |name: &str| credentials.get(name).and_then(Value::as_str).unwrap_or_default();
        let object = |name: &str| credentials.get(name).and_then(Value::as_object);
        let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let params = object("params").into_iter().flatten().map(|(name, value)| (name.as_str(), plain(value)));
        let headers = object("headers").into_iter().flatten();
        let headers = headers.filter_map(|(name, v)| Some((name.trim().to_ascii_lowercase(), v.as_str()?.trim())));
        Self {
            verb: text("verb"),
            host: text("host"),
            path: text("path"),
            params: params.collect(),
            headers: headers.collect(),
            body_hash: text("body_hash"),
        }
    }

    /// When it says that it was signed.
    pub(super) fn timestamp(&self) -> Option<&str> {
        let param = |name: &str| self.params.get(name).map(String::as_str);
        param("Timestamp").or_else(|| self.headers.get("x-amz-date").copied()).or_else(|| param("X-Amz-Date"))
    }

    /// What `secret` makes of it, by the version that it names; `None`: none that is known.
    pub(super) fn sign(&self, secret: &str) -> Option<String> {
        match self.params.get("SignatureVersion").map(String::as_str) {
            Some("0") => {
                let text = format!("{}{}", self.params.get("Action")?, self.params.get("Timestamp")?);
                Some(BASE64_STANDARD.encode(sha1(secret.as_bytes(), text.as_bytes())))
            }
            Some("1") => Some(BASE64_STANDARD.encode(sha1(secret.as_bytes(), self.version_1().as_bytes()))),
            Some("2") => {
                let text = format!("{}\n{}\n{}\n{}", self.verb, self.host, self.path, self.query(true));
                Some(BASE64_STANDARD.encode(sha256(secret.as_bytes(), text.as_bytes())))
            }
            Some(_) => None,
            None => self.version_4(secret),
        }
    }

    fn version_1(&self) -> String {
        let mut pairs: Vec<_> = self.params.iter().collect();
        pairs.sort_by_key(|(name, _)| name.to_lowercase());
        pairs.iter().map(|(name, value)| format!("{name}{value}")).collect()
    }

    /// The parameters in order, encoded. Version 2 signs that its method is HMAC-SHA-256, whatever was said.
    fn query(&self, method: bool) -> String {
        let mut params = self.params.clone();
        if method {
            params.insert("SignatureMethod", "HmacSHA256".to_owned());
        }
        let pairs: Vec<_> =
            params.iter().map(|(name, value)| format!("{}={}", percent(name), percent(value))).collect();
        pairs.join("&")
    }

    fn version_4(&self, secret: &str) -> Option<String> {
        let signed = self.auth_param("SignedHeaders")?;
        let headers = signed.split(';').filter_map(|name| Some(format!("{name}:{}\n", self.headers.get(name)?)));
        let headers: String = headers.collect();
        // A POST has its parameters in its body.
        let query = if self.verb.eq_ignore_ascii_case("POST") { String::new() } else { self.query(false) };
        let verb = self.verb.to_ascii_uppercase();
        let request = format!("{verb}\n{}\n{query}\n{headers}\n{signed}\n{}", self.path, self.body_hash);
        let credential = self.auth_param("Credential")?;
        let (_, scope) = credential.split_once('/')?;
        let parts: Vec<_> = scope.split('/').collect();
        let [day, region, service, ..] = parts.as_slice() else { return None };
        let date =
            self.headers.get("x-amz-date").copied().or_else(|| self.params.get("X-Amz-Date").map(String::as_str));
        let date = date.filter(|date| !day.is_empty() && date.starts_with(day))?;
        let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(&Sha256::digest(request)));
        Some(hex(&sha256(&key_4(secret, day, region, service), text.as_bytes())))
    }

    /// From the `Authorization` header, else from the query.
    fn auth_param(&self, name: &str) -> Option<&str> {
        match self.headers.get("authorization") {
            Some(text) => {
                let (_, rest) = text.split_once(&format!("{name}="))?;
                rest.split(',').next().map(str::trim)
            }
            None => self.params.get(format!("X-Amz-{name}").as_str()).map(String::as_str),
        }
    }
}

/// S3's: `token` is the text that was to be signed, in base64.
pub(super) fn sign_s3(secret: &str, token: &str) -> Option<String> {
    let padded =
        format!("{}{}", token.trim_end_matches('='), "=".repeat((4 - token.trim_end_matches('=').len() % 4) % 4));
    let text = BASE64_URL_SAFE.decode(&padded).or_else(|_| BASE64_STANDARD.decode(&padded)).ok()?;
    if !text.starts_with(b"AWS4") {
        return Some(BASE64_STANDARD.encode(sha1(secret.as_bytes(), &text)));
    }
    let text = String::from_utf8(text).ok()?;
    let lines: Vec<_> = text.split('\n').collect();
    let ["AWS4-HMAC-SHA256", _, scope, _] = lines.as_slice() else { return None };
    let parts: Vec<_> = scope.split('/').collect();
    let [day, region, service @ ("s3" | "iam" | "sts"), "aws4_request"] = parts.as_slice() else { return None };
    Some(hex(&sha256(&key_4(secret, day, region, service), text.as_bytes())))
}

fn key_4(secret: &str, day: &str, region: &str, service: &str) -> Vec<u8> {
    let key = sha256(format!("AWS4{secret}").as_bytes(), day.as_bytes());
    [region, service, "aws4_request"].iter().fold(key, |key, part| sha256(&key, part.as_bytes()))
}

fn mac<M: Mac + hmac::digest::KeyInit>(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = match <M as Mac>::new_from_slice(key) {
        Ok(mac) => mac,
        Err(_) => unreachable!("HMAC takes keys of any length"),
    };
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

fn sha1(key: &[u8], text: &[u8]) -> Vec<u8> {
    mac::<Hmac<Sha1>>(key, text)
}

fn sha256(key: &[u8], text: &[u8]) -> Vec<u8> {
    mac::<Hmac<Sha256>>(key, text)
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn signed(credentials: &Value, secret: &str) -> Option<String> {
        Parts::read(credentials.as_object().unwrap()).sign(secret)
    }

    /// AWS's documented example of version 4: ListUsers of IAM, 2015.
    #[test]
    fn version_4_is_awss_own_example() {
        let credentials = json!({
            "verb": "GET", "host": "iam.amazonaws.com", "path": "/",
            "params": {"Action": "ListUsers", "Version": "2010-05-08"},
            "headers": {
                "Host": "iam.amazonaws.com", "X-Amz-Date": "20150830T123600Z",
                "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
                "Authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
                    SignedHeaders=content-type;host;x-amz-date, Signature=x",
            },
            "body_hash": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        });
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        assert_eq!(
            signed(&credentials, secret).as_deref(),
            Some("5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7")
        );
        let mut other_day = credentials.clone();
        other_day["headers"]["X-Amz-Date"] = json!("20150831T123600Z");
        assert_eq!(signed(&other_day, secret), None);
    }

    /// AWS's documented example of version 2: DescribeJobFlows.
    #[test]
    fn version_2_is_awss_own_example() {
        let credentials = json!({
            "verb": "GET", "host": "elasticmapreduce.amazonaws.com", "path": "/",
            "params": {
                "AWSAccessKeyId": "AKIAIOSFODNN7EXAMPLE", "Action": "DescribeJobFlows", "SignatureMethod": "HmacSHA256",
                "SignatureVersion": "2", "Timestamp": "2011-10-03T15:19:30", "Version": "2009-03-31",
            },
        });
        assert_eq!(
            signed(&credentials, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY").as_deref(),
            Some("i91nKc4PWAt0JJIdXwz9HxZCJDdiy6cf/Mj6vPxyYIs=")
        );
    }

    #[test]
    fn what_names_no_version_signs_nothing() {
        for odd in [
            json!({}),
            json!({"params": {"SignatureVersion": "3"}}),
            json!({"params": {"SignatureVersion": "0"}}),
            json!({"headers": {"Authorization": "AWS4"}}),
        ] {
            assert_eq!(signed(&odd, "s"), None, "{odd}");
        }
        for odd in ["", "QVdTNA==", "%%%"] {
            assert!(sign_s3("s", odd).is_none() || odd.is_empty(), "{odd}");
        }
    }
}
