//! What must be true of compute's objects; empty when it is.

use crate::{
    Compute,
    model::{
        ComputeHost, Migration, QUOTAS, Server, ServerState, migration, placing,
        vm::{Power, VmIntent, VmObserved},
    },
};
use flow::FlowRecord;
use kernel::{Finding, HostName, ProjectId};
use ports::quota::QuotaUsage;
use std::collections::BTreeMap;
use store::{Object, Snapshot};

impl Compute {
    /// [`audit`], and whether what placement has booked on each host is what its servers need.
    pub fn audit(&self, snapshot: &Snapshot) -> Vec<Finding> {
        let mut findings = audit(snapshot);
        let mut all = claims(snapshot);
        for host in snapshot.all::<ComputeHost>() {
            let needed = all.remove(&host.name).unwrap_or_default();
            let booked = self.placer.used(snapshot, &host.name);
            if booked != needed {
                let detail = format!("its servers need {needed:?}, placement has booked {booked:?}");
                findings.push(Finding::bad(format!("compute: host {}", host.name), detail, MEND));
            }
        }
        findings
    }
}

/// What servers, and migrations for those that may come back, take of each host.
fn claims(snapshot: &Snapshot) -> BTreeMap<HostName, BTreeMap<String, u64>> {
    let mut all: BTreeMap<HostName, BTreeMap<String, u64>> = BTreeMap::new();
    let mut count = |host: HostName, resources: BTreeMap<String, u64>| {
        let of_host = all.entry(host).or_default();
        for (class, amount) in resources {
            *of_host.entry(class).or_default() += amount;
        }
    };
    for server in snapshot.all::<Server>() {
        if let Some(host) = migration::claimed_at(snapshot, &server) {
            count(host, placing::claimed(&server));
        }
    }
    for migration in snapshot.all::<Migration>() {
        if let Some(held) = &migration.holds {
            count(migration.source.clone(), held.clone());
        }
    }
    all
}

/// Servers in transition without a flow, servers without an intent, intents of nobody, quota that does not add up.
pub fn audit(snapshot: &Snapshot) -> Vec<Finding> {
    let mut findings = Vec::new();
    for server in snapshot.all::<Server>() {
        findings.extend(transitional(snapshot, &server));
        findings.extend(without_intent(snapshot, &server));
    }
    for intent in snapshot.all::<VmIntent>() {
        if intent.power != Power::Absent && !snapshot.contains::<Server>(&intent.server) {
            findings.push(wrong(&intent.server, format!("{} is to run it, but there is no such server", intent.host)));
        }
    }
    findings.extend(snapshot.all::<VmIntent>().filter_map(|intent| idle_spare(snapshot, &intent)));
    for seen in snapshot.all::<VmObserved>().filter(|o| !snapshot.contains::<VmIntent>(o.key().as_str())) {
        findings.push(wrong(&seen.server, "there is an observation of it, but no intent".into()));
    }
    findings.extend(quota(snapshot));
    findings
}

fn transitional(snapshot: &Snapshot, server: &Server) -> Option<Finding> {
    let doing = match (server.task, server.state) {
        (Some(task), _) => task.as_str(),
        (None, ServerState::Building) => "building",
        (None, _) => return None,
    };
    let live = snapshot.count_by(FlowRecord::BY_OBJECT, &Server::flow_object(&server.id)) > 0;
    (!live).then(|| wrong(&server.id, format!("it is {doing}, but no flow is at it")))
}

/// A host keeps of a server that is not there only what a move needs.
fn idle_spare(snapshot: &Snapshot, spare: &VmIntent) -> Option<Finding> {
    let of_move = |m: std::sync::Arc<Migration>| {
        !m.status.is_over() && (m.source == spare.host || m.dest.as_ref() == Some(&spare.host))
    };
    let idle =
        spare.spare && spare.power != Power::Absent && !snapshot.by(Migration::BY_SERVER, &spare.server).any(of_move);
    idle.then(|| {
        wrong(&spare.server, format!("{} keeps its disks, but it is not moving there or from there", spare.host))
    })
}

fn without_intent(snapshot: &Snapshot, server: &Server) -> Option<Finding> {
    let lives =
        matches!(server.state, ServerState::Active | ServerState::Paused | ServerState::Stopped | ServerState::Resized);
    let intent = snapshot.get::<VmIntent>(&server.id);
    match intent {
        None if lives => Some(wrong(&server.id, "it has no intent on any host".into())),
        Some(intent) if lives && server.host.as_ref() != Some(&intent.host) => {
            Some(wrong(&server.id, format!("its intent is on {}, its host is {:?}", intent.host, server.host)))
        }
        _ => None,
    }
}

fn quota(snapshot: &Snapshot) -> Vec<Finding> {
    let mut counted: BTreeMap<ProjectId, BTreeMap<&'static str, i64>> = BTreeMap::new();
    for server in snapshot.all::<Server>() {
        let project = counted.entry(server.project.clone()).or_default();
        for (resource, amount) in server.quota() {
            *project.entry(resource).or_default() += amount;
        }
    }
    let mut projects: Vec<ProjectId> = counted.keys().cloned().collect();
    let ours = snapshot.all::<QuotaUsage>().filter(|usage| usage.service == QUOTAS.service);
    projects.extend(ours.map(|usage| usage.project.clone()));
    projects.sort();
    projects.dedup();
    let differs = |project: &ProjectId| {
        let used = QUOTAS.used(snapshot, project);
        ["instances", "cores", "ram"].into_iter().find_map(|resource| {
            let (counts, is) =
                (used[resource], counted.get(project).and_then(|c| c.get(resource)).copied().unwrap_or(0));
            let text = || format!("project {project} is counted {counts} {resource}, its servers have {is}");
            (counts != is).then(|| Finding::bad("compute: quota", text(), MEND))
        })
    };
    projects.iter().filter_map(differs).collect()
}

const MEND: &str = "report this: it is written in one transaction with what it counts";

fn wrong(id: &str, detail: String) -> Finding {
    Finding::bad(format!("compute: server {id}"), detail, MEND)
}
