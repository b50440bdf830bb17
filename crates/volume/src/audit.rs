//! What must be so.

use crate::{
    model::{Attachment, Backup, Group, Snapshot, Volume, VolumeStatus},
    service::QUOTAS,
};
use flow::live_flow_of;
use std::collections::BTreeMap;
use store::Snapshot as View;

/// Sentences about what is not as it must be.
#[must_use]
pub fn audit(view: &View) -> Vec<String> {
    let mut findings = Vec::new();
    let mut counted: BTreeMap<String, BTreeMap<&str, i64>> = BTreeMap::new();
    for volume in view.all::<Volume>() {
        if volume.status.is_transitional() && live_flow_of(view, &Volume::object(&volume.id)).is_none() {
            findings.push(format!("volume {}: {}, but no flow is at work", volume.id, volume.status.as_str()));
        }
        let used = counted.entry(volume.project.to_string()).or_default();
        *used.entry("volumes").or_default() += 1;
        *used.entry("gigabytes").or_default() += i64::try_from(volume.size_gib).unwrap_or(0);
    }
    for snapshot in view.all::<Snapshot>() {
        // One that goes with its volume has the volume's flow.
        let owner = live_flow_of(view, &Snapshot::object(&snapshot.id))
            .or_else(|| live_flow_of(view, &Volume::object(&snapshot.volume)));
        if snapshot.status.is_transitional() && owner.is_none() {
            findings.push(format!("snapshot {}: {}, but no flow is at work", snapshot.id, snapshot.status.as_str()));
        }
        if !view.contains::<Volume>(&snapshot.volume) {
            findings.push(format!("snapshot {}: its volume {} is gone", snapshot.id, snapshot.volume));
        }
        let used = counted.entry(snapshot.project.to_string()).or_default();
        *used.entry("snapshots").or_default() += 1;
        *used.entry("gigabytes").or_default() += i64::try_from(snapshot.size_gib).unwrap_or(0);
    }
    for backup in view.all::<Backup>() {
        let live = live_flow_of(view, &Backup::object(&backup.id)).is_some()
            || view.all::<Volume>().any(|v| v.status == VolumeStatus::RestoringBackup);
        if backup.status.is_transitional() && !live {
            findings.push(format!("backup {}: {}, but no flow is at work", backup.id, backup.status.as_str()));
        }
        let used = counted.entry(backup.project.to_string()).or_default();
        *used.entry("backups").or_default() += 1;
        *used.entry("backup_gigabytes").or_default() += i64::try_from(backup.size_gib).unwrap_or(0);
    }
    for group in view.all::<Group>() {
        *counted.entry(group.project.to_string()).or_default().entry("groups").or_default() += 1;
    }
    for attachment in view.all::<Attachment>() {
        if !view.contains::<Volume>(&attachment.volume) {
            findings.push(format!("attachment {}: its volume {} is gone", attachment.id, attachment.volume));
        }
    }
    for usage in view.all::<ports::quota::QuotaUsage>().filter(|u| u.service == QUOTAS.service) {
        for (resource, used) in &usage.used {
            // An extend in flight has claimed what the volume does not have yet.
            let extending = view.by(Volume::BY_PROJECT, &usage.project).any(|v| v.status.as_str() == "extending");
            let found =
                counted.get(usage.project.as_str()).and_then(|c| c.get(resource.as_str())).copied().unwrap_or(0);
            if found != *used && !extending {
                findings.push(format!("project {}: quota says {used} {resource}, there are {found}", usage.project));
            }
        }
    }
    findings
}
