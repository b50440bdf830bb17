//! OpenStack's operations (`docs/data/operations.csv`), and which of them the routers answer. Barbican's have a table of their own,
//! written by hand after the routes of its release 23: OpenStack has no OpenAPI document of them.

use http::RouteInfo;
use std::collections::BTreeSet;

/// One row of the table. Path variables are `{}`.
pub struct Operation {
    pub service: String,
    pub method: String,
    pub path: String,
    /// The key of a `POST …/action` body, or empty.
    pub action: String,
    /// The versions that have it, as far as the service counts them.
    pub min: Option<(u16, u16)>,
    pub max: Option<(u16, u16)>,
}

pub fn all() -> Vec<Operation> {
    let tables = ["docs/data/operations.csv", "docs/data/operations-key-manager.csv"];
    tables.iter().flat_map(|table| super::read(table).lines().skip(1).map(row).collect::<Vec<_>>()).collect()
}

fn row(line: &str) -> Operation {
    let [service, method, path, action, min, max] = line.split(',').collect::<Vec<_>>()[..] else {
        panic!("docs/data/operations.csv: {line}: six fields are expected");
    };
    let version = |text: &str| {
        let (major, minor) = text.split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    Operation {
        service: service.to_owned(),
        method: method.to_owned(),
        path: path.to_owned(),
        action: action.to_owned(),
        min: version(min),
        max: version(max),
    }
}

/// What the routers answer, in the table's terms.
pub struct Answered(BTreeSet<(String, String, String, String)>);

impl Answered {
    pub fn by(routes: &[RouteInfo]) -> Self {
        Self(routes.iter().map(in_terms_of_the_table).collect())
    }

    /// A GET route answers HEAD too. A route of any action would be one without an action.
    pub fn has(&self, operation: &Operation) -> bool {
        let method = if operation.method == "HEAD" { "GET" } else { &operation.method };
        [method, &operation.method].into_iter().any(|method| {
            let Operation { service, path, action, .. } = operation;
            self.0.contains(&(service.clone(), method.to_owned(), path.clone(), action.clone()))
        })
    }
}

fn in_terms_of_the_table(route: &RouteInfo) -> (String, String, String, String) {
    let path = route.path.strip_prefix(&format!("/{}", route.service)).unwrap_or(&route.path);
    let parts = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
    let path = parts.collect::<Vec<_>>().join("/");
    let path = if path.len() > 1 { path.trim_end_matches('/') } else { &path };
    (route.service.into(), route.method.into(), path.to_owned(), route.action.unwrap_or_default().to_owned())
}

#[test]
fn routes_are_found_in_the_table() {
    let route = |method, path: &str, action| RouteInfo { service: "compute", method, path: path.into(), action };
    let routes = [
        route("GET", "/compute/v2.1/servers/{id}", None),
        route("POST", "/compute/v2.1/servers/{id}/action", Some("lock")),
        route("GET", "/compute/", None),
    ];
    let answered = Answered::by(&routes);
    for (line, expect) in [
        ("compute,GET,/v2.1/servers/{},,2.1,", true),
        ("compute,HEAD,/v2.1/servers/{},,2.1,", true),
        ("compute,PUT,/v2.1/servers/{},,2.1,", false),
        ("volume,GET,/v2.1/servers/{},,2.1,", false),
        ("compute,GET,/,,2.1,", true),
        ("compute,POST,/v2.1/servers/{}/action,lock,2.1,2.72", true),
        ("compute,POST,/v2.1/servers/{}/action,unlock,2.1,2.72", false),
    ] {
        assert_eq!(answered.has(&row(line)), expect, "{line}");
    }
}
