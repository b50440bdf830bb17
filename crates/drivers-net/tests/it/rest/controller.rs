//! An SDN controller to test against: it keeps what it is told, and can be told to be slow, to fail, to lose requests and
//! answers, to act late, and to forget everything.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, Method, StatusCode, header::AUTHORIZATION},
    response::{IntoResponse, Response},
    routing::any,
};
use drivers_net::{fake::FakeCloud, rest::RestConfig};
use kernel::HostName;
use parking_lot::Mutex;
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{net::TcpListener, task::JoinHandle};

/// Of 100 requests, how many end each way; the others are answered as they should be.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mood {
    /// Refused with 503, not acted upon.
    pub refuses: u32,
    /// Acted upon, answered with 500.
    pub lies: u32,
    /// Neither acted upon nor answered.
    pub loses: u32,
    /// Acted upon; the answer breaks off.
    pub breaks: u32,
    /// Not answered, and acted upon after others that came later.
    pub lags: u32,
    /// Milliseconds that any answer may take.
    pub slow: u64,
}

pub const TERRIBLE: Mood = Mood { refuses: 10, lies: 8, loses: 4, breaks: 8, lags: 4, slow: 4 };

/// How long a request that is not answered is held: longer than the driver waits.
pub const HELD: Duration = Duration::from_millis(120);
pub const PATIENCE: Duration = Duration::from_millis(60);

type Resources = BTreeMap<(String, String), Value>;

struct Inner {
    resources: Resources,
    mood: Mood,
    dice: StdRng,
    /// Requests that are to be acted upon later.
    late: usize,
}

#[derive(Clone)]
pub struct Controller {
    inner: Arc<Mutex<Inner>>,
    pub cloud: FakeCloud,
    pub url: String,
    _server: Arc<Server>,
}

struct Server(JoinHandle<()>);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[derive(Clone)]
struct Serving(Arc<Mutex<Inner>>, FakeCloud);

enum Fate {
    Answer,
    Refuse,
    Lie,
    Lose,
    Break,
    Lag,
}

impl Controller {
    pub async fn start(seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/nb/v2/neutron", listener.local_addr().unwrap());
        let dice = StdRng::seed_from_u64(seed);
        let inner = Arc::new(Mutex::new(Inner { resources: Resources::new(), mood: Mood::default(), dice, late: 0 }));
        let cloud = FakeCloud::new();
        let routes = Router::new()
            .route("/nb/v2/neutron/{collection}", any(of_all))
            .route("/nb/v2/neutron/{collection}/{id}", any(of_one))
            .with_state(Serving(inner.clone(), cloud.clone()));
        let serving = async move { axum::serve(listener, routes).await.unwrap() };
        Self { inner, cloud, url, _server: Arc::new(Server(tokio::spawn(serving))) }
    }

    /// For one that answers when it can: a busy machine is no reason to give up.
    pub fn config(&self) -> RestConfig {
        RestConfig { timeout: Duration::from_secs(30), ..self.hasty() }
    }

    /// For one that loses requests.
    pub fn hasty(&self) -> RestConfig {
        RestConfig {
            url: self.url.clone(),
            username: "admin".into(),
            password: "secret".into(),
            roots_pem: Vec::new(),
            timeout: PATIENCE,
            attempts: 3,
            pause: Duration::from_millis(1),
        }
    }

    pub fn feel(&self, mood: Mood) {
        self.inner.lock().mood = mood;
    }

    /// It begins anew and knows nothing.
    pub fn restart_empty(&self) {
        self.inner.lock().resources.clear();
    }

    /// What somebody does by hand.
    pub fn tamper(&self, collection: &str, id: &str, name: &str, value: Value) {
        let mut inner = self.inner.lock();
        let body = inner.resources.get_mut(&(collection.to_owned(), id.to_owned())).unwrap();
        body[name] = value;
    }

    pub fn resources(&self) -> Resources {
        self.inner.lock().resources.clone()
    }

    /// Nothing is going to be acted upon any more that was asked before.
    pub fn is_quiet(&self) -> bool {
        self.inner.lock().late == 0
    }
}

impl Serving {
    fn fate(&self) -> (Fate, Duration) {
        let mut inner = self.0.lock();
        let mood = inner.mood;
        let pause = Duration::from_millis(inner.dice.random_range(0..=mood.slow));
        let mut roll = inner.dice.random_range(0..100);
        let fates = [
            (mood.refuses, Fate::Refuse),
            (mood.lies, Fate::Lie),
            (mood.loses, Fate::Lose),
            (mood.breaks, Fate::Break),
            (mood.lags, Fate::Lag),
        ];
        for (share, fate) in fates {
            if roll < share {
                return (fate, pause);
            }
            roll -= share;
        }
        (Fate::Answer, pause)
    }

    /// What happens to a request.
    async fn serve(self, method: Method, collection: String, id: Option<String>, body: Bytes) -> Response {
        let (fate, pause) = self.fate();
        tokio::time::sleep(pause).await;
        let act = |serving: &Self| serving.act(&method, &collection, id.as_deref(), &body);
        match fate {
            Fate::Answer => act(&self),
            Fate::Refuse => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            Fate::Lie => {
                act(&self);
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
            Fate::Lose => {
                tokio::time::sleep(HELD).await;
                StatusCode::GATEWAY_TIMEOUT.into_response()
            }
            Fate::Break => {
                act(&self);
                let chunks: [Result<Bytes, std::io::Error>; 2] =
                    [Ok(Bytes::from_static(b"{")), Err(std::io::ErrorKind::BrokenPipe.into())];
                Body::from_stream(futures_util::stream::iter(chunks)).into_response()
            }
            Fate::Lag => {
                self.0.lock().late += 1;
                let (serving, method, collection) = (self.clone(), method.clone(), collection.clone());
                let (id, body) = (id.clone(), body.clone());
                tokio::spawn(async move {
                    tokio::time::sleep(HELD).await;
                    serving.act(&method, &collection, id.as_deref(), &body);
                    serving.0.lock().late -= 1;
                });
                tokio::time::sleep(HELD).await;
                StatusCode::GATEWAY_TIMEOUT.into_response()
            }
        }
    }

    fn act(&self, method: &Method, collection: &str, id: Option<&str>, body: &Bytes) -> Response {
        if collection == "hostconfigs" {
            let hosts: Vec<_> =
                self.1.hosts().iter().map(|(name, alive)| json!({"host-id": name, "alive": alive})).collect();
            return reply(StatusCode::OK, json!({ "hostconfigs": hosts }));
        }
        let many = collection.replace('-', "_");
        let one = many.trim_end_matches('s').to_owned();
        let given: Value = serde_json::from_slice(body).unwrap_or_default();
        let resources = &mut self.0.lock().resources;
        match (method.as_str(), id) {
            ("GET", None) => {
                let all = resources.iter().filter(|((c, _), _)| c == collection).map(|(_, body)| self.shown(body));
                reply(StatusCode::OK, json!({ many: all.collect::<Vec<_>>() }))
            }
            ("POST", None) => {
                let at = (collection.to_owned(), given[&one]["id"].as_str().unwrap().to_owned());
                if resources.contains_key(&at) {
                    // OpenDaylight's answer to what it has already.
                    return reply(StatusCode::BAD_REQUEST, json!({"error": "it is there already"}));
                }
                resources.insert(at, given[&one].clone());
                reply(StatusCode::CREATED, given)
            }
            (verb, Some(id)) => {
                let at = (collection.to_owned(), id.to_owned());
                let Some(there) = resources.get_mut(&at) else {
                    return reply(StatusCode::NOT_FOUND, json!({"error": "no such resource"}));
                };
                match verb {
                    "PUT" => *there = given[&one].clone(),
                    "DELETE" => {
                        resources.remove(&at);
                        return StatusCode::NO_CONTENT.into_response();
                    }
                    _ => {}
                }
                reply(StatusCode::OK, json!({ one: self.shown(&resources[&at]) }))
            }
            _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
        }
    }

    /// With what the controller itself knows: a port is up where its tap is plugged and may be.
    fn shown(&self, body: &Value) -> Value {
        let mut body: Map<_, _> = body.as_object().unwrap().clone();
        let standby = |host: &HostName| body["tstack:standby"].as_array().is_some_and(|all| all.contains(&json!(host)));
        if let Some(wanted) = body.get("binding:host_id") {
            let may_be = |host: &HostName| wanted.is_null() || *wanted == json!(host) || standby(host);
            let up = self.1.plugged_at(&body["id"].as_str().unwrap().into()).iter().any(may_be);
            body.insert("status".into(), if up { "ACTIVE" } else { "DOWN" }.into());
        }
        body.into()
    }
}

fn reply(status: StatusCode, body: Value) -> Response {
    (status, body.to_string()).into_response()
}

async fn of_all(
    State(serving): State<Serving>,
    method: Method,
    headers: HeaderMap,
    Path(collection): Path<String>,
    body: Bytes,
) -> Response {
    assert_eq!(headers[AUTHORIZATION], "Basic YWRtaW46c2VjcmV0", "every request says who asks");
    serving.serve(method, collection, None, body).await
}

async fn of_one(
    State(serving): State<Serving>,
    method: Method,
    Path((collection, id)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    serving.serve(method, collection, Some(id), body).await
}
