//! What Nova once did itself and now only passes on: images, networks, floating IPs, security groups, volumes.
//!
//! Each family is a table of [`Row`]s: a route, the last version that has it, its rule, its body's schema, and a function from
//! a [`Call`] to an answer. A call asks the service whose thing it is ([`ports::Neighbours`]) with the caller's own token, so
//! rights, quotas and faults are that service's; the function translates names. Above its last version a route is not there (404).

mod floating_ips;
mod images;
mod networks;
mod security_groups;
mod volumes;

pub(in crate::api) use floating_ips::{associate, disassociate};

use super::{checked, until};
use crate::Compute;
use axum::{http::HeaderMap, response::Response};
use futures_util::future::BoxFuture;
use http::{ApiResult, ApiRouter, BaseUrl, Cx, JsonBody, Method, Params, Path, Schema, State, X_AUTH_TOKEN, percent};
use kernel::{Ctx, Error, Kind, Microversion, Result};
use policy::{Authorize, Rule, target};
use ports::neighbours::{Ask, Verb};
use serde_json::Value;
use std::collections::BTreeMap;

/// One deprecated operation.
struct Row {
    method: Method,
    path: &'static str,
    /// The last minor version that has it.
    until: u16,
    rule: Option<&'static Rule>,
    schema: &'static [(Microversion, &'static Schema)],
    run: fn(Call) -> BoxFuture<'static, Result<Response>>,
}

macro_rules! rows {
    ($($method:ident $path:literal ..=$until:literal $rule:expr, $schema:expr => $run:path;)+) => {
        pub(super) static ROWS: &[super::Row] = &[$(super::Row {
            method: http::Method::$method,
            path: $path,
            until: $until,
            rule: $rule,
            schema: $schema,
            run: |call| Box::pin($run(call)),
        }),+];
    };
}
use rows;

/// Nothing is asked of the body.
const ANY: &[(Microversion, &Schema)] = &[];

/// A request on its way to a neighbour.
pub(in crate::api) struct Call {
    pub(super) c: Compute,
    pub(super) cx: Ctx,
    pub(super) base: BaseUrl,
    pub(super) token: String,
    ids: BTreeMap<String, String>,
    params: Params,
    body: Value,
}

impl Call {
    /// The caller's token, to ask in the caller's name.
    pub(super) fn token_of(headers: &HeaderMap) -> String {
        headers.get(X_AUTH_TOKEN).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned()
    }

    /// A call that did not come by a row: an action of a server.
    pub(super) fn of(c: Compute, cx: Ctx, base: BaseUrl, token: String, body: Value) -> Self {
        Self { c, cx, base, token, ids: BTreeMap::new(), params: Params(Vec::new()), body }
    }

    fn id(&self, name: &str) -> &str {
        self.ids.get(name).map(String::as_str).unwrap_or_default()
    }

    async fn ask(&self, verb: Verb, path: &str, body: Option<&Value>) -> Result<Value> {
        self.c.neighbours.ask(Ask { token: &self.token, verb, path, body }).await
    }

    async fn get(&self, path: &str) -> Result<Value> {
        self.ask(Verb::Get, path, None).await
    }
}

pub(super) fn routes() -> ApiRouter<Compute> {
    let families = [images::ROWS, networks::ROWS, floating_ips::ROWS, security_groups::ROWS, volumes::ROWS];
    families.into_iter().flatten().fold(ApiRouter::new(), |routes, row| match row.method {
        Method::POST | Method::PUT => routes.on(
            &row.method,
            row.path,
            move |state: State<Compute>, cx: Cx, ids: Path<BTreeMap<String, String>>, base, headers, body: JsonBody| {
                pass_on(row, state, cx, ids, Params(Vec::new()), base, headers, Some(body))
            },
        ),
        _ => routes.on(
            &row.method,
            row.path,
            move |state: State<Compute>, cx: Cx, ids: Path<BTreeMap<String, String>>, params, base, headers| {
                pass_on(row, state, cx, ids, params, base, headers, None)
            },
        ),
    })
}

#[expect(clippy::too_many_arguments, reason = "what a request has, each extracted once")]
async fn pass_on(
    row: &'static Row,
    State(c): State<Compute>,
    Cx(cx): Cx,
    Path(ids): Path<BTreeMap<String, String>>,
    params: Params,
    base: BaseUrl,
    headers: HeaderMap,
    body: Option<JsonBody>,
) -> ApiResult {
    until(&cx, row.until)?;
    let body = match body {
        Some(body) if !row.schema.is_empty() => checked(&cx, body, row.schema)?,
        Some(JsonBody(body)) => body,
        None => Value::Null,
    };
    if let Some(rule) = row.rule {
        let project = cx.credentials.project().cloned().unwrap_or_default();
        let _permit = cx.authorize(rule, &target! { "project_id" => project })?;
    }
    let token = Call::token_of(&headers);
    Ok((row.run)(Call { c, cx, base, token, ids, params, body }).await?)
}

/// The neighbour's "not found" in Nova's words.
fn not_found(words: impl Into<String>) -> impl FnOnce(Error) -> Error {
    let words = words.into();
    move |e| if e.is(Kind::NotFound) { Error::not_found(words).with_source(e) } else { e }
}

/// The members of a list, if it is one.
fn items<'a>(body: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    body[key].as_array().into_iter().flatten()
}

/// `?key=value` of what may hold anything.
fn query(key: &str, value: &str) -> String {
    format!("{key}={}", percent(value))
}

/// `limit` and `offset`, as Nova cuts the lists of others.
fn limited<'a>(params: &Params, all: impl Iterator<Item = &'a Value>) -> Vec<&'a Value> {
    let number = |key: &str| params.get(key).and_then(|n| n.parse::<usize>().ok());
    let limit = number("limit").filter(|n| *n > 0).unwrap_or(1000);
    all.skip(number("offset").unwrap_or(0)).take(limit).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_stands_in_a_query_leads_nowhere_else() {
        assert_eq!(super::query("name", "a&b=c d/é"), "name=a%26b%3Dc%20d%2F%C3%A9");
    }
}
