//! What must be so.

use crate::{
    model::{Attachment, Backup, Group, GroupSnapshot, Snapshot, Volume, VolumeStatus},
    quotas,
    service::QUOTAS,
};
use flow::live_flow_of;
use std::collections::BTreeMap;
use store::Snapshot as View;

type Counts = BTreeMap<String, i64>;

fn count(used: &mut Counts, type_id: &str, resource: &'static str, amount: i64) {
    for name in quotas::counted(type_id, resource) {
        *used.entry(name).or_default() += amount;
    }
}

/// What a backup is being restored to: a volume that is there, or one that is made.
fn restores(volume: &Volume, backup: &Backup) -> bool {
    let made = volume.status == VolumeStatus::Creating && volume.backup.as_ref() == Some(&backup.id);
    made || volume.status == VolumeStatus::RestoringBackup
}

/// Sentences about what is not as it must be.
#[must_use]
pub fn audit(view: &View) -> Vec<String> {
    let mut findings = Vec::new();
    let mut counted: BTreeMap<String, Counts> = BTreeMap::new();
    for volume in view.all::<Volume>() {
        // What is made or removed with its group has the group's flow.
        let owners = [Some(Volume::object(&volume.id)), volume.group.as_deref().map(Group::object)];
        let owned = owners.iter().flatten().any(|object| live_flow_of(view, object).is_some());
        let moving = volume.migration.as_deref() == Some("migrating");
        if (volume.status.is_transitional() || moving) && !owned {
            findings.push(format!("volume {}: {}, but no flow is at work", volume.id, volume.status.as_str()));
        }
        let used = counted.entry(volume.project.to_string()).or_default();
        count(used, &volume.volume_type, "volumes", 1);
        count(used, &volume.volume_type, "gigabytes", quotas::gib(volume.size_gib));
    }
    for snapshot in view.all::<Snapshot>() {
        // One that goes with its volume has the volume's flow, one of a group snapshot has that one's.
        let owners = [
            Some(Snapshot::object(&snapshot.id)),
            Some(Volume::object(&snapshot.volume)),
            snapshot.group_snapshot.as_deref().map(GroupSnapshot::object),
        ];
        let owned = owners.iter().flatten().any(|object| live_flow_of(view, object).is_some());
        if snapshot.status.is_transitional() && !owned {
            findings.push(format!("snapshot {}: {}, but no flow is at work", snapshot.id, snapshot.status.as_str()));
        }
        if !view.contains::<Volume>(&snapshot.volume) {
            findings.push(format!("snapshot {}: its volume {} is gone", snapshot.id, snapshot.volume));
        }
        let used = counted.entry(snapshot.project.to_string()).or_default();
        let of_type = view.get::<Volume>(&snapshot.volume).map(|v| v.volume_type.clone()).unwrap_or_default();
        count(used, &of_type, "snapshots", 1);
        count(used, &of_type, "gigabytes", quotas::gib(snapshot.size_gib));
    }
    for backup in view.all::<Backup>() {
        let live = live_flow_of(view, &Backup::object(&backup.id)).is_some()
            || view.all::<Volume>().any(|volume| restores(&volume, &backup));
        if backup.status.is_transitional() && !live {
            findings.push(format!("backup {}: {}, but no flow is at work", backup.id, backup.status.as_str()));
        }
        let used = counted.entry(backup.project.to_string()).or_default();
        *used.entry("backups".to_owned()).or_default() += 1;
        *used.entry("backup_gigabytes".to_owned()).or_default() += quotas::gib(backup.size_gib);
    }
    for group in view.all::<Group>() {
        *counted.entry(group.project.to_string()).or_default().entry("groups".to_owned()).or_default() += 1;
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
