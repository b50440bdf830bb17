//! Two hosts, one cloud: `tstack lab` makes them, a guest runs on each, they meet over the tunnel; a host's agent is killed and
//! finds its guest again; nothing is left in the end.

mod nowhere;
mod wanderer;

use e2e::{CloudUnderTest, eventually, silence};
use std::time::{Duration, Instant};
use wanderer::Wanderer;

const DEMO: &str = "tstack-demo";
const ADMIN: &str = "tstack-admin";

/// A server, and how it is reached.
struct Guest {
    name: &'static str,
    host: String,
    /// In its own network.
    inside: String,
    /// Its floating ip.
    outside: String,
}

#[test]
fn guests_on_two_hosts_are_one_cloud() {
    let cloud = CloudUnderTest::lab("e2e-lab", 5970);
    for host in ["h1", "h2"] {
        host_is(&cloud, host, "up");
    }
    cloud.audit();
    let (a, b) = servers(&cloud);
    assert_ne!(a.host, b.host, "the group keeps them apart");
    they_meet(&cloud, &a, &b);
    they_meet(&cloud, &b, &a);
    a_volume_goes_from_one_to_the_other(&cloud, &a, &b);
    let remote = if a.host == "h2" { &a } else { &b };
    a_guest_posts_its_password(&cloud, remote);
    let before = traffic(&cloud);
    assert!(before.len() >= 2 && before.values().all(|bytes| *bytes > 0), "each guest's port has counted: {before:?}");
    an_agent_finds_its_guest_again(&cloud, remote);
    nobody_notices_who_dies(&cloud, &a);
    nobody_notices_who_dies(&cloud, &b);
    let after = traffic(&cloud);
    assert!(before.iter().all(|(port, bytes)| after.get(port) >= Some(bytes)), "{before:?} {after:?}");
    cloud.audit();
    what_is_changed_by_hand_is_mended(&cloud);
    timed("nowhere", || nowhere::who_asks_for_what_no_host_has_is_told_why(&cloud));
    let wanderer = timed("wanderer is made", || Wanderer::new(&cloud, remote));
    clean_up(&cloud, &a, &b);
    cloud.audit();
    timed("wanderer goes to another host", || wanderer.goes_to_another_host_while_it_runs());
    timed("wanderer's root disk moves", || wanderer.has_its_root_disk_moved_under_it());
    cloud.audit();
    timed("wanderer is evacuated", || wanderer.is_evacuated());
    a_server_moves_with_its_disk(&cloud);
    timed("wanderer has left nothing", || wanderer.has_left_nothing_behind());
    wanderer.ends();
    cloud.audit();
    nothing_is_left(&cloud);
}

/// Says how long a step took.
fn timed<T>(step: &str, work: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let done = work();
    eprintln!("{step}: {:.0?}", began.elapsed());
    done
}

fn nothing_is_left(cloud: &CloudUnderTest) {
    let traces = cloud.traces();
    for kind in ["/sys/class/net/", "/run/netns/", "/sys/fs/cgroup", "process ", "/var/tmp/"] {
        assert!(traces.iter().any(|t| t.starts_with(kind)), "a running lab has traces in {kind}: {traces:?}");
    }
    cloud.lab_down();
    assert_eq!(cloud.traces(), Vec::<String>::new(), "the lab leaves nothing");
}

fn host_is(cloud: &CloudUnderTest, host: &str, state: &str) {
    eventually(&format!("host {host} {state}"), Duration::from_secs(60), || {
        let service = cloud.json(ADMIN, &format!("compute service list --host {host} --service nova-compute"));
        let hypervisors = cloud.json(ADMIN, "hypervisor list");
        let known = hypervisors.as_array().into_iter().flatten().find(|h| h["Hypervisor Hostname"] == host);
        let seen = (service[0]["State"].as_str(), known.and_then(|h| h["State"].as_str()));
        if seen == (Some(state), Some(state)) { Ok(()) } else { Err(format!("{seen:?}")) }
    });
}

fn servers(cloud: &CloudUnderTest) -> (Guest, Guest) {
    let group = cloud.json(DEMO, "server group create --policy anti-affinity apart")["id"].as_str().unwrap().to_owned();
    let make = |name: &'static str| {
        let how = "--image tinycloud --flavor m1.nano --network demo --key-name demo --wait";
        cloud.openstack(DEMO, &format!("server create {how} --hint group={group} {name}"));
        let outside = cloud.json(DEMO, "floating ip create public")["floating_ip_address"].as_str().unwrap().to_owned();
        cloud.openstack(DEMO, &format!("server add floating ip {name} {outside}"));
        let id = cloud.json(DEMO, &format!("server show {name}"))["id"].as_str().unwrap().to_owned();
        let shown = cloud.json(ADMIN, &format!("server show {id}"));
        let inside =
            cloud.json(DEMO, &format!("port list --server {id}"))[0]["Fixed IP Addresses"][0]["ip_address"].clone();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        Guest { name, host: text(&shown["OS-EXT-SRV-ATTR:host"]), inside: text(&inside), outside }
    };
    (make("a"), make("b"))
}

/// By floating ip from outside, by the tenant's network from within.
fn they_meet(cloud: &CloudUnderTest, from: &Guest, to: &Guest) {
    assert_eq!(cloud.guest(&from.outside, "hostname"), from.name);
    let ping = cloud.guest(&from.outside, &format!("ping -c 3 -w 20 {}", to.inside));
    assert!(ping.contains(" 0% packet loss"), "{ping}");
    assert_eq!(cloud.guest_from(&from.outside, &to.inside, "hostname"), to.name);
}

/// The volume is on one host; for the guest of the other one it comes over the network.
fn a_volume_goes_from_one_to_the_other(cloud: &CloudUnderTest, a: &Guest, b: &Guest) {
    cloud.openstack(DEMO, "volume create --size 1 v");
    volume_is(cloud, "available");
    attached(cloud, a, || cloud.guest(&a.outside, "echo carried | sudo dd of=/dev/vdb conv=fsync 2>/dev/null"));
    let read = attached(cloud, b, || cloud.guest(&b.outside, "sudo dd if=/dev/vdb bs=7 count=1 2>/dev/null"));
    assert_eq!(read, "carried");
    cloud.openstack(DEMO, "volume delete v");
}

fn attached(cloud: &CloudUnderTest, guest: &Guest, work: impl Fn() -> String) -> String {
    cloud.openstack(DEMO, &format!("server add volume {} v", guest.name));
    volume_is(cloud, "in-use");
    cloud.guest(&guest.outside, "test -b /dev/vdb");
    let done = work();
    cloud.openstack(DEMO, &format!("server remove volume {} v", guest.name));
    volume_is(cloud, "available");
    done
}

fn volume_is(cloud: &CloudUnderTest, wanted: &str) {
    eventually(&format!("volume {wanted}"), Duration::from_secs(60), || {
        let found = cloud.json(DEMO, "volume show v")["status"].as_str().unwrap_or_default().to_owned();
        if found == wanted { Ok(()) } else { Err(found) }
    });
}

fn an_agent_finds_its_guest_again(cloud: &CloudUnderTest, guest: &Guest) {
    let boot = || cloud.guest(&guest.outside, "cat /proc/sys/kernel/random/boot_id");
    let before = boot();
    let quiet = silence(&guest.outside, || {
        cloud.kill(&guest.host);
        host_is(cloud, &guest.host, "down");
        let unknown = cloud.tstack(&["audit"]);
        let said = String::from_utf8_lossy(&unknown.stdout);
        let away = format!("host {}: it is not connected", guest.host);
        assert!(!unknown.status.success() && said.contains(&away), "{said}");
        cloud.host_up(&guest.host);
        host_is(cloud, &guest.host, "up");
    });
    eprintln!("tstack on {} killed and begun again: silence for {quiet:?}", guest.host);
    assert!(quiet <= Duration::from_secs(1), "{quiet:?}");
    assert_eq!(boot(), before, "the guest is taken over, not started again");
    let metadata = cloud.guest(&guest.outside, "curl -sf http://169.254.169.254/openstack/latest/meta_data.json");
    assert!(metadata.contains(&format!("\"hostname\":\"{}\"", guest.name)), "{metadata}");
    let public = cloud.guest(&guest.outside, "curl -sf http://169.254.169.254/latest/meta-data/public-ipv4");
    assert_eq!(public, guest.outside);
    // And can be commanded.
    cloud.openstack(DEMO, &format!("server reboot --wait {}", guest.name));
    eventually("the guest has rebooted", Duration::from_secs(120), || {
        if boot() == before { Err("not yet".into()) } else { Ok(()) }
    });
}

/// As Windows guests do, once: what they post goes from their host to the region, and whoever asks there is told.
fn a_guest_posts_its_password(cloud: &CloudUnderTest, guest: &Guest) {
    let ask = |how: &str| {
        let curl = format!("curl -s -w ' %{{http_code}}' {how} http://169.254.169.254/openstack/2013-04-04/password");
        cloud.guest(&guest.outside, &curl)
    };
    assert_eq!(ask(""), "200");
    assert_eq!(ask("-d c2VhbGVk"), "200");
    assert_eq!(ask(""), "c2VhbGVk 200");
    assert_eq!(ask("-d other"), "The password has been posted already. 409");
    assert_eq!(ask("-X PUT -d other"), "GET and POST only are supported. 400");
}

/// One of the two guests is on the host that is the gateway.
fn nobody_notices_who_dies(cloud: &CloudUnderTest, guest: &Guest) {
    let quiet = silence(&guest.outside, || cloud.replace(&guest.host, "ovn-controller"));
    eprintln!("ovn-controller of {} killed: silence for {quiet:?}", guest.host);
    assert!(quiet <= Duration::from_secs(1), "{quiet:?}");
}

/// Bytes that each port of the tenant's guests received, as the operator's command tells.
fn traffic(cloud: &CloudUnderTest) -> std::collections::BTreeMap<String, u64> {
    let ports = cloud.json(DEMO, "port list --device-owner compute:nova");
    let ids: Vec<&str> = ports.as_array().into_iter().flatten().filter_map(|p| p["ID"].as_str()).collect();
    eventually("every port is counted", Duration::from_secs(60), || {
        let told = cloud.tstack(&["net", "traffic", "--ports"]);
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        let lines = told.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
        });
        let counted: std::collections::BTreeMap<String, u64> = lines.collect();
        let all = !ids.is_empty() && ids.iter().all(|id| counted.get(*id).is_some_and(|bytes| *bytes > 0));
        all.then_some(counted).ok_or(told)
    })
}

/// A port's addresses, taken out of the back end behind TStack's back: back in place within ten seconds or little more, and told.
fn what_is_changed_by_hand_is_mended(cloud: &CloudUnderTest) {
    const TOLD: &str = "the network drifted; mending it";
    let port = cloud.json(DEMO, "port list --device-owner compute:nova")[0]["ID"].as_str().unwrap().to_owned();
    let addresses = || cloud.nbctl(&format!("lsp-get-addresses {port}"));
    let (before, told) = (addresses(), cloud.log("h1").matches(TOLD).count());
    assert!(!before.is_empty());
    cloud.nbctl(&format!("lsp-set-addresses {port} unknown"));
    eventually("the addresses are back", Duration::from_secs(30), || {
        let now = addresses();
        if now == before { Ok(()) } else { Err(now) }
    });
    assert!(cloud.log("h1").matches(TOLD).count() > told, "the operator's log says so");
}

/// Cold, from one host to the other, and to another flavor and back: what is on its root disk goes along.
fn a_server_moves_with_its_disk(cloud: &CloudUnderTest) {
    cloud.openstack(
        DEMO,
        "server create --image tinycloud --flavor m1.nano --network demo --key-name demo --wait mover",
    );
    let outside = cloud.json(DEMO, "floating ip create public")["floating_ip_address"].as_str().unwrap().to_owned();
    cloud.openstack(DEMO, &format!("server add floating ip mover {outside}"));
    let id = cloud.json(DEMO, "server show mover")["id"].as_str().unwrap().to_owned();
    let host = || cloud.json(ADMIN, &format!("server show {id}"))["OS-EXT-SRV-ATTR:host"].as_str().unwrap().to_owned();
    let memory = || cloud.guest(&outside, "grep MemTotal /proc/meminfo | tr -dc 0-9").parse::<u64>().unwrap();
    let kept = || cloud.guest(&outside, "cat /root/kept 2>/dev/null || sudo cat /root/kept");
    cloud.guest(&outside, "echo carried | sudo tee /root/kept >/dev/null; sync");
    let (home, small) = (host(), memory());
    cloud.openstack(ADMIN, &format!("server migrate --wait {id}"));
    assert_ne!(host(), home);
    assert_eq!(kept(), "carried");
    cloud.openstack(ADMIN, &format!("server migrate confirm {id}"));
    server_is(cloud, "ACTIVE");
    cloud.audit();
    cloud.openstack(DEMO, "server resize --flavor m1.micro --wait mover");
    assert_eq!(kept(), "carried");
    assert!(memory() > small + 32 * 1024, "it has the other flavor's memory");
    cloud.openstack(DEMO, "server resize revert mover");
    server_is(cloud, "ACTIVE");
    assert_eq!((kept().as_str(), memory()), ("carried", small));
    it_grows_elsewhere(cloud, &outside, host);
    cloud.openstack(DEMO, "server delete --wait mover");
    cloud.openstack(DEMO, &format!("floating ip delete {outside}"));
}

/// The guest's host is to be given nothing more: it goes to the other one while it runs, and has more vCPUs and memory there.
fn it_grows_elsewhere(cloud: &CloudUnderTest, outside: &str, host: impl Fn() -> String) {
    let boot = || cloud.guest(outside, "cat /proc/sys/kernel/random/boot_id");
    let cpus = || cloud.guest(outside, "ls -d /sys/devices/system/cpu/cpu[0-9]* | wc -l");
    let memory = || cloud.guest(outside, "grep MemTotal /proc/meminfo | tr -dc 0-9").parse::<u64>().unwrap();
    let (home, booted, small) = (host(), boot(), memory());
    assert_eq!(cpus(), "1");
    cloud.openstack(ADMIN, "flavor create --ram 256 --vcpus 2 --disk 1 m1.grown");
    cloud.openstack(ADMIN, &format!("compute service set --disable {home} nova-compute"));
    cloud.openstack(DEMO, "server resize --flavor m1.grown mover");
    server_is(cloud, "VERIFY_RESIZE");
    assert_ne!(host(), home);
    assert_eq!(boot(), booted, "it was not started again");
    eventually("the guest sees what it was given", Duration::from_secs(60), || {
        let has = (cpus(), memory());
        if has.0 == "2" && has.1 > small + 96 * 1024 { Ok(()) } else { Err(format!("{has:?}")) }
    });
    cloud.openstack(DEMO, "server resize confirm mover");
    server_is(cloud, "ACTIVE");
    cloud.openstack(ADMIN, &format!("compute service set --enable {home} nova-compute"));
    cloud.openstack(ADMIN, "flavor delete m1.grown");
    assert_eq!(boot(), booted);
    cloud.audit();
}

fn server_is(cloud: &CloudUnderTest, wanted: &str) {
    eventually(&format!("the server {wanted}"), Duration::from_secs(120), || {
        let found = cloud.json(DEMO, "server show mover")["status"].as_str().unwrap_or_default().to_owned();
        if found == wanted { Ok(()) } else { Err(found) }
    });
}

fn clean_up(cloud: &CloudUnderTest, a: &Guest, b: &Guest) {
    cloud.openstack(DEMO, &format!("server delete --wait {} {}", a.name, b.name));
    cloud.openstack(DEMO, &format!("floating ip delete {} {}", a.outside, b.outside));
    cloud.openstack(DEMO, "server group delete apart");
}
