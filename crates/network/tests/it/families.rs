//! What every family of resources has alike: filters, order, fields, pages, `If-Match`, several at once or none. A row for each.

use crate::support::{Client, World, id};
use serde_json::{Value, json};

/// A resource, where its list is, and a body that makes one; what else it needs is made before.
struct Family {
    resource: &'static str,
    path: &'static str,
    body: Value,
    /// A change that anybody may make; none: it cannot be changed, or not by its owner.
    change: Option<Value>,
}

fn family(resource: &'static str, path: &'static str, body: Value) -> Family {
    Family { resource, path, body, change: Some(json!({"description": "changed"})) }
}

/// The families that tenants have, over one network with a subnet.
async fn tenants(world: &World) -> Vec<Family> {
    let red = world.red();
    let (network, _) = red.network("ground", "10.0.0.0/24").await;
    let group = id(&red.make("security_group", json!({"name": "g"})).await);
    let pool = json!({"prefixes": ["10.64.0.0/16"], "default_prefixlen": 24, "name": "p"});
    let open = |n| json!({"direction": "ingress", "protocol": "tcp", "port_range_min": n, "port_range_max": n, "security_group_id": group});
    let rule = Family { change: None, ..family("security_group_rule", "security-group-rules", open(1)) };
    vec![
        family("network", "networks", json!({"name": "n"})),
        family("subnet", "subnets", json!({"network_id": network, "ip_version": 6, "cidr": "fd00:1::/64"})),
        family("port", "ports", json!({"network_id": network})),
        family("router", "routers", json!({"name": "r"})),
        family("security_group", "security-groups", json!({"name": "s"})),
        rule,
        family("subnetpool", "subnetpools", pool),
        family("address_scope", "address-scopes", json!({"name": "a", "ip_version": 4})).nameable(),
        family("address_group", "address-groups", json!({"name": "a", "addresses": ["10.0.0.0/8"]})),
        family("floatingip", "floatingips", json!({"floating_network_id": world.public().await})),
    ]
}

/// Those that operators have.
fn operators() -> Vec<Family> {
    vec![
        family("policy", "qos/policies", json!({"name": "q"})),
        Family { change: None, ..family("metering_label", "metering/metering-labels", json!({"name": "m"})) },
    ]
}

impl Family {
    /// Its description cannot be changed, its name can.
    fn nameable(self) -> Self {
        Self { change: Some(json!({"name": "changed"})), ..self }
    }

    fn key(&self) -> String {
        self.path.rsplit('/').next().unwrap_or_default().replace('-', "_")
    }

    /// The body of the n-th: what must differ does.
    fn nth(&self, n: usize) -> Value {
        let mut body = self.body.clone();
        match self.resource {
            "subnet" => body["cidr"] = json!(format!("fd00:{n}::/64")),
            "security_group_rule" => {
                (body["port_range_min"], body["port_range_max"]) = (json!(n), json!(n));
            }
            "subnetpool" => body["prefixes"] = json!([format!("10.{}.0.0/16", 64 + n)]),
            _ => {}
        }
        body
    }

    async fn list(&self, who: &Client, query: &str) -> Vec<Value> {
        let answer = who.expect(200, &format!("GET {}?{query}", self.path), None).await;
        answer[self.key()].as_array().unwrap_or_else(|| panic!("{}: {answer}", self.path)).clone()
    }

    async fn ids(&self, who: &Client, query: &str) -> Vec<String> {
        self.list(who, query).await.iter().map(id).collect()
    }

    async fn check(&self, who: &Client) {
        let own = id(&who.make(self.resource, self.nth(2)).await);
        for n in 3..5 {
            who.make(self.resource, self.nth(n)).await;
        }
        let all = self.ids(who, "").await;
        assert!(all.len() >= 3 && all.is_sorted(), "{}: {all:?}", self.path);
        self.lists(who, &all).await;
        self.matches(who, &own).await;
        self.all_or_none(who).await;
    }

    async fn lists(&self, who: &Client, all: &[String]) {
        let path = self.path;
        assert_eq!(self.ids(who, &format!("id={}&id={}", all[0], all[2])).await, [&*all[0], &all[2]], "{path}");
        assert_eq!(self.list(who, &format!("id={}&fields=id", all[1])).await, [json!({"id": all[1]})], "{path}");
        let mut reversed = self.ids(who, "sort_key=id&sort_dir=desc").await;
        reversed.reverse();
        assert_eq!(reversed, all, "{path}");
        assert_eq!(self.ids(who, "limit=2").await, all[..2], "{path}");
        assert_eq!(self.ids(who, &format!("limit=1&marker={}", all[0])).await, all[1..2], "{path}");
        let page = who.expect(200, &format!("GET {path}?limit=1"), None).await;
        assert_eq!(page[format!("{}_links", self.key())][0]["rel"], "next", "{path}");
        let text = who.refused(400, "HTTPBadRequest", &format!("GET {path}?colour=red"), None).await;
        assert!(text.contains("colour"), "{path}: {text}");
        who.refused(400, "HTTPBadRequest", &format!("GET {path}?sort_key=colour&sort_dir=asc"), None).await;
    }

    /// Who saw an older version changes and deletes nothing.
    async fn matches(&self, who: &Client, id: &str) {
        let at = format!("{}/{id}", self.path);
        let stale = who.with("If-Match", "revision_number=4711");
        stale.refused(412, "RevisionNumberConstraintFailed", &format!("DELETE {at}"), None).await;
        let Some(change) = &self.change else { return };
        let body = json!({ self.resource: change });
        stale.refused(412, "RevisionNumberConstraintFailed", &format!("PUT {at}"), body.clone()).await;
        let seen = who.show(self.resource, id).await;
        // Some do not show theirs, as in Neutron.
        let Some(revision) = seen["revision_number"].as_i64() else { return };
        let current = who.with("If-Match", &format!("revision_number={revision}"));
        let now = current.expect(200, &format!("PUT {at}"), body).await;
        assert!(now[self.resource]["revision_number"].as_i64() > Some(revision), "{at}: {now}");
    }

    /// One wrong one among several: none is made.
    async fn all_or_none(&self, who: &Client) {
        let before = self.ids(who, "").await;
        let mut wrong = self.nth(6);
        wrong["colour"] = json!("red");
        let body = json!({ self.key(): [self.nth(7), wrong] });
        who.refused(400, "HTTPBadRequest", &format!("POST {}", self.path), body).await;
        assert_eq!(self.ids(who, "").await, before, "{}", self.path);
        let body = json!({ self.key(): [self.nth(8), self.nth(9)] });
        let made = who.expect(201, &format!("POST {}", self.path), body).await;
        assert_eq!(made[self.key()].as_array().map(Vec::len), Some(2), "{}: {made}", self.path);
    }
}

#[tokio::test]
async fn what_tenants_have() {
    let world = World::new().await;
    for family in tenants(&world).await {
        family.check(&world.red()).await;
    }
    world.audit_store().await;
}

#[tokio::test]
async fn what_operators_have() {
    let world = World::new().await;
    for family in operators() {
        family.check(&world.admin()).await;
    }
    world.audit_store().await;
}
