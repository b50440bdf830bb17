//! Instance actions: who asked what of a server, and how it went. Kept under `history/compute.action.<server>`, so they
//! outlive the server; each change appends the whole record again, and the last one counts.

use super::state::named;
use kernel::{Ctx, HostName, ProjectId, Result, ServerId, Timestamp, UserId, ids::RequestId};
use serde::{Deserialize, Serialize};
use store::Tx;

named! {
    /// `action` of an instance action, Nova's names.
    Verb {
        Create = "create",
        Delete = "delete",
        Start = "start",
        Stop = "stop",
        Reboot = "reboot",
        Pause = "pause",
        Unpause = "unpause",
        Lock = "lock",
        Unlock = "unlock",
        CreateImage = "createImage",
        Resize = "resize",
        ConfirmResize = "confirmResize",
        RevertResize = "revertResize",
        Migrate = "migrate",
        LiveMigration = "live-migration",
        LiveMigrationCancel = "live_migration_cancel",
        LiveMigrationForceComplete = "live_migration_force_complete",
        Shelve = "shelve",
        ShelveOffload = "shelveOffload",
        Unshelve = "unshelve",
        Evacuate = "evacuate",
        Suspend = "suspend",
        Resume = "resume",
        Rescue = "rescue",
        Unrescue = "unrescue",
        Rebuild = "rebuild",
        Backup = "createBackup",
        ChangePassword = "changePassword",
        TriggerCrashDump = "trigger_crash_dump",
        ResetState = "os-resetState",
        InjectNetworkInfo = "injectNetworkInfo",
        ForceDelete = "forceDelete",
        AttachVolume = "attach_volume",
        DetachVolume = "detach_volume",
        ExtendVolume = "extend_volume",
        SwapVolume = "swap_volume",
        AttachInterface = "attach_interface",
        DetachInterface = "detach_interface",
    }
}

impl Verb {
    /// The name of the event that clients see below the action: what happens on the host.
    pub const fn event(self) -> &'static str {
        match self {
            Self::Create => "compute__do_build_and_run_instance",
            Self::Delete => "compute_terminate_instance",
            Self::Start => "compute_start_instance",
            Self::Stop => "compute_stop_instance",
            Self::Reboot => "compute_reboot_instance",
            Self::Pause => "compute_pause_instance",
            Self::Unpause => "compute_unpause_instance",
            Self::Lock => "api_lock",
            Self::Unlock => "api_unlock",
            Self::CreateImage => "compute_snapshot_instance",
            Self::Resize | Self::Migrate => "compute_prep_resize",
            Self::LiveMigration => "compute_live_migration",
            Self::LiveMigrationCancel => "compute_live_migration_abort",
            Self::LiveMigrationForceComplete => "compute_live_migration_force_complete",
            Self::ConfirmResize => "compute_confirm_resize",
            Self::RevertResize => "compute_revert_resize",
            Self::Shelve => "compute_shelve_instance",
            Self::ShelveOffload => "compute_shelve_offload_instance",
            Self::Evacuate => "compute_rebuild_instance",
            Self::Unshelve => "compute_unshelve_instance",
            Self::Suspend => "compute_suspend_instance",
            Self::Resume => "compute_resume_instance",
            Self::Rescue => "compute_rescue_instance",
            Self::Unrescue => "compute_unrescue_instance",
            Self::Rebuild => "compute_rebuild_instance",
            Self::Backup => "compute_backup_instance",
            Self::ChangePassword => "compute_set_admin_password",
            Self::TriggerCrashDump => "compute_trigger_crash_dump",
            Self::ResetState => "api_reset_state",
            Self::InjectNetworkInfo => "compute_inject_network_info",
            Self::ForceDelete => "compute_terminate_instance",
            Self::AttachVolume => "compute_attach_volume",
            Self::DetachVolume => "compute_detach_volume",
            Self::ExtendVolume => "compute_extend_volume",
            Self::SwapVolume => "compute_swap_volume",
            Self::AttachInterface => "compute_attach_interface",
            Self::DetachInterface => "compute_detach_interface",
        }
    }
}

/// One action, from the request to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    pub server: ServerId,
    pub verb: Verb,
    pub request_id: RequestId,
    /// `None` for what TStack did by itself.
    pub user: Option<UserId>,
    pub project: ProjectId,
    pub start: Timestamp,
    pub end: Option<End>,
}

/// How an action ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    pub at: Timestamp,
    pub host: Option<HostName>,
    /// What went wrong; `None`: it succeeded.
    pub error: Option<String>,
}

/// `compute.action.<server>`
pub fn stream(server: &ServerId) -> String {
    format!("compute.action.{server}")
}

impl Action {
    /// What a user asks now.
    pub fn asked(cx: &Ctx, server: &ServerId, project: &ProjectId, verb: Verb) -> Self {
        Self {
            server: server.clone(),
            verb,
            request_id: cx.request_id.clone(),
            user: Some(cx.credentials.user.clone()),
            project: project.clone(),
            start: cx.now(),
            end: None,
        }
    }

    /// Writes that it began.
    pub fn begin(&self, tx: &mut Tx) -> Result<()> {
        tx.history(&stream(&self.server), self.start, self)
    }

    /// Writes how it ended.
    pub fn finish(&self, tx: &mut Tx, host: Option<&HostName>, error: Option<&str>, at: Timestamp) -> Result<()> {
        let end = End { at: at.max(self.start), host: host.cloned(), error: error.map(str::to_owned) };
        let done = Self { end: Some(end), ..self.clone() };
        tx.history(&stream(&self.server), at.max(self.start), &done)
    }
}

/// Actions out of the records of a stream, newest first.
pub fn fold(records: impl Iterator<Item = Action>) -> Vec<Action> {
    let mut actions: Vec<Action> = Vec::new();
    for record in records {
        let same = |a: &&mut Action| a.request_id == record.request_id && a.verb == record.verb;
        match actions.iter_mut().find(same) {
            Some(known) if known.end.is_none() => *known = record,
            Some(_) => {}
            None => actions.push(record),
        }
    }
    actions.sort_by_key(|action| std::cmp::Reverse(action.start));
    actions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_record_of_an_action_counts() {
        let action = |request: &str, start, end: Option<i64>| Action {
            server: "s".into(),
            verb: Verb::Stop,
            request_id: serde_json::from_value(request.into()).unwrap(),
            user: None,
            project: "p".into(),
            start: Timestamp::from_secs(start),
            end: end.map(|at| End { at: Timestamp::from_secs(at), host: None, error: None }),
        };
        let records = [action("r1", 1, None), action("r2", 2, None), action("r1", 1, Some(3)), action("r1", 1, None)];
        assert_eq!(fold(records.into_iter()), [action("r2", 2, None), action("r1", 1, Some(3))]);
    }
}
