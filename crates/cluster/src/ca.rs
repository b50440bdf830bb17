//! The region's certificate authority: a key and a self-signed certificate in the data directory of members.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use kernel::{Error, Result, error::Doing};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SubjectPublicKeyInfo,
};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use std::{io::Write, os::unix::fs::OpenOptionsExt, path::Path};
use time::{Duration, OffsetDateTime};
use x509_parser::prelude::{FromDer, X509Certificate};

/// Nodes renew long before.
const NODE_DAYS: i64 = 365;
const CA_DAYS: i64 = 3650;

pub struct Authority {
    certificate_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

fn bad(doing: &'static str) -> impl Fn(rcgen::Error) -> Error {
    move |e| Error::internal(doing).with_source(e)
}

impl Authority {
    /// Reads the authority of a directory (`ca.pem`, `ca.key`), or makes it.
    pub fn open(dir: &Path) -> Result<Self> {
        let (cert, key) = (dir.join("ca.pem"), dir.join("ca.key"));
        if !cert.exists() {
            make(&cert, &key)?;
        }
        let certificate_pem = std::fs::read_to_string(&cert).doing("reading the certificate authority")?;
        let key_pem = std::fs::read_to_string(&key).doing("reading the certificate authority's key")?;
        let key = KeyPair::from_pem(&key_pem).map_err(bad("reading the certificate authority's key"))?;
        let issuer =
            Issuer::from_ca_cert_pem(&certificate_pem, key).map_err(bad("reading the certificate authority"))?;
        Ok(Self { certificate_pem, issuer })
    }

    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// A certificate for a node's public key (PEM of its SubjectPublicKeyInfo): server and client of that name and addresses.
    pub fn sign(&self, host: &str, addresses: &[String], public_key_pem: &str) -> Result<String> {
        let doing = bad("signing a node's certificate");
        let public = SubjectPublicKeyInfo::from_pem(public_key_pem)
            .map_err(|e| Error::bad_request("the public key cannot be read").with_source(e))?;
        let certificate = params(host, addresses)?.signed_by(&public, &self.issuer).map_err(doing)?;
        Ok(certificate.pem())
    }

    /// A certificate and key made here, for this very machine.
    pub fn issue(&self, host: &str, addresses: &[String]) -> Result<(String, String)> {
        let key = KeyPair::generate().map_err(bad("making a key"))?;
        let certificate = self.sign(host, addresses, &public_pem(&key))?;
        Ok((certificate, key.serialize_pem()))
    }
}

pub(crate) fn public_pem(key: &KeyPair) -> String {
    key.public_key_pem()
}

/// A certificate as one word: its DER in base64.
pub(crate) fn to_text(certificate_pem: &str) -> Result<String> {
    let der = CertificateDer::from_pem_slice(certificate_pem.as_bytes())
        .map_err(|e| Error::internal("reading the certificate authority").with_internal(e.to_string()))?;
    Ok(URL_SAFE_NO_PAD.encode(&der))
}

/// Back to PEM.
pub(crate) fn from_text(text: &str) -> Option<String> {
    let der = STANDARD.encode(URL_SAFE_NO_PAD.decode(text).ok()?);
    let lines: Vec<&str> = der.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    Some(format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n")))
}

/// The common name of a certificate (DER): the host that shows it.
pub fn peer_name(der: &[u8]) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let name = certificate.subject().iter_common_name().next()?.as_str().ok()?;
    Some(name.to_owned())
}

fn params(host: &str, addresses: &[String]) -> Result<CertificateParams> {
    let mut names = vec![host.to_owned()];
    names.extend(addresses.iter().cloned());
    names.dedup();
    let mut params = CertificateParams::new(names)
        .map_err(|e| Error::bad_request(format!("{host} is not a host's name")).with_source(e))?;
    params.distinguished_name.push(DnType::CommonName, host);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.not_before = OffsetDateTime::now_utc() - Duration::hours(1);
    params.not_after = OffsetDateTime::now_utc() + Duration::days(NODE_DAYS);
    Ok(params)
}

fn make(cert: &Path, key: &Path) -> Result<()> {
    let doing = "making the certificate authority";
    let pair = KeyPair::generate().map_err(bad(doing))?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "TStack region CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = OffsetDateTime::now_utc() - Duration::hours(1);
    params.not_after = OffsetDateTime::now_utc() + Duration::days(CA_DAYS);
    let certificate = params.self_signed(&pair).map_err(bad(doing))?;
    if let Some(dir) = cert.parent() {
        std::fs::create_dir_all(dir).doing(doing)?;
    }
    // The certificate last: while it is missing, the authority is not there and is made again.
    write_secret(key, &pair.serialize_pem())?;
    std::fs::write(cert, certificate.pem()).doing(doing)
}

/// A file only its owner may read.
pub(crate) fn write_secret(path: &Path, text: &str) -> Result<()> {
    let doing = format!("writing {}", path.display());
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path).doing(&doing)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).doing(&doing)
}
