//! TStack's own API, `/cloud/v1`, and the pages of the node: `/healthz`, `/metrics`.
//!
//! For operators: administrators only, but for health and metrics, and what passed a tenant's own ports.

use crate::{
    Config, audit, maintenance,
    policy_check::{self, Question},
    server_api,
    services::Services,
    traffic,
};
use cluster::{Authority, JoinAnswer, JoinRequest};
use http::axum::{
    Json, Router,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{ApiResult, ApiRouter, Cx, FaultStyle, Path, ServiceSpec, State};
use kernel::{Kind, Result, TokenValidator};
use policy::{Authorize, ServicePolicy};
use ports::HostCalls;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

policy::rules! {
    /// See how the region is.
    STATUS = "cloud:status", "rule:operator", [System, Project], GET "/v1/status";
    /// Check what must be so.
    AUDIT = "cloud:audit", "rule:operator", [System, Project], GET "/v1/audit";
    /// Learn all that is known of one object.
    EXPLAIN = "cloud:explain", "rule:operator", [System, Project], GET "/v1/explain/{id}";
    /// Ask whether a packet gets from here to there, and what decides.
    NET_WHY = "cloud:net_why", "rule:operator", [System, Project], POST "/v1/net/why";
    /// See what passed ports, and what it adds up to.
    TRAFFIC = "cloud:traffic", "rule:operator or project_id:%(project_id)s", [System, Project], GET "/v1/traffic/ports", GET "/v1/traffic/ports/{id}", GET "/v1/traffic/projects";
    /// See, switch on and switch off where samples of a network's packets go.
    FLOW_EXPORT = "cloud:flow_export", "rule:operator", [System, Project], GET "/v1/net/exports", PUT "/v1/net/exports/{network_id}", DELETE "/v1/net/exports/{network_id}";
    /// See whether the operator's policy is in force, and ask why a rule decides as it does.
    POLICY_READ = "cloud:policy", "rule:operator", [System, Project], GET "/v1/policy", POST "/v1/policy/check";
    /// See what a server is held to.
    LIMITS = "cloud:limits", "rule:operator or project_id:%(project_id)s", [System, Project], GET "/v1/servers/{id}/limits";
    /// Ask how a resize of a server would go.
    RESIZE_PLAN = "cloud:resize_plan", "rule:operator or project_id:%(project_id)s", [System, Project], GET "/v1/servers/{id}/resize";
    /// See hosts and how far their maintenance is; begin and end it.
    HOSTS = "cloud:hosts", "rule:operator", [System, Project], GET "/v1/hosts", PUT "/v1/hosts/{name}/maintenance", DELETE "/v1/hosts/{name}/maintenance";
    /// Make a token that lets a node join.
    JOIN_TOKEN = "cloud:join_token", "rule:operator", [System, Project], POST "/v1/join_tokens";
}

pub static POLICY: ServicePolicy = ServicePolicy {
    service: "cloud",
    rules: &[ALL],
    base: &[("operator", "role:admin")],
    refusal: "Policy doesn't allow {} to be performed.",
};

pub fn spec() -> ServiceSpec {
    ServiceSpec::new("cloud", "/cloud", FaultStyle::Cloud)
}

#[derive(Clone)]
pub struct Cloud {
    services: Services,
    config: Arc<Config>,
}

impl Cloud {
    pub(crate) fn services(&self) -> &Services {
        &self.services
    }
}

pub fn routes() -> ApiRouter<Cloud> {
    ApiRouter::new()
        .get("/v1/status", status)
        .get("/v1/audit", run_audit)
        .get("/v1/explain/{id}", explain)
        .post("/v1/net/why", net_why)
        .get("/v1/net/exports", traffic::exports)
        .put("/v1/net/exports/{network_id}", traffic::export)
        .delete("/v1/net/exports/{network_id}", traffic::stop_exporting)
        .get("/v1/traffic/ports", traffic::ports)
        .get("/v1/traffic/ports/{id}", traffic::port)
        .get("/v1/traffic/projects", traffic::projects)
        .get("/v1/policy", policy_file)
        .post("/v1/policy/check", check_policy)
        .get("/v1/servers/{id}/limits", server_api::limits)
        .get("/v1/servers/{id}/resize", server_api::resize_plan)
        .get("/v1/hosts", maintenance::hosts)
        .put("/v1/hosts/{name}/maintenance", maintenance::begin)
        .delete("/v1/hosts/{name}/maintenance", maintenance::end)
        .post("/v1/join_tokens", join_token)
}

pub fn router(services: Services, config: Config) -> Router {
    let deps = services.deps();
    let store = services.store.clone();
    let healthz = move || async move { Json(json!({"status": "ok", "revision": store.snapshot().revision()})) };
    let cloud = Cloud { services, config: Arc::new(config) };
    Router::new()
        .merge(routes().finish(spec(), cloud, deps))
        .route("/healthz", get(healthz))
        .route("/metrics", get(|| async { telemetry::render() }))
}

/// The answer to a path of no service.
pub async fn not_here() -> Response {
    let services = json!(["identity", "compute", "image", "network", "placement", "volume", "key-manager", "cloud"]);
    (
        StatusCode::NOT_FOUND,
        Json(json!({"error": {"code": 404, "message": "no service is served here", "services": services}})),
    )
        .into_response()
}

async fn status(State(cloud): State<Cloud>, Cx(cx): Cx) -> ApiResult {
    let _read = cx.authorize(&STATUS, &())?;
    let snapshot = cloud.services.store.snapshot();
    let hosts: Vec<_> = cloud.services.gateway.hosts().iter().map(host_view).collect();
    let flows: Vec<_> = snapshot.all::<flow::FlowRecord>().map(|f| flow_view(&f)).collect();
    Ok(http::ok(&json!({
        "version": env!("CARGO_PKG_VERSION"),
        "node": cloud.config.node_name(),
        "region": cloud.config.text("node.region"),
        "url": cloud.config.public_url()?,
        "store": {"backend": cloud.services.store.backend_name(), "epoch": snapshot.epoch(), "revision": snapshot.revision()},
        "hosts": hosts,
        "servers": servers(&snapshot),
        "flows": flows,
    })))
}

/// How many servers are in which status.
fn servers(snapshot: &store::Snapshot) -> std::collections::BTreeMap<&'static str, u64> {
    let mut counts = std::collections::BTreeMap::new();
    for server in snapshot.all::<compute::model::Server>() {
        *counts.entry(server.status()).or_default() += 1;
    }
    counts
}

fn host_view(host: &ports::HostStatus) -> Value {
    json!({"name": host.host, "state": if host.connected { "up" } else { "down" }, "last_seen": host.last_seen.iso_z()})
}

fn flow_view(flow: &flow::FlowRecord) -> Value {
    json!({
        "id": flow.id, "kind": flow.kind, "object": flow.object, "phase": flow.phase, "step": flow.step, "error": flow.error,
        "started": flow.started.iso_z(), "updated": flow.updated.iso_z(), "request_id": flow.request_id,
    })
}

async fn run_audit(State(cloud): State<Cloud>, Cx(cx): Cx) -> ApiResult {
    let _read = cx.authorize(&AUDIT, &())?;
    let findings = audit::audit(&cloud.services).await?;
    Ok(http::ok(&json!({"clean": findings.is_empty(), "findings": findings})))
}

async fn explain(State(cloud): State<Cloud>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    let _read = cx.authorize(&EXPLAIN, &())?;
    let found = crate::admin::explain(&cloud.services, &id).await?;
    Ok(http::ok(&found))
}

async fn net_why(State(cloud): State<Cloud>, Cx(cx): Cx, http::JsonBody(body): http::JsonBody) -> ApiResult {
    let _read = cx.authorize(&NET_WHY, &())?;
    let asked = http::from_value(body)?;
    Ok(http::ok(&crate::net_why::ask(&cloud.services, asked).await?))
}

async fn policy_file(State(cloud): State<Cloud>, Cx(cx): Cx) -> ApiResult {
    let _read = cx.authorize(&POLICY_READ, &())?;
    Ok(http::ok(&cloud.services.policy_file.view()))
}

async fn check_policy(State(cloud): State<Cloud>, Cx(cx): Cx, http::JsonBody(body): http::JsonBody) -> ApiResult {
    let _read = cx.authorize(&POLICY_READ, &())?;
    let question: Question = http::from_value(body)?;
    let token = match &question.token {
        Some(token) => Some(cloud.services.identity.validate(token).await?),
        None => None,
    };
    Ok(http::ok(&policy_check::check(&cloud.services.policies, &question, token)?))
}

async fn join_token(State(cloud): State<Cloud>, Cx(cx): Cx, http::JsonBody(body): http::JsonBody) -> ApiResult {
    let _permit = cx.authorize(&JOIN_TOKEN, &())?;
    let authority = Authority::open(&cloud.config.data_dir.join("pki"))?;
    let host = body.get("host").and_then(Value::as_str).map(str::to_owned);
    let valid = Duration::from_secs(body.get("valid_seconds").and_then(Value::as_u64).unwrap_or(3600));
    let token = cluster::create_token(&cloud.services.store, &authority, host, cx.now(), valid).await?;
    Ok(http::created(&json!({"token": token})))
}

/// Served on the agents' port: how a node gets its certificate.
pub fn join_router(services: Services, authority: Authority) -> Router {
    let authority = Arc::new(authority);
    let join = move |Json(request): Json<JoinRequest>| {
        let (services, authority) = (services.clone(), Arc::clone(&authority));
        async move { answer(sign(&services, &authority, &request).await) }
    };
    Router::new().route("/cluster/v1/join", post(join))
}

async fn sign(services: &Services, authority: &Authority, request: &JoinRequest) -> Result<JoinAnswer> {
    cluster::redeem(&services.store, authority, request, services.clock.now()).await
}

fn answer(result: Result<JoinAnswer>) -> Response {
    match result {
        Ok(joined) => Json(joined).into_response(),
        Err(e) => {
            let text = if e.is(Kind::Internal) { "the certificate could not be made" } else { e.message() };
            tracing::warn!(error = %e.internal_text(), "a node was not let in");
            (StatusCode::from_u16(e.status()).unwrap_or(StatusCode::FORBIDDEN), text.to_owned()).into_response()
        }
    }
}

/// For tests and `tstack routes`.
pub fn route_list() -> Vec<http::RouteInfo> {
    routes().routes(&spec())
}
