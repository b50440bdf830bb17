//! The client of one database: a handle that many tasks share, and the task that owns the connection.
//!
//! ```text
//!   Connecting ──dial, get_schema, leader?, monitor──▶ Ready ──connection lost, leadership lost──┐
//!       ▲   └─ any failure: next endpoint, after a pause that doubles up to 5 s                  │
//!       └────────────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Invariants
//! - The replica shows a transaction's effect before [`Client::transact`] returns: the server sends the update before the
//!   reply, and the task applies messages in the order in which they come.
//! - A request is sent at most once. If the connection breaks before its reply, the caller learns [`Error::Broken`] and
//!   decides: what we write is planned from the replica, so planning again is safe.
//! - After a reconnection the replica continues from the last transaction it saw (`monitor_cond_since`), or is replaced.

use super::{
    Endpoint, Error, IndexSpec, Op, Outcome, Replica,
    link::{Incoming, Link},
    op,
    schema::Schema,
};
use parking_lot::{RwLock, RwLockReadGuard};
use serde_json::{Value, json};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};

/// A table of which the replica holds these columns.
#[derive(Clone, Debug)]
pub struct Monitored {
    pub table: &'static str,
    pub columns: &'static [&'static str],
}

#[derive(Clone, Debug)]
pub struct Config {
    pub database: &'static str,
    /// The members of a cluster, or the one server.
    pub endpoints: Vec<Endpoint>,
    /// Talk only to the cluster's leader: its replica is never behind, and a write needs no forwarding.
    pub leader_only: bool,
    pub monitored: Vec<Monitored>,
    pub indexes: Vec<IndexSpec>,
    /// A server that said nothing for this long is asked; silent for as long again, it is given up.
    pub probe: Duration,
    /// How long a request may take.
    pub deadline: Duration,
}

impl Config {
    pub fn new(database: &'static str, endpoints: Vec<Endpoint>) -> Self {
        let (monitored, indexes) = (Vec::new(), Vec::new());
        let (probe, deadline) = (Duration::from_secs(10), Duration::from_secs(30));
        Self { database, endpoints, leader_only: false, monitored, indexes, probe, deadline }
    }
}

const DIAL: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Connecting { why: String },
    Ready,
}

struct Request {
    method: &'static str,
    params: Value,
    reply: oneshot::Sender<Result<Value, Error>>,
}

struct Shared {
    config: Config,
    replica: RwLock<Replica>,
    state: watch::Sender<State>,
    /// Counts the replica's changes.
    version: watch::Sender<u64>,
}

/// Cheap to clone. The connection ends with the last handle.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    requests: mpsc::Sender<Request>,
}

impl Client {
    /// Starts connecting; must be called in a tokio runtime.
    pub fn start(config: Config) -> Self {
        let replica = RwLock::new(Replica::new(&config.indexes));
        let state = watch::Sender::new(State::Connecting { why: "just started".into() });
        let shared = Arc::new(Shared { config, replica, state, version: watch::Sender::new(0) });
        let (requests, queue) = mpsc::channel(64);
        tokio::spawn(Task { shared: shared.clone(), queue, last_txn: None }.run());
        Self { shared, requests }
    }

    /// The replica as it is now. Not to be held across an `await`.
    pub fn replica(&self) -> RwLockReadGuard<'_, Replica> {
        self.shared.replica.read()
    }

    /// Tells of every change of the replica.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.version.subscribe()
    }

    /// Waits until the replica holds the database's contents.
    pub async fn ready(&self, limit: Duration) -> Result<(), Error> {
        let mut state = self.shared.state.subscribe();
        let waiting = timeout(limit, state.wait_for(|s| *s == State::Ready)).await;
        match waiting {
            Ok(Ok(_)) => Ok(()),
            _ => Err(self.not_connected()),
        }
    }

    /// Waits until `condition` holds of the replica and returns what it found.
    pub async fn wait_for<T>(
        &self,
        limit: Duration,
        mut condition: impl FnMut(&Replica) -> Option<T>,
    ) -> Result<T, Error> {
        let mut changes = self.changes();
        let waiting = async {
            loop {
                changes.borrow_and_update();
                if let Some(found) = condition(&self.replica()) {
                    return found;
                }
                if changes.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        timeout(limit, waiting).await.map_err(|_| Error::Timeout(limit))
    }

    /// Runs the operations as one transaction: all or none.
    pub async fn transact(&self, ops: &[Op]) -> Result<Vec<Outcome>, Error> {
        let mut params = vec![json!(self.shared.config.database)];
        params.extend(ops.iter().map(Op::to_json));
        op::outcomes(&self.request("transact", Value::Array(params)).await?)
    }

    async fn request(&self, method: &'static str, params: Value) -> Result<Value, Error> {
        let limit = self.shared.config.deadline;
        let started = Instant::now();
        self.ready(limit).await?;
        let (reply, answer) = oneshot::channel();
        self.requests.send(Request { method, params, reply }).await.map_err(|_| self.not_connected())?;
        match timeout(limit.saturating_sub(started.elapsed()).max(DIAL), answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(Error::Broken("the client ended".into())),
            Err(_) => Err(Error::Timeout(limit)),
        }
    }

    fn not_connected(&self) -> Error {
        self.shared.not_connected()
    }
}

impl Shared {
    fn not_connected(&self) -> Error {
        let reason = match &*self.state.borrow() {
            State::Connecting { why } => why.clone(),
            State::Ready => "the connection was just lost".into(),
        };
        Error::NotConnected { database: self.config.database.into(), reason }
    }

    fn changed(&self) {
        self.version.send_modify(|v| *v += 1);
    }
}

/// Why a session ended.
enum End {
    /// No handle is left.
    Dropped,
    Lost(Error),
}

struct Task {
    shared: Arc<Shared>,
    queue: mpsc::Receiver<Request>,
    /// The last transaction the replica has seen.
    last_txn: Option<String>,
}

impl Task {
    async fn run(mut self) {
        let endpoints = self.shared.config.endpoints.clone();
        let mut pause = FIRST_PAUSE;
        for endpoint in endpoints.iter().cycle() {
            let error = match self.session(endpoint, &mut pause).await {
                End::Dropped => return,
                End::Lost(error) => error,
            };
            tracing::debug!(database = self.shared.config.database, %endpoint, %error, "no connection to the database");
            self.shared.state.send_replace(State::Connecting { why: format!("{endpoint}: {error}") });
            if self.refuse_for(pause).await.is_err() {
                return;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Lets time pass; requests that slipped in are told that there is no connection.
    async fn refuse_for(&mut self, pause: Duration) -> Result<(), ()> {
        let done = sleep(pause);
        tokio::pin!(done);
        loop {
            tokio::select! {
                () = &mut done => return Ok(()),
                request = self.queue.recv() => {
                    let request = request.ok_or(())?;
                    let _ = request.reply.send(Err(self.shared.not_connected()));
                }
            }
        }
    }

    async fn session(&mut self, endpoint: &Endpoint, pause: &mut Duration) -> End {
        let setting_up = timeout(self.shared.config.deadline, self.set_up(endpoint));
        let mut link = match setting_up.await.unwrap_or(Err(Error::Timeout(self.shared.config.deadline))) {
            Ok(link) => link,
            Err(error) => return End::Lost(error),
        };
        *pause = FIRST_PAUSE;
        self.shared.state.send_replace(State::Ready);
        self.shared.changed();
        let mut waiting = HashMap::new();
        let end = self.serve(&mut link, &mut waiting).await;
        if let End::Lost(error) = &end {
            for (_, reply) in waiting {
                let reply: oneshot::Sender<Result<Value, Error>> = reply;
                let _ = reply.send(Err(Error::Broken(error.to_string())));
            }
        }
        end
    }

    /// Connects and brings the replica up to date.
    async fn set_up(&mut self, endpoint: &Endpoint) -> Result<Link, Error> {
        let shared = self.shared.clone();
        let config = &shared.config;
        let mut link = Link::open(endpoint, DIAL).await?;
        if config.leader_only {
            let params = json!(["_Server", "server", {"Database": [{"columns": ["name", "leader", "connected"]}]}]);
            let databases = link.call("monitor_cond", &params, |_| {}).await?;
            leads(&databases, config.database)?;
        }
        let schema = link.call("get_schema", &json!([config.database]), |_| {}).await?;
        let schema = Arc::new(Schema::from_json(&schema)?);
        let since = self.last_txn.as_deref().unwrap_or("00000000-0000-0000-0000-000000000000");
        let params = json!([config.database, "data", monitor_request(config, &schema), since]);
        let mut early = Vec::new();
        let reply = link.call("monitor_cond_since", &params, |incoming| early.push(incoming)).await?;
        self.load(schema, &reply)?;
        for incoming in early {
            self.handle(incoming, &mut HashMap::new())?;
        }
        Ok(link)
    }

    fn load(&mut self, schema: Arc<Schema>, reply: &Value) -> Result<(), Error> {
        let (found, txn) = (reply[0].as_bool(), reply[1].as_str());
        let found =
            found.ok_or_else(|| Error::Protocol("monitor_cond_since needs Open vSwitch 2.12 or later".into()))?;
        {
            let mut replica = self.shared.replica.write();
            if found { replica.update(&reply[2])? } else { replica.load(schema, &reply[2])? }
        }
        self.last_txn = txn.map(str::to_owned);
        Ok(())
    }

    async fn serve(
        &mut self,
        link: &mut Link,
        waiting: &mut HashMap<u64, oneshot::Sender<Result<Value, Error>>>,
    ) -> End {
        let mut tick = interval(self.shared.config.probe);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut silent = 0;
        loop {
            let step = tokio::select! {
                incoming = link.receive() => {
                    silent = 0;
                    incoming.and_then(|message| self.handle(message, waiting))
                }
                request = self.queue.recv() => match request {
                    None => return End::Dropped,
                    Some(request) => link.send(request.method, &request.params).map(|id| {
                        waiting.retain(|_, reply| !reply.is_closed());
                        waiting.insert(id, request.reply);
                    }),
                },
                _ = tick.tick() => {
                    silent += 1;
                    match silent {
                        1 => Ok(()),
                        2 => link.send("echo", &json!([])).map(|_| ()),
                        _ => Err(Error::Timeout(self.shared.config.probe)),
                    }
                }
            };
            if let Err(error) = step {
                return End::Lost(error);
            }
        }
    }

    fn handle(
        &mut self,
        message: Incoming,
        waiting: &mut HashMap<u64, oneshot::Sender<Result<Value, Error>>>,
    ) -> Result<(), Error> {
        match message {
            Incoming::Reply { id, result } => {
                if let Some(reply) = waiting.remove(&id) {
                    let _ = reply.send(result);
                }
            }
            Incoming::Notification { method, params } if method == "update3" => {
                self.shared.replica.write().update(&params[2])?;
                self.last_txn = params[1].as_str().map(str::to_owned);
                self.shared.changed();
            }
            Incoming::Notification { method, params } if method == "update2" => {
                leads(&params[1], self.shared.config.database)?
            }
            Incoming::Notification { .. } => {}
        }
        Ok(())
    }
}

/// Fails if an update of `_Server` says that the server does not lead this database.
fn leads(databases: &Value, database: &str) -> Result<(), Error> {
    let rows = databases.get("Database").and_then(Value::as_object);
    for change in rows.into_iter().flat_map(|rows| rows.values()) {
        let row = change.as_object().and_then(|kinds| kinds.values().next()).unwrap_or(&Value::Null);
        // A difference does not repeat the name; only this database's leadership is of interest on this server.
        let ours = row.get("name").is_none_or(|name| name == database);
        let no = |column: &str| row.get(column) == Some(&json!(false));
        let absent = change.get("initial").is_some() && row.get("leader").is_none();
        if ours && (no("leader") || no("connected") || absent) {
            return Err(Error::NotLeader(format!("another member leads {database}")));
        }
    }
    Ok(())
}

/// Monitors the columns that this server's schema has: an older server lacks some that we can do without.
fn monitor_request(config: &Config, schema: &Schema) -> Value {
    let tables = config.monitored.iter().filter(|m| schema.tables.contains_key(m.table));
    let request = tables.map(|m| {
        let columns: Vec<_> = m.columns.iter().filter(|c| schema.column(m.table, c).is_some()).collect();
        (m.table.to_owned(), json!([{"columns": columns}]))
    });
    Value::Object(request.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leadership_is_read_from_initial_rows_and_from_differences() {
        let check = |databases: Value, expect: bool| assert_eq!(leads(&databases, "D").is_ok(), expect, "{databases}");
        check(json!({"Database": {"a": {"initial": {"name": "D", "leader": true, "connected": true}}}}), true);
        check(json!({"Database": {"a": {"initial": {"name": "D", "connected": true}}}}), false);
        check(json!({"Database": {"a": {"initial": {"name": "other"}}}}), true);
        check(json!({"Database": {"a": {"modify": {"leader": false}}}}), false);
        check(json!({"Database": {"a": {"modify": {"leader": true}}}}), true);
        check(json!({}), true);
    }
}
