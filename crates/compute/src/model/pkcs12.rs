//! A private key and its certificate in one file that browsers and Windows import (PKCS #12, RFC 7292), as Nova returns them with a
//! key pair of type `x509`: the password is empty. A password that everybody knows hides nothing, so nothing is encrypted; the MAC
//! that readers expect is there.

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const OID: u8 = 0x06;
const NULL: &[u8] = &[0x05, 0x00];
/// `[0]`, constructed.
const TAGGED: u8 = 0xA0;

/// 1.2.840.113549.1.7.1
const DATA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x01];
/// 1.2.840.113549.1.12.10.1.1
const KEY_BAG: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x0C, 0x0A, 0x01, 0x01];
/// 1.2.840.113549.1.12.10.1.3
const CERT_BAG: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x0C, 0x0A, 0x01, 0x03];
/// 1.2.840.113549.1.9.22.1
const X509: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x16, 0x01];
/// 1.2.840.113549.1.9.21: by it the key is known to be the certificate's.
const LOCAL_KEY_ID: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x15];
/// 2.16.840.1.101.3.4.2.1
const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];

/// The empty password: a BMPString with its end.
const PASSWORD: &[u8] = &[0, 0];
const ROUNDS: u16 = 2048;
/// SHA-256's block.
const BLOCK: usize = 64;

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|p| p.len()).sum();
    let digits: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|b| *b == 0).collect();
    let mut out = vec![tag];
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out.push(short),
        // A length has at most eight digits.
        _ => out.extend([0x80 | u8::try_from(digits.len()).unwrap_or(8)].into_iter().chain(digits)),
    }
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

fn content(data: &[u8]) -> Vec<u8> {
    tlv(SEQUENCE, &[&tlv(OID, &[DATA]), &tlv(TAGGED, &[&tlv(OCTETS, &[data])])])
}

fn bag(kind: &[u8], value: &[u8], key_id: &[u8]) -> Vec<u8> {
    let id = tlv(SEQUENCE, &[&tlv(OID, &[LOCAL_KEY_ID]), &tlv(SET, &[&tlv(OCTETS, &[key_id])])]);
    tlv(SEQUENCE, &[&tlv(OID, &[kind]), &tlv(TAGGED, &[value]), &tlv(SET, &[&id])])
}

/// `key`: PKCS #8, DER; `certificate`: DER. The salt makes files of the same key differ.
pub fn file(key: &[u8], certificate: &[u8], salt: [u8; 8]) -> Vec<u8> {
    let key_id = Sha256::digest(certificate);
    let certificate = tlv(SEQUENCE, &[&tlv(OID, &[X509]), &tlv(TAGGED, &[&tlv(OCTETS, &[certificate])])]);
    let safe = tlv(SEQUENCE, &[&bag(CERT_BAG, &certificate, &key_id), &bag(KEY_BAG, key, &key_id)]);
    let safes = tlv(SEQUENCE, &[&content(&safe)]);
    let algorithm = tlv(SEQUENCE, &[&tlv(OID, &[SHA256]), NULL]);
    let digest = tlv(SEQUENCE, &[&algorithm, &tlv(OCTETS, &[&mac(&safes, &salt)])]);
    let mac = tlv(SEQUENCE, &[&digest, &tlv(OCTETS, &[&salt]), &tlv(INTEGER, &[&ROUNDS.to_be_bytes()])]);
    tlv(SEQUENCE, &[&tlv(INTEGER, &[&[3]]), &content(&safes), &mac])
}

fn mac(data: &[u8], salt: &[u8]) -> Vec<u8> {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&mac_key(salt)) else { return Vec::new() };
    mac.update(data);
    mac.finalize().into_bytes().to_vec()
}

/// RFC 7292, appendix B.2, for the one block that a key for a MAC (diversifier 3) needs.
fn mac_key(salt: &[u8]) -> [u8; 32] {
    let filled =
        |text: &[u8]| -> Vec<u8> { text.iter().copied().cycle().take(text.len().div_ceil(BLOCK) * BLOCK).collect() };
    let first = Sha256::new().chain_update([3; BLOCK]).chain_update(filled(salt)).chain_update(filled(PASSWORD));
    (1..ROUNDS).fold(first.finalize(), |digest, _| Sha256::digest(digest)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_in_der() {
        for (length, expect) in
            [(0, vec![4, 0]), (127, vec![4, 127]), (128, vec![4, 0x81, 128]), (300, vec![4, 0x82, 1, 44])]
        {
            assert_eq!(tlv(OCTETS, &[&vec![7; length]])[..expect.len()], expect, "{length}");
        }
    }

    /// The key that `openssl kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt hexpass:0000 -kdfopt hexsalt:0102030405060708 -kdfopt
    /// iter:2048 -kdfopt id:3 PKCS12KDF` makes.
    #[test]
    fn the_macs_key_is_openssls() {
        let hex: String = mac_key(&[1, 2, 3, 4, 5, 6, 7, 8]).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "878f85ff6db5c92f2da873fdb0ecae4bdc9dcc3cb5faf9226d10ee23af02546a");
    }
}
