//! The controller's HTTP interface: one request and what its answer means.
//!
//! A request that could not be sent, was not answered, or was answered by 5xx or 429 is tried again with growing pauses, a
//! number of times; then the controller counts as away, and whoever asks meanwhile is told so at once. Repeating does no harm:
//! creating what is there becomes replacing, replacing what is not there becomes creating, deleting what is gone is done.

use super::render::{Collection, Resource};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use http::{Client, ClientConfig, ClientError, ClientTls, axum::http::StatusCode};
use kernel::{Error, Result};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio::time::{Instant, sleep};

#[derive(Clone, Debug)]
pub struct RestConfig {
    /// `https://controller:8443/controller/nb/v2/neutron`
    pub url: String,
    /// Sent as `Authorization: Basic`, unless empty.
    pub username: String,
    pub password: String,
    /// Certificates (PEM) that the controller's is to be signed by; none: only `http` is spoken.
    pub roots_pem: Vec<u8>,
    /// For one answer.
    pub timeout: Duration,
    /// How often a request is tried before the controller counts as away.
    pub attempts: u32,
    /// The first pause between tries; each is twice the one before, up to [`LONGEST`].
    pub pause: Duration,
}

const LONGEST: Duration = Duration::from_secs(5);

/// How a request that the controller understood ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// There is no such resource.
    Absent,
    /// There is one already.
    Present,
}

pub struct Northbound {
    client: Client,
    config: RestConfig,
    authorization: Option<String>,
    /// Until when nobody asks, and the pause after that.
    away: Mutex<Option<(Instant, Duration)>>,
    writes: AtomicU64,
}

impl Northbound {
    pub fn new(config: RestConfig) -> Result<Self> {
        let tls = ClientTls { roots_pem: config.roots_pem.clone(), ..ClientTls::default() };
        let client = Client::new(&ClientConfig { timeout: config.timeout, tls, ..ClientConfig::default() })?;
        let authorization = (!config.username.is_empty())
            .then(|| format!("Basic {}", BASE64.encode(format!("{}:{}", config.username, config.password))));
        Ok(Self { client, config, authorization, away: Mutex::new(None), writes: AtomicU64::new(0) })
    }

    /// How many requests were sent that change something.
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    pub async fn create(&self, resource: &Resource) -> Result<Outcome> {
        let body = json!({ resource.collection.one(): resource.body });
        let (status, text) = self.write("POST", resource.collection.path(), Some(&body)).await?;
        match status {
            status if status.is_success() => Ok(Outcome::Done),
            StatusCode::CONFLICT => Ok(Outcome::Present),
            // Some answer so to what they have already: the caller looks.
            StatusCode::BAD_REQUEST if self.find(resource.collection, &resource.id).await?.is_some() => {
                Ok(Outcome::Present)
            }
            _ => Err(refused("creating", resource, status, &text)),
        }
    }

    pub async fn replace(&self, resource: &Resource) -> Result<Outcome> {
        let body = json!({ resource.collection.one(): resource.body });
        let path = format!("{}/{}", resource.collection.path(), resource.id);
        let (status, text) = self.write("PUT", &path, Some(&body)).await?;
        match status {
            status if status.is_success() => Ok(Outcome::Done),
            StatusCode::NOT_FOUND => Ok(Outcome::Absent),
            _ => Err(refused("replacing", resource, status, &text)),
        }
    }

    pub async fn delete(&self, collection: Collection, id: &str) -> Result<Outcome> {
        let (status, text) = self.write("DELETE", &format!("{}/{id}", collection.path()), None).await?;
        match status {
            status if status.is_success() || status == StatusCode::NOT_FOUND => Ok(Outcome::Done),
            _ => Err(Error::conflict(format!("the controller keeps {}/{id}: {status} {text}", collection.path()))),
        }
    }

    pub async fn find(&self, collection: Collection, id: &str) -> Result<Option<Value>> {
        let path = format!("{}/{id}", collection.path());
        let (status, text) = self.ask("GET", &path, None).await?;
        if status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        Ok(Some(read(status, &text, &path)?[&*collection.one()].take()))
    }

    pub async fn list(&self, path: &str, name: &str) -> Result<Vec<Value>> {
        let (status, text) = self.ask("GET", path, None).await?;
        match read(status, &text, path)?[name].take() {
            Value::Array(items) => Ok(items),
            _ => Err(Error::unavailable(format!("the controller's answer to {path} has no list {name}"))),
        }
    }

    async fn write(&self, method: &str, path: &str, body: Option<&Value>) -> Result<(StatusCode, String)> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.ask(method, path, body).await
    }

    /// Asks until there is an answer that means something.
    async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<(StatusCode, String)> {
        if self.away.lock().is_some_and(|(until, _)| Instant::now() < until) {
            return Err(Error::unavailable("the network controller is away"));
        }
        let mut pause = self.config.pause;
        for attempt in 1.. {
            let why = match self.once(method, path, body).await {
                Ok((status, text)) if !status.is_server_error() && status != StatusCode::TOO_MANY_REQUESTS => {
                    *self.away.lock() = None;
                    return Ok((status, text));
                }
                Ok((status, _)) => status.to_string(),
                Err(ClientError::Malformed(why)) => {
                    return Err(Error::internal("asking the network controller").with_internal(why));
                }
                Err(error) => error.to_string(),
            };
            tracing::debug!(method, path, attempt, why, "the network controller did not answer");
            if attempt >= self.config.attempts {
                self.note_away();
                return Err(Error::unavailable(format!("the network controller does not answer: {why}")));
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST);
        }
        Err(Error::internal("asking the network controller no time at all"))
    }

    /// Each time longer, until it answers again.
    fn note_away(&self) {
        let mut away = self.away.lock();
        let pause = away.map_or(self.config.pause, |(_, pause)| (pause * 2).min(LONGEST));
        *away = Some((Instant::now() + pause, pause));
    }

    async fn once(&self, method: &str, path: &str, body: Option<&Value>) -> Result<(StatusCode, String), ClientError> {
        let url = format!("{}/{path}", self.config.url.trim_end_matches('/'));
        let mut request = match method {
            "POST" => self.client.post(url),
            "PUT" => self.client.put(url),
            "DELETE" => self.client.delete(url),
            _ => self.client.get(url),
        };
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let status = response.status;
        // The body must come in time as well.
        let text = tokio::time::timeout(self.config.timeout, response.text()).await;
        Ok((status, text.map_err(|_| ClientError::Timeout(self.config.timeout))??))
    }
}

fn read(status: StatusCode, text: &str, path: &str) -> Result<Value> {
    if !status.is_success() {
        return Err(Error::unavailable(format!("the network controller answers {status} to {path}")));
    }
    serde_json::from_str(text).map_err(|e| {
        Error::unavailable(format!("the network controller's answer to {path} cannot be read")).with_source(e)
    })
}

fn refused(doing: &str, resource: &Resource, status: StatusCode, text: &str) -> Error {
    let (path, id) = (resource.collection.path(), &resource.id);
    Error::bad_request(format!("{doing} {path}/{id}: the network controller refuses it ({status}): {text}"))
}
