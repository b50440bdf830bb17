//! Public keys as users bring them: read far enough to know that they are keys, and fingerprinted as Nova does.

use base64::{Engine, engine::general_purpose::STANDARD};
use md5::{Digest, Md5};
use sha1::Sha1;
use std::fmt::Write;

/// Kinds of OpenSSH keys, and how many fields follow the kind's name on the wire (RFC 4253 §6.6, RFC 5656, RFC 8709).
const KINDS: &[(&str, usize)] = &[
    ("ssh-rsa", 2),
    ("ssh-dss", 4),
    ("ssh-ed25519", 1),
    ("ecdsa-sha2-nistp256", 2),
    ("ecdsa-sha2-nistp384", 2),
    ("ecdsa-sha2-nistp521", 2),
    ("sk-ssh-ed25519@openssh.com", 2),
    ("sk-ecdsa-sha2-nistp256@openssh.com", 3),
];

const NO_FINGERPRINT: &str = "failed to generate fingerprint";

/// The fingerprint of an OpenSSH public key: MD5 over its wire form. `Err`: it is none.
pub fn ssh_fingerprint(text: &str) -> Result<String, &'static str> {
    let mut words = text.split_whitespace();
    let kind = words.next().ok_or(NO_FINGERPRINT)?;
    let blob = STANDARD.decode(words.next().ok_or(NO_FINGERPRINT)?).map_err(|_| NO_FINGERPRINT)?;
    let (_, fields) = KINDS.iter().find(|(known, _)| *known == kind).ok_or(NO_FINGERPRINT)?;
    let found = fields_of(&blob).ok_or(NO_FINGERPRINT)?;
    let is_key = found.len() == fields + 1 && found[0] == kind.as_bytes() && found.iter().all(|f| !f.is_empty());
    if is_key { Ok(colons(&Md5::digest(&blob))) } else { Err(NO_FINGERPRINT) }
}

/// The fingerprint of a certificate in PEM: SHA-1 over its DER form.
pub fn x509_fingerprint(text: &str) -> Result<String, &'static str> {
    let begin = text.find("-----BEGIN CERTIFICATE-----").ok_or(NO_FINGERPRINT)? + 27;
    let end = text[begin..].find("-----END CERTIFICATE-----").ok_or(NO_FINGERPRINT)? + begin;
    let body: String = text[begin..end].split_whitespace().collect();
    let der = STANDARD.decode(body).map_err(|_| NO_FINGERPRINT)?;
    // A certificate is a sequence; whether it is a good one, who uses it finds out.
    if der.first() == Some(&0x30) { Ok(colons(&Sha1::digest(&der))) } else { Err(NO_FINGERPRINT) }
}

/// The wire form's fields, each with its length before it; `None` if they do not fill it exactly.
fn fields_of(mut blob: &[u8]) -> Option<Vec<&[u8]>> {
    let mut fields = Vec::new();
    while !blob.is_empty() {
        let (length, rest) = blob.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        if length > rest.len() {
            return None;
        }
        let (field, after) = rest.split_at(length);
        fields.push(field);
        blob = after;
    }
    Some(fields)
}

/// The wire form of an RSA key, in Base64 behind its kind. Numbers are unsigned, big-endian.
pub fn ssh_rsa(exponent: &[u8], modulus: &[u8], comment: &str) -> String {
    let mut blob = Vec::new();
    for field in [b"ssh-rsa".to_vec(), mpint(exponent), mpint(modulus)] {
        blob.extend(u32::try_from(field.len()).unwrap_or(0).to_be_bytes());
        blob.extend(field);
    }
    format!("ssh-rsa {} {comment}", STANDARD.encode(blob))
}

/// RFC 4251 §5: a number whose first bit is set gets a zero byte before it.
fn mpint(number: &[u8]) -> Vec<u8> {
    let number: Vec<u8> = number.iter().copied().skip_while(|b| *b == 0).collect();
    let negative = number.first().is_some_and(|b| b & 0x80 != 0);
    std::iter::repeat_n(0, usize::from(negative)).chain(number).collect()
}

fn colons(digest: &[u8]) -> String {
    digest.iter().enumerate().fold(String::new(), |mut text, (at, byte)| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{}{byte:02x}", if at > 0 { ":" } else { "" });
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with ssh-keygen; the fingerprints are what `ssh-keygen -l -E md5` says.
    const ED25519: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIujx/Bf06UGfCWMlRPRKRkWyDXZphbfHYy4jwuJuObk me@here";
    const ECDSA: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBHzMNZmu5rvBb6Ue9R7y5D2hrB9\
                         qjQE8yMd3VT0ouBN86JZVcMrTPkxIQUT0xH6t/CFeiZhaKQ2nqTsMpV2xxDQ= me@here";

    #[test]
    fn keys_are_told_from_junk() {
        assert_eq!(ssh_fingerprint(ED25519).unwrap(), "94:47:52:9a:94:57:54:84:74:f3:9d:4f:a9:c6:2b:e2");
        assert_eq!(ssh_fingerprint(ECDSA).unwrap(), "8f:8a:b5:4b:cf:55:85:4a:ee:c0:5a:18:61:bb:8b:ef");
        for junk in [
            "",
            "ssh-rsa",
            "ssh-rsa JUNK nova@ubuntu",
            "ssh-rsa AAAA",
            &ED25519.replace("ssh-ed25519", "ssh-rsa"),
            "ssh-new AAAAB3NzaC1yc2E=",
            "-----BEGIN CERTIFICATE-----",
        ] {
            assert_eq!(ssh_fingerprint(junk), Err(NO_FINGERPRINT), "{junk}");
        }
    }

    #[test]
    fn what_we_write_we_read() {
        let key = ssh_rsa(&[0, 1, 0, 1], &[0x80, 1, 2, 3], "me");
        let fingerprint = ssh_fingerprint(&key).unwrap();
        assert_eq!((fingerprint.len(), fingerprint.matches(':').count()), (47, 15));
        assert_eq!(mpint(&[0, 0x80]), [0, 0x80]);
        assert_eq!(mpint(&[0, 0x7f]), [0x7f]);
    }

    #[test]
    fn certificates_have_fingerprints_too() {
        let pem = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
        assert_eq!(x509_fingerprint(pem).unwrap().len(), 59);
        for junk in ["", "-----BEGIN CERTIFICATE-----", &pem.replace("MAA=", "AAAA"), &pem.replace("MAA=", "!!")] {
            assert!(x509_fingerprint(junk).is_err(), "{junk}");
        }
    }
}
