//! A server that asks for what no host has: its fault says why of each host, and so does the operator's command.

use crate::{ADMIN, DEMO};
use e2e::{CloudUnderTest, eventually};
use std::time::Duration;

/// Hosts of a lab are emulated, and no processor here has SGX.
pub fn who_asks_for_what_no_host_has_is_told_why(cloud: &CloudUnderTest) {
    let enclave = "--ram 128 --disk 1 --vcpus 1 --property trait:HW_CPU_X86_SGX=required enclave";
    cloud.openstack(ADMIN, &format!("flavor create {enclave}"));
    let made = cloud.json(DEMO, "server create --image tinycloud --flavor enclave --nic none nowhere");
    let id = made["id"].as_str().unwrap().to_owned();
    let fault = eventually("a fault", Duration::from_secs(60), || {
        let shown = cloud.json(ADMIN, &format!("server show {id}"));
        let failed = shown["status"] == "ERROR" && shown["fault"].is_object();
        failed.then(|| shown["fault"].clone()).ok_or_else(|| shown.to_string())
    });
    assert_eq!(fault["message"], "No valid host was found. There are not enough hosts available.", "{fault}");
    let details = fault["details"].as_str().unwrap_or_default().to_owned();
    let explained = String::from_utf8_lossy(&cloud.tstack(&["explain", &id]).stdout).into_owned();
    for host in ["h1", "h2"] {
        let why = format!("{host}: it lacks the trait HW_CPU_X86_SGX");
        assert!(details.contains(&why) && explained.contains(&why), "{details}\n{explained}");
    }
    assert!(explained.contains(&details), "{details}\n{explained}");
    cloud.openstack(DEMO, &format!("server delete --wait {id}"));
    cloud.openstack(ADMIN, "flavor delete enclave");
}
