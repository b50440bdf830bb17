//! The region's certificate authority: a key and a self-signed certificate in the data directory of members.

use kernel::{Error, Result, error::Doing};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SubjectPublicKeyInfo,
};
use sha2::{Digest, Sha256};
use std::{io::Write, os::unix::fs::OpenOptionsExt, path::Path};
use time::{Duration, OffsetDateTime};

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

/// Hex SHA-256 of a certificate's DER.
pub fn fingerprint(certificate_pem: &str) -> Result<String> {
    use rustls_pki_types::pem::PemObject;
    let der = rustls_pki_types::CertificateDer::from_pem_slice(certificate_pem.as_bytes())
        .map_err(|e| Error::bad_request("the certificate cannot be read").with_internal(e.to_string()))?;
    Ok(Sha256::digest(&der).iter().map(|b| format!("{b:02x}")).collect())
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
