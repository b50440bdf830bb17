use super::*;
use crate::{
    driver::{Disk, DiskBus, DiskEncryption, DiskFormat, DiskSource, IoLimits},
    model::vm::{VmPort, VmVolume},
};
use ports::{CellFit, VolumeEncryption, VolumeTarget, network::BoundSubnet};
use serde_json::{Value, json};

fn guest() -> GuestMetadata {
    GuestMetadata {
        uuid: "6f1c2a3b-0000-4000-8000-000000000001".into(),
        name: "one".into(),
        hostname: "one".into(),
        project: "p".into(),
        availability_zone: "nova".into(),
        flavor: "m1.nano".into(),
        meta: [("role".into(), "web".into())].into(),
        keys: vec![("me".into(), "ssh-ed25519 AAAA me".into())],
        user_data: Some("IyEvYmluL3NoCg==".into()),
        reservation: "r-1".into(),
        image: "ab12cd34-0000-4000-8000-000000000001".into(),
        security_groups: vec!["default".into(), "web".into()],
        block_devices: [("ami", "vda"), ("root", "/dev/vda"), ("ebs0", "/dev/vdb")]
            .map(|(name, device)| (name.to_owned(), device.to_owned()))
            .into(),
        ..GuestMetadata::default()
    }
}

fn port(kind: &str) -> BoundPort {
    BoundPort {
        port: "9d".into(),
        network: "n".into(),
        network_name: "demo".into(),
        mac: "fa:16:3e:00:00:01".into(),
        mtu: 1442,
        tap: "tap9d".into(),
        addresses: vec!["fd00::5".parse().unwrap(), "10.0.0.5".parse().unwrap()],
        floating: vec!["172.24.4.9".parse().unwrap(), "172.24.4.8".parse().unwrap()],
        subnets: vec![BoundSubnet {
            cidr: "10.0.0.0/24".parse().unwrap(),
            address: "10.0.0.5".parse().unwrap(),
            gateway: "10.0.0.1".parse().ok(),
            dhcp: kind == "ipv4_dhcp",
            dns: vec!["9.9.9.9".parse().unwrap()],
            routes: vec![("10.9.0.0/16".parse().unwrap(), "10.0.0.9".parse().unwrap())],
            kind: kind.into(),
        }],
        metadata: None,
        model: "virtio".into(),
    }
}

fn intent_of(metadata: GuestMetadata, kind: &str) -> VmIntent {
    let ports = vec![VmPort { bound: port(kind), slot: 0, tag: Some("outside".into()) }];
    VmIntent { metadata, ports, ..crate::testkit::intent("s1", "h1", 1) }
}

fn root() -> Disk {
    let source = DiskSource::File { path: "root".into(), format: DiskFormat::Qcow2 };
    Disk {
        id: "root".into(),
        source,
        bus: DiskBus::Sata,
        serial: "ab-root".into(),
        boot_index: Some(0),
        read_only: false,
        slot: 0,
        volume: None,
        io: IoLimits::default(),
        encryption: DiskEncryption::None,
    }
}

fn volume(id: &str, tag: Option<&str>) -> VmVolume {
    VmVolume {
        volume: id.into(),
        target: VolumeTarget::Fake { export: id.into() },
        read_only: false,
        slot: 1,
        boot_index: None,
        io: IoLimits::default(),
        bus: DiskBus::Scsi,
        encryption: VolumeEncryption::None,
        tag: tag.map(str::to_owned),
    }
}

fn get(path: &str) -> (u16, String) {
    let answer = answer("GET", path, &intent_of(guest(), "ipv4"), BTreeMap::new);
    (answer.status, String::from_utf8(answer.body).unwrap())
}

#[test]
fn the_trees_answer_as_novas() {
    let check = |path: &str, expect: &str| assert_eq!(get(path), (200, expect.to_owned()), "{path}");
    check("/openstack/2012-08-10", "meta_data.json\nuser_data");
    check("/openstack/latest/user_data", "#!/bin/sh\n");
    check("/latest/meta-data/public-keys/", "0=me");
    check("/2009-04-04/meta-data/public-keys/0/openssh-key", "ssh-ed25519 AAAA me");
    check("/latest/meta-data/hostname?x=y", "one");
    check("/latest/meta-data/local-ipv4", "10.0.0.5");
    check("/latest/meta-data/instance-id", "i-6f1c2a3b");
    check("/latest/meta-data/placement", "availability-zone");
    check("/latest/user-data", "#!/bin/sh\n");
    for none in ["/openstack/1999-01-01", "/openstack/latest/x", "/2030-01-01/meta-data", "/latest/meta-data/no", "/x"]
    {
        assert_eq!(get(none).0, 404, "{none}");
    }
    assert_eq!(answer("DELETE", "/latest", &intent_of(guest(), "ipv4"), BTreeMap::new).status, 405);
}

/// `nova/api/metadata/base.py` of Nova 34.
#[test]
fn ec2s_tree_is_as_novas() {
    let at = |version: &str, path: &str| get(&format!("/{version}/meta-data{path}"));
    let check = |path: &str, expect: &str| assert_eq!(at("latest", path), (200, expect.to_owned()), "{path}");
    check("/ami-id", "ami-ab12cd34");
    check("/ami-launch-index", "0");
    check("/ami-manifest-path", "FIXME");
    check("/block-device-mapping/", "ami\nebs0\nroot");
    check("/block-device-mapping/ebs0", "/dev/vdb");
    check("/instance-action", "none");
    check("/instance-type", "m1.nano");
    check("/local-hostname", "one");
    check("/local-ipv4", "10.0.0.5");
    check("/placement/availability-zone", "nova");
    check("/public-hostname", "one");
    check("/public-ipv4", "172.24.4.9");
    check("/public-keys/0", "openssh-key");
    check("/reservation-id", "r-1");
    check("/security-groups", "default\nweb");
    for gone in ["/ancestor-ami-ids", "/kernel-id", "/ramdisk-id", "/product-codes", "/security-groups/default"] {
        assert_eq!(at("latest", gone).0, 404, "{gone}");
    }
    let first = "ami-id\nami-launch-index\nami-manifest-path\nhostname\ninstance-id\nlocal-ipv4\npublic-keys/\n\
                 reservation-id\nsecurity-groups";
    assert_eq!(at("1.0", "/").1, first);
    let all = "ami-id\nami-launch-index\nami-manifest-path\nblock-device-mapping/\nhostname\ninstance-action\ninstance-id\n\
               instance-type\nlocal-hostname\nlocal-ipv4\nplacement/\npublic-hostname\npublic-ipv4\npublic-keys/\n\
               reservation-id\nsecurity-groups";
    for version in ["2008-09-01", "2009-04-04", "latest", "ec2/latest"] {
        assert_eq!(at(version, "").1, all, "{version}");
    }
    for (name, since) in [
        ("public-ipv4", "2007-01-19"),
        ("instance-type", "2007-08-29"),
        ("block-device-mapping", "2007-12-15"),
        ("placement", "2008-02-01"),
        ("instance-action", "2008-09-01"),
    ] {
        for version in ec2::VERSIONS {
            let there = at(version, &format!("/{name}")).0 == 200;
            assert_eq!(there, *version >= since, "{version} {name}");
        }
    }
    assert_eq!(get("/ec2"), get("/"));
    // Nobody leads to it from outside, it boots from a volume, and it has no key.
    let mut bare = intent_of(GuestMetadata { image: String::new(), keys: vec![], ..guest() }, "ipv4");
    bare.ports[0].bound.floating.clear();
    let told = |name: &str| answer("GET", &format!("/latest/meta-data/{name}"), &bare, BTreeMap::new);
    assert_eq!((told("public-ipv4").status, told("public-ipv4").body), (200, vec![]));
    assert_eq!((told("ami-id").body, told("public-keys").status), (b"None".to_vec(), 404));
    let drive = config_drive(&bare, BTreeMap::new);
    let file = drive.iter().find(|(path, _)| path == "ec2/2009-04-04/meta-data.json").unwrap();
    let file: Value = serde_json::from_str(&file.1).unwrap();
    assert_eq!((&file["ami-launch-index"], &file["ami-id"]), (&json!(0), &Value::Null));
    assert_eq!(file["security-groups"], json!(["default", "web"]));
}

#[test]
fn meta_data_says_who_the_guest_is() {
    let meta: Value = serde_json::from_str(&get("/openstack/latest/meta_data.json").1).unwrap();
    assert_eq!(meta["uuid"], guest().uuid);
    assert_eq!(meta["public_keys"], json!({"me": "ssh-ed25519 AAAA me"}));
    assert_eq!(meta["keys"], json!([{"name": "me", "type": "ssh", "data": "ssh-ed25519 AAAA me"}]));
    assert_eq!(meta["meta"], json!({"role": "web"}));
    assert!(meta.get("admin_pass").is_none());
}

#[test]
fn devices_are_told_by_their_tags() {
    let mut intent = intent_of(guest(), "ipv4");
    intent.metadata.disk_tags = [("root".into(), "system".into())].into();
    intent.volumes = vec![volume("v1", Some("data")), volume("v2", None)];
    intent.spec.disks = vec![root()];
    let cell = CellFit { vcpus: [0, 1].into(), pins: [(1, 7)].into(), ..CellFit::default() };
    intent.spec.cells = vec![cell];
    let at = |bus, address: &str| GuestAddress { bus, address: address.into() };
    let places = [("9d", at("pci", "0000:00:14.0")), ("vol-v1", at("scsi", "0:0:1:0"))];
    let places: BTreeMap<_, _> = places.map(|(id, place)| (id.to_owned(), place)).into();
    let told = |version: &str| -> Value {
        let path = format!("/openstack/{version}/meta_data.json");
        serde_json::from_slice(&answer("GET", &path, &intent, || places.clone()).body).unwrap()
    };
    let latest = told("latest");
    let devices = json!([
        {"type": "nic", "bus": "pci", "address": "0000:00:14.0", "mac": "fa:16:3e:00:00:01", "tags": ["outside"],
            "vf_trusted": false},
        {"type": "disk", "bus": "none", "address": "none", "serial": "ab-root", "tags": ["system"]},
        {"type": "disk", "bus": "scsi", "address": "0:0:1:0", "serial": "v1", "tags": ["data"]},
    ]);
    assert_eq!((&latest["devices"], &latest["dedicated_cpus"]), (&devices, &json!([1])));
    assert!(told("2016-06-30").get("dedicated_cpus").is_none());
    assert!(told("2017-02-22")["devices"][0].get("vf_trusted").is_none());
    assert!(told("2015-10-15").get("devices").is_none());
}

#[test]
fn seeds_are_long_and_never_the_same() {
    let told = |version: &str| -> Value {
        serde_json::from_str(&get(&format!("/openstack/{version}/meta_data.json")).1).unwrap()
    };
    let seed = || told("2013-04-04")["random_seed"].as_str().unwrap().to_owned();
    assert_eq!(seed().len(), 684, "512 bytes as Base64");
    assert_ne!(seed(), seed());
    let oldest = told("2012-08-10");
    assert_eq!((oldest.get("random_seed"), oldest.get("project_id")), (None, None));
    assert_eq!(told("2025-04-04")["project_id"], "p");
}

#[test]
fn certificates_are_told_from_keys() {
    let pem = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    let intent = intent_of(GuestMetadata { keys: vec![("win".into(), pem.into())], ..guest() }, "ipv4");
    let body = answer("GET", "/openstack/latest/meta_data.json", &intent, BTreeMap::new).body;
    let meta: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(meta["keys"], json!([{"name": "win", "type": "x509", "data": pem}]));
}

#[test]
fn the_passwords_path_is_known() {
    for path in ["/openstack/latest/password", "/openstack/2013-04-04/password?x=y", "/openstack/2019-01-01/password/"]
    {
        assert!(is_password(path), "{path}");
    }
    for path in
        ["/openstack/2012-08-10/password", "/openstack/latest/password/x", "/latest/password", "/openstack/x/password"]
    {
        assert!(!is_password(path), "{path}");
    }
}

#[test]
fn network_data_gives_addresses_only_where_dhcp_does_not() {
    let data: Value = serde_json::from_str(&get("/openstack/latest/network_data.json").1).unwrap();
    assert_eq!(data["links"][0]["ethernet_mac_address"], "fa:16:3e:00:00:01");
    assert_eq!(data["networks"][0]["ip_address"], "10.0.0.5");
    assert_eq!(
        data["networks"][0]["routes"][0],
        json!({"network": "0.0.0.0", "netmask": "0.0.0.0", "gateway": "10.0.0.1"})
    );
    assert_eq!(data["networks"][0]["routes"][1]["netmask"], "255.255.0.0");
    assert_eq!(data["services"], json!([{"type": "dns", "address": "9.9.9.9"}]));
    let dhcp = answer("GET", "/openstack/latest/network_data.json", &intent_of(guest(), "ipv4_dhcp"), BTreeMap::new);
    let dhcp: Value = serde_json::from_slice(&dhcp.body).unwrap();
    assert!(dhcp["networks"][0].get("ip_address").is_none());
}

#[test]
fn the_config_drive_has_every_version_and_no_password_file() {
    let files = config_drive(&intent_of(guest(), "ipv4"), BTreeMap::new);
    let has = |path: &str| files.iter().any(|(p, _)| p == path);
    for path in [
        "openstack/latest/meta_data.json",
        "openstack/2012-08-10/user_data",
        "openstack/latest/network_data.json",
        "ec2/latest/meta-data.json",
    ] {
        assert!(has(path), "{path}");
    }
    assert!(!files.iter().any(|(path, text)| path.ends_with("password") || text.contains("_name")));
}
