//! A guest with processors of its own, one of them its hypervisor's, from host to host and from flavor to flavor: what placement shows as used,
//! what its host was told, and the audit, after each.

use crate::rig::{Login, Node, eventually, image, server_of, two_hosts_with, words};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs};

struct Cloud {
    hosts: [Node; 2],
    admin: Login,
    server: String,
}

impl Cloud {
    async fn act(&self, action: Value) {
        self.admin.must(&format!("POST /compute/v2.1/servers/{}/action", self.server), action).await;
    }

    async fn is(&self, status: &str) {
        eventually(&format!("the server is {status}"), async || {
            let shown = self.admin.must(&format!("GET /compute/v2.1/servers/{}", self.server), Value::Null).await;
            let so = shown["server"]["status"] == status && shown["server"]["OS-EXT-STS:task_state"].is_null();
            if so { Ok(()) } else { Err(shown.to_string()) }
        })
        .await;
    }

    /// `PCPU` in use on both hosts together.
    async fn used(&self) -> u64 {
        let found = self.admin.must("GET /placement/resource_providers", Value::Null).await;
        let mut sum = 0;
        for provider in found["resource_providers"].as_array().into_iter().flatten() {
            let line =
                format!("GET /placement/resource_providers/{}/usages", provider["uuid"].as_str().expect("an id"));
            sum += self.admin.must(&line, Value::Null).await["usages"]["PCPU"].as_u64().unwrap_or(0);
        }
        sum
    }

    /// The guest as its host was told to run it.
    fn told(&self) -> Value {
        let at = |host: &Node| fs::read(host.data().join(format!("guests/fake/{}.json", self.server))).ok();
        let guests: Vec<_> = self.hosts.iter().filter_map(at).collect();
        assert_eq!(guests.len(), 1, "one host has it");
        serde_json::from_slice::<Value>(&guests[0]).expect("a guest")["spec"].clone()
    }

    /// So many processors in use; so many vCPUs pinned to processors that the host gives away, and its hypervisor's where it is to be.
    async fn has(&self, when: &str, used: u64, pinned: usize, realtime: &[u32]) {
        eventually(&format!("{when}: {used} PCPU are in use"), async || {
            let found = self.used().await;
            if found == used { Ok(()) } else { Err(found.to_string()) }
        })
        .await;
        let line = format!("GET /compute/v2.1/servers/{}/topology", self.server);
        let topology = self.admin.versioned(&line, &Value::Null, "compute 2.78").await.body;
        let pins = topology["nodes"][0]["cpu_pinning"].as_object().expect("it is pinned").clone();
        let mut own: BTreeSet<u64> = pins.values().filter_map(Value::as_u64).collect();
        assert_eq!((pins.len(), own.len()), (pinned, pinned), "{when}: {topology}");
        let spec = self.told();
        assert_eq!(spec["cells"][0]["pins"], json!(pins), "{when}");
        assert_eq!(spec["hardware"]["realtime"], json!(realtime), "{when}");
        assert_eq!(spec["hardware"]["locked_memory"], true, "{when}");
        let emulator = &spec["cells"][0]["emulator"];
        match emulator["own"].as_u64() {
            Some(cpu) => assert!(own.insert(cpu), "{when}: {cpu} is a vCPU's"),
            None => assert_eq!(emulator["shared"].as_array().map(Vec::len), Some(64 - 6), "{when}: {emulator}"),
        }
        assert!(own.iter().all(|cpu| *cpu < 6), "{when}: {own:?}");
        eventually(&format!("{when}: the audit is clean"), async || {
            let audit = self.hosts[0].command("audit", &[]);
            if audit.status.success() { Ok(()) } else { Err(words(&audit)) }
        })
        .await;
    }
}

#[tokio::test]
async fn a_guest_in_real_time_goes_about() {
    let (member, other, admin) = two_hosts_with(&["hypervisor.cpu_dedicated_set=0-5"]).await;
    let image = image(&admin).await;
    let realtime =
        json!({"hw:cpu_policy": "dedicated", "hw:emulator_threads_policy": "isolate", "hw:cpu_realtime": "yes"});
    let mixed = json!({"hw:cpu_policy": "mixed", "hw:emulator_threads_policy": "share",
                       "hw:cpu_realtime": "yes", "hw:cpu_realtime_mask": "^0"});
    for (name, vcpus, specs) in [("realtime", 4, realtime), ("mixed", 2, mixed)] {
        let flavor = json!({"flavor": {"id": name, "name": name, "ram": 64, "vcpus": vcpus, "disk": 1}});
        admin.must("POST /compute/v2.1/flavors", flavor).await;
        let specs = json!({"extra_specs": specs});
        admin.must(&format!("POST /compute/v2.1/flavors/{name}/os-extra_specs"), specs).await;
    }
    let server = server_of(&admin, &image, json!({"flavorRef": "realtime", "availability_zone": "nova:h1"})).await;
    let cloud = Cloud { hosts: [member, other], admin, server };
    let all = [0, 1, 2, 3];
    let resized = async |flavor: &str| {
        cloud.act(json!({"resize": {"flavorRef": flavor, "tstack:way": "cold"}})).await;
        cloud.is("VERIFY_RESIZE").await;
    };
    cloud.is("ACTIVE").await;
    cloud.has("new", 5, 4, &all).await;
    // Six are given away on this host: another of its kind has no room beside it.
    let second =
        server_of(&cloud.admin, &image, json!({"flavorRef": "realtime", "availability_zone": "nova:h1"})).await;
    eventually("the second has no host", async || {
        let shown =
            cloud.admin.must(&format!("GET /compute/v2.1/servers/{second}"), Value::Null).await["server"].clone();
        if shown["status"] == "ERROR" { Ok(()) } else { Err(shown.to_string()) }
    })
    .await;
    cloud.admin.must(&format!("DELETE /compute/v2.1/servers/{second}"), Value::Null).await;
    let live = json!({"os-migrateLive": {"host": null, "block_migration": true, "disk_over_commit": false}});
    cloud.act(live.clone()).await;
    cloud.is("ACTIVE").await;
    cloud.has("live over there", 5, 4, &all).await;
    cloud.act(json!({"reboot": {"type": "HARD"}})).await;
    cloud.is("ACTIVE").await;
    cloud.has("rebooted", 5, 4, &all).await;
    resized("mixed").await;
    cloud.has("resized, and undecided", 6, 1, &[1]).await;
    cloud.act(json!({"revertResize": null})).await;
    cloud.is("ACTIVE").await;
    cloud.has("reverted", 5, 4, &all).await;
    resized("mixed").await;
    cloud.act(json!({"confirmResize": null})).await;
    cloud.is("ACTIVE").await;
    cloud.has("confirmed", 1, 1, &[1]).await;
    cloud.act(live).await;
    cloud.is("ACTIVE").await;
    cloud.has("live, sharing", 1, 1, &[1]).await;
    resized("realtime").await;
    cloud.has("and back, undecided", 6, 4, &all).await;
    cloud.act(json!({"confirmResize": null})).await;
    cloud.is("ACTIVE").await;
    cloud.act(json!({"rebuild": {"imageRef": image}})).await;
    cloud.is("ACTIVE").await;
    cloud.has("rebuilt", 5, 4, &all).await;
    cloud.act(json!({"migrate": null})).await;
    cloud.is("VERIFY_RESIZE").await;
    cloud.has("moved, and undecided", 10, 4, &all).await;
    cloud.act(json!({"confirmResize": null})).await;
    cloud.is("ACTIVE").await;
    cloud.has("moved", 5, 4, &all).await;
    cloud.act(json!({"shelve": null})).await;
    eventually("it is shelved away", async || match cloud.used().await {
        0 => Ok(()),
        some => {
            // Where shelving leaves it on its host for a while.
            let line = format!("POST /compute/v2.1/servers/{}/action", cloud.server);
            cloud.admin.ask(&line, &json!({"shelveOffload": null})).await;
            Err(some.to_string())
        }
    })
    .await;
    cloud.is("SHELVED_OFFLOADED").await;
    cloud.act(json!({"unshelve": null})).await;
    cloud.is("ACTIVE").await;
    cloud.has("unshelved", 5, 4, &all).await;
    cloud.admin.must(&format!("DELETE /compute/v2.1/servers/{}", cloud.server), Value::Null).await;
    eventually("nothing is in use", async || {
        let used = cloud.used().await;
        if used == 0 { Ok(()) } else { Err(used.to_string()) }
    })
    .await;
}
