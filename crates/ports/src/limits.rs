//! Unified limits: what identity keeps for services that ask.

use kernel::ProjectId;
use store::Snapshot;

pub trait Limits: Send + Sync + 'static {
    /// How much of `resource` of the services of a type (`image`) a project may use; -1 is unlimited, `None`: nobody registered it.
    fn limit(&self, snapshot: &Snapshot, project: &ProjectId, service_type: &str, resource: &str) -> Option<i64>;
}

/// Where nothing is limited.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unlimited;

impl Limits for Unlimited {
    fn limit(&self, _: &Snapshot, _: &ProjectId, _: &str, _: &str) -> Option<i64> {
        None
    }
}
