use crate::support::{World, address, id};
use serde_json::{Value, json};

fn ids(objects: &[Value]) -> Vec<String> {
    objects.iter().map(id).collect()
}

#[tokio::test]
async fn filters() {
    let world = World::new().await;
    let red = world.red();
    for name in ["a", "b", "c"] {
        red.make("network", json!({"name": name, "admin_state_up": name != "b"})).await;
    }
    let sorted = "sort_key=name&sort_dir=asc";
    for (query, expect) in [
        ("name=a", &["a"][..]),
        ("name=a&name=c", &["a", "c"]),
        ("name=a&admin_state_up=False", &[]),
        ("admin_state_up=false", &["b"]),
        ("router%3Aexternal=True", &["public"]),
        ("shared=False", &["a", "b", "c", "public"]),
        ("status=ACTIVE&name=c", &["c"]),
        ("status=DOWN", &[]),
        ("mtu=1442", &["a", "b", "c"]),
        ("name=", &[]),
    ] {
        assert_eq!(red.names(&format!("networks?{query}&{sorted}")).await, expect, "{query}");
    }
    let all = ids(&red.list("networks?name=a&name=b").await);
    let both = format!("networks?id={}&id={}", all[0], all[1]);
    assert_eq!(red.list(&both).await.len(), 2);
    assert_eq!(red.list(&format!("{both}&name=a")).await.len(), 1);
    let text = red.refused(400, "HTTPBadRequest", "GET networks?colour=red&name=a", None).await;
    assert_eq!(text, "['colour'] is invalid attribute for filtering");
    red.refused(400, "InvalidInput", "GET networks?admin_state_up=maybe", None).await;
}

#[tokio::test]
async fn ports_by_what_they_are_on() {
    let world = World::new().await;
    let red = world.red();
    let (network, subnet) = red.network("n", "10.0.0.0/24").await;
    let (other, _) = red.network("m", "10.1.0.0/24").await;
    let port = red.make("port", json!({"network_id": network, "device_id": "d", "device_owner": "compute:x", "fixed_ips": [{"ip_address": "10.0.0.42"}]})).await;
    red.port(&other).await;
    let group = port["security_groups"][0].as_str().unwrap();
    for (query, expect) in [
        (format!("network_id={network}&device_owner=compute:x"), 1),
        ("device_id=d".to_owned(), 1),
        ("device_id=".to_owned(), 1),
        (format!("security_groups={group}"), 2),
        ("fixed_ips=ip_address=10.0.0.42".to_owned(), 1),
        (format!("fixed_ips=subnet_id={subnet}&device_id=d"), 1),
        ("fixed_ips=ip_address_substr=0.0.42".to_owned(), 1),
        ("fixed_ips=ip_address=10.0.0.43".to_owned(), 0),
        (format!("mac_address={}", port["mac_address"].as_str().unwrap().to_uppercase()), 1),
        ("status=DOWN".to_owned(), 2),
    ] {
        assert_eq!(red.list(&format!("ports?{query}")).await.len(), expect, "{query}");
    }
    world.admin().set("port", &id(&port), json!({"binding:host_id": "h1"})).await;
    assert_eq!(world.admin().list("ports?binding%3Ahost_id=h1").await.len(), 1);
    assert_eq!(address(&port), "10.0.0.42");
}

#[tokio::test]
async fn order_and_fields() {
    let world = World::new().await;
    let red = world.red();
    for (name, mtu) in [("a", 1400), ("b", 1300), ("c", 1400)] {
        red.make("network", json!({"name": name, "mtu": mtu})).await;
    }
    let order = "networks?mtu=1400&mtu=1300";
    for (sort, expect) in [
        ("sort_key=name&sort_dir=desc", ["c", "b", "a"]),
        ("sort_key=mtu&sort_dir=asc&sort_key=name&sort_dir=desc", ["b", "c", "a"]),
    ] {
        assert_eq!(red.names(&format!("{order}&{sort}")).await, expect, "{sort}");
    }
    for wrong in ["sort_key=name", "sort_key=subnets&sort_dir=asc", "sort_key=name&sort_dir=up"] {
        red.refused(400, "HTTPBadRequest", &format!("GET networks?{wrong}"), None).await;
    }
    let some = red.list("networks?name=a&fields=name&fields=mtu").await;
    assert_eq!(some, [json!({"name": "a", "mtu": 1400})]);
    let network = id(&red.list("networks?name=a").await[0]);
    let one = red.expect(200, &format!("GET networks/{network}?fields=tenant_id&fields=nonsense"), None).await;
    assert_eq!(one["network"].as_object().unwrap().keys().collect::<Vec<_>>(), ["tenant_id"]);
}

#[tokio::test]
async fn pages() {
    let world = World::new().await;
    let red = world.red();
    for n in 0..7 {
        red.make("router", json!({"name": format!("r{n}")})).await;
    }
    let all = ids(&red.list("routers").await);
    assert!(all.is_sorted(), "without an order, by id");
    // Walking by the links finds each once, in the order asked for.
    for sort in ["", "&sort_key=name&sort_dir=desc"] {
        let expect = ids(&red.list(&format!("routers?{}", sort.trim_start_matches('&'))).await);
        let (mut seen, mut next) = (Vec::new(), format!("routers?limit=3{sort}"));
        loop {
            let page = red.expect(200, &format!("GET {next}"), None).await;
            seen.extend(ids(page["routers"].as_array().unwrap()));
            let links = page["routers_links"].as_array().cloned().unwrap_or_default();
            let Some(link) = links.iter().find(|l| l["rel"] == "next") else { break };
            let href = link["href"].as_str().unwrap();
            next = href
                .strip_prefix("http://cloud.test:5000/network/v2.0/")
                .expect("links begin as the client knows us")
                .to_owned();
        }
        assert_eq!(seen, expect, "{sort}");
    }
    // And back.
    let back = red.list(&format!("routers?limit=2&marker={}&page_reverse=True", all[4])).await;
    assert_eq!(ids(&back), all[2..4]);
    assert_eq!(ids(&red.list("routers?limit=2&page_reverse=True").await), all[5..]);
    assert_eq!(red.list("routers?limit=0").await.len(), 7);
    red.refused(404, "RouterNotFound", "GET routers?limit=2&marker=nobody", None).await;
    red.refused(400, "BadRequest", "GET routers?limit=-1", None).await;
    assert!(red.expect(200, "GET routers", None).await.get("routers_links").is_none());
}

#[tokio::test]
async fn tags() {
    let world = World::new().await;
    let red = world.red();
    let network = id(&red.make("network", json!({"name": "n"})).await);
    let other = id(&red.make("network", json!({"name": "o"})).await);
    let at = format!("networks/{network}/tags");
    red.expect(201, &format!("PUT {at}/red"), None).await;
    red.expect(200, &format!("PUT {at}"), json!({"tags": ["red", "blue"]})).await;
    assert_eq!(
        red.expect(201, &format!("POST {at}"), json!({"tags": ["green"]})).await["tags"],
        json!(["blue", "green", "red"])
    );
    red.expect(200, &format!("PUT networks/{other}/tags"), json!({"tags": ["red"]})).await;
    assert_eq!(red.expect(200, &format!("GET {at}"), None).await["tags"].as_array().unwrap().len(), 3);
    red.expect(204, &format!("GET {at}/red"), None).await;
    red.refused(404, "TagNotFound", &format!("GET {at}/black"), None).await;
    let named = "&sort_key=name&sort_dir=asc";
    for (query, expect) in [
        ("tags=red", &["n", "o"][..]),
        ("tags=red,blue", &["n"]),
        ("tags-any=green,black", &["n"]),
        ("not-tags=red,blue", &["o", "public"]),
        ("not-tags-any=red,blue", &["public"]),
    ] {
        assert_eq!(red.names(&format!("networks?{query}{named}")).await, expect, "{query}");
    }
    red.expect(204, &format!("DELETE {at}/blue"), None).await;
    red.refused(404, "TagNotFound", &format!("DELETE {at}/blue"), None).await;
    for body in [
        json!({"tags": ["a", "a"]}),
        json!({"tags": "a"}),
        json!({"tags": ["x".repeat(256)]}),
        json!({}),
        json!({"tags": (0..51).map(|n| n.to_string()).collect::<Vec<_>>()}),
    ] {
        assert_eq!(red.call(&format!("PUT {at}"), body).await.status, 400);
    }
    world.blue().refused(404, "NetworkNotFound", &format!("GET {at}"), None).await;
    world.client("red-reader").refused(403, "PolicyNotAuthorized", &format!("PUT {at}/x"), None).await;
    red.expect(204, &format!("DELETE {at}"), None).await;
    assert_eq!(red.show("network", &network).await["tags"], json!([]));
}

#[tokio::test]
async fn what_changed_since() {
    let clock = crate::support::manual_clock();
    let world = World::with(network::Settings::default(), clock.clone()).await;
    let red = world.red();
    let old = red.make("network", json!({"name": "old"})).await;
    clock.advance(std::time::Duration::from_secs(60));
    red.make("network", json!({"name": "new"})).await;
    let since = |at: &str| format!("networks?changed_since={at}&project_id={}", old["project_id"].as_str().unwrap());
    assert_eq!(red.names(&since("2027-01-15T08:00:30Z")).await, ["new"]);
    assert_eq!(old["updated_at"], "2027-01-15T08:00:00Z");
    red.set("network", &id(&old), json!({"name": "older"})).await;
    assert_eq!(red.list(&since("2027-01-15T08:00:30Z")).await.len(), 2);
    red.refused(400, "InvalidInput", "GET networks?changed_since=yesterday", None).await;
}
