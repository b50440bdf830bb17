//! Who may do what: every route by every persona, as one file.
//!
//! Each cell is a request of its own on objects of its own, in the domain of the personas. A route that is missing here, or a
//! rule that no persona is refused by, fails a test. After a wanted change: `BLESS=1 cargo test -p identity personas`.

use crate::cloud::{Calls, Cloud, PASSWORD, on_domain, on_project_id, on_system, token_of};
use http::testkit::Api;
use serde_json::{Value, json};
use std::{collections::BTreeSet, fmt::Write};

const MATRIX: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/personas.txt");

/// Name, role, scope. `own` is the domain that the objects are in, and the project `home` is in it.
const PERSONAS: [(&str, &str, &str); 13] = [
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

struct World {
    cloud: Cloud,
    admin: Api,
    own: String,
    apis: Vec<Api>,
    /// The persona `member`, who asks about itself in some rows.
    member: String,
    serial: usize,
}

impl World {
    async fn new() -> Self {
        let cloud = Cloud::new().await;
        let admin = cloud.admin().await;
        let own = admin.create("domain", json!({"name": "own"})).await;
        let other = admin.create("domain", json!({"name": "other"})).await;
        let home = admin.create("project", json!({"name": "home", "domain_id": own})).await;
        let (mut apis, mut member) = (Vec::new(), String::new());
        for (name, role, scope) in PERSONAS {
            if scope == "no token" {
                apis.push(cloud.api.clone());
                continue;
            }
            let domain = if scope == "other domain" { &other } else { &own };
            let user = admin.create("user", json!({"name": name, "domain_id": domain, "password": PASSWORD})).await;
            let (place, scope) = match scope {
                "project" => (format!("projects/{home}/users/{user}"), on_project_id(&home)),
                "system" => (format!("system/users/{user}"), on_system()),
                "" => (String::new(), json!("unscoped")),
                _ => (format!("domains/{domain}/users/{user}"), on_domain(domain)),
            };
            if !place.is_empty() {
                admin.grant(&place, role).await;
            }
            let who = json!({"user": {"id": user, "password": PASSWORD}});
            let auth = json!({"identity": {"methods": ["password"], "password": who}, "scope": scope});
            apis.push(cloud.api.token(&token_of(&cloud.authenticate(auth).await)));
            if name == "member" {
                member = user;
            }
        }
        Self { cloud, admin, own, apis, member, serial: 0 }
    }

    /// Fresh objects for one cell, by the names that paths and bodies below use.
    async fn objects(&mut self, of: &str) -> Vec<(&'static str, String)> {
        self.serial += 1;
        let n = self.serial;
        let (admin, own) = (&self.admin, &self.own);
        let mut made = vec![("OWN", own.clone()), ("N", n.to_string()), ("MEMBER", self.member.clone())];
        let needs = |name: &str| of.contains(name);
        if needs("USER") || needs("CRED") {
            let new = json!({"name": format!("u{n}"), "domain_id": own, "password": PASSWORD});
            made.push(("USER", admin.create("user", new).await));
        }
        if needs("GROUP") {
            made.push(("GROUP", admin.create("group", json!({"name": format!("g{n}"), "domain_id": own})).await));
        }
        if needs("PROJECT") {
            let new = json!({"name": format!("p{n}"), "domain_id": own, "tags": ["t"]});
            made.push(("PROJECT", admin.create("project", new).await));
        }
        if needs("DOMAIN") {
            let new = json!({"name": format!("d{n}"), "enabled": false});
            made.push(("DOMAIN", admin.create("domain", new).await));
        }
        if needs("ROLE") {
            made.push(("ROLE", admin.create("role", json!({"name": format!("r{n}")})).await));
        }
        if needs("OWNROLE") {
            made.push(("OWNROLE", admin.create("role", json!({"name": format!("or{n}"), "domain_id": own})).await));
        }
        for name in ["READER", "MANAGER"] {
            if needs(name) {
                made.push((name, admin.role(&name.to_lowercase()).await));
            }
        }
        if needs("REGION") {
            made.push(("REGION", admin.create("region", json!({})).await));
        }
        if needs("SERVICE") || needs("ENDPOINT") {
            made.push(("SERVICE", admin.create("service", json!({"type": "t"})).await));
        }
        if needs("ENDPOINT") {
            let service = &made.last().unwrap().1;
            let new = json!({"interface": "public", "url": "http://x", "service_id": service});
            made.push(("ENDPOINT", admin.create("endpoint", new).await));
        }
        if needs("CREDENTIAL") {
            let user = &made.iter().find(|(name, _)| *name == "USER").unwrap().1;
            let new = json!({"blob": "b", "type": "t", "user_id": user});
            made.push(("CREDENTIAL", admin.create("credential", new).await));
        }
        if needs("APPCRED") {
            self.app_cred(&mut made).await;
        }
        made
    }

    /// An application credential with a rule, of a user of its own.
    async fn app_cred(&self, made: &mut Vec<(&'static str, String)>) {
        let user = made.iter().find(|(name, _)| *name == "USER").unwrap().1.clone();
        let project =
            self.admin.create("project", json!({"name": format!("a{}", self.serial), "domain_id": self.own})).await;
        self.admin.grant(&format!("projects/{project}/users/{user}"), "member").await;
        let who = json!({"user": {"id": user, "password": PASSWORD}});
        let auth = json!({"identity": {"methods": ["password"], "password": who}, "scope": on_project_id(&project)});
        let owner = self.cloud.api.token(&token_of(&self.cloud.authenticate(auth).await));
        let rules = json!([{"service": "identity", "method": "GET", "path": "/v3"}]);
        let new = json!({"application_credential": {"name": "a", "access_rules": rules}});
        let full = owner.expect(201, &format!("POST /users/{user}/application_credentials"), new).await;
        let full = &full["application_credential"];
        let text = |v: &Value| v.as_str().unwrap().to_owned();
        made.push(("RULE", text(&full["access_rules"][0]["id"])));
        made.push(("APPCRED", text(&full["id"])));
    }
}

fn filled(text: &str, objects: &[(&str, String)]) -> String {
    // Longer names first: OWNROLE before ROLE before OWN.
    let mut names: Vec<_> = objects.iter().collect();
    names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    names.iter().fold(text.to_owned(), |text, (name, id)| text.replace(&format!("<{name}>"), id))
}

/// A request with its body, and what is done before by an administrator.
struct Row {
    request: &'static str,
    body: Value,
    before: &'static str,
}

fn row(request: &'static str, body: Value) -> Row {
    Row { request, body, before: "" }
}

fn after(before: &'static str, request: &'static str) -> Row {
    Row { request, body: Value::Null, before }
}

fn get(request: &'static str) -> Row {
    row(request, Value::Null)
}

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    let name = |key: &str| json!({key: {"name": "n<N>"}});
    let in_own = |key: &str| json!({key: {"name": "n<N>", "domain_id": "<OWN>"}});
    vec![
        get("GET /"), get("GET /v3"),
        get("GET /v3/auth/catalog"), get("GET /v3/auth/projects"), get("GET /v3/auth/domains"), get("GET /v3/auth/system"),
        row("POST /v3/auth/tokens", json!({"auth": {"identity": {"methods": ["password"], "password": {"user": {"id": "<USER>", "password": PASSWORD}}}}})),
        get("GET /v3/auth/tokens"), get("HEAD /v3/auth/tokens"), get("DELETE /v3/auth/tokens"),
        get("GET /v3/users"), row("POST /v3/users", in_own("user")), get("GET /v3/users/<USER>"), get("GET /v3/users/<MEMBER>"),
        row("PATCH /v3/users/<USER>", name("user")), get("DELETE /v3/users/<USER>"), get("DELETE /v3/users/nobody"),
        row("POST /v3/users/<USER>/password", json!({"user": {"original_password": PASSWORD, "password": "new"}})),
        get("GET /v3/users/<USER>/groups"), get("GET /v3/users/<USER>/projects"), get("DELETE /v3/users/<USER>/tokens"),
        get("GET /v3/groups"), row("POST /v3/groups", in_own("group")), get("GET /v3/groups/<GROUP>"),
        row("PATCH /v3/groups/<GROUP>", name("group")), get("DELETE /v3/groups/<GROUP>"), get("DELETE /v3/groups/nowhere"),
        get("GET /v3/groups/<GROUP>/users"), get("PUT /v3/groups/<GROUP>/users/<USER>"),
        after("PUT /v3/groups/<GROUP>/users/<USER>", "GET /v3/groups/<GROUP>/users/<USER>"),
        after("PUT /v3/groups/<GROUP>/users/<USER>", "DELETE /v3/groups/<GROUP>/users/<USER>"),
        get("GET /v3/projects"), row("POST /v3/projects", in_own("project")), get("GET /v3/projects/<PROJECT>"), get("GET /v3/projects/nowhere"),
        row("PATCH /v3/projects/<PROJECT>", name("project")), get("DELETE /v3/projects/<PROJECT>"),
        get("GET /v3/projects/<PROJECT>/tags"), row("PUT /v3/projects/<PROJECT>/tags", json!({"tags": ["x"]})), get("DELETE /v3/projects/<PROJECT>/tags"),
        get("GET /v3/projects/<PROJECT>/tags/t"), get("PUT /v3/projects/<PROJECT>/tags/u"), get("DELETE /v3/projects/<PROJECT>/tags/t"),
        get("GET /v3/domains"), row("POST /v3/domains", name("domain")), get("GET /v3/domains/<OWN>"), get("GET /v3/domains/<DOMAIN>"),
        row("PATCH /v3/domains/<DOMAIN>", name("domain")), get("DELETE /v3/domains/<DOMAIN>"), row("PATCH /v3/domains/nowhere", name("domain")),
        get("GET /v3/roles"), get("GET /v3/roles?domain_id=<OWN>"), row("POST /v3/roles", name("role")), row("POST /v3/roles", in_own("role")),
        get("GET /v3/roles/<ROLE>"), get("GET /v3/roles/<OWNROLE>"),
        row("PATCH /v3/roles/<ROLE>", name("role")), row("PATCH /v3/roles/<OWNROLE>", name("role")),
        get("DELETE /v3/roles/<ROLE>"), get("DELETE /v3/roles/<OWNROLE>"),
        get("DELETE /v3/roles/nowhere"), get("GET /v3/role_inferences"), get("GET /v3/roles/<ROLE>/implies"), get("PUT /v3/roles/<ROLE>/implies/<READER>"),
        after("PUT /v3/roles/<ROLE>/implies/<READER>", "GET /v3/roles/<ROLE>/implies/<READER>"),
        after("PUT /v3/roles/<ROLE>/implies/<READER>", "HEAD /v3/roles/<ROLE>/implies/<READER>"),
        after("PUT /v3/roles/<ROLE>/implies/<READER>", "DELETE /v3/roles/<ROLE>/implies/<READER>"),
        get("GET /v3/projects/<PROJECT>/users/<USER>/roles"), get("PUT /v3/projects/<PROJECT>/users/<USER>/roles/<READER>"),
        get("PUT /v3/projects/<PROJECT>/users/<USER>/roles/<ROLE>"),
        after("PUT /v3/projects/<PROJECT>/users/<USER>/roles/<READER>", "GET /v3/projects/<PROJECT>/users/<USER>/roles/<READER>"),
        after("PUT /v3/projects/<PROJECT>/users/<USER>/roles/<READER>", "DELETE /v3/projects/<PROJECT>/users/<USER>/roles/<READER>"),
        get("GET /v3/projects/<PROJECT>/groups/<GROUP>/roles"), get("PUT /v3/projects/<PROJECT>/groups/<GROUP>/roles/<MANAGER>"),
        after("PUT /v3/projects/<PROJECT>/groups/<GROUP>/roles/<READER>", "GET /v3/projects/<PROJECT>/groups/<GROUP>/roles/<READER>"),
        after("PUT /v3/projects/<PROJECT>/groups/<GROUP>/roles/<READER>", "DELETE /v3/projects/<PROJECT>/groups/<GROUP>/roles/<READER>"),
        get("GET /v3/domains/<OWN>/users/<USER>/roles"), get("PUT /v3/domains/<OWN>/users/<USER>/roles/<READER>"),
        after("PUT /v3/domains/<OWN>/users/<USER>/roles/<READER>", "GET /v3/domains/<OWN>/users/<USER>/roles/<READER>"),
        after("PUT /v3/domains/<OWN>/users/<USER>/roles/<READER>", "DELETE /v3/domains/<OWN>/users/<USER>/roles/<READER>"),
        get("GET /v3/domains/<OWN>/groups/<GROUP>/roles"), get("PUT /v3/domains/<OWN>/groups/<GROUP>/roles/<READER>"),
        after("PUT /v3/domains/<OWN>/groups/<GROUP>/roles/<READER>", "GET /v3/domains/<OWN>/groups/<GROUP>/roles/<READER>"),
        after("PUT /v3/domains/<OWN>/groups/<GROUP>/roles/<READER>", "DELETE /v3/domains/<OWN>/groups/<GROUP>/roles/<READER>"),
        get("GET /v3/OS-INHERIT/projects/<PROJECT>/users/<USER>/roles/inherited_to_projects"),
        get("PUT /v3/OS-INHERIT/projects/<PROJECT>/users/<USER>/roles/<READER>/inherited_to_projects"),
        after("PUT /v3/OS-INHERIT/projects/<PROJECT>/users/<USER>/roles/<READER>/inherited_to_projects", "GET /v3/OS-INHERIT/projects/<PROJECT>/users/<USER>/roles/<READER>/inherited_to_projects"),
        after("PUT /v3/OS-INHERIT/projects/<PROJECT>/users/<USER>/roles/<READER>/inherited_to_projects", "DELETE /v3/OS-INHERIT/projects/<PROJECT>/users/<USER>/roles/<READER>/inherited_to_projects"),
        get("GET /v3/OS-INHERIT/projects/<PROJECT>/groups/<GROUP>/roles/inherited_to_projects"),
        get("PUT /v3/OS-INHERIT/projects/<PROJECT>/groups/<GROUP>/roles/<READER>/inherited_to_projects"),
        after("PUT /v3/OS-INHERIT/projects/<PROJECT>/groups/<GROUP>/roles/<READER>/inherited_to_projects", "GET /v3/OS-INHERIT/projects/<PROJECT>/groups/<GROUP>/roles/<READER>/inherited_to_projects"),
        after("PUT /v3/OS-INHERIT/projects/<PROJECT>/groups/<GROUP>/roles/<READER>/inherited_to_projects", "DELETE /v3/OS-INHERIT/projects/<PROJECT>/groups/<GROUP>/roles/<READER>/inherited_to_projects"),
        get("GET /v3/OS-INHERIT/domains/<OWN>/users/<USER>/roles/inherited_to_projects"),
        get("PUT /v3/OS-INHERIT/domains/<OWN>/users/<USER>/roles/<READER>/inherited_to_projects"),
        after("PUT /v3/OS-INHERIT/domains/<OWN>/users/<USER>/roles/<READER>/inherited_to_projects", "GET /v3/OS-INHERIT/domains/<OWN>/users/<USER>/roles/<READER>/inherited_to_projects"),
        after("PUT /v3/OS-INHERIT/domains/<OWN>/users/<USER>/roles/<READER>/inherited_to_projects", "DELETE /v3/OS-INHERIT/domains/<OWN>/users/<USER>/roles/<READER>/inherited_to_projects"),
        get("GET /v3/OS-INHERIT/domains/<OWN>/groups/<GROUP>/roles/inherited_to_projects"),
        get("PUT /v3/OS-INHERIT/domains/<OWN>/groups/<GROUP>/roles/<READER>/inherited_to_projects"),
        after("PUT /v3/OS-INHERIT/domains/<OWN>/groups/<GROUP>/roles/<READER>/inherited_to_projects", "GET /v3/OS-INHERIT/domains/<OWN>/groups/<GROUP>/roles/<READER>/inherited_to_projects"),
        after("PUT /v3/OS-INHERIT/domains/<OWN>/groups/<GROUP>/roles/<READER>/inherited_to_projects", "DELETE /v3/OS-INHERIT/domains/<OWN>/groups/<GROUP>/roles/<READER>/inherited_to_projects"),
        get("GET /v3/system/users/<USER>/roles"), get("PUT /v3/system/users/<USER>/roles/<READER>"),
        after("PUT /v3/system/users/<USER>/roles/<READER>", "GET /v3/system/users/<USER>/roles/<READER>"),
        after("PUT /v3/system/users/<USER>/roles/<READER>", "DELETE /v3/system/users/<USER>/roles/<READER>"),
        get("GET /v3/system/groups/<GROUP>/roles"), get("PUT /v3/system/groups/<GROUP>/roles/<READER>"),
        after("PUT /v3/system/groups/<GROUP>/roles/<READER>", "GET /v3/system/groups/<GROUP>/roles/<READER>"),
        after("PUT /v3/system/groups/<GROUP>/roles/<READER>", "DELETE /v3/system/groups/<GROUP>/roles/<READER>"),
        get("GET /v3/role_assignments"), get("GET /v3/role_assignments?include_subtree&scope.project.id=<PROJECT>"),
        get("GET /v3/regions"), row("POST /v3/regions", json!({"region": {}})), get("GET /v3/regions/<REGION>"),
        row("PUT /v3/regions/new<N>", json!({"region": {}})), row("PATCH /v3/regions/<REGION>", json!({"region": {"description": "d"}})), get("DELETE /v3/regions/<REGION>"),
        get("GET /v3/services"), row("POST /v3/services", json!({"service": {"type": "t"}})), get("GET /v3/services/<SERVICE>"),
        row("PATCH /v3/services/<SERVICE>", json!({"service": {"name": "n"}})), get("DELETE /v3/services/<SERVICE>"),
        get("GET /v3/endpoints"), row("POST /v3/endpoints", json!({"endpoint": {"interface": "public", "url": "http://x", "service_id": "<SERVICE>"}})),
        get("GET /v3/endpoints/<ENDPOINT>"), row("PATCH /v3/endpoints/<ENDPOINT>", json!({"endpoint": {"enabled": false}})), get("DELETE /v3/endpoints/<ENDPOINT>"),
        get("GET /v3/users/<USER>/application_credentials"), row("POST /v3/users/<USER>/application_credentials", json!({"application_credential": {"name": "n"}})),
        row("POST /v3/users/<MEMBER>/application_credentials", json!({"application_credential": {"name": "n<N>"}})),
        get("GET /v3/users/<USER>/application_credentials/<APPCRED>"), get("DELETE /v3/users/<USER>/application_credentials/<APPCRED>"),
        get("GET /v3/users/<USER>/access_rules"), get("GET /v3/users/<USER>/access_rules/<RULE>?<APPCRED>"), after("DELETE /v3/users/<USER>/application_credentials/<APPCRED>", "DELETE /v3/users/<USER>/access_rules/<RULE>"),
        get("GET /v3/credentials"), row("POST /v3/credentials", json!({"credential": {"blob": "b", "type": "t", "user_id": "<USER>"}})),
        get("GET /v3/credentials/<CREDENTIAL>"), row("PATCH /v3/credentials/<CREDENTIAL>", json!({"credential": {"blob": "c"}})), get("DELETE /v3/credentials/<CREDENTIAL>"),
    ]
}

/// `/v3/users/<USER>` as the route spells it.
fn shape(request: &str) -> (String, Vec<String>) {
    let (method, path) = request.split_once(' ').unwrap();
    let path = path.split('?').next().unwrap();
    (method.to_owned(), path.split('/').map(str::to_owned).collect())
}

fn serves(route: &http::RouteInfo, request: &str) -> bool {
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
    for row in rows() {
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
    let rows = rows();
    for route in identity::routes() {
        assert!(rows.iter().any(|row| serves(&route, row.request)), "{} {}", route.method, route.path);
    }
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
        let ops = rule
            .ops
            .iter()
            .map(|(method, path)| (if *method == "HEAD" { "GET" } else { method }, path.split('?').next().unwrap()));
        for (method, path) in ops {
            let like = |route: &http::RouteInfo| {
                let route_path = route.path.strip_prefix("/identity").unwrap();
                let (a, b): (Vec<_>, Vec<_>) = (route_path.split('/').collect(), path.split('/').collect());
                let same = |(a, b): (&&str, &&str)| a == b || (a.starts_with('{') && b.starts_with('{'));
                route.method == method && a.len() == b.len() && a.iter().zip(&b).all(same)
            };
            let route = routes.iter().find(|r| like(r));
            let route = route.unwrap_or_else(|| panic!("{} guards {method} {path}, which is not served", rule.name));
            if rule.check.is_empty() {
                continue;
            }
            let shown = refused.iter().any(|request| serves(route, request));
            assert!(shown, "nobody is refused by {} at {method} {path}", rule.name);
        }
    }
}
