//! A logged-in client of the cloud, from `clouds.yaml`.

use futures_util::StreamExt;
use http::axum::body::Body;
use http::{Client, ClientConfig, ClientResponse, ClientTls};
use kernel::{Error, Result, error::Doing};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path, time::Duration};
use tokio_util::io::ReaderStream;

/// Of a file at a time.
const PIECE: usize = 256 * 1024;
/// For an image's bytes.
const PATIENCE: Duration = Duration::from_secs(3600);

/// One cloud of a `clouds.yaml`, with a token.
pub struct Cloud {
    client: Client,
    token: String,
    catalog: BTreeMap<String, String>,
    pub project: String,
}

struct Entry {
    auth_url: String,
    username: String,
    password: String,
    project: String,
    cacert: Option<String>,
}

fn read(file: &Path, name: &str) -> Result<Entry> {
    let text = std::fs::read_to_string(file).doing(&format!("reading {}", file.display()))?;
    let clouds: Value = serde_yaml::from_str(&text).doing(&format!("reading {}", file.display()))?;
    let cloud = &clouds["clouds"][name];
    let text = |value: &Value, what: &str| {
        let found = value.as_str().map(str::to_owned);
        found.ok_or_else(|| Error::bad_request(format!("{}: the cloud {name} has no {what}", file.display())))
    };
    let auth = &cloud["auth"];
    Ok(Entry {
        auth_url: text(&auth["auth_url"], "auth_url")?,
        username: text(&auth["username"], "username")?,
        password: text(&auth["password"], "password")?,
        project: text(&auth["project_name"], "project_name")?,
        cacert: cloud["cacert"].as_str().map(str::to_owned),
    })
}

impl Cloud {
    /// Logs in as `name` of a `clouds.yaml`.
    pub async fn login(file: &Path, name: &str) -> Result<Self> {
        let entry = read(file, name)?;
        let roots_pem = match &entry.cacert {
            Some(path) => std::fs::read(path).doing(&format!("reading {path}"))?,
            None => Vec::new(),
        };
        let tls = ClientTls { roots_pem, ..ClientTls::default() };
        let client = Client::new(&ClientConfig { tls, timeout: Duration::from_secs(120), ..ClientConfig::default() })?;
        let user = json!({"name": entry.username, "domain": {"id": "default"}, "password": entry.password});
        let body = json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"name": entry.project, "domain": {"id": "default"}}},
        }});
        let response = client.post(format!("{}/auth/tokens", entry.auth_url)).json(&body).send().await?;
        let token = response.header("x-subject-token").unwrap_or_default().to_owned();
        let body = accepted("logging in", response).await?;
        let endpoint = |service: &Value| {
            let public = service["endpoints"].as_array()?.iter().find(|e| e["interface"] == "public")?;
            Some((service["type"].as_str()?.to_owned(), public["url"].as_str()?.to_owned()))
        };
        let catalog = body["token"]["catalog"].as_array().into_iter().flatten().filter_map(endpoint).collect();
        let project = body["token"]["project"]["id"].as_str().unwrap_or_default().to_owned();
        Ok(Self { client, token, catalog, project })
    }

    /// `compute` + `/servers` → the URL by the catalog. `cloud` is TStack's own API.
    fn url(&self, service: &str, path: &str) -> Result<String> {
        if service == "cloud" {
            let identity = self.url("identity", "")?;
            return Ok(format!("{}/cloud/v1{path}", identity.trim_end_matches("/identity/v3")));
        }
        let base = self
            .catalog
            .get(service)
            .ok_or_else(|| Error::not_found(format!("the catalog has no {service} service")))?;
        let version = match service {
            "network" => "/v2.0",
            "image" => "/v2",
            _ => "",
        };
        Ok(format!("{base}{version}{path}"))
    }

    /// One request; anything but 2xx is an error that says what was asked and what came back.
    pub async fn call(&self, method: &str, service: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let method: http::Method = method.parse().map_err(|_| Error::internal(format!("no method {method}")))?;
        let what = format!("{method} {service}{path}");
        let mut request = self.client.to(method, self.url(service, path)?).token(&self.token);
        if service == "compute" {
            request = request.header("openstack-api-version", "compute 2.87");
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        accepted(&what, request.send().await?).await
    }

    pub async fn get(&self, service: &str, path: &str) -> Result<Value> {
        self.call("GET", service, path, None).await
    }

    pub async fn post(&self, service: &str, path: &str, body: Value) -> Result<Value> {
        self.call("POST", service, path, Some(&body)).await
    }

    /// Asks identity about the own token.
    pub async fn validate_self(&self) -> Result<Value> {
        let request = self.client.get(self.url("identity", "/auth/tokens")?).token(&self.token);
        accepted("validating the token", request.header("x-subject-token", &self.token).send().await?).await
    }

    /// Another token for the one it has.
    pub async fn renew(&self) -> Result<Value> {
        let identity = json!({"methods": ["token"], "token": {"id": self.token}});
        self.post("identity", "/auth/tokens", json!({"auth": {"identity": identity}})).await
    }

    /// Uploads a file as an image's bytes, a piece at a time.
    pub async fn upload(&self, image: &str, file: &Path) -> Result<()> {
        let bytes = tokio::fs::File::open(file).await.doing(&format!("reading {}", file.display()))?;
        let body = Body::from_stream(ReaderStream::with_capacity(bytes, PIECE));
        let url = self.url("image", &format!("/images/{image}/file"))?;
        let request =
            self.client.put(url).token(&self.token).header("content-type", "application/octet-stream").body(body);
        accepted("uploading an image", request.timeout(PATIENCE).send().await?).await.map(drop)
    }

    /// Reads an image's bytes to their end and counts them.
    pub async fn download(&self, image: &str) -> Result<u64> {
        let url = self.url("image", &format!("/images/{image}/file"))?;
        let response = self.client.get(url).token(&self.token).timeout(PATIENCE).send().await?;
        if !response.status.is_success() {
            return accepted("downloading an image", response).await.map(|_| 0);
        }
        let (mut stream, mut size) = (response.stream(), 0);
        while let Some(piece) = stream.next().await {
            size += piece?.len() as u64;
        }
        Ok(size)
    }

    /// The first of a list with this name.
    pub async fn named(&self, service: &str, path: &str, key: &str, name: &str) -> Result<Option<Value>> {
        let list = self.get(service, path).await?;
        Ok(list[key].as_array().and_then(|all| all.iter().find(|item| item["name"] == name)).cloned())
    }
}

async fn accepted(what: &str, response: ClientResponse) -> Result<Value> {
    let status = response.status;
    let text = response.text().await?;
    if !status.is_success() {
        let kind = if status.as_u16() == 404 { kernel::Kind::NotFound } else { kernel::Kind::Conflict };
        return Err(Error::of(kind, format!("{what}: {status}: {text}")));
    }
    Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
}
