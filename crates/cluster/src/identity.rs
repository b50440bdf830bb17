//! A node's own identity: its key, its certificate and the CA it trusts, in its data directory.

use crate::{Authority, ca};
use kernel::{Error, Result, error::Doing};
use rcgen::KeyPair;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use std::{path::Path, sync::Arc};

/// PEM texts, as they lie in `node.pem`, `node.key` and `ca.pem`.
#[derive(Clone)]
pub struct NodeIdentity {
    pub certificate_pem: String,
    pub key_pem: String,
    pub ca_pem: String,
}

impl NodeIdentity {
    /// The identity in `dir`, if the node has one.
    pub fn read(dir: &Path) -> Result<Option<Self>> {
        if !dir.join("node.pem").exists() {
            return Ok(None);
        }
        let read = |name: &str| std::fs::read_to_string(dir.join(name)).doing("reading the node's identity");
        Ok(Some(Self { certificate_pem: read("node.pem")?, key_pem: read("node.key")?, ca_pem: read("ca.pem")? }))
    }

    /// The identity of a member, which may sign for itself.
    pub fn of_member(dir: &Path, authority: &Authority, host: &str, addresses: &[String]) -> Result<Self> {
        if let Some(identity) = Self::read(dir)? {
            return Ok(identity);
        }
        let (certificate_pem, key_pem) = authority.issue(host, addresses)?;
        let identity = Self { certificate_pem, key_pem, ca_pem: authority.certificate_pem().to_owned() };
        identity.write(dir)?;
        Ok(identity)
    }

    pub fn write(&self, dir: &Path) -> Result<()> {
        std::fs::create_dir_all(dir).doing("writing the node's identity")?;
        ca::write_secret(&dir.join("node.key"), &self.key_pem)?;
        std::fs::write(dir.join("ca.pem"), &self.ca_pem).doing("writing the node's identity")?;
        std::fs::write(dir.join("node.pem"), &self.certificate_pem).doing("writing the node's identity")
    }

    /// A new key with its public half, for a join request.
    pub fn new_key() -> Result<(String, String)> {
        let key = KeyPair::generate().map_err(|e| Error::internal("making a key").with_source(e))?;
        Ok((key.serialize_pem(), ca::public_pem(&key)))
    }

    /// TLS as a server that asks for clients' certificates (and takes those without one, for the public API).
    pub fn server_config(&self) -> Result<Arc<rustls::ServerConfig>> {
        let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(self.roots()?), provider())
            .allow_unauthenticated()
            .build()
            .map_err(|e| Error::internal("building the TLS client verifier").with_internal(e.to_string()))?;
        let mut config = rustls::ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .doing("building the TLS configuration")?
            .with_client_cert_verifier(verifier)
            .with_single_cert(self.chain()?, self.key()?)
            .doing("building the TLS configuration")?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// TLS as a client that shows this node's certificate and trusts the region's CA alone.
    pub fn client_config(&self) -> Result<Arc<rustls::ClientConfig>> {
        let config = rustls::ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .doing("building the TLS configuration")?
            .with_root_certificates(self.roots()?)
            .with_client_auth_cert(self.chain()?, self.key()?)
            .doing("building the TLS configuration")?;
        Ok(Arc::new(config))
    }

    fn roots(&self) -> Result<rustls::RootCertStore> {
        roots_of(&self.ca_pem)
    }

    fn chain(&self) -> Result<Vec<CertificateDer<'static>>> {
        let certs: std::result::Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(self.certificate_pem.as_bytes()).collect();
        certs.map_err(|e| Error::internal("reading the node's certificate").with_internal(e.to_string()))
    }

    fn key(&self) -> Result<PrivateKeyDer<'static>> {
        PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes())
            .map_err(|e| Error::internal("reading the node's key").with_internal(e.to_string()))
    }
}

pub(crate) fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

pub(crate) fn roots_of(ca_pem: &str) -> Result<rustls::RootCertStore> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
        let broken = |e: String| Error::internal("reading the region's CA certificate").with_internal(e);
        roots.add(certificate.map_err(|e| broken(e.to_string()))?).map_err(|e| broken(e.to_string()))?;
    }
    Ok(roots)
}
