use crate::support::{World, id, RED};
use serde_json::{Value, json};
use std::time::Instant;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore]
async fn speed() {
    let w = World::new().await.reconciling();
    w.admin().expect(200, &format!("PUT quotas/{RED}"), json!({"quota": {"port": -1}})).await;
    let network = id(&w.red().make("network", json!({})).await);
    w.red().make("subnet", json!({"network_id": network, "ip_version": 4, "cidr": "10.0.0.0/12"})).await;
    for k in 0..50 {
        let t = Instant::now();
        for _ in 0..5 {
            let ports: Vec<Value> = (0..200).map(|n| json!({"network_id": network, "name": format!("p{n}")})).collect();
            w.red().expect(201, "POST ports", json!({"ports": ports})).await;
        }
        if k % 7 == 0 { println!("{k}: 1000 bulk {:?}", t.elapsed()); }
    }
    let t = Instant::now();
    for _ in 0..200 { w.red().make("port", json!({"network_id": network})).await; }
    println!("one port: {:?}", t.elapsed() / 200);
    let t = Instant::now();
    w.settled().await;
    println!("settled {:?}", t.elapsed());
    for path in ["ports?limit=1000", "ports?limit=1000&sort_key=name", "ports?limit=100&name=p7", "networks", "ports", "quotas/1111111111111111111111111111111a/details.json", "network-ip-availabilities"] {
        for _ in 0..2 {
        let t = Instant::now();
        let a = w.admin().call(&format!("GET {path}"), None).await;
        println!("{path}: {} {:?} {}", a.status, t.elapsed(), a.text().len());
        }
    }
    let p = w.red().expect(200, "GET ports?limit=1", None).await["ports"][0]["id"].as_str().unwrap().to_owned();
    let t = Instant::now();
    for n in 0..100 { w.red().set("port", &p, json!({"name": format!("x{n}")})).await; }
    println!("set {:?}", t.elapsed() / 100);
    let t = Instant::now();
    for _ in 0..100 { w.red().show("port", &p).await; }
    println!("show {:?}", t.elapsed() / 100);
    let t = Instant::now();
    for p in w.red().expect(200, "GET ports?limit=100", None).await["ports"].as_array().unwrap() {
        w.red().expect(204, &format!("DELETE ports/{}", p["id"].as_str().unwrap()), None).await;
    }
    println!("delete {:?}", t.elapsed() / 100);
}
