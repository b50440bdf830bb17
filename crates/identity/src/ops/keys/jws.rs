//! Signatures of tokens in the form of RFC 7515 (JWS, compact), ES256 and nothing else: whoever has a public key of the ring
//! could check a token, which only members need here.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as B64};
use kernel::{Error, Result};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey},
};
use serde::Deserialize;

const HEADER: &str = r#"{"alg":"ES256","typ":"JWT"}"#;

#[derive(Deserialize)]
struct Header {
    alg: String,
}

/// A ring's keys in the ring's order.
pub(super) struct Signers(Vec<EcdsaKeyPair>);

impl Signers {
    pub(super) fn new<'a>(secrets: impl Iterator<Item = &'a str>) -> Result<Self> {
        let broken = || Error::internal("reading a signing key: not a P-256 key");
        let key = |secret: &str| {
            let octets = B64.decode(secret).map_err(|_| broken())?;
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &octets, &SystemRandom::new())
                .map_err(|_| broken())
        };
        secrets.map(key).collect::<Result<_>>().map(Self)
    }

    /// By the primary key.
    pub(super) fn sign(&self, claims: &[u8]) -> Result<String> {
        let primary = self.0.get(1).ok_or_else(|| Error::internal("no primary key for signing"))?;
        let text = format!("{}.{}", B64.encode(HEADER), B64.encode(claims));
        let signature = primary.sign(&SystemRandom::new(), text.as_bytes());
        let signature = signature.map_err(|_| Error::internal("signing a token"))?;
        Ok(format!("{text}.{}", B64.encode(signature)))
    }

    /// The claims, if any key of the ring has signed them.
    pub(super) fn verify(&self, token: &str) -> Option<Vec<u8>> {
        let (text, signature) = token.rsplit_once('.')?;
        let (header, claims) = text.split_once('.')?;
        let header: Header = serde_json::from_slice(&B64.decode(header).ok()?).ok()?;
        if header.alg != "ES256" {
            return None;
        }
        let signature = B64.decode(signature).ok()?;
        let signed_by = |key: &EcdsaKeyPair| {
            let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.public_key());
            public.verify(text.as_bytes(), &signature).is_ok()
        };
        // The primary has signed most.
        let order = [1, 0].into_iter().chain(2..self.0.len());
        order.filter_map(|at| self.0.get(at)).any(signed_by).then(|| B64.decode(claims).ok()).flatten()
    }
}

/// A key for a ring.
pub(super) fn fresh_secret() -> Result<String> {
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
    key.map(|key| B64.encode(key)).map_err(|_| Error::internal("making a signing key"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_key_of_the_ring_signed() {
        let secrets: Vec<_> = (0..3).map(|_| fresh_secret().unwrap()).collect();
        let all = |which: &[usize]| Signers::new(which.iter().map(|at| secrets[*at].as_str())).unwrap();
        let token = all(&[0, 1]).sign(b"{}").unwrap();
        assert_eq!(all(&[0, 1]).verify(&token).as_deref(), Some(&b"{}"[..]));
        assert_eq!(all(&[2, 0, 1]).verify(&token).as_deref(), Some(&b"{}"[..]), "an older key");
        assert_eq!(all(&[0, 2]).verify(&token), None);
        let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
        let unsigned = B64.encode(r#"{"alg":"none"}"#);
        let symmetric = B64.encode(r#"{"alg":"HS256"}"#);
        for bad in [
            format!("{header}.{}.{signature}", B64.encode("{\"a\":1}")),
            format!("{unsigned}.{claims}."),
            format!("{symmetric}.{claims}.{signature}"),
            format!("{header}.{claims}"),
            format!("{header}.{claims}.{}", &signature[..80]),
            "..".to_owned(),
            String::new(),
        ] {
            assert_eq!(all(&[0, 1]).verify(&bad), None, "{bad}");
        }
        assert!(Signers::new(["nonsense"].into_iter()).is_err());
    }
}
