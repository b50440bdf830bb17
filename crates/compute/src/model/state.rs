//! What a server is, does and is shown as: Nova's vm state, task state, power state and status.
//!
//! ```text
//!            create                       stop / the guest powers off
//!   (none) ─────────▶ Building ──▶ Active ──────────────────────────▶ Stopped ──start──▶ Active
//!                        │          │  ▲ unpause                        │
//!                        │    pause ▼  │                                │
//!                        │         Paused                               │
//!                        ▼                                              ▼
//!                      Error ◀── a flow failed for good       delete, from any state ──▶ (none)
//! ```
//!
//! A server with a [`Task`] is owned by a live flow (or several: volumes and interfaces come and go beside each other
//! without a task); without one nothing is under way.

use serde::{Deserialize, Serialize};

macro_rules! named {
    ($(#[$doc:meta])* $type:ident { $($variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $type {
            $(#[serde(rename = $text)] $variant),+
        }
        impl $type {
            /// Every one of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// OpenStack's spelling.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|v| v.as_str() == text)
            }
        }
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use named;

named! {
    /// `OS-EXT-STS:vm_state`
    ServerState {
        Building = "building",
        Active = "active",
        Paused = "paused",
        Suspended = "suspended",
        Stopped = "stopped",
        Rescued = "rescued",
        Resized = "resized",
        SoftDeleted = "soft-delete",
        Deleted = "deleted",
        Error = "error",
        Shelved = "shelved",
        ShelvedOffloaded = "shelved_offloaded",
    }
}

named! {
    /// `OS-EXT-STS:task_state`
    Task {
        Scheduling = "scheduling",
        Networking = "networking",
        BlockDeviceMapping = "block_device_mapping",
        Spawning = "spawning",
        ImageSnapshot = "image_snapshot",
        ImageUploading = "image_uploading",
        Rebooting = "rebooting",
        RebootingHard = "rebooting_hard",
        Pausing = "pausing",
        Unpausing = "unpausing",
        PoweringOff = "powering-off",
        PoweringOn = "powering-on",
        Suspending = "suspending",
        Resuming = "resuming",
        Rescuing = "rescuing",
        Unrescuing = "unrescuing",
        Rebuilding = "rebuilding",
        Migrating = "migrating",
        ResizePrep = "resize_prep",
        ResizeMigrating = "resize_migrating",
        ResizeMigrated = "resize_migrated",
        ResizeFinish = "resize_finish",
        ResizeConfirming = "resize_confirming",
        ResizeReverting = "resize_reverting",
        Shelving = "shelving",
        ShelvingImageUploading = "shelving_image_uploading",
        ShelvingOffloading = "shelving_offloading",
        Unshelving = "unshelving",
        ImageBackup = "image_backup",
        UpdatingPassword = "updating_password",
        Deleting = "deleting",
    }
}

/// `OS-EXT-STS:power_state`, Nova's numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PowerState {
    #[default]
    None,
    Running,
    Paused,
    Shutdown,
    Crashed,
    Suspended,
}

impl PowerState {
    pub const fn number(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Running => 1,
            Self::Paused => 3,
            Self::Shutdown => 4,
            Self::Crashed => 6,
            Self::Suspended => 7,
        }
    }
}

impl From<crate::driver::VmState> for PowerState {
    fn from(state: crate::driver::VmState) -> Self {
        use crate::driver::VmState as V;
        match state {
            V::Absent => Self::None,
            V::Running => Self::Running,
            V::Paused => Self::Paused,
            V::Shutdown => Self::Shutdown,
            V::Crashed => Self::Crashed,
            // Nova's libvirt driver: saved memory, no domain.
            V::Suspended => Self::Shutdown,
            V::Arriving => Self::None,
        }
    }
}

/// `status`, which clients wait for: a function of state and task.
pub const fn status(state: ServerState, task: Option<Task>) -> &'static str {
    match (state, task) {
        (ServerState::Active, Some(Task::Rebooting)) => "REBOOT",
        (ServerState::Active, Some(Task::RebootingHard)) => "HARD_REBOOT",
        (ServerState::Active, Some(Task::UpdatingPassword)) => "PASSWORD",
        (ServerState::Active | ServerState::Stopped | ServerState::Error, Some(Task::Rebuilding)) => "REBUILD",
        (
            ServerState::Active | ServerState::Stopped,
            Some(Task::ResizePrep | Task::ResizeMigrating | Task::ResizeMigrated | Task::ResizeFinish),
        ) => "RESIZE",
        (ServerState::Resized, Some(Task::ResizeReverting)) => "REVERT_RESIZE",
        (ServerState::Active | ServerState::Paused, Some(Task::Migrating)) => "MIGRATING",
        (ServerState::Active, _) => "ACTIVE",
        (ServerState::Building, _) => "BUILD",
        (ServerState::Stopped, _) => "SHUTOFF",
        (ServerState::Resized, _) => "VERIFY_RESIZE",
        (ServerState::Paused, _) => "PAUSED",
        (ServerState::Suspended, _) => "SUSPENDED",
        (ServerState::Rescued, _) => "RESCUE",
        (ServerState::Error, _) => "ERROR",
        (ServerState::Deleted, _) => "DELETED",
        (ServerState::SoftDeleted, _) => "SOFT_DELETED",
        (ServerState::Shelved, _) => "SHELVED",
        (ServerState::ShelvedOffloaded, _) => "SHELVED_OFFLOADED",
    }
}

/// Every status that can be asked for in `?status=`, known to Nova even where no server of ours can have it yet.
pub fn is_status(text: &str) -> bool {
    const OTHERS: &[&str] = &["REBUILD", "RESIZE", "REVERT_RESIZE", "MIGRATING", "PASSWORD", "REBOOT", "HARD_REBOOT"];
    OTHERS.iter().chain(STATUSES).any(|known| known.eq_ignore_ascii_case(text))
}

const STATUSES: &[&str] = &[
    "ACTIVE",
    "BUILD",
    "SHUTOFF",
    "VERIFY_RESIZE",
    "PAUSED",
    "SUSPENDED",
    "RESCUE",
    "ERROR",
    "DELETED",
    "SOFT_DELETED",
    "SHELVED",
    "SHELVED_OFFLOADED",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_and_task_has_a_known_status() {
        for state in ServerState::ALL {
            assert_eq!(ServerState::parse(state.as_str()), Some(*state));
            for task in Task::ALL.iter().copied().map(Some).chain([None]) {
                assert!(is_status(status(*state, task)), "{state} {task:?}");
            }
        }
        assert_eq!(status(ServerState::Active, Some(Task::RebootingHard)), "HARD_REBOOT");
        assert_eq!(status(ServerState::Stopped, Some(Task::PoweringOn)), "SHUTOFF");
        assert!(!is_status("FLYING"));
    }
}
