//! Texts as tokens: any, parts of true ones, and such as were sealed or signed with the true keys and say nonsense.

use super::runtime;
use crate::cloud::{Cloud, PASSWORD, config, on_project};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as B64};
use fernet::Fernet;
use http::testkit::Bodies;
use identity::{
    TokenFormat,
    model::{
        KeyRing, Purpose,
        token::{Method, Payload, ScopeId},
    },
};
use kernel::{
    Clock, Kind, TokenValidator,
    testkit::{Rng, fuzz},
};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use serde_json::Value;
use std::time::Duration;

/// A cloud, a true token of it, and the keys.
struct Forger {
    cloud: Cloud,
    sealed: String,
    signed: String,
    cipher: Fernet,
    signer: EcdsaKeyPair,
    payload: Vec<u8>,
    claims: Value,
}

impl Forger {
    async fn new() -> Self {
        let mut signing = config();
        signing.tokens.format = TokenFormat::Jws;
        let cloud = Cloud::with(signing).await;
        let signed = cloud.token("admin", PASSWORD, on_project("admin")).await;
        let view = cloud.identity.store().snapshot();
        let secret = |purpose: Purpose| view.get::<KeyRing>(purpose.key()).unwrap().keys[1].secret.clone();
        let signing_key = B64.decode(secret(Purpose::Signing)).unwrap();
        let claims: Value = serde_json::from_slice(&B64.decode(signed.split('.').nth(1).unwrap()).unwrap()).unwrap();
        let text = |name: &str| claims[name].as_str().unwrap();
        let payload = Payload {
            user: text("sub").into(),
            methods: vec![Method::Password],
            issued: cloud.clock.now(),
            expires: cloud.clock.now().plus(Duration::from_secs(3600)),
            scope: ScopeId::Project(text("openstack_project_id").into()),
            audit_ids: vec![claims["openstack_audit_ids"][0].as_str().unwrap().to_owned()],
            lender: None,
        };
        let (payload, cipher) = (payload.encode(), Fernet::new(&secret(Purpose::Tokens)).unwrap());
        Self {
            sealed: cipher.encrypt(&payload).trim_end_matches('=').to_owned(),
            signed,
            cipher,
            signer: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &signing_key, &SystemRandom::new())
                .unwrap(),
            payload,
            claims,
            cloud,
        }
    }

    fn seal(&self, content: &[u8]) -> String {
        self.cipher.encrypt(content).trim_end_matches('=').to_owned()
    }

    fn sign(&self, header: &str, claims: &[u8]) -> String {
        let text = format!("{}.{}", B64.encode(header), B64.encode(claims));
        let signature = self.signer.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        format!("{text}.{}", B64.encode(signature))
    }
}

/// Octets with a change: turned, cut, put in, taken from elsewhere.
fn changed(octets: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut all = octets.to_vec();
    for _ in 0..=rng.below(3) {
        if all.is_empty() {
            return all;
        }
        let at = rng.below(all.len());
        match rng.below(6) {
            0 => all[at] ^= 1 << rng.below(8),
            1 => all[at] = u8::try_from(rng.below(256)).unwrap(),
            2 => all.truncate(at),
            3 => all.insert(at, u8::try_from(rng.below(256)).unwrap()),
            4 => drop(all.remove(at)),
            _ => {
                let from = rng.below(all.len());
                let piece = all[from..(from + rng.below(20)).min(all.len())].to_vec();
                drop(all.splice(at..(at + rng.below(20)).min(all.len()), piece));
            }
        }
    }
    all
}

/// A text, and whether it may be a token: only when what it says is well formed.
fn forged(forger: &Forger, rng: &mut Rng) -> (String, bool) {
    match rng.below(8) {
        0 => (rng.text(), false),
        1 => {
            let octets: Vec<u8> = (0..rng.below(400)).map(|_| u8::try_from(rng.below(256)).unwrap()).collect();
            (B64.encode(octets), false)
        }
        2 | 3 => {
            let whole = *rng.pick(&[&forger.sealed, &forger.signed]);
            let text = String::from_utf8_lossy(&changed(whole.as_bytes(), rng)).into_owned();
            let same = text == *whole || same_octets(&text, whole);
            (text, same)
        }
        4 | 5 => {
            let payload = changed(&forger.payload, rng);
            let decoded = Payload::decode(&payload);
            if let Some(decoded) = &decoded {
                assert_eq!(decoded.encode(), payload, "one payload has one form");
            }
            (forger.seal(&payload), decoded.is_some())
        }
        6 => {
            let claims = Bodies { rng, known: &[] }.next(&Value::Null, Some(&forger.claims));
            (
                forger.sign(r#"{"alg":"ES256","typ":"JWT"}"#, &claims.octets),
                serde_json::from_slice::<serde::de::IgnoredAny>(&claims.octets).is_ok(),
            )
        }
        _ => {
            let claims = forger.claims.to_string();
            let header = format!(r#"{{"alg":{}}}"#, Value::from(rng.text()));
            (forger.sign(&header, claims.as_bytes()), false)
        }
    }
}

/// The last character of base64 carries bits that mean nothing, and Fernet's may be padded.
fn same_octets(a: &str, b: &str) -> bool {
    let (a, b) = (a.trim_end_matches('='), b.trim_end_matches('='));
    let octets = |text: &str| text.split('.').map(|part| B64.decode(part).ok()).collect::<Option<Vec<_>>>();
    octets(a).is_some_and(|a| Some(a) == octets(b))
}

#[test]
fn forged_tokens_are_refused() {
    let runtime = runtime();
    let forger = runtime.block_on(Forger::new());
    for whole in [&forger.signed, &forger.sealed] {
        assert!(runtime.block_on(forger.cloud.identity.validate(whole)).is_ok(), "{whole}");
    }
    let (mut said_nonsense, mut believed) = (0, 0);
    fuzz("tokens", 10, |seed| {
        let rng = &mut Rng::new(seed);
        for _ in 0..100 {
            let (text, well_formed) = forged(&forger, rng);
            match runtime.block_on(forger.cloud.identity.validate(&text)) {
                Ok(_) => assert!(well_formed, "{text} is believed"),
                Err(error) => assert!(error.is(Kind::Unauthorized), "{text}: {}", error.internal_text()),
            }
            said_nonsense += u32::from(well_formed);
            believed += u32::from(runtime.block_on(forger.cloud.identity.validate(&text)).is_ok());
        }
    });
    eprintln!("{said_nonsense} were well formed, {believed} were believed");
    // What is true stays true.
    assert!(runtime.block_on(forger.cloud.identity.validate(&forger.signed)).is_ok());
}
