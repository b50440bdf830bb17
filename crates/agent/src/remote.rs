//! The link over the network: eleven routes on the member, spoken over HTTP/2 and mutual TLS.
//!
//! | route | body | answer |
//! |---|---|---|
//! | `POST /agent/v1/stream` | `Hello` | one `Down` a line, until either side ends |
//! | `POST /agent/v1/observations` | list of `VmObserved` | 204 when durable |
//! | `POST /agent/v1/replies` | `Reply` | 204 |
//! | `POST /agent/v1/load` | `Load` | 204 |
//! | `GET /agent/v1/images/{id}` | – | the bytes |
//! | `PUT /agent/v1/images/{id}` | the bytes | 204 when the image is active |
//! | `GET /agent/v1/volumes/{id}/key` | – | the key of an encrypted volume of the host's |
//! | `GET /agent/v1/servers/{id}/password` | – | what the guest has posted, or nothing |
//! | `POST /agent/v1/servers/{id}/password` | what it posts | 204; 409 if it has posted one before |
//! | `GET /agent/v1/servers/{id}/tpm-key` | – | the passphrase of the TPM of a guest of the host's |
//! | `POST /agent/v1/tunnels/{id}` | what the host sends, as it comes | what the member sends |
//!
//! The certificate's common name is the host: a message that names another is refused with 403.

use crate::{
    Gateway, Hello, Reply, Tunnel, convert,
    link::MemberLink,
    protocol::{Down, Refusal},
    tunnel::BUFFER,
};
use async_trait::async_trait;
use bytes::Bytes;
use compute::model::vm::VmObserved;
use futures_util::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use http::axum::{
    Extension, Json, Router,
    body::Body,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{Client, ClientResponse, PeerCert};
use kernel::{Error, HostName, ImageId, Result, ServerId, VolumeId, error::Doing};
use ports::{KeyBytes, Load};
use std::{path, sync::Arc, time::Duration};
use tokio::io::AsyncWriteExt;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::io::ReaderStream;

/// Time for the bytes of an image.
const TRANSFER: Duration = Duration::from_secs(3600);
/// Until the member has taken a tunnel.
const TUNNEL: Duration = Duration::from_secs(10);
/// A stream lives as long as its connection.
const STREAM: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Reads the host's name out of a client certificate (DER); wired to `cluster`.
pub type PeerName = Arc<dyn Fn(&[u8]) -> Option<HostName> + Send + Sync>;

#[derive(Clone)]
struct Member {
    gateway: Arc<Gateway>,
    peer_name: PeerName,
}

/// The member's routes; served only where clients must show a certificate of the region.
pub fn routes(gateway: Arc<Gateway>, peer_name: PeerName) -> Router {
    Router::new()
        .route("/agent/v1/stream", post(open_stream))
        .route("/agent/v1/observations", post(observations))
        .route("/agent/v1/replies", post(replies))
        .route("/agent/v1/load", post(load))
        .route("/agent/v1/images/{id}", get(read_image).put(fill_image))
        .route("/agent/v1/volumes/{id}/key", get(volume_key))
        .route("/agent/v1/servers/{id}/password", get(guest_password).post(post_guest_password))
        .route("/agent/v1/servers/{id}/tpm-key", get(tpm_key))
        .route("/agent/v1/tunnels/{id}", post(open_tunnel))
        .layer(http::axum::extract::DefaultBodyLimit::disable())
        .with_state(Member { gateway, peer_name })
}

struct Refused(Error);

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        tracing::warn!(error = %self.0.internal_text(), "a host's message was refused");
        (status, Json(Refusal::from(self.0))).into_response()
    }
}

impl Member {
    fn peer(&self, cert: &PeerCert) -> Result<HostName> {
        (self.peer_name)(cert.der()).ok_or_else(|| Error::forbidden("the certificate names no host"))
    }
}

async fn open_stream(
    State(member): State<Member>,
    Extension(cert): Extension<PeerCert>,
    Json(hello): Json<Hello>,
) -> Result<Response, Refused> {
    let peer = member.peer(&cert)?;
    if peer != hello.host {
        return Err(Error::forbidden(format!("the certificate is {peer}'s, the message says {}", hello.host)).into());
    }
    let down = member.gateway.attach(&hello).await?;
    let lines = ReceiverStream::new(down).map(|message| {
        let mut line = serde_json::to_vec(&message).map_err(std::io::Error::other)?;
        line.push(b'\n');
        Ok::<_, std::io::Error>(Bytes::from(line))
    });
    Ok(Body::from_stream(lines).into_response())
}

async fn observations(
    State(member): State<Member>,
    Extension(cert): Extension<PeerCert>,
    Json(observations): Json<Vec<VmObserved>>,
) -> Result<StatusCode, Refused> {
    member.gateway.observe(&member.peer(&cert)?, observations).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn replies(
    State(member): State<Member>,
    Extension(cert): Extension<PeerCert>,
    Json(reply): Json<Reply>,
) -> Result<StatusCode, Refused> {
    member.gateway.replied(&member.peer(&cert)?, reply);
    Ok(StatusCode::NO_CONTENT)
}

async fn load(
    State(member): State<Member>,
    Extension(cert): Extension<PeerCert>,
    Json(load): Json<Load>,
) -> Result<StatusCode, Refused> {
    member.gateway.loaded(&member.peer(&cert)?, load);
    Ok(StatusCode::NO_CONTENT)
}

async fn read_image(
    State(member): State<Member>,
    Extension(cert): Extension<PeerCert>,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    member.peer(&cert)?;
    let data = member.gateway.open_image(&id.into()).await?;
    Ok(Body::from_stream(data).into_response())
}

async fn fill_image(
    State(member): State<Member>,
    Extension(cert): Extension<PeerCert>,
    Path(id): Path<String>,
    body: Body,
) -> Result<StatusCode, Refused> {
    member.peer(&cert)?;
    let data = body.into_data_stream().map_err(std::io::Error::other).boxed();
    member.gateway.fill_image(&id.into(), data).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn octets(key: KeyBytes) -> Response {
    Body::from(key.as_bytes().to_vec()).into_response()
}

async fn volume_key(
    State(member): State<Member>,
    Extension(cert): Extension<PeerCert>,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    member.gateway.volume_key(&member.peer(&cert)?, &id.into()).await.map(octets).map_err(Refused)
}

async fn guest_password(
    State(member): State<Member>,
    Extension(cert): Extension<PeerCert>,
    Path(id): Path<String>,
) -> Result<String, Refused> {
    Ok(member.gateway.guest_password(&member.peer(&cert)?, &id.into()).await?)
}

async fn post_guest_password(
    State(member): State<Member>,
    Extension(cert): Extension<PeerCert>,
    Path(id): Path<String>,
    password: String,
) -> Result<StatusCode, Refused> {
    member.gateway.post_guest_password(&member.peer(&cert)?, &id.into(), password).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn tpm_key(
    State(member): State<Member>,
    Extension(cert): Extension<PeerCert>,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    member.gateway.tpm_key(&member.peer(&cert)?, &id.into()).map(octets).map_err(Refused)
}

async fn open_tunnel(
    State(member): State<Member>,
    Extension(cert): Extension<PeerCert>,
    Path(id): Path<u64>,
    body: Body,
) -> Result<Response, Refused> {
    let (near, far) = tokio::io::duplex(BUFFER);
    member.gateway.tunnel_arrived(&member.peer(&cert)?, id, Box::new(far))?;
    let (reader, writer) = tokio::io::split(near);
    let data = body.into_data_stream().map_err(std::io::Error::other);
    telemetry::spawn_caught("agent.tunnel", pour(data, writer));
    Ok(Body::from_stream(ReaderStream::new(reader)).into_response())
}

/// Writes what comes, as it comes, until either side ends; then the other learns of it.
async fn pour(
    mut data: impl futures_util::Stream<Item = std::io::Result<Bytes>> + Unpin,
    mut to: impl tokio::io::AsyncWrite + Unpin,
) {
    while let Some(Ok(bytes)) = data.next().await {
        if to.write_all(&bytes).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await; // it may have ended by itself
}

/// The host's end. Members are tried in turn.
pub struct RemoteLink {
    client: Client,
    /// `https://address:port`
    member: String,
}

impl RemoteLink {
    /// `client` carries the host's certificate.
    pub fn new(client: Client, member: impl Into<String>) -> Self {
        Self { client, member: member.into() }
    }

    fn url(&self, path: &str) -> String {
        format!("{}/agent/v1/{path}", self.member)
    }

    /// A short answer.
    async fn octets(&self, path: &str) -> Result<Vec<u8>> {
        Ok(accepted(self.client.get(self.url(path)).send().await).await?.bytes().await?.to_vec())
    }
}

/// The member's refusal, or that it could not be reached.
async fn accepted(response: std::result::Result<ClientResponse, http::ClientError>) -> Result<ClientResponse> {
    let response = response?;
    if response.status.is_success() {
        return Ok(response);
    }
    let status = response.status;
    match response.json::<Refusal>().await {
        Ok(refusal) => Err(refusal.into()),
        Err(_) => Err(Error::unavailable(format!("the member answered {status}"))),
    }
}

/// Lines of a byte stream, however it is cut.
fn lines(
    chunks: impl futures_util::Stream<Item = std::result::Result<Bytes, http::ClientError>> + Send + Unpin + 'static,
) -> BoxStream<'static, Down> {
    let state = (chunks, Vec::<u8>::new());
    stream::unfold(state, |(mut chunks, mut buffer)| async move {
        loop {
            if let Some(end) = buffer.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = buffer.drain(..=end).collect();
                match serde_json::from_slice(&line) {
                    Ok(down) => return Some((down, (chunks, buffer))),
                    Err(e) => {
                        tracing::warn!(error = %e, "a message of the member cannot be read");
                        continue;
                    }
                }
            }
            match chunks.next().await {
                Some(Ok(bytes)) => buffer.extend_from_slice(&bytes),
                Some(Err(_)) | None => return None,
            }
        }
    })
    .boxed()
}

#[async_trait]
impl MemberLink for RemoteLink {
    async fn connect(&self, hello: &Hello) -> Result<BoxStream<'static, Down>> {
        let request = self.client.post(self.url("stream")).json(hello).timeout(STREAM);
        Ok(lines(accepted(request.send().await).await?.stream()))
    }

    async fn observe(&self, _host: &HostName, observations: Vec<VmObserved>) -> Result<()> {
        accepted(self.client.post(self.url("observations")).json(&observations).send().await).await.map(|_| ())
    }

    async fn reply(&self, _host: &HostName, reply: Reply) -> Result<()> {
        accepted(self.client.post(self.url("replies")).json(&reply).send().await).await.map(|_| ())
    }

    async fn load(&self, _host: &HostName, load: Load) -> Result<()> {
        accepted(self.client.post(self.url("load")).json(&load).send().await).await.map(|_| ())
    }

    async fn fetch_image(&self, image: &ImageId, to: &path::Path) -> Result<()> {
        let request = self.client.get(self.url(&format!("images/{image}"))).timeout(TRANSFER);
        let data = accepted(request.send().await).await?.stream().map_err(std::io::Error::other).boxed();
        convert::write_file(data, to).await
    }

    async fn upload_image(&self, image: &ImageId, from: &path::Path) -> Result<()> {
        let file = tokio::fs::File::open(from).await.doing("reading a disk's copy")?;
        let body = Body::from_stream(ReaderStream::with_capacity(file, 1 << 20));
        let request = self.client.put(self.url(&format!("images/{image}"))).body(body).timeout(TRANSFER);
        accepted(request.send().await).await.map(|_| ())
    }

    async fn volume_key(&self, _host: &HostName, volume: &VolumeId) -> Result<KeyBytes> {
        self.octets(&format!("volumes/{volume}/key")).await.map(KeyBytes::new)
    }

    async fn guest_password(&self, _host: &HostName, server: &ServerId) -> Result<String> {
        String::from_utf8(self.octets(&format!("servers/{server}/password")).await?).doing("reading a guest's password")
    }

    async fn post_guest_password(&self, _host: &HostName, server: &ServerId, password: String) -> Result<()> {
        let request = self.client.post(self.url(&format!("servers/{server}/password"))).body(password);
        accepted(request.send().await).await.map(|_| ())
    }

    async fn tpm_key(&self, _host: &HostName, server: &ServerId) -> Result<KeyBytes> {
        self.octets(&format!("servers/{server}/tpm-key")).await.map(KeyBytes::new)
    }

    async fn tunnel(&self, _host: &HostName, id: u64, stream: Tunnel) -> Result<()> {
        let (reader, writer) = tokio::io::split(stream);
        let body = Body::from_stream(ReaderStream::new(reader));
        let request = self.client.post(self.url(&format!("tunnels/{id}"))).body(body).timeout(TUNNEL);
        let answer = accepted(request.send().await).await?;
        pour(answer.stream().map_err(std::io::Error::other), writer).await;
        Ok(())
    }
}
