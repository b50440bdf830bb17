//! What a token says, and its permanent form before sealing.
//!
//! ```text
//!   1 · methods u16 · issued i64 µs · expires i64 µs · scope u8 [id] · user id · audit ids u8 × 16 octets · lent u8 [id]
//!   id: 0 and 16 octets for 32 hex digits; else its length (1..=64) and its UTF-8
//! ```
//!
//! Roles, names and the catalog are not in it: they are computed when the token is used, so a token never says what has
//! ceased to be true. With hex ids and a lender it has 103 octets, 228 characters when sealed; Keystone's
//! promise is 255.

use kernel::{DomainId, ProjectId, Timestamp, UserId};
use std::fmt::Write;

use super::{app_cred::ApplicationCredentialId, oauth1::AccessTokenId, trust::TrustId};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

const VERSION: u8 = 1;

/// How a user proved who it is. The numbers are bits of the token and permanent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    External = 1,
    Password = 1 << 1,
    Token = 1 << 2,
    Oauth1 = 1 << 3,
    Mapped = 1 << 4,
    ApplicationCredential = 1 << 5,
    Totp = 1 << 6,
    Ec2 = 1 << 7,
}

impl Method {
    pub const ALL: [Self; 8] = [
        Self::External,
        Self::Password,
        Self::Token,
        Self::Oauth1,
        Self::Mapped,
        Self::ApplicationCredential,
        Self::Totp,
        Self::Ec2,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::External => "external",
            Self::Password => "password",
            Self::Token => "token",
            Self::Oauth1 => "oauth1",
            Self::Mapped => "mapped",
            Self::ApplicationCredential => "application_credential",
            Self::Totp => "totp",
            Self::Ec2 => "ec2credential",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.as_str() == name)
    }

    /// Whether it stands for somebody's narrowed powers instead of the somebody.
    pub fn is_delegation(self) -> bool {
        matches!(self, Self::Oauth1 | Self::ApplicationCredential | Self::Ec2)
    }
}

/// What a token is good for, by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScopeId {
    Unscoped,
    Project(ProjectId),
    Domain(DomainId),
    System,
}

/// What lends the token somebody's narrowed powers, where it does not have all of its user's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lender {
    ApplicationCredential(ApplicationCredentialId),
    Trust(TrustId),
    AccessToken(AccessTokenId),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// Who logged in: of a trust the trustee, whomever the token stands for.
    pub user: UserId,
    /// Without repetition, in order.
    pub methods: Vec<Method>,
    pub issued: Timestamp,
    pub expires: Timestamp,
    pub scope: ScopeId,
    /// Its own, and that of the token at the beginning of its chain if it has another.
    pub audit_ids: Vec<String>,
    pub lender: Option<Lender>,
}

impl Payload {
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(112);
        out.push(VERSION);
        out.extend(to_bits(&self.methods).to_be_bytes());
        out.extend(self.issued.micros().to_be_bytes());
        out.extend(self.expires.micros().to_be_bytes());
        match &self.scope {
            ScopeId::Unscoped => out.push(0),
            ScopeId::Project(id) => put_tagged(&mut out, 1, id),
            ScopeId::Domain(id) => put_tagged(&mut out, 2, id),
            ScopeId::System => out.push(3),
        }
        put_id(&mut out, &self.user);
        let audits: Vec<_> = self.audit_ids.iter().filter_map(|id| audit_octets(id)).collect();
        out.push(u8::try_from(audits.len()).unwrap_or(0));
        audits.iter().for_each(|octets| out.extend(octets));
        match &self.lender {
            None => out.push(0),
            Some(Lender::ApplicationCredential(id)) => put_tagged(&mut out, 1, id),
            Some(Lender::Trust(id)) => put_tagged(&mut out, 2, id),
            Some(Lender::AccessToken(id)) => put_tagged(&mut out, 3, id),
        }
        out
    }

    /// `None`: not something that [`Payload::encode`] of this or an earlier version wrote.
    pub fn decode(octets: &[u8]) -> Option<Self> {
        let mut rest = octets;
        let rest = &mut rest;
        if take::<1>(rest)? != [VERSION] {
            return None;
        }
        let methods = from_bits(u16::from_be_bytes(take(rest)?))?;
        let issued = Timestamp::from_micros(i64::from_be_bytes(take(rest)?));
        let expires = Timestamp::from_micros(i64::from_be_bytes(take(rest)?));
        let scope = match take::<1>(rest)? {
            [0] => ScopeId::Unscoped,
            [1] => ScopeId::Project(take_id(rest)?.into()),
            [2] => ScopeId::Domain(take_id(rest)?.into()),
            [3] => ScopeId::System,
            _ => return None,
        };
        let user = take_id(rest)?.into();
        let [count] = take(rest)?;
        if !(1..=2).contains(&count) {
            return None;
        }
        let audit = |_| take::<16>(rest).map(|octets| BASE64_URL_SAFE_NO_PAD.encode(octets));
        let audit_ids = (0..count).map(audit).collect::<Option<_>>()?;
        let lender = match take(rest)? {
            [0] => None,
            [1] => Some(Lender::ApplicationCredential(take_id(rest)?.into())),
            [2] => Some(Lender::Trust(take_id(rest)?.into())),
            [3] => Some(Lender::AccessToken(take_id(rest)?.into())),
            _ => return None,
        };
        rest.is_empty().then_some(Self { user, methods, issued, expires, scope, audit_ids, lender })
    }
}

pub(super) fn to_bits(methods: &[Method]) -> u16 {
    methods.iter().fold(0, |bits, m| bits | *m as u16)
}

/// `None`: a bit of no method.
pub(super) fn from_bits(bits: u16) -> Option<Vec<Method>> {
    let methods: Vec<_> = Method::ALL.into_iter().filter(|m| bits & *m as u16 != 0).collect();
    (to_bits(&methods) == bits).then_some(methods)
}

/// A fresh audit id from 16 random octets.
pub fn audit_id(octets: [u8; 16]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(octets)
}

fn audit_octets(id: &str) -> Option<[u8; 16]> {
    BASE64_URL_SAFE_NO_PAD.decode(id).ok()?.try_into().ok()
}

fn put_tagged(out: &mut Vec<u8>, tag: u8, id: &str) {
    out.push(tag);
    put_id(out, id);
}

pub(super) fn put_id(out: &mut Vec<u8>, id: &str) {
    match hex_octets(id) {
        Some(octets) => {
            out.push(0);
            out.extend(octets);
        }
        None => {
            // Ids have at most 64 characters of ASCII: schemas and generators see to it.
            out.push(u8::try_from(id.len()).unwrap_or(u8::MAX));
            out.extend(id.as_bytes());
        }
    }
}

fn hex_octets(id: &str) -> Option<[u8; 16]> {
    let digits = id.as_bytes();
    if digits.len() != 32 || !digits.iter().all(|d| d.is_ascii_digit() || (b'a'..=b'f').contains(d)) {
        return None;
    }
    let mut out = [0; 16];
    for (octet, pair) in out.iter_mut().zip(id.as_bytes().chunks_exact(2)) {
        *octet = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(out)
}

pub(super) fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(*head)
}

pub(super) fn take_id(rest: &mut &[u8]) -> Option<String> {
    let [length] = take(rest)?;
    if length == 0 {
        let octets: [u8; 16] = take(rest)?;
        return Some(octets.iter().fold(String::with_capacity(32), |mut hex, o| {
            let _ = write!(hex, "{o:02x}");
            hex
        }));
    }
    let (head, tail) = rest.split_at_checked(usize::from(length))?;
    *rest = tail;
    String::from_utf8(head.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id() -> impl Strategy<Value = String> {
        prop_oneof!["[0-9a-f]{32}", "[a-zA-Z0-9-]{1,64}", Just("default".to_owned())]
    }

    fn payload() -> impl Strategy<Value = Payload> {
        let scope = prop_oneof![
            Just(ScopeId::Unscoped),
            id().prop_map(|i| ScopeId::Project(i.into())),
            id().prop_map(|i| ScopeId::Domain(i.into())),
            Just(ScopeId::System),
        ];
        let audit_ids = proptest::collection::vec(any::<[u8; 16]>().prop_map(audit_id), 1..=2);
        let methods = proptest::sample::subsequence(Method::ALL.to_vec(), 0..=8);
        let times = (any::<i64>(), any::<i64>());
        let lender = prop_oneof![
            id().prop_map(|i| Lender::ApplicationCredential(i.into())),
            id().prop_map(|i| Lender::Trust(i.into())),
            id().prop_map(|i| Lender::AccessToken(i.into())),
        ];
        (id(), methods, times, scope, audit_ids, proptest::option::of(lender)).prop_map(
            |(user, methods, (issued, expires), scope, audit_ids, lender)| Payload {
                user: user.into(),
                methods,
                issued: Timestamp::from_micros(issued),
                expires: Timestamp::from_micros(expires),
                scope,
                audit_ids,
                lender,
            },
        )
    }

    proptest! {
        #[test]
        fn decodes_what_it_encodes(payload in payload()) {
            prop_assert_eq!(Payload::decode(&payload.encode()), Some(payload));
        }

        #[test]
        fn garbage_is_refused_without_a_panic(octets in proptest::collection::vec(any::<u8>(), 0..160)) {
            if let Some(payload) = Payload::decode(&octets) {
                prop_assert_eq!(payload.encode(), octets, "one payload has one form");
            }
        }

        #[test]
        fn a_cut_or_longer_payload_is_refused(payload in payload(), cut in 0usize..100) {
            let octets = payload.encode();
            prop_assert_eq!(Payload::decode(&octets[..cut % octets.len()]), None);
            prop_assert_eq!(Payload::decode(&[&octets[..], &[0]].concat()), None);
        }
    }

    #[test]
    fn the_longest_usual_token_fits_keystones_promise() {
        let hex = "0123456789abcdef0123456789abcdef";
        let payload = Payload {
            user: hex.into(),
            methods: vec![Method::Token, Method::ApplicationCredential],
            issued: Timestamp::from_secs(1_795_311_317),
            expires: Timestamp::from_secs(1_795_314_917),
            scope: ScopeId::Project(hex.into()),
            audit_ids: vec![audit_id([1; 16]), audit_id([2; 16])],
            lender: Some(Lender::Trust(hex.into())),
        };
        // AES-CBC pads to the next 16 octets; Fernet adds version, time, IV and HMAC.
        let sealed = 1 + 8 + 16 + (payload.encode().len() / 16 + 1) * 16 + 32;
        assert!(sealed.div_ceil(3) * 4 <= 255, "{sealed} octets");
    }
}
