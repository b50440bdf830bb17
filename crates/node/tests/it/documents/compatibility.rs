//! `docs/compatibility.md`: what of OpenStack is answered, counted; what is not, with the reason; and what differs on purpose.
//!
//! Reasons are rows of `docs/data/reasons.csv` (service, method or `*`, path or its beginning and `*`, reason); the row that
//! says most wins. A row that no unanswered operation needs any more does no harm.

use super::operations::{Answered, Operation};
use kernel::Microversion;
use std::{collections::BTreeMap, fmt::Write};

/// A service of the core: what it is called, whose API it speaks, and the versions it announces.
struct Service {
    name: &'static str,
    upstream: &'static str,
    announced: Announced,
}

enum Announced {
    Micro(Microversion, Microversion),
    /// Versions that no operation of the table names.
    Fixed(&'static str),
}

/// Services of OpenStack's that have no crate yet.
const LATER: &[(&str, &str)] = &[
    ("share", "shared file systems (Manila)"),
    ("object", "object storage (Swift)"),
    ("load-balancer", "load balancers (Octavia)"),
    ("dns", "names (Designate)"),
    ("container", "container clusters (Magnum)"),
];

fn services() -> Vec<Service> {
    let micro = |spec: &http::ServiceSpec| {
        let range = spec.versioning.range().expect("the service counts versions");
        Announced::Micro(range.min, range.max)
    };
    let service = |name, upstream, announced| Service { name, upstream, announced };
    vec![
        service("identity", "Keystone", Announced::Fixed("v3.14")),
        service("compute", "Nova", micro(&compute::api::spec())),
        service("placement", "Placement", micro(&placement::api::spec())),
        service("network", "Neutron", Announced::Fixed("v2.0")),
        service("image", "Glance", Announced::Fixed(image::api::NEWEST)),
        service("volume", "Cinder", micro(&volume::api::spec())),
        service("key-manager", "Barbican", micro(&keymanager::api::spec())),
    ]
}

impl Announced {
    fn has(&self, operation: &Operation) -> bool {
        let Self::Micro(min, max) = self else { return true };
        let version = |(major, minor)| Microversion::new(major, minor);
        operation.min.is_none_or(|v| version(v) <= *max) && operation.max.is_none_or(|v| version(v) >= *min)
    }

    fn text(&self) -> String {
        match self {
            Self::Micro(min, max) => format!("{min} to {max}"),
            Self::Fixed(text) => (*text).to_owned(),
        }
    }
}

struct Reason {
    service: String,
    method: String,
    path: String,
    text: String,
}

impl Reason {
    fn all() -> Vec<Self> {
        let row = |line: &str| {
            let [service, method, path, text] = line.splitn(4, ',').collect::<Vec<_>>()[..] else {
                panic!("docs/data/reasons.csv: {line}: four fields are expected");
            };
            Self { service: service.into(), method: method.into(), path: path.into(), text: text.into() }
        };
        super::read("docs/data/reasons.csv").lines().skip(1).map(row).collect()
    }

    fn fits(&self, operation: &Operation) -> bool {
        let path = match self.path.strip_suffix('*') {
            Some(beginning) => operation.path.starts_with(beginning),
            None => operation.path == self.path,
        };
        path && self.service == operation.service && (self.method == "*" || self.method == operation.method)
    }

    fn weight(&self) -> (usize, bool) {
        (self.path.len(), self.method != "*")
    }
}

pub fn document() -> String {
    let operations = super::operations::all();
    let answered = Answered::by(&node::routes::all());
    let mut counts = String::from(
        "| service | speaks | versions announced | operations in OpenStack | of those, in the announced versions | answered |\n\
         |---|---|---|---:|---:|---:|\n",
    );
    let mut missing = String::new();
    for service in services() {
        let (row, list) = one(&service, &operations, &answered);
        counts.push_str(&row);
        missing.push_str(&list);
    }
    for (name, what) in LATER {
        let total = operations.iter().filter(|o| o.service == *name).count();
        let _ = writeln!(counts, "| {name} | {what} | none | {total} | 0 | 0 |");
    }
    super::read("docs/data/compatibility.md")
        .replace("{counts}\n", &counts)
        .replace("{deviations}\n", &super::read("docs/data/deviations.md"))
        .replace("{missing}\n", missing.trim_start())
}

/// The service's row of the table, and its part of the list of what is not answered.
fn one(service: &Service, operations: &[Operation], answered: &Answered) -> (String, String) {
    let own: Vec<_> = operations.iter().filter(|o| o.service == service.name).collect();
    let announced = own.iter().filter(|o| service.announced.has(o)).count();
    let missing: Vec<_> = own.iter().copied().filter(|o| !answered.has(o)).collect();
    let (name, upstream, versions) = (service.name, service.upstream, service.announced.text());
    let (total, have) = (own.len(), own.len() - missing.len());
    let row = format!("| {name} | {upstream} | {versions} | {total} | {announced} | {have} |\n");
    let list = format!("\n### {name}: {} of {total} not answered\n{}", missing.len(), grouped(&missing));
    (row, list)
}

/// By reason, those with most operations first; below that a line for each path.
fn grouped(missing: &[&Operation]) -> String {
    let reasons = Reason::all();
    let mut groups: BTreeMap<&str, Vec<&Operation>> = BTreeMap::new();
    for &operation in missing {
        let best = reasons.iter().filter(|r| r.fits(operation)).max_by_key(|r| r.weight());
        groups.entry(best.map_or("no reason is noted", |r| &r.text)).or_default().push(operation);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, operations)| std::cmp::Reverse(operations.len()));
    let mut out = String::new();
    for (reason, operations) in groups {
        let _ = write!(out, "\n**{reason}** ({})\n\n", operations.len());
        let mut paths: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for operation in operations {
            paths.entry(&operation.path).or_default().push(verb(operation));
        }
        for (path, verbs) in paths {
            let _ = writeln!(out, "- `{path}` {}", verbs.join(", "));
        }
    }
    out
}

/// `GET`, or the action's name; with the versions that have it where there is an end to them.
fn verb(operation: &Operation) -> String {
    let name = if operation.action.is_empty() { &operation.method } else { &operation.action };
    match (operation.min, operation.max) {
        (_, Some((major, minor))) => format!("{name} (until {major}.{minor})"),
        (Some((major, minor)), None) if minor > 1 => format!("{name} (since {major}.{minor})"),
        _ => name.clone(),
    }
}

#[test]
fn the_row_that_says_most_gives_the_reason() {
    let reason = |method: &str, path: &str| Reason {
        service: "image".into(),
        method: method.into(),
        path: path.into(),
        text: String::new(),
    };
    let operation = super::operations::all().into_iter().find(|o| o.path == "/v2/tasks/{}" && o.method == "DELETE");
    let operation = operation.expect("the table has it");
    for (method, path, expect) in [
        ("*", "/v2/*", true),
        ("DELETE", "/v2/tasks/{}", true),
        ("GET", "/v2/tasks/{}", false),
        ("*", "/v2/task", false),
    ] {
        assert_eq!(reason(method, path).fits(&operation), expect, "{method} {path}");
    }
    assert!(reason("*", "/v2/tasks/*").weight() > reason("DELETE", "/v2/*").weight());
}
