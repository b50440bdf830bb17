//! One guest that has what is hard to take along: it boots by UEFI from a volume, and has an encrypted volume besides. It goes to another
//! host while it runs, its root disk goes to another pool under it, and its host is lost.

use crate::{ADMIN, DEMO, Guest, host_is};
use e2e::{CloudUnderTest, eventually};
use std::time::Duration;

/// The member, which has the pools. The guest begins there.
const HOME: &str = "h1";
/// Where it goes.
const AWAY: &str = "h2";
const IOPS: &str = "4000";
/// A firmware variable of its own.
const VARIABLE: &str = "/sys/firmware/efi/efivars/Tstack-5a6f1c2a-0d3b-4c4e-8f7e-746e79636c64";

pub struct Wanderer<'a> {
    cloud: &'a CloudUnderTest,
    id: String,
    outside: String,
    root: String,
}

impl<'a> Wanderer<'a> {
    /// `beside`: a guest that is not at home.
    pub fn new(cloud: &'a CloudUnderTest, beside: &Guest) -> Self {
        assert_eq!(beside.host, AWAY);
        let place = |pool: &str| format!("--property location_info={HOME}:{pool}");
        let luks = "--encryption-provider luks --encryption-cipher aes-xts-plain64 --encryption-key-size 256 --encryption-control-location front-end";
        let made = [
            // The boot loader wants more than the smallest flavors have.
            "flavor create --ram 256 --disk 1 --vcpus 1 roomy".to_owned(),
            "image set --property hw_firmware_type=uefi --property hw_machine_type=q35 tinycloud-alt".to_owned(),
            format!("volume type create {} home", place("file")),
            format!("volume type create {} {luks} locked", place("file")),
            format!("volume type create {} bulk", place("bulk")),
            format!("volume qos create --consumer both --property total_iops_sec={IOPS} slow"),
            "volume qos associate slow bulk".to_owned(),
        ];
        cloud.openstack_all(ADMIN, &made);
        let root = cloud.json(DEMO, "volume create --size 1 --image tinycloud-alt --type home wanderers-root");
        let root = root["id"].as_str().unwrap().to_owned();
        cloud.openstack(DEMO, "volume create --size 1 --type locked wanderers-data");
        for name in ["wanderers-data", "wanderers-root"] {
            is(cloud, name, "volume show", "status", "available");
        }
        let elsewhere = cloud.json(DEMO, &format!("server show {}", beside.name))["id"].as_str().unwrap().to_owned();
        let how = "--volume wanderers-root --flavor roomy --network demo --key-name demo";
        let made = cloud.json(DEMO, &format!("server create {how} --hint different_host={elsewhere} wanderer"));
        let id = made["id"].as_str().unwrap().to_owned();
        let outside = cloud.json(DEMO, "floating ip create public")["floating_ip_address"].as_str().unwrap().to_owned();
        is(cloud, "wanderer", "server show", "status", "ACTIVE");
        let given = [
            format!("server add floating ip wanderer {outside}"),
            "server add volume wanderer wanderers-data".to_owned(),
        ];
        cloud.openstack_all(DEMO, &given);
        let wanderer = Self { cloud, id, outside, root };
        assert_eq!(wanderer.host(), HOME);
        wanderer.packs();
        wanderer
    }

    fn host(&self) -> String {
        let shown = self.cloud.json(ADMIN, &format!("server show {}", self.id));
        shown["OS-EXT-SRV-ATTR:host"].as_str().unwrap_or_default().to_owned()
    }

    fn says(&self, command: &str) -> String {
        self.cloud.guest(&self.outside, command)
    }

    /// Bytes on both disks, their sums, and a variable of the firmware.
    fn packs(&self) {
        self.says("test -d /sys/firmware/efi && test -b /dev/vdb");
        self.says(&format!(
            "sudo sh -ec 'dd if=/dev/urandom of=/root/kept bs=1M count=8; sha256sum /root/kept > /root/sum; \
             dd if=/root/kept of=/dev/vdb bs=1M conv=fsync; sync; \
             grep -q efivarfs /proc/mounts || mount -t efivarfs efivarfs /sys/firmware/efi/efivars; \
             printf \"\\7\\0\\0\\0kept\" > {VARIABLE}' 2>&1"
        ));
    }

    fn is_whole(&self) {
        let disks = "sudo sh -ec 'echo 3 > /proc/sys/vm/drop_caches; sha256sum -c /root/sum; \
                     dd if=/dev/vdb bs=1M count=8 2>/dev/null | cmp - /root/kept && echo same'";
        assert_eq!(self.says(disks), "/root/kept: OK\nsame");
    }

    fn firmware_remembers(&self) {
        let read = format!(
            "sudo sh -ec 'grep -q efivarfs /proc/mounts || mount -t efivarfs efivarfs /sys/firmware/efi/efivars; \
             cat {VARIABLE} | tail -c 4'"
        );
        assert_eq!(self.says(&read), "kept");
    }

    pub fn goes_to_another_host_while_it_runs(&self) {
        let boot = "cat /proc/sys/kernel/random/boot_id";
        let before = self.says(boot);
        self.cloud.openstack(ADMIN, &format!("server migrate --live-migration --wait {}", self.id));
        assert_eq!(self.host(), AWAY);
        assert_eq!(self.says(boot), before, "it runs on");
        self.is_whole();
        self.firmware_remembers();
        // The next boot reads what the firmware keeps from the disk of this host.
        self.cloud.openstack(DEMO, "server reboot --hard --wait wanderer");
        assert_ne!(self.says(boot), before);
        self.firmware_remembers();
        self.is_whole();
    }

    /// It writes all the while; and goes by its new type's limits afterwards.
    pub fn has_its_root_disk_moved_under_it(&self) {
        let (boot, count) = ("cat /proc/sys/kernel/random/boot_id", "sudo cat /root/count");
        let before = self.says(boot);
        // The old host's guest goes on with this when it is cut off.
        self.says(
            "sudo sh -c 'n=0; while :; do n=$((n+1)); echo $n > /root/count; sync; \
             printf old | dd of=/dev/vdb bs=512 seek=65536 conv=notrunc,fsync; sleep 1; done' </dev/null >/dev/null 2>&1 &",
        );
        self.cloud.openstack(DEMO, "volume set --type bulk --migration-policy on-demand wanderers-root");
        eventually("the volume is on the other pool", Duration::from_secs(120), || {
            let shown = self.cloud.json(ADMIN, &format!("volume show {}", self.root));
            let host = shown["os-vol-host-attr:host"].as_str().unwrap_or_default();
            let there = shown["status"] == "in-use" && shown["type"] == "bulk" && host.starts_with("h1@bulk#");
            there.then_some(()).ok_or_else(|| shown.to_string())
        });
        assert_eq!(self.says(boot), before, "it runs on");
        let counted = self.says(count);
        eventually("it writes on", Duration::from_secs(30), || {
            let now = self.says(count);
            if now == counted { Err(now) } else { Ok(()) }
        });
        self.is_whole();
        let limits = String::from_utf8_lossy(&self.cloud.tstack(&["limits", &self.id]).stdout).into_owned();
        for of in [format!("vol-{}", self.root), format!("pool of {}", self.root)] {
            // Ids are cut short there.
            let line = limits.lines().find(|l| l.starts_with(&of[..16]) && l.contains("total_iops_sec"));
            let both = line.map(|l| l.split_whitespace().rev().take(2).collect::<Vec<_>>());
            assert_eq!(both, Some(vec![IOPS, IOPS]), "{of}: {limits}");
        }
    }

    /// Agent and network of its host are lost, its old guest runs on there: that writes no more, and is gone when the host is back.
    pub fn is_evacuated(&self) {
        let cloud = self.cloud;
        assert_eq!(self.host(), AWAY);
        let service = |state: &str| format!("compute service set --{state} {AWAY} nova-compute");
        cloud.kill(AWAY);
        cloud.cables(AWAY, false);
        cloud.openstack_all(ADMIN, &[service("down"), format!("server evacuate {}", self.id)]);
        eventually("it is at home again", Duration::from_secs(180), || {
            let shown = cloud.json(ADMIN, &format!("server show {}", self.id));
            let there = shown["OS-EXT-SRV-ATTR:host"] == HOME && shown["status"] == "ACTIVE";
            there.then_some(()).ok_or_else(|| shown.to_string())
        });
        self.is_whole();
        self.says("sudo sh -ec 'printf new | dd of=/dev/vdb bs=512 seek=65536 conv=notrunc,fsync; sync' 2>&1");
        let old = cloud.guest_processes(AWAY, &self.id);
        assert_eq!(old.len(), 1, "the old guest runs on where nobody sees it");
        cloud.cables(AWAY, true);
        cloud.host_up(AWAY);
        cloud.openstack_all(ADMIN, &[service("up")]);
        host_is(cloud, AWAY, "up");
    }

    /// Nothing of it is where it was, and what it was there has not written any more.
    pub fn has_left_nothing_behind(&self) {
        eventually("the leftover is removed", Duration::from_secs(90), || {
            let left = self.cloud.guest_processes(AWAY, &self.id);
            if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
        });
        let read = "sudo sh -ec 'echo 3 > /proc/sys/vm/drop_caches; dd if=/dev/vdb bs=512 skip=65536 count=1 2>/dev/null' | head -c 3";
        assert_eq!(self.says(read), "new", "the old guest has written to what is not its own any more");
        self.is_whole();
        assert_eq!(self.host(), HOME);
    }

    pub fn ends(&self) {
        let gone = [
            "server delete --wait wanderer".to_owned(),
            format!("floating ip delete {}", self.outside),
            "volume delete wanderers-root wanderers-data".to_owned(),
        ];
        self.cloud.openstack_all(DEMO, &gone);
    }
}

/// Waits until `show` says so of a thing.
fn is(cloud: &CloudUnderTest, name: &str, show: &str, field: &str, wanted: &str) {
    eventually(&format!("{name} {wanted}"), Duration::from_secs(120), || {
        let shown = cloud.json(DEMO, &format!("{show} {name}"));
        if shown[field] == wanted { Ok(()) } else { Err(shown.to_string()) }
    });
}
