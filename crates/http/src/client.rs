//! The asking side: one client per set of credentials, connections kept and shared, bodies streamed both ways.
//!
//! An error says whether the other side can have seen the request: [`ClientError::Connect`] means it was never sent, the
//! others leave it open. Whoever repeats a request that changes something must look at that.

mod resolver;

use crate::server::{H2_PATIENCE, H2_PING, tls as server_tls};
use axum::body::Body;
use bytes::Bytes;
use futures_util::Stream;
use http_body_util::{BodyExt, Limited};
use hyper::{
    HeaderMap, Method, Request, StatusCode, Uri,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as Pool, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use kernel::{Error, Result, error::Doing};
use resolver::Resolver;
use rustls::{ClientConfig as TlsClientConfig, RootCertStore, crypto::ring};
use serde::{Serialize, de::DeserializeOwned};
use std::{error::Error as StdError, fmt, net::IpAddr, sync::Arc, time::Duration};
use tokio::time::timeout;

const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(60);
const IDLE: Duration = Duration::from_secs(60);
/// A whole answer held in memory: `bytes`, `text` and `json` refuse more.
const WHOLE: usize = 64 * 1024 * 1024;

#[derive(Clone, Debug)]
pub struct ClientConfig {
    pub connect_timeout: Duration,
    /// Until the head of the answer; the body may take as long as it flows.
    pub timeout: Duration,
    pub protocol: Protocol,
    pub tls: ClientTls,
    /// Of the addresses that a name resolves to, those that may be connected to; an address that stands in the URL itself is not
    /// asked about.
    pub addresses: Option<fn(IpAddr) -> bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/2 where TLS negotiates it, else HTTP/1.1.
    Auto,
    /// HTTP/2 also without TLS, by prior knowledge: many streams over one connection.
    Http2,
}

/// Whom to trust and who we are, as PEM.
#[derive(Clone, Default)]
pub struct ClientTls {
    /// Empty: no `https` server is trusted.
    pub roots_pem: Vec<u8>,
    /// Certificate chain and key.
    pub identity_pem: Option<(Vec<u8>, Vec<u8>)>,
    /// The name the server's certificate must have, where that is not the host of the address.
    pub server_name: Option<String>,
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls")
            .field("identity", &self.identity_pem.is_some())
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            connect_timeout: CONNECT,
            timeout: ANSWER,
            protocol: Protocol::Auto,
            tls: ClientTls::default(),
            addresses: None,
        }
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub enum ClientError {
    /// The request itself could not be made: a malformed address or header.
    Malformed(String),
    /// Nobody there, or not who was expected. The request was not sent.
    Connect(String),
    /// No answer in time. It may have been acted upon.
    Timeout(Duration),
    /// The connection broke. It may have been acted upon.
    Broken(String),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(why) => write!(f, "making the request: {why}"),
            Self::Connect(why) => write!(f, "connecting: {why}"),
            Self::Timeout(after) => write!(f, "no answer within {after:?}"),
            Self::Broken(why) => write!(f, "the connection broke: {why}"),
        }
    }
}

impl StdError for ClientError {}

impl From<ClientError> for Error {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Malformed(_) => Self::internal("asking another service").with_source(error),
            _ => Self::unavailable("a service this request depends on does not answer").with_source(error),
        }
    }
}

#[derive(Clone)]
pub struct Client {
    pool: Pool<HttpsConnector<HttpConnector<Resolver>>, Body>,
    timeout: Duration,
}

impl Client {
    pub fn new(config: &ClientConfig) -> Result<Self> {
        let mut tcp = HttpConnector::new_with_resolver(Resolver::new(config.addresses));
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(config.connect_timeout));
        let https = HttpsConnectorBuilder::new().with_tls_config(tls_config(&config.tls)?).https_or_http();
        let https = match &config.tls.server_name {
            None => https,
            Some(name) => {
                let name = rustls_pki_types::ServerName::try_from(name.clone()).doing("reading the server's name")?;
                https.with_server_name_resolver(FixedServerNameResolver::new(name))
            }
        };
        let connector = match config.protocol {
            Protocol::Auto => https.enable_all_versions().wrap_connector(tcp),
            Protocol::Http2 => https.enable_http2().wrap_connector(tcp),
        };
        let pool = Pool::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .http2_only(config.protocol == Protocol::Http2)
            .http2_keep_alive_interval(H2_PING)
            .http2_keep_alive_timeout(H2_PATIENCE)
            .http2_adaptive_window(true)
            .build(connector);
        Ok(Self { pool, timeout: config.timeout })
    }

    pub fn get(&self, url: impl Into<String>) -> RequestBuilder<'_> {
        self.to(Method::GET, url)
    }
    pub fn head(&self, url: impl Into<String>) -> RequestBuilder<'_> {
        self.to(Method::HEAD, url)
    }
    pub fn post(&self, url: impl Into<String>) -> RequestBuilder<'_> {
        self.to(Method::POST, url)
    }
    pub fn put(&self, url: impl Into<String>) -> RequestBuilder<'_> {
        self.to(Method::PUT, url)
    }
    pub fn patch(&self, url: impl Into<String>) -> RequestBuilder<'_> {
        self.to(Method::PATCH, url)
    }
    pub fn delete(&self, url: impl Into<String>) -> RequestBuilder<'_> {
        self.to(Method::DELETE, url)
    }

    /// A request to be filled in and sent.
    pub fn to(&self, method: Method, url: impl Into<String>) -> RequestBuilder<'_> {
        let timeout = self.timeout;
        let (url, headers, body) = (url.into(), HeaderMap::new(), Body::empty());
        RequestBuilder { client: self, method, url, headers, body, timeout, malformed: None }
    }

    /// All at once.
    pub async fn request(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
        body: Body,
    ) -> Result<ClientResponse, ClientError> {
        self.send(method, url, headers, body, self.timeout).await
    }

    async fn send(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
        body: Body,
        within: Duration,
    ) -> Result<ClientResponse, ClientError> {
        let uri: Uri = url.parse().map_err(|e| ClientError::Malformed(format!("{url}: {e}")))?;
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        match timeout(within, self.pool.request(request)).await {
            Err(_) => Err(ClientError::Timeout(within)),
            Ok(Ok(response)) => {
                let (parts, body) = response.into_parts();
                Ok(ClientResponse { status: parts.status, headers: parts.headers, body })
            }
            Ok(Err(error)) if error.is_connect() => Err(ClientError::Connect(chain(&error))),
            Ok(Err(error)) => Err(ClientError::Broken(chain(&error))),
        }
    }
}

pub struct RequestBuilder<'c> {
    client: &'c Client,
    method: Method,
    url: String,
    headers: HeaderMap,
    body: Body,
    timeout: Duration,
    malformed: Option<String>,
}

impl RequestBuilder<'_> {
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(value)) => {
                self.headers.append(name, value);
            }
            // The value may be a secret: only the name is told.
            _ => self.malformed = Some(format!("the header {name} cannot be sent")),
        }
        self
    }
    #[must_use]
    pub fn token(self, token: &str) -> Self {
        self.header("x-auth-token", token)
    }
    #[must_use]
    pub fn json<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => self.body = Body::from(body),
            Err(e) => self.malformed = Some(format!("writing the body: {e}")),
        }
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self
    }
    /// Bytes, text, or a stream by [`Body::from_stream`].
    #[must_use]
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }
    /// Until the head of the answer.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
    pub async fn send(self) -> Result<ClientResponse, ClientError> {
        if let Some(why) = self.malformed {
            return Err(ClientError::Malformed(why));
        }
        self.client.send(self.method, &self.url, self.headers, self.body, self.timeout).await
    }
}

/// An answer whose head is here and whose body may still be coming.
#[derive(Debug)]
pub struct ClientResponse {
    pub status: StatusCode,
    pub headers: HeaderMap,
    body: Incoming,
}

impl ClientResponse {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
    pub async fn bytes(self) -> Result<Bytes, ClientError> {
        let whole = Limited::new(self.body, WHOLE).collect().await;
        whole.map(http_body_util::Collected::to_bytes).map_err(|e| ClientError::Broken(e.to_string()))
    }
    pub async fn text(self) -> Result<String, ClientError> {
        Ok(String::from_utf8_lossy(&self.bytes().await?).into_owned())
    }
    pub async fn json<T: DeserializeOwned>(self) -> Result<T, ClientError> {
        let bytes = self.bytes().await?;
        serde_json::from_slice(&bytes)
            .map_err(|e| ClientError::Broken(format!("the answer is not what was expected: {e}")))
    }
    /// The body as it comes.
    pub fn stream(self) -> impl Stream<Item = Result<Bytes, ClientError>> + Send + Unpin {
        let chunks = Body::new(self.body).into_data_stream();
        futures_util::StreamExt::map(chunks, |chunk| chunk.map_err(|e| ClientError::Broken(chain(&e))))
    }
    /// The body, to be handed on.
    pub fn into_body(self) -> Body {
        Body::new(self.body)
    }
}

fn tls_config(tls: &ClientTls) -> Result<TlsClientConfig> {
    let roots = if tls.roots_pem.is_empty() { RootCertStore::empty() } else { server_tls::roots(&tls.roots_pem)? };
    let builder = TlsClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .doing("choosing TLS versions")?
        .with_root_certificates(roots);
    match &tls.identity_pem {
        None => Ok(builder.with_no_client_auth()),
        Some((cert, key)) => builder
            .with_client_auth_cert(server_tls::certs(cert)?, server_tls::key(key)?)
            .doing("using the client's certificate"),
    }
}

fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
