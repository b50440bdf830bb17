//! Whether a server can be given another flavor while its guest runs, and if not, why: decided before anything is done, told to whoever
//! asks, and kept with the migration.
//!
//! ```text
//!   the guest is off                       made anew         (there is nothing to interrupt)
//!   nothing stands in the way              in place          vCPUs are plugged, memory is lent or taken back, limits changed
//!   nothing but its host, which is full    live migration    to a host that has room for it; there, as in place
//!   something does, and it was asked for   with a restart
//!   something does                         refused, unless [`Restarts`] allows it
//! ```

use super::{
    Flavor, Server,
    vm::{Power, VmIntent},
    vtpm,
    wishes::{self, needs},
};
use crate::{Config, Restarts, driver::Room};
use ports::{Misfit, Refusals};
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
    /// While it runs, on another host, which it goes to first.
    LiveMigration,
}

impl Manner {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::InPlace => "in-place",
            Self::LiveMigration => "live-migration",
        }
    }

    /// The guest runs on, and may have either shape where it is in the end.
    pub const fn is_live(self) -> bool {
        matches!(self, Self::InPlace | Self::LiveMigration)
    }
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
    /// What its host lacks: for administrators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
    /// Asked beforehand, why no other host would take it now, host by host: for administrators.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub elsewhere: Vec<String>,
}

impl Plan {
    fn of(manner: Option<Manner>, why: Vec<String>) -> Self {
        Self { manner, why, details: None, elsewhere: Vec::new() }
    }

    /// It would be begun, and find no host.
    pub fn leads_nowhere(&mut self, refusals: Refusals) {
        self.why.push("no other host fits now, so it would stay as it is".into());
        let hosts = refusals.hosts.into_iter().map(|(host, why)| format!("{host}: {why}"));
        self.elsewhere = refusals.nearest.into_iter().chain(hosts).collect();
    }

    /// With a restart.
    pub fn restart(why: Vec<String>) -> Self {
        Self::of(Some(Manner::Restart), why)
    }
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

/// How a server that is on a host is given another flavor. `misfit`: why that host is none for it as it is to be.
pub fn plan(
    server: &Server,
    intent: &VmIntent,
    new: &Flavor,
    asked: Option<Asked>,
    config: &Config,
    misfit: Option<Misfit>,
) -> Plan {
    if intent.power == Power::Stopped {
        return Plan::restart(vec!["the guest is off".into()]);
    }
    if asked == Some(Asked::Cold) {
        return Plan::restart(vec!["a restart was asked for".into()]);
    }
    let leaves = leaves(config, misfit.as_ref());
    let mut hindrances = hindrances(server, intent, new);
    if let Some((why, bound)) = leaves.as_ref().zip(bound(server, new)) {
        hindrances.extend([hindrance(why.as_str()), bound]);
    }
    if hindrances.is_empty() {
        let manner = if leaves.is_some() { Manner::LiveMigration } else { Manner::InPlace };
        let goes = leaves.map(|why| [why, "the guest goes to another host while it runs".into()]);
        let why = goes.into_iter().flatten().chain(changes(server, intent, new)).collect();
        return Plan { details: misfit.map(|misfit| misfit.why), ..Plan::of(Some(manner), why) };
    }
    let words = || hindrances.iter().map(|h| h.why.clone()).collect();
    let may_restart = match config.resize_restarts {
        Restarts::None => false,
        Restarts::Small => hindrances.iter().any(|h| h.small),
        Restarts::Any => true,
    };
    // Who set that no resize stays on its host has asked for Nova's way of doing it.
    let may_restart = may_restart || !config.allow_resize_to_same_host;
    match may_restart && asked.is_none() {
        true => Plan::restart(words()),
        false => Plan::of(None, words()),
    }
}

/// Why it cannot stay where it is.
fn leaves(config: &Config, misfit: Option<&Misfit>) -> Option<String> {
    if !config.allow_resize_to_same_host {
        return Some("compute.allow_resize_to_same_host is off".into());
    }
    misfit.map(|misfit| match misfit.is_full {
        true => "its host has no room for it".into(),
        false => "its host is none for the other flavor".into(),
    })
}

/// Why it cannot leave while it runs.
fn bound(server: &Server, new: &Flavor) -> Option<Hindrance> {
    let encrypted = needs::encrypted_memory(&wishes::Asked { flavor: new, image: &server.properties, image_name: "" });
    let why = match vtpm::refuse_live(server) {
        _ if encrypted => "its memory is encrypted with a key that its host does not tell",
        Err(_) => "its TPM stays where it is while it runs (hw:tpm_secret_security)",
        Ok(()) => return None,
    };
    Some(hindrance(why))
}

fn hindrances(server: &Server, intent: &VmIntent, new: &Flavor) -> Vec<Hindrance> {
    let mut all = Vec::new();
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
    let prefixes = ["hw", "os:", "pci_passthrough:", "resources:PCPU"];
    let is_hardware =
        move |key: &str| key != "hw:tpm_secret_security" && prefixes.iter().any(|prefix| key.starts_with(prefix));
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
        let plan = plan(&server, &intent, &new, None, &Config::default(), None);
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
        let plan = plan(&server, &intent, &server.flavor, None, &Config::default(), None);
        assert_eq!(plan.why, ["memory is taken back by virtio-mem, from 1024 to 512 MiB"]);
    }

    /// To another host only if it could be done at home but for the host.
    #[test]
    fn who_goes_elsewhere() {
        let misfit = |is_full| Some(Misfit { is_full, why: "64 MEMORY_MB missing".into() });
        let elsewhere = Config { allow_resize_to_same_host: false, ..Config::default() };
        let any = Config { resize_restarts: Restarts::Any, ..Config::default() };
        let encrypted = [("hw:mem_encryption".to_owned(), "true".to_owned())];
        let check = |ram_mib, encrypts: bool, asked, config: &Config, misfit, expect: Option<Manner>, why: &[&str]| {
            let (mut server, intent) = guest(512);
            if encrypts {
                server.flavor.extra_specs.extend(encrypted.clone());
            }
            let new = Flavor { id: "other".into(), ram_mib, ..server.flavor.clone() };
            let plan = plan(&server, &intent, &new, asked, config, misfit);
            let got: Vec<&str> = plan.why.iter().map(String::as_str).collect();
            assert_eq!((plan.manner, got.as_slice()), (expect, why), "{ram_mib} {encrypts} {asked:?} {config:?}");
            let told = plan.details.is_some();
            assert_eq!(told, expect == Some(Manner::LiveMigration) && config.allow_resize_to_same_host);
        };
        let (usual, live) = (Config::default(), Some(Manner::LiveMigration));
        let goes = "the guest goes to another host while it runs";
        let lent = "memory is lent by virtio-mem, from 512 to 1024 MiB";
        let (full, none) = ("its host has no room for it", "its host is none for the other flavor");
        check(1024, false, None, &usual, misfit(true), live, &[full, goes, lent]);
        check(1024, false, Some(Asked::Live), &any, misfit(true), live, &[full, goes, lent]);
        check(1024, false, None, &usual, misfit(false), live, &[none, goes, lent]);
        check(1024, false, None, &elsewhere, None, live, &["compute.allow_resize_to_same_host is off", goes, lent]);
        check(
            1024,
            false,
            Some(Asked::Cold),
            &usual,
            misfit(true),
            Some(Manner::Restart),
            &["a restart was asked for"],
        );
        // What cannot be done at home cannot be done elsewhere.
        let begun = "the guest was started with room for 2048 MiB";
        check(4096, false, None, &usual, misfit(true), None, &[begun]);
        check(4096, false, None, &any, misfit(true), Some(Manner::Restart), &[begun]);
        // Neither can what cannot leave.
        let bound = "its memory is encrypted with a key that its host does not tell";
        check(1024, true, None, &usual, None, Some(Manner::InPlace), &[lent]);
        check(1024, true, None, &usual, misfit(true), None, &[full, bound]);
        check(1024, true, None, &any, misfit(true), Some(Manner::Restart), &[full, bound]);
        check(1024, true, Some(Asked::Live), &any, misfit(true), None, &[full, bound]);
    }

    /// With a restart only if it was asked for, or does no harm, or is allowed.
    #[test]
    fn who_is_restarted() {
        let restarts = |restarts| Config { resize_restarts: restarts, ..Config::default() };
        let check = |base, asked, config: &Config, expect| {
            let (server, mut intent) = guest(base);
            intent.spec.vcpus = 2;
            let new = Flavor { vcpus: if base < 256 { 2 } else { 1 }, ram_mib: base + 64, ..flavor() };
            let manner = |intent: &VmIntent| plan(&server, intent, &new, asked, config, None).manner;
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
