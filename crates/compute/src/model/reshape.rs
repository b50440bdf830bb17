//! Whether a server can be given another flavor while its guest runs, and if not, why: decided before anything is done, told to whoever
//! asks, and kept with the migration.
//!
//! ```text
//!   the guest is off                       made anew         (there is nothing to interrupt)
//!   nothing stands in the way              in place          vCPUs are plugged, memory is lent or taken back, limits changed
//!   something does, and it was asked for   with a restart
//!   something does                         refused, unless [`Restarts`] allows it
//! ```

use super::{
    Flavor, Server,
    vm::{Power, VmIntent},
    wishes,
};
use crate::{Config, Restarts, driver::Room};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How a resize goes, or went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Manner {
    /// Off, to whichever host has room, and on again as other hardware.
    #[default]
    Restart,
    /// Where it runs, while it runs.
    InPlace,
}

/// What a request says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Asked {
    /// While it runs, or not at all.
    Live,
    /// With a restart.
    Cold,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// `None`: it is refused.
    pub manner: Option<Manner>,
    /// In words: what will be done, or what stands in the way.
    pub why: Vec<String>,
}

/// Why a resize cannot be done while the guest runs.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hindrance {
    why: String,
    /// The guest was made too small to have any room for memory.
    small: bool,
}

fn hindrance(why: impl Into<String>) -> Hindrance {
    Hindrance { why: why.into(), small: false }
}

/// How a server that is on a host is given another flavor.
pub fn plan(server: &Server, intent: &VmIntent, new: &Flavor, asked: Option<Asked>, config: &Config) -> Plan {
    if intent.power == Power::Stopped {
        return restart(vec!["the guest is off".into()]);
    }
    if asked == Some(Asked::Cold) {
        return restart(vec!["a restart was asked for".into()]);
    }
    let hindrances = hindrances(server, intent, new, config);
    let words = || hindrances.iter().map(|h| h.why.clone()).collect();
    if hindrances.is_empty() {
        return Plan { manner: Some(Manner::InPlace), why: changes(server, intent, new) };
    }
    let may_restart = match config.resize_restarts {
        Restarts::None => false,
        Restarts::Small => hindrances.iter().any(|h| h.small),
        Restarts::Any => true,
    };
    // Who set that no resize stays on its host has asked for Nova's way of doing it.
    let may_restart = may_restart || !config.allow_resize_to_same_host;
    match may_restart && asked.is_none() {
        true => restart(words()),
        false => Plan { manner: None, why: words() },
    }
}

fn restart(why: Vec<String>) -> Plan {
    Plan { manner: Some(Manner::Restart), why }
}

fn hindrances(server: &Server, intent: &VmIntent, new: &Flavor, config: &Config) -> Vec<Hindrance> {
    let mut all = Vec::new();
    if !config.allow_resize_to_same_host {
        all.push(hindrance("compute.allow_resize_to_same_host is off"));
    }
    if intent.power != Power::Running {
        all.push(hindrance("the guest does not run"));
    }
    match intent.spec.room {
        None => all.push(hindrance("the guest was started without room for another shape")),
        Some(room) => {
            all.extend(vcpus(intent.spec.vcpus, new.vcpus, &room));
            all.extend(memory(intent.spec.memory_mib, new.ram_mib, &room));
        }
    }
    let old = &server.flavor;
    if (old.swap_mib, old.ephemeral_gib) != (new.swap_mib, new.ephemeral_gib) {
        all.push(hindrance("swap and ephemeral disks are made anew"));
    }
    if server.root().is_some_and(|root| root.is_local() && root.size_mib != new.disk_gib * 1024) {
        all.push(hindrance("the root disk is made anew in another size"));
    }
    let package = wishes::of(new, &server.properties).hardware.package;
    if new.vcpus != intent.spec.vcpus && package != intent.spec.hardware.package {
        all.push(hindrance("its sockets would have other numbers of cores and threads"));
    }
    all.extend(hardware_specs(old, new).map(|key| hindrance(format!("{key} decides which hardware the guest is"))));
    all
}

fn vcpus(now: u32, new: u32, room: &Room) -> Option<Hindrance> {
    if new < now {
        return Some(hindrance("a vCPU cannot be taken out of a running guest: QEMU would be damaged"));
    }
    let most = room.most_vcpus;
    (new > most).then(|| hindrance(format!("the guest was started with room for {most} vCPUs")))
}

fn memory(now: u64, new: u64, room: &Room) -> Option<Hindrance> {
    let (base, most) = (room.base_mib, room.most_memory_mib);
    if new == now {
        return None;
    }
    if most == base {
        let why = "the guest was too small to be started with room for more memory";
        return Some(Hindrance { why: why.into(), small: new > now });
    }
    if new < base {
        return Some(hindrance(format!("the guest began with {base} MiB, which cannot be taken back while it runs")));
    }
    if new > most {
        return Some(hindrance(format!("the guest was started with room for {most} MiB")));
    }
    (!(new - base).is_multiple_of(Room::UNIT_MIB)).then(|| hindrance("memory is given and taken by 2 MiB"))
}

/// Extra specs that differ and are not for limits or for the choice of a host.
fn hardware_specs<'a>(old: &'a Flavor, new: &'a Flavor) -> impl Iterator<Item = &'a String> {
    let keys: BTreeSet<&String> = old.extra_specs.keys().chain(new.extra_specs.keys()).collect();
    let is_hardware = |key: &str| ["hw", "os:", "pci_passthrough:"].iter().any(|prefix| key.starts_with(prefix));
    keys.into_iter().filter(move |key| is_hardware(key) && old.extra_specs.get(*key) != new.extra_specs.get(*key))
}

/// What is done to the guest.
fn changes(server: &Server, intent: &VmIntent, new: &Flavor) -> Vec<String> {
    let (spec, mut all) = (&intent.spec, Vec::new());
    if new.vcpus > spec.vcpus {
        all.push(format!("vCPUs are plugged, from {} to {}", spec.vcpus, new.vcpus));
    }
    match new.ram_mib {
        more if more > spec.memory_mib => {
            all.push(format!("memory is lent by virtio-mem, from {} to {more} MiB", spec.memory_mib))
        }
        less if less < spec.memory_mib => {
            all.push(format!("memory is taken back by virtio-mem, from {} to {less} MiB", spec.memory_mib));
        }
        _ => {}
    }
    if !server.flavor.limits().eq(new.limits()) {
        all.push("limits are changed".into());
    }
    if all.is_empty() {
        all.push("nothing changes for the guest".into());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::vm::VmIntent,
        testkit::{flavor, intent, server},
    };

    fn guest(base: u64) -> (Server, VmIntent) {
        let server = Server { flavor: Flavor { ram_mib: base, ..flavor() }, ..server("s") };
        let mut intent = intent("s", "h", 1);
        (intent.spec.memory_mib, intent.spec.vcpus) = (base, server.flavor.vcpus);
        let most_memory_mib = if base < 256 { base } else { 4 * base };
        intent.spec.room = Some(Room { base_vcpus: 1, base_mib: base, most_memory_mib, most_vcpus: 4 });
        (server, intent)
    }

    fn check(change: impl FnOnce(&mut Flavor), expect: Result<&[&str], &[&str]>) {
        let (server, intent) = guest(512);
        let mut new = Flavor { id: "other".into(), ..server.flavor.clone() };
        change(&mut new);
        let plan = plan(&server, &intent, &new, None, &Config::default());
        let got: Vec<&str> = plan.why.iter().map(String::as_str).collect();
        match expect {
            Ok(why) => assert_eq!((plan.manner, got.as_slice()), (Some(Manner::InPlace), why)),
            Err(why) => assert_eq!((plan.manner, got.as_slice()), (None, why)),
        }
    }

    #[test]
    fn what_is_done_and_what_stands_in_the_way() {
        let spec = |key: &str| [(key.to_owned(), "1".to_owned())];
        check(|_| {}, Ok(&["nothing changes for the guest"]));
        check(
            |f| (f.vcpus, f.ram_mib) = (2, 1024),
            Ok(&["vCPUs are plugged, from 1 to 2", "memory is lent by virtio-mem, from 512 to 1024 MiB"]),
        );
        check(|f| f.extra_specs.extend(spec("quota:cpu_quota")), Ok(&["limits are changed"]));
        check(|f| f.extra_specs.extend(spec("resources:CUSTOM_X")), Ok(&["nothing changes for the guest"]));
        check(|f| f.vcpus = 5, Err(&["the guest was started with room for 4 vCPUs"]));
        check(|f| f.ram_mib = 513, Err(&["memory is given and taken by 2 MiB"]));
        check(|f| f.ram_mib = 4096, Err(&["the guest was started with room for 2048 MiB"]));
        check(|f| f.ram_mib = 256, Err(&["the guest began with 512 MiB, which cannot be taken back while it runs"]));
        check(|f| f.swap_mib = 1, Err(&["swap and ephemeral disks are made anew"]));
        check(|f| f.disk_gib += 1, Err(&["the root disk is made anew in another size"]));
        check(
            |f| f.extra_specs.extend(spec("hw:cpu_policy")),
            Err(&["hw:cpu_policy decides which hardware the guest is"]),
        );
    }

    #[test]
    fn memory_that_was_lent_is_taken_back() {
        let (server, mut intent) = guest(512);
        intent.spec.memory_mib = 1024;
        let plan = plan(&server, &intent, &server.flavor, None, &Config::default());
        assert_eq!(plan.why, ["memory is taken back by virtio-mem, from 1024 to 512 MiB"]);
    }

    /// With a restart only if it was asked for, or does no harm, or is allowed.
    #[test]
    fn who_is_restarted() {
        let restarts = |restarts| Config { resize_restarts: restarts, ..Config::default() };
        let check = |base, asked, config: &Config, expect| {
            let (server, mut intent) = guest(base);
            intent.spec.vcpus = 2;
            let new = Flavor { vcpus: if base < 256 { 2 } else { 1 }, ram_mib: base + 64, ..flavor() };
            let manner = |intent: &VmIntent| plan(&server, intent, &new, asked, config).manner;
            assert_eq!(manner(&intent), expect, "{base} {asked:?} {config:?}");
            intent.power = Power::Stopped;
            assert_eq!(manner(&intent), Some(Manner::Restart), "it is off");
        };
        let (usual, restart) = (Config::default(), Some(Manner::Restart));
        check(512, None, &usual, None);
        check(512, Some(Asked::Cold), &usual, restart);
        check(512, None, &restarts(Restarts::Any), restart);
        check(512, Some(Asked::Live), &restarts(Restarts::Any), None);
        check(512, None, &Config { allow_resize_to_same_host: false, ..Config::default() }, restart);
        check(128, None, &usual, restart);
        check(128, Some(Asked::Live), &usual, None);
        check(128, None, &restarts(Restarts::None), None);
    }
}
