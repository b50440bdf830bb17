//! Certificates of the listening side.

use crate::ApiError;
use axum::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    http::request::Parts,
};
use kernel::{Error, Result, error::Doing};
use rustls::{
    RootCertStore, ServerConfig, ServerConnection,
    crypto::ring,
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use std::{convert::Infallible, sync::Arc};
use tokio_rustls::TlsAcceptor;

/// PEM texts; files are read by whoever has the configuration.
#[derive(Clone)]
pub struct TlsConfig {
    /// The server's certificate, then its issuers.
    pub cert_pem: Vec<u8>,
    pub key_pem: Vec<u8>,
    pub client_auth: ClientAuth,
}

/// Whether clients show certificates; those they show must be signed by the CA given as PEM.
#[derive(Clone)]
pub enum ClientAuth {
    None,
    Optional(Vec<u8>),
    Required(Vec<u8>),
}

/// The chain that a client proved to own, its own certificate first. An extension of every request on the connection.
#[derive(Clone, Debug)]
pub struct PeerCert(Arc<[CertificateDer<'static>]>);

impl PeerCert {
    pub(super) fn of(connection: &ServerConnection) -> Option<Self> {
        connection.peer_certificates().map(|chain| Self(chain.into()))
    }

    /// For tests: a peer that showed this certificate.
    pub fn from_der(der: Vec<u8>) -> Self {
        Self([CertificateDer::from(der)].into())
    }

    /// The client's own certificate, DER.
    pub fn der(&self) -> &[u8] {
        self.0.first().map(|cert| cert.as_ref()).unwrap_or_default()
    }

    pub fn chain(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|cert| cert.as_ref())
    }
}

/// Refuses clients that showed none.
impl<S: Sync> FromRequestParts<S> for PeerCert {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let nobody = || ApiError(Error::forbidden("a client certificate is required"));
        parts.extensions.get::<Self>().cloned().ok_or_else(nobody)
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for PeerCert {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned())
    }
}

impl TlsConfig {
    pub(super) fn acceptor(&self) -> Result<TlsAcceptor> {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .doing("choosing TLS versions")?;
        let builder = match self.verifier(&provider)? {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder
            .with_single_cert(certs(&self.cert_pem)?, key(&self.key_pem)?)
            .doing("using the server's certificate")?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    fn verifier(&self, provider: &Arc<rustls::crypto::CryptoProvider>) -> Result<Option<Arc<dyn ClientCertVerifier>>> {
        let (ca, optional) = match &self.client_auth {
            ClientAuth::None => return Ok(None),
            ClientAuth::Optional(ca) => (ca, true),
            ClientAuth::Required(ca) => (ca, false),
        };
        let roots = Arc::new(roots(ca)?);
        let builder = WebPkiClientVerifier::builder_with_provider(roots, provider.clone());
        let builder = if optional { builder.allow_unauthenticated() } else { builder };
        Ok(Some(builder.build().doing("using the clients' certificate authority")?))
    }
}

pub(crate) fn certs(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let certs: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().doing("reading certificates")?;
    if certs.is_empty() { Err(Error::internal("reading certificates: there are none")) } else { Ok(certs) }
}

pub(crate) fn key(pem: &[u8]) -> Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_slice(pem).doing("reading a private key")
}

pub(crate) fn roots(pem: &[u8]) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for cert in certs(pem)? {
        roots.add(cert).doing("reading a certificate authority")?;
    }
    Ok(roots)
}
