//! Certificates that let users into Windows guests without a password (WinRM), as Nova makes them: self-signed, good for ten years,
//! the user in their name and as a principal of `localhost`.

use crate::model::pkcs12;
use base64::{Engine, engine::general_purpose::STANDARD};
use kernel::{Error, Result, Timestamp, error::Doing};
use rand::RngCore;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, OtherNameValue, PKCS_RSA_SHA256, SanType};
use rsa::{RsaPrivateKey, pkcs8::EncodePrivateKey};
use rustls_pki_types::PrivatePkcs8KeyDer;
use time::{Duration, OffsetDateTime};

/// Microsoft's user principal name, as a name of another kind.
const PRINCIPAL: &[u64] = &[1, 3, 6, 1, 4, 1, 311, 20, 2, 3];
const DAYS: i64 = 3650;

/// The certificate in PEM, and it and its key as PKCS #12 in Base64.
pub(super) fn of(key: &RsaPrivateKey, user: &str, now: Timestamp) -> Result<(String, String)> {
    const DOING: &str = "making a certificate";
    let private = key.to_pkcs8_der().doing(DOING)?;
    let der = PrivatePkcs8KeyDer::from(private.as_bytes());
    let pair = KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_RSA_SHA256).doing(DOING)?;
    let certificate = params(user, now)?.self_signed(&pair).doing(DOING)?;
    let mut salt = [0; 8];
    rand::rng().fill_bytes(&mut salt);
    let file = pkcs12::file(private.as_bytes(), certificate.der(), salt);
    Ok((certificate.pem(), STANDARD.encode(file)))
}

fn params(user: &str, now: Timestamp) -> Result<CertificateParams> {
    let now = OffsetDateTime::from_unix_timestamp(now.secs());
    let now = now.map_err(|e| Error::internal("reading the clock").with_source(e))?;
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, user);
    let principal = OtherNameValue::Utf8String(format!("{user}@localhost"));
    params.subject_alt_names = vec![SanType::OtherName((PRINCIPAL.to_vec(), principal))];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    (params.not_before, params.not_after) = (now, now + Duration::days(DAYS));
    Ok(params)
}
