//! What must be so between records, processes and sockets: no QEMU of a server that is not this host's, none without a record,
//! no two of one server (they would write one disk), no socket that nobody listens on.

use super::{
    Qemu,
    process::{self, Part},
    record::VmDir,
};
use kernel::{Result, ServerId, error::Doing};
use std::{collections::BTreeMap, collections::BTreeSet, fs, path::Path};

const SOCKETS: [&str; 6] = ["qmp.sock", "mon.sock", "vnc.sock", "serial.sock", "agent.sock", "tpm.sock"];

impl Qemu {
    /// Sentences about what is not as it must be; `claimed` are the servers that the host should know. Guests that are just
    /// being started or ended may be among them: what is said twice, some time apart, is so.
    pub async fn audit(&self, claimed: &BTreeSet<ServerId>) -> Result<Vec<String>> {
        let vms = self.shared.config.state_dir.join("vms");
        let dir = |server: &ServerId| self.shared.dir(server);
        let claimed = claimed.clone();
        let running = process::below(&vms, Part::Qemu)?;
        let mut findings = processes(&running, &claimed, dir);
        findings.extend(emulators(&running, &process::below(&vms, Part::Tpm)?, dir));
        findings.extend(directories(&vms, &running, &claimed, dir)?);
        Ok(findings)
    }
}

fn processes(
    running: &BTreeMap<ServerId, Vec<i32>>,
    claimed: &BTreeSet<ServerId>,
    dir: impl Fn(&ServerId) -> Option<VmDir>,
) -> Vec<String> {
    let mut findings = Vec::new();
    for (server, pids) in running {
        let recorded = dir(server).is_some_and(|dir| dir.file("spec.json").exists());
        for pid in pids {
            if !claimed.contains(server) {
                findings.push(format!("process {pid}: the QEMU of server {server}, which nobody claims"));
            } else if !recorded {
                findings.push(format!("process {pid}: the QEMU of server {server}, of which there is no record"));
            }
        }
        if pids.len() > 1 {
            findings.push(format!("server {server}: {} QEMU processes at once, {pids:?}", pids.len()));
        }
    }
    findings
}

/// Emulators of TPMs are there with their QEMU, and not without.
fn emulators(
    running: &BTreeMap<ServerId, Vec<i32>>,
    emulators: &BTreeMap<ServerId, Vec<i32>>,
    dir: impl Fn(&ServerId) -> Option<VmDir>,
) -> Vec<String> {
    let orphans = emulators.iter().filter(|(server, _)| !running.contains_key(*server));
    let orphans = orphans.flat_map(|(server, pids)| pids.iter().map(move |pid| (server, pid)));
    let mut findings: Vec<_> = orphans
        .map(|(server, pid)| format!("process {pid}: the TPM of server {server}, whose QEMU does not run"))
        .collect();
    for (server, pids) in emulators.iter().filter(|(_, pids)| pids.len() > 1) {
        findings.push(format!("server {server}: {} emulators of its TPM at once, {pids:?}", pids.len()));
    }
    let wants = |server: &ServerId| {
        let record = dir(server).and_then(|dir| dir.read().ok().flatten());
        record.is_some_and(|record| record.spec.hardware.tpm.is_some())
    };
    let lost = running.keys().filter(|server| !emulators.contains_key(*server) && wants(server));
    findings.extend(
        lost.map(|server| format!("server {server}: the process of its TPM is gone; a hard reboot brings it back")),
    );
    findings
}

fn directories(
    vms: &Path,
    running: &BTreeMap<ServerId, Vec<i32>>,
    claimed: &BTreeSet<ServerId>,
    dir: impl Fn(&ServerId) -> Option<VmDir>,
) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for entry in fs::read_dir(vms).doing("reading the directory of VMs")? {
        let path = entry.doing("reading the directory of VMs")?.path();
        let server: ServerId = path.file_name().unwrap_or_default().to_string_lossy().as_ref().into();
        if dir(&server).is_none() {
            findings.push(format!("{}: not a guest's, among the guests'", path.display()));
            continue;
        }
        if !claimed.contains(&server) {
            findings.push(format!("{}: the directory of server {server}, which nobody claims", path.display()));
        }
        let dead = |name: &&str| !running.contains_key(&server) && path.join(name).exists();
        let dead = SOCKETS.iter().filter(|name| dead(name)).map(|name| path.join(name));
        findings.extend(dead.map(|socket| format!("socket {}: its QEMU does not run", socket.display())));
    }
    Ok(findings)
}
