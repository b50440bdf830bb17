//! Who may do what: every route by every persona, as one file.
//!
//! Each cell is a request of its own on objects of its own, in the domain of the personas. A route that is missing here, or a
//! rule that no persona is refused by, fails a test. After a wanted change: `BLESS=1 cargo test -p identity personas`.

pub(crate) mod rows;
mod tenants;
pub(crate) mod world;

use crate::cloud::{PASSWORD, token_of};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fmt::Write};
use world::World;

const MATRIX: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/personas/matrix.txt");

/// Name, role, scope. `own` is the domain that the objects are in, and the project `home` is in it.
pub(crate) const PERSONAS: [(&str, &str, &str); 13] = [
    ("admin", "admin", "project"),
    ("sys-admin", "admin", "system"),
    ("sys-reader", "reader", "system"),
    ("sys-service", "service", "system"),
    ("dom-admin", "admin", "domain"),
    ("dom-manager", "manager", "domain"),
    ("dom-reader", "reader", "domain"),
    ("oth-manager", "manager", "other domain"),
    ("manager", "manager", "project"),
    ("member", "member", "project"),
    ("service", "service", "project"),
    ("unscoped", "", ""),
    ("nobody", "", "no token"),
];

pub(crate) fn filled(text: &str, objects: &[(&str, String)]) -> String {
    // Longer names first: OWNROLE before ROLE before OWN.
    let mut names: Vec<_> = objects.iter().collect();
    names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    names.iter().fold(text.to_owned(), |text, (name, id)| text.replace(&format!("<{name}>"), id))
}

/// `/v3/users/<USER>` as the route spells it.
fn shape(request: &str) -> (String, Vec<String>) {
    let (method, path) = request.split_once(' ').unwrap();
    let path = path.split('?').next().unwrap();
    (method.to_owned(), path.split('/').map(str::to_owned).collect())
}

pub(crate) fn serves(route: &http::RouteInfo, request: &str) -> bool {
    let (method, path) = shape(request);
    let route_path: Vec<_> = route.path.strip_prefix("/identity").unwrap().split('/').collect();
    route.method == method
        && route_path.len() == path.len()
        && route_path
            .iter()
            .zip(&path)
            .all(|(r, p)| if r.starts_with('{') { p != "inherited_to_projects" } else { r == p })
}

async fn matrix() -> String {
    let mut world = World::new().await;
    let subject = {
        let user = world.member.clone();
        let who = json!({"user": {"id": user, "password": PASSWORD}});
        json!({"identity": {"methods": ["password"], "password": who}, "scope": "unscoped"})
    };
    let mut text = String::new();
    for (at, (name, ..)) in PERSONAS.iter().enumerate() {
        let _ = writeln!(text, "{:>w$}{name}", "", w = at * 4);
    }
    for row in rows::all() {
        for at in 0..PERSONAS.len() {
            let all = format!("{} {} {}", row.request, row.body, row.before);
            let objects = world.objects(&all).await;
            if !row.before.is_empty() {
                let before = filled(row.before, &objects).replacen(" /v3", " /identity/v3", 1);
                let done = world.admin.call(&before, None).await;
                assert!(done.status < 300, "{before}: {}", done.text());
            }
            let mut api = world.apis[at].clone();
            if row.request.ends_with("/auth/tokens") && !row.request.starts_with("POST") {
                api = api.with("x-subject-token", &token_of(&world.cloud.authenticate(subject.clone()).await));
            }
            let body = (!row.body.is_null())
                .then(|| serde_json::from_str::<Value>(&filled(&row.body.to_string(), &objects)).unwrap());
            let request = filled(row.request, &objects).replacen(" /", " /identity/", 1);
            let answer = api.call(&request, body).await;
            assert!(answer.status < 500, "{request}: {}", answer.text());
            let _ = write!(text, "{:<4}", answer.status);
        }
        let _ = writeln!(text, "{}", row.request);
    }
    text
}

#[tokio::test]
async fn personas() {
    let now = matrix().await;
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(MATRIX, &now).unwrap();
    }
    let expect = std::fs::read_to_string(MATRIX).unwrap_or_default();
    let changed: Vec<_> = now.lines().filter(|line| !expect.lines().any(|l| l == *line)).collect();
    assert!(now == expect, "these rows are not as in {MATRIX}:\n{}", changed.join("\n"));
}

#[test]
fn every_route_is_in_the_matrix() {
    let rows = rows::all();
    for route in identity::routes() {
        assert!(rows.iter().any(|row| serves(&route, row.request)), "{} {}", route.method, route.path);
    }
}

/// What a rule says that it guards; HEAD is GET without the body.
fn ops(rule: &policy::Rule) -> impl Iterator<Item = (&str, &str)> {
    rule.ops
        .iter()
        .map(|(method, path)| (if *method == "HEAD" { "GET" } else { method }, path.split('?').next().unwrap()))
}

/// How a rule's path names the parts of a route's that vary.
#[derive(Clone, Copy, PartialEq)]
enum Named {
    Alike,
    ByValue,
}

fn guards((method, path): (&str, &str), route: &http::RouteInfo, named: Named) -> bool {
    let route_path = route.path.strip_prefix("/identity").unwrap();
    let (a, b): (Vec<_>, Vec<_>) = (route_path.split('/').collect(), path.split('/').collect());
    let same =
        |(a, b): (&&str, &&str)| a == b || (a.starts_with('{') && (named == Named::ByValue || b.starts_with('{')));
    route.method == method && a.len() == b.len() && a.iter().zip(&b).all(same)
}

/// Routes that no rule guards, and what does.
const UNRULED: &[(&str, &str)] = &[
    ("GET /", "which versions there are"),
    ("GET /v3", "the same of one"),
    ("GET /v3/OS-FEDERATION/domains", "what the token's own user may go to, by its older name"),
    ("GET /v3/OS-FEDERATION/projects", "the same"),
    ("POST /v3/OS-OAUTH1/access_token", "signed with the secrets of consumer and request token"),
    ("POST /v3/OS-OAUTH1/request_token", "signed with the secret of the consumer"),
    ("POST /v3/auth/tokens", "what is in the body"),
    ("POST /v3/users/{user_id}/password", "the password that it had"),
];

/// From the router: what is added later without a rule is found here.
#[test]
fn every_route_names_a_rule() {
    let rules: Vec<_> = identity::policy::POLICY.rules.iter().copied().flatten().collect();
    let mut without = Vec::new();
    for route in identity::routes() {
        let mut all = rules.iter().flat_map(|rule| ops(rule));
        let method = if route.method == "HEAD" { "GET" } else { route.method };
        let route = http::RouteInfo { method, ..route };
        if !all.any(|op| guards(op, &route, Named::Alike) || guards(op, &route, Named::ByValue)) {
            without.push(format!("{} {}", route.method, route.path.strip_prefix("/identity").unwrap()));
        }
    }
    let told: Vec<_> = UNRULED.iter().map(|(route, _)| (*route).to_owned()).collect();
    assert_eq!(without, told);
}

/// Every rule guards a route that is served, and some persona is refused there; rules without a condition refuse nobody.
#[test]
fn every_rule_refuses_somebody() {
    let text = std::fs::read_to_string(MATRIX).unwrap();
    let refused: BTreeSet<&str> = text
        .lines()
        .skip(PERSONAS.len())
        .filter(|line| line.split_whitespace().take(PERSONAS.len() - 1).any(|status| status == "403"))
        .map(|line| &line[PERSONAS.len() * 4..])
        .collect();
    let routes = identity::routes();
    for rule in identity::policy::POLICY.rules.iter().copied().flatten() {
        for (method, path) in ops(rule) {
            // A route of its own, else one with a variable where the rule names a value.
            let like = |named: Named| routes.iter().find(|route| guards((method, path), route, named));
            let route = like(Named::Alike).or_else(|| like(Named::ByValue));
            let route = route.unwrap_or_else(|| panic!("{} guards {method} {path}, which is not served", rule.name));
            if rule.check.is_empty() {
                continue;
            }
            let shown = refused.iter().any(|request| serves(route, request));
            assert!(shown, "nobody is refused by {} at {method} {path}", rule.name);
        }
    }
}
