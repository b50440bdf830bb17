//! Every route that reads a body, with bodies made from the schema that it is judged by.

use super::runtime;
use crate::{
    cloud::{Calls, PASSWORD, by_password, by_token, on_domain, on_project, on_system, token_of},
    personas::{PERSONAS, filled, rows, serves, world::World},
};
use http::{
    Schema,
    testkit::{Answer, Api, Bodies, Sent},
};
use identity::bodies;
use kernel::testkit::{Rng, fuzz};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Bodies for one route before everything is made anew: objects change under what fits.
const BODIES: usize = 150;

/// The routes of the table, in the order of the router.
fn with_bodies() -> Vec<(http::RouteInfo, &'static Schema)> {
    let table = bodies();
    let schema = |route: &http::RouteInfo| {
        let name = format!("{} {}", route.method, route.path.strip_prefix("/identity").unwrap());
        table.iter().find(|(of, _)| *of == name).map(|(_, schema)| *schema)
    };
    identity::routes().into_iter().filter_map(|route| schema(&route).map(|schema| (route, schema))).collect()
}

#[tokio::test]
async fn the_table_of_bodies_is_the_routers() {
    let world = World::new().await;
    let mut read = Vec::new();
    for route in identity::routes().into_iter().filter(|route| ["POST", "PUT", "PATCH"].contains(&route.method)) {
        let path: Vec<_> = route.path.split('/').map(|s| if s.starts_with('{') { "x" } else { s }).collect();
        let answer = world.admin.send(&format!("{} {}", route.method, path.join("/")), "{").await;
        if answer.text().contains("Expecting to find valid JSON in request body") {
            assert_eq!(answer.status, 400);
            read.push(format!("{} {}", route.method, route.path.strip_prefix("/identity").unwrap()));
        }
    }
    let mut told: Vec<_> = bodies().iter().map(|(route, _)| (*route).to_owned()).collect();
    read.sort();
    told.sort();
    assert_eq!(read, told);
}

#[test]
fn bodies_of_every_route() {
    let (runtime, routes) = (runtime(), with_bodies());
    let mut answers = BTreeMap::new();
    fuzz("bodies", 20, |seed| {
        let (route, schema) = &routes[usize::try_from(seed).unwrap() % routes.len()];
        runtime.block_on(episode(seed, route, schema, &mut answers));
    });
    eprintln!("answers: {answers:?}");
}

/// A world of its own, and what was made there for one request of the matrix that goes to this route.
async fn episode(seed: u64, route: &http::RouteInfo, schema: &Schema, answers: &mut BTreeMap<u16, u64>) {
    let rng = &mut Rng::new(seed);
    let mut world = World::new().await;
    let rows: Vec<_> = rows::all().into_iter().filter(|row| serves(route, row.request)).collect();
    let row = rng.pick(&rows);
    let body = row.body.to_string();
    let mut objects = world.objects(&format!("{} {body} {}", row.request, row.before)).await;
    objects.push(("ADMINROLE", world.admin.role("admin").await));
    let request = filled(row.request, &objects).replacen(" /", " /identity/", 1);
    let body = serde_json::from_str(&filled(&body, &objects)).unwrap();
    let mut likes = vec![body];
    if request.ends_with("/auth/tokens") {
        likes.extend(logins(&world).await);
    }
    let named = ["default", "admin", "member", PASSWORD, "RegionOne", "identity", "public", "token"];
    let known: Vec<_> = objects.into_iter().map(|(_, id)| id).chain(named.map(str::to_owned)).collect();
    let source = schema.source();
    // Some things only their owner does.
    let member = &world.apis[PERSONAS.iter().position(|(name, ..)| *name == "member").unwrap()];
    for _ in 0..BODIES {
        let like = rng.pick(&likes).clone();
        let sent = Bodies { rng, known: &known }.next(&source, Some(&like).filter(|like| !like.is_null()));
        let api = *rng.pick(&[&world.admin, &world.admin, &world.admin, member, rng.clone().pick(&world.apis)]);
        let request = if rng.percent(90) { request.clone() } else { elsewhere(&request, rng) };
        let before = world.cloud.identity.store().snapshot().revision();
        let answer = api.with("content-type", "application/json").send(&request, sent.octets.clone()).await;
        let wrote = world.cloud.identity.store().snapshot().revision() != before;
        judged(&request, &sent, schema, &answer, wrote);
        *answers.entry(answer.status).or_default() += 1;
    }
}

/// Ways to log in that an example does not show.
async fn logins(world: &World) -> Vec<Value> {
    let token = token_of(&world.cloud.login("admin", PASSWORD, Value::Null).await);
    let user = json!({"name": "admin", "domain": {"id": "default"}, "passcode": "000000"});
    let lent = json!({"name": "a", "secret": "s", "user": {"name": "admin", "domain": {"name": "Default"}}});
    let all = [
        by_password("admin", PASSWORD, on_project("admin")),
        by_password("admin", PASSWORD, on_domain("default")),
        by_token(&token, on_system()),
        by_token(&token, json!({"OS-TRUST:trust": {"id": "t"}})),
        json!({"identity": {"methods": ["totp"], "totp": {"user": user}}}),
        json!({"identity": {"methods": ["application_credential"], "application_credential": lent}}),
        json!({"identity": {"methods": ["password", "totp"], "password": {"user": user}, "totp": {"user": user}}}),
    ];
    all.into_iter().map(|auth| json!({"auth": auth})).collect()
}

/// The same request about something that is not there.
fn elsewhere(request: &str, rng: &mut Rng) -> String {
    let parts: Vec<_> = request.split('/').collect();
    let at = 4 + rng.below(parts.len().saturating_sub(4).max(1));
    let id: String = rng.text().bytes().take(600).map(|octet| format!("%{octet:02X}")).collect();
    let mut parts: Vec<_> = parts.iter().map(|part| (*part).to_owned()).collect();
    match parts.get_mut(at) {
        Some(part) => *part = id,
        None => return request.to_owned(),
    }
    parts.join("/")
}

/// An answer that a client can work with; what does not fit is refused; who is refused has changed nothing. Refused logins
/// are events of their own.
fn judged(request: &str, sent: &Sent, schema: &Schema, answer: &Answer, wrote: bool) {
    let body = serde_json::from_slice::<Value>(&sent.octets);
    let fits = body.is_ok_and(|body| schema.check_keystone(&body).is_ok());
    let about = || {
        let text: String = String::from_utf8_lossy(&sent.octets).chars().take(2000).collect();
        format!("{request} ({}): {text}\n→ {} {}", sent.how, answer.status, answer.text())
    };
    assert!(answer.status < 500, "{}", about());
    if answer.status < 400 {
        assert!(fits || !request.contains("/v3/"), "taken though it does not fit: {}", about());
        return;
    }
    let fault = answer.json();
    let receipt = answer.status == 401 && fault["receipt"].is_object();
    assert!(receipt || fault["error"]["code"] == answer.status, "no fault: {}", about());
    assert!(receipt || fault["error"]["message"].as_str().is_some_and(|m| !m.is_empty()), "no words: {}", about());
    let login = ["/auth/tokens", "/password", "/ec2tokens", "/s3tokens"].iter().any(|end| request.ends_with(end));
    assert!(!wrote || (login && answer.status == 401), "refused, and yet written: {}", about());
}

/// A body longer than the limit is refused before it is read, and so is one that does not tell its length.
#[tokio::test]
async fn oversize_bodies_are_413() {
    let world = World::new().await;
    let long = vec![b' '; http::Deps::BODY_LIMIT + 1];
    for (route, _) in with_bodies() {
        let path: Vec<_> = route.path.split('/').map(|s| if s.starts_with('{') { "x" } else { s }).collect();
        let request = format!("{} {}", route.method, path.join("/"));
        let answer = refused(&world.admin, &request, long.clone()).await;
        assert_eq!((answer.0, answer.1.as_str()), (413, "Request Entity Too Large"), "{request}");
        let just_fits = world.admin.send(&request, vec![b' '; http::Deps::BODY_LIMIT]).await;
        assert_eq!(just_fits.status, 400, "{request}");
    }
}

async fn refused(api: &Api, request: &str, body: Vec<u8>) -> (u16, String) {
    let answer = api.with("content-type", "application/json").send(request, body).await;
    (answer.status, answer.json()["error"]["title"].as_str().unwrap_or_default().to_owned())
}
