//! The service under test.

use futures_util::StreamExt;
use http::{
    ApiResult, ApiRouter, BaseUrl, Body, Cx, FaultStyle, JsonBody, Method, Micro, OptionalCx, Params, Path, PeerCert,
    RawBody, RequestInfo, Response, Router, ServiceSpec, State, Versioning, X_COMPUTE_REQUEST_ID, body_error,
    testkit::{Api, Tokens, deps, member_of},
};
use kernel::{Error, Kind, Microversion};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

pub const BODY_LIMIT: usize = 4096;

pub fn micro(name: &'static [&'static str], major: u16, max: u16) -> Versioning {
    let min = Microversion::new(major, 1);
    Versioning::Micro(Micro {
        service_types: name,
        legacy: None,
        min,
        max: Microversion::new(major, max),
        default: min,
    })
}

pub fn spec(style: FaultStyle) -> ServiceSpec {
    ServiceSpec {
        public: &["/", "/open", "POST /open", "/public/{*rest}"],
        unlimited: &["PUT /upload"],
        request_id_header: Some(X_COMPUTE_REQUEST_ID),
        ..ServiceSpec::new("test", "/svc", style)
    }
}

pub fn tokens() -> Tokens {
    Tokens::default().with("ann", member_of("p1", "ann", &["member"])).with("root", member_of("p0", "root", &["admin"]))
}

pub fn router(spec: ServiceSpec) -> Router {
    let mut deps = deps(tokens(), Arc::new(()));
    deps.body_limit = BODY_LIMIT;
    routes().finish(spec, "state", deps)
}

pub fn api(style: FaultStyle) -> Api {
    Api::new(router(spec(style)))
}

#[derive(Deserialize)]
struct Thing {
    name: String,
    sizes: Vec<u8>,
}

pub fn routes() -> ApiRouter<&'static str> {
    ApiRouter::new()
        .get("/", async || http::ok(&json!({"versions": []})))
        .get("/open", open)
        .post("/open", open)
        .get("/who", who)
        .get("/state", async |State(state): State<&'static str>| http::ok(&json!({"state": state})))
        .get("/things/{id}", async |Path(id): Path<String>| http::ok(&json!({"id": id})))
        .delete("/things/{id}", async |Path(_): Path<String>| http::no_content())
        .get("/numbers/{n}", async |Path(n): Path<u32>| http::ok(&json!({"n": n})))
        .get("/params", async |params: Params| http::ok(&json!(params.0)))
        .get("/base", async |base: BaseUrl| http::ok(&json!({"base": base.join("/x")})))
        .post("/things", async |Body(thing): Body<Thing>| {
            http::created(&json!({"name": thing.name, "sum": thing.sizes.iter().map(|&n| u64::from(n)).sum::<u64>()}))
        })
        .post("/json", async |JsonBody(value): JsonBody| http::ok(&value))
        .post("/things/{id}/action", action)
        .action("/things/{id}/action", "os-start")
        .action("/things/{id}/action", "os-stop")
        .on(&Method::PUT, "/upload", upload)
        .get("/fail/{kind}", fail)
        .get("/panic", async || -> Response { panic!("on purpose, secret inside") })
        .get("/extension", async |axum_json: http::axum::Json<Value>| http::ok(&axum_json.0))
        .get("/peer", async |cert: PeerCert| http::ok(&json!({"bytes": cert.der().len()})))
        .get("/echo", crate::sockets::echo)
        .get("/count/{n}", count)
}

async fn open(OptionalCx(cx): OptionalCx, info: RequestInfo) -> Response {
    let user = cx.map(|cx| cx.credentials.user.to_string());
    http::ok(&json!({"user": user, "request_id": info.request_id}))
}

async fn who(Cx(cx): Cx) -> ApiResult {
    let project = cx.project()?.to_string();
    Ok(http::ok(&json!({
        "user": cx.credentials.user,
        "project": project,
        "version": cx.version,
        "request_id": cx.request_id,
        "global": cx.global_request_id,
    })))
}

async fn action(Path(id): Path<String>, body: JsonBody) -> ApiResult {
    let (name, arguments) = body.action()?;
    Ok(http::json_response(http::StatusCode::ACCEPTED, &json!({"id": id, "action": name, "arguments": arguments})))
}

/// Counts a body without holding it.
async fn upload(body: RawBody) -> ApiResult {
    let mut chunks = body.into_data_stream();
    let (mut bytes, mut sum) = (0_u64, 0_u64);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|e| body_error(&e))?;
        bytes += chunk.len() as u64;
        sum += chunk.iter().map(|&b| u64::from(b)).sum::<u64>();
    }
    Ok(http::ok(&json!({"bytes": bytes, "sum": sum})))
}

/// A stream of `n` chunks of 1,000 bytes each.
async fn count(Path(n): Path<u64>) -> Response {
    let chunks =
        futures_util::stream::iter(0..n).map(|i| Ok::<_, std::io::Error>(vec![u8::try_from(i % 251).unwrap(); 1000]));
    Response::new(RawBody::from_stream(chunks))
}

pub const KINDS: [(&str, Kind); 17] = [
    ("bad_request", Kind::BadRequest),
    ("unauthorized", Kind::Unauthorized),
    ("forbidden", Kind::Forbidden),
    ("over_quota", Kind::OverQuota),
    ("not_found", Kind::NotFound),
    ("method_not_allowed", Kind::MethodNotAllowed),
    ("not_acceptable", Kind::NotAcceptable),
    ("conflict", Kind::Conflict),
    ("gone", Kind::Gone),
    ("precondition_failed", Kind::PreconditionFailed),
    ("too_large", Kind::TooLarge),
    ("unsupported_media_type", Kind::UnsupportedMediaType),
    ("range_not_satisfiable", Kind::RangeNotSatisfiable),
    ("too_many_requests", Kind::TooManyRequests),
    ("internal", Kind::Internal),
    ("not_implemented", Kind::NotImplemented),
    ("unavailable", Kind::Unavailable),
];

async fn fail(Path(name): Path<String>) -> ApiResult {
    let kind = KINDS.iter().find(|(n, _)| *n == name).map(|(_, kind)| *kind);
    Err(match kind {
        Some(Kind::Internal) => Error::internal("opening /secret/file"),
        Some(kind) => Error::of(kind, "Thing <a> & 'b' é."),
        None => Error::conflict("no such kind").with_code("ThingInUse"),
    }
    .into())
}
