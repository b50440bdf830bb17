//! The members of the cluster, one in use at a time.

use super::EtcdConfig;
use crate::backend::BackendError;
use etcd_client::{
    Certificate, Client, ConnectOptions, Error, Identity, KvClient, LeaseClient, MaintenanceClient, TlsOptions,
    WatchClient,
};
use std::{
    fmt,
    future::Future,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

/// Above etcd's own limit of a request, and of a fragment of a watch.
const MAX_MESSAGE: usize = 64 << 20;
const PING_EVERY: Duration = Duration::from_secs(2);
const PING_PATIENCE: Duration = Duration::from_secs(3);
const CONNECT_PATIENCE: Duration = Duration::from_secs(2);

/// A member's clients; cheap to clone.
#[derive(Clone)]
pub(super) struct Endpoint {
    pub(super) kv: KvClient,
    pub(super) watch: WatchClient,
    pub(super) lease: LeaseClient,
    pub(super) maintenance: MaintenanceClient,
}

pub(super) struct Endpoints {
    all: Vec<Endpoint>,
    current: AtomicUsize,
    patience: Duration,
}

/// Why a request did not do what it should.
#[derive(Debug)]
pub(super) enum Failure {
    /// The lease that a key was to be bound to has ended; nothing was done.
    LeaseGone,
    /// The revision asked for is gone; nothing was done.
    Compacted,
    /// The answer is larger than [`MAX_MESSAGE`].
    TooLarge,
    /// etcd said no, and did nothing.
    Refused(String),
    /// Nobody knows whether it was done.
    Silence(String),
}

impl Failure {
    fn of(error: Error) -> Self {
        let Error::GRpcStatus(status) = &error else { return Self::Silence(error.to_string()) };
        let text = status.message().to_owned();
        // The numbers are gRPC's; the texts etcd's (api/v3rpc/rpctypes/error.go) and tonic's.
        match status.code() as i32 {
            5 if text.contains("lease not found") => Self::LeaseGone,
            11 if text.contains("compacted") => Self::Compacted,
            11 if text.contains("message length too large") => Self::TooLarge,
            3 | 8 => Self::Refused(text),
            _ => Self::Silence(text),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LeaseGone => f.write_str("the lease has ended"),
            Self::Compacted => f.write_str("the revision is compacted"),
            Self::TooLarge => f.write_str("the answer is too large"),
            Self::Refused(text) | Self::Silence(text) => f.write_str(text),
        }
    }
}

impl From<Failure> for BackendError {
    fn from(failure: Failure) -> Self {
        Self::Unavailable(format!("asking etcd: {failure}"))
    }
}

impl Endpoints {
    pub(super) async fn new(config: &EtcdConfig) -> Result<Self, BackendError> {
        let broken = |e: Error| BackendError::Unavailable(format!("the etcd endpoints cannot be used: {e}"));
        let options = options(config);
        let mut all = Vec::new();
        for address in &config.endpoints {
            // Connects when it is first used, and again whenever it must.
            let client = Client::connect([address], Some(options.clone())).await.map_err(broken)?;
            all.push(Endpoint {
                kv: client.kv_client().max_decoding_message_size(MAX_MESSAGE),
                watch: client.watch_client().max_decoding_message_size(MAX_MESSAGE),
                lease: client.lease_client(),
                maintenance: client.maintenance_client(),
            });
        }
        match all.is_empty() {
            true => Err(BackendError::Unavailable("no etcd endpoint is configured".into())),
            false => Ok(Self { all, current: AtomicUsize::new(0), patience: config.patience }),
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Endpoint> {
        self.all.iter()
    }

    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// The endpoint in use, and a token to give it up with.
    pub(super) fn current(&self) -> (Endpoint, usize) {
        let token = self.current.load(Ordering::Relaxed);
        (self.all[token % self.all.len()].clone(), token)
    }

    /// Turns to the next endpoint, unless somebody has done so since the token was given.
    pub(super) fn give_up(&self, token: usize) {
        let _ = self.current.compare_exchange(token, token + 1, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Sends one request, once. Silence makes the next endpoint the one in use.
    pub(super) async fn once<T, F>(&self, request: impl FnOnce(Endpoint) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Error>>,
    {
        self.once_within(self.patience, request).await
    }

    async fn once_within<T, F>(&self, patience: Duration, request: impl FnOnce(Endpoint) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let (endpoint, token) = self.current();
        let answer = match tokio::time::timeout(patience, request(endpoint)).await {
            Ok(answer) => answer.map_err(Failure::of),
            Err(_) => Err(Failure::Silence(format!("no answer in {patience:?}"))),
        };
        if let Err(Failure::Silence(why)) = &answer {
            tracing::debug!(why, "an etcd endpoint is given up for the next one");
            self.give_up(token);
        }
        answer
    }

    /// Sends a request that may be carried out twice, to one endpoint after the other.
    pub(super) async fn ask<T, F>(&self, request: impl FnMut(Endpoint) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Error>>,
    {
        self.ask_within(self.patience, request).await
    }

    /// With another patience for each.
    pub(super) async fn ask_within<T, F>(
        &self,
        patience: Duration,
        mut request: impl FnMut(Endpoint) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut answer = self.once_within(patience, &mut request).await;
        for _ in 1..self.all.len().max(2) {
            match answer {
                Err(Failure::Silence(_)) => answer = self.once_within(patience, &mut request).await,
                answer => return answer,
            }
        }
        answer
    }
}

fn options(config: &EtcdConfig) -> ConnectOptions {
    let options = ConnectOptions::new()
        .with_keep_alive(PING_EVERY, PING_PATIENCE)
        .with_keep_alive_while_idle(true)
        .with_connect_timeout(CONNECT_PATIENCE)
        .with_require_leader(true);
    match &config.tls {
        None => options,
        Some(tls) => options.with_tls(
            TlsOptions::new()
                .ca_certificate(Certificate::from_pem(&tls.ca))
                .identity(Identity::from_pem(&tls.certificate, &tls.key)),
        ),
    }
}
