//! First light: what a user does on the first day, with the unmodified client, real guests and real packets.

use e2e::{CloudUnderTest, eventually};
use std::{net::TcpStream, time::Duration};

const DEMO: &str = "tstack-demo";
const ADMIN: &str = "tstack-admin";

#[test]
fn a_user_of_the_stock_client_gets_a_real_server() {
    let cloud = CloudUnderTest::start("e2e", 5950, false);
    let again = cloud.quickstart(&[]);
    assert!(again.contains("hostname: demo"), "run again it logs in again: {again}");

    basics(&cloud);
    let address = server(&cloud);
    lifecycle(&cloud);
    security_group(&cloud, &address);
    volume(&cloud, &address);
    image_of_a_server(&cloud, &address);
    boot_from_a_volume(&cloud, &address);
    clean_up(&cloud);
    cloud.audit();
}

fn basics(cloud: &CloudUnderTest) {
    for line in [
        "image list",
        "flavor list",
        "network list",
        "token issue",
        "catalog list",
        "quota show",
        "limits show --absolute",
    ] {
        assert!(!cloud.openstack(DEMO, line).trim().is_empty(), "{line}");
    }
    let images = cloud.openstack(DEMO, "image list -f value -c Name");
    assert!(images.contains("tinycloud") && images.contains("tinycloud-alt"), "{images}");
    assert!(cloud.openstack(DEMO, "network list -f value -c Name").contains("demo"));
    cloud.openstack(ADMIN, "project create team");
    cloud.openstack(ADMIN, "user create --project team --password s3cret ann");
    cloud.openstack(ADMIN, "role add --project team --user ann reader");
    assert_eq!(cloud.json(ADMIN, "project show team")["enabled"], true);
    cloud.openstack(ADMIN, "user delete ann");
    cloud.openstack(ADMIN, "project delete team");
    assert!(cloud.openstack(ADMIN, "compute service list -f value -c Binary").contains("nova-compute"));
    let refused = cloud.client(DEMO, "user list");
    assert!(
        !refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("403"),
        "a member lists no users"
    );
}

/// Boots `one` with user data and a floating ip; its address.
fn server(cloud: &CloudUnderTest) -> String {
    let key = cloud.data.join("demo-key.pub");
    cloud.openstack(DEMO, &format!("keypair create --public-key {} me", key.display()));
    let script = cloud.data.join("user-data");
    std::fs::write(&script, "#!/bin/sh\necho seen > /home/cirros/user-data-ran\n").unwrap();
    cloud.openstack(
        DEMO,
        &format!(
            "server create --image tinycloud --flavor m1.nano --network demo --key-name me --user-data {} --property role=web --wait one",
            script.display()
        ),
    );
    let address = cloud.json(DEMO, "floating ip create public")["floating_ip_address"].as_str().unwrap().to_owned();
    cloud.openstack(DEMO, &format!("server add floating ip one {address}"));
    assert_eq!(cloud.guest(&address, "hostname"), "one");
    eventually("user data", Duration::from_secs(60), || {
        match cloud.guest(&address, "cat /home/cirros/user-data-ran 2>/dev/null || true").as_str() {
            "seen" => Ok(()),
            other => Err(other.to_owned()),
        }
    });
    let metadata = cloud.guest(&address, "curl -s http://169.254.169.254/openstack/latest/meta_data.json");
    assert!(metadata.contains("\"role\""), "{metadata}");
    let shown = cloud.json(DEMO, "server show one");
    assert_eq!(shown["status"], "ACTIVE");
    assert!(cloud.openstack(DEMO, "server list --long -f value").contains("one"));
    eventually("the console log", Duration::from_secs(30), || {
        let log = cloud.openstack(DEMO, "console log show one");
        if log.contains("ready") { Ok(()) } else { Err(log) }
    });
    assert!(cloud.openstack(DEMO, "console url show one").contains("token="));
    address
}

fn status(cloud: &CloudUnderTest, server: &str, wanted: &str) {
    eventually(&format!("{server} {wanted}"), Duration::from_secs(120), || {
        let found =
            cloud.json(DEMO, &format!("server show {server}"))["status"].as_str().unwrap_or_default().to_owned();
        if found == wanted { Ok(()) } else { Err(found) }
    });
}

fn lifecycle(cloud: &CloudUnderTest) {
    cloud.openstack(DEMO, "server stop demo");
    status(cloud, "demo", "SHUTOFF");
    cloud.openstack(DEMO, "server start demo");
    status(cloud, "demo", "ACTIVE");
    cloud.openstack(DEMO, "server reboot --wait demo");
    status(cloud, "demo", "ACTIVE");
    let events = cloud.openstack(DEMO, "server event list demo -f value -c Action");
    for action in ["create", "stop", "start", "reboot"] {
        assert!(events.contains(action), "{action} is among the server's events: {events}");
    }
}

fn security_group(cloud: &CloudUnderTest, address: &str) {
    cloud.guest(address, "(sudo nc -p 8080 -lk -e echo hello >/dev/null 2>&1 &) ; true");
    let at = format!("{address}:8080").parse().unwrap();
    let open = || TcpStream::connect_timeout(&at, Duration::from_secs(2)).map(drop).map_err(|e| e.to_string());
    assert!(open().is_err(), "nothing lets port 8080 in");
    let rule = cloud.json(DEMO, "security group rule create --protocol tcp --dst-port 8080 default")["id"]
        .as_str()
        .unwrap()
        .to_owned();
    eventually("the port opens", Duration::from_secs(10), open);
    cloud.openstack(DEMO, &format!("security group rule delete {rule}"));
    eventually("the port closes", Duration::from_secs(10), || {
        if open().is_err() { Ok(()) } else { Err("still open".into()) }
    });
}

fn volume(cloud: &CloudUnderTest, address: &str) {
    cloud.openstack(DEMO, "volume create --size 1 v");
    let state = |wanted: &str| {
        eventually(&format!("volume {wanted}"), Duration::from_secs(60), || {
            let found = cloud.json(DEMO, "volume show v")["status"].as_str().unwrap_or_default().to_owned();
            if found == wanted { Ok(()) } else { Err(found) }
        });
    };
    let disks = || cloud.guest(address, "grep -c -E [vs]d.$ /proc/partitions");
    state("available");
    let before = disks();
    cloud.openstack(DEMO, "server add volume one v");
    state("in-use");
    eventually("a disk appears", Duration::from_secs(30), || {
        if disks() == before { Err("not yet".into()) } else { Ok(()) }
    });
    cloud.guest(address, "echo kept | sudo dd of=/dev/vdb conv=fsync 2>/dev/null");
    cloud.openstack(DEMO, "server remove volume one v");
    state("available");
    eventually("the disk goes", Duration::from_secs(30), || {
        if disks() == before { Ok(()) } else { Err("still there".into()) }
    });
    cloud.openstack(DEMO, "server add volume one v");
    state("in-use");
    eventually("the data is still there", Duration::from_secs(30), || {
        let read = cloud.guest(address, "sudo dd if=/dev/vdb bs=5 count=1 2>/dev/null");
        if read == "kept" { Ok(()) } else { Err(read) }
    });
    cloud.openstack(DEMO, "server remove volume one v");
    state("available");
}

/// Takes the floating ip to another server.
fn give_address(cloud: &CloudUnderTest, address: &str, from: &str, to: &str) {
    cloud.openstack(DEMO, &format!("server remove floating ip {from} {address}"));
    cloud.openstack(DEMO, &format!("server add floating ip {to} {address}"));
}

fn image_of_a_server(cloud: &CloudUnderTest, address: &str) {
    cloud.guest(address, "echo kept > /home/cirros/in-the-image; sync");
    cloud.openstack(DEMO, "server image create --wait --name shot one");
    assert_eq!(cloud.json(DEMO, "image show shot")["status"], "active");
    cloud.openstack(DEMO, "server create --image shot --flavor m1.nano --network demo --key-name me --wait two");
    give_address(cloud, address, "one", "two");
    // Its disk knows the key already: a login may come before the guest has heard that it is another.
    eventually("the copy is a server of its own", Duration::from_secs(60), || {
        let said = cloud.guest(address, "hostname; cat /home/cirros/in-the-image");
        if said == "two\nkept" { Ok(()) } else { Err(said) }
    });
}

fn boot_from_a_volume(cloud: &CloudUnderTest, address: &str) {
    cloud.openstack(DEMO, "volume create --size 1 --image tinycloud boot");
    eventually("the volume is made", Duration::from_secs(120), || {
        let found = cloud.json(DEMO, "volume show boot")["status"].as_str().unwrap_or_default().to_owned();
        if found == "available" { Ok(()) } else { Err(found) }
    });
    cloud.openstack(DEMO, "server create --volume boot --flavor m1.nano --network demo --key-name me --wait three");
    give_address(cloud, address, "two", "three");
    assert_eq!(cloud.guest(address, "hostname"), "three");
    assert_eq!(cloud.json(DEMO, "volume show boot")["status"], "in-use");
}

fn clean_up(cloud: &CloudUnderTest) {
    cloud.openstack(DEMO, "server delete --wait one two three");
    cloud.openstack(DEMO, "volume delete v boot");
    cloud.openstack(DEMO, "image delete shot");
    eventually("the volumes are gone", Duration::from_secs(60), || {
        let left = cloud.openstack(DEMO, "volume list -f value");
        if left.trim().is_empty() { Ok(()) } else { Err(left) }
    });
}
