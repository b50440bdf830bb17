//! What must be so between records, processes and sockets: no QEMU of a server that is not this host's, none without a record,
//! no two of one server (they would write one disk), no socket that nobody listens on.

use super::{Qemu, process, record::VmDir};
use kernel::{Result, ServerId, error::Doing};
use std::{collections::BTreeMap, collections::BTreeSet, fs, path::Path};

const SOCKETS: [&str; 5] = ["qmp.sock", "mon.sock", "vnc.sock", "serial.sock", "agent.sock"];

impl Qemu {
    /// Sentences about what is not as it must be; `claimed` are the servers that the host should know. Guests that are just
    /// being started or ended may be among them: what is said twice, some time apart, is so.
    pub async fn audit(&self, claimed: &BTreeSet<ServerId>) -> Result<Vec<String>> {
        let vms = self.shared.config.state_dir.join("vms");
        let dir = |server: &ServerId| self.shared.dir(server);
        let claimed = claimed.clone();
        let running = process::below(&vms)?;
        let mut findings = processes(&running, &claimed, dir);
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
