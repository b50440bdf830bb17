//! The service's own state.

use crate::{
    error,
    model::{Attachment, Snapshot, Volume},
};
use ::policy::{Authorize, Permit, Rule};
use flow::Starter;
use kernel::{Clock, Ctx, HostName, ProjectId, Result};
use ports::{HostCalls, Images, Keys, QuotaDefault, Quotas, Servers};
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use store::{Snapshot as View, Store, Tx};

/// Cinder's resources and its default limits.
pub(crate) const QUOTAS: Quotas = Quotas {
    service: "volume",
    defaults: &[
        QuotaDefault { resource: "volumes", limit: 10 },
        QuotaDefault { resource: "snapshots", limit: 10 },
        QuotaDefault { resource: "gigabytes", limit: 1000 },
        QuotaDefault { resource: "backups", limit: 10 },
        QuotaDefault { resource: "backup_gigabytes", limit: 1000 },
        QuotaDefault { resource: "groups", limit: 10 },
        QuotaDefault { resource: "per_volume_gigabytes", limit: -1 },
    ],
};

/// What `node` gives the service.
pub struct VolumeDeps {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub starter: Starter,
    pub hosts: Arc<dyn HostCalls>,
    pub images: Arc<dyn Images>,
    pub servers: Arc<dyn Servers>,
    pub keys: Arc<dyn Keys>,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct VolumeService(pub(crate) Arc<VolumeDeps>);

impl VolumeService {
    pub fn new(deps: VolumeDeps) -> Self {
        Self(Arc::new(deps))
    }

    pub(crate) fn view(&self) -> View {
        self.0.store.snapshot()
    }

    /// A transaction that only somebody who was permitted to may run.
    pub(crate) async fn write<R: Send + 'static>(
        &self,
        _permit: Permit,
        label: &'static str,
        closure: impl FnMut(&mut Tx) -> Result<R> + Send + 'static,
    ) -> Result<R> {
        self.0.store.transact(label, closure).await
    }

    /// A call to the agent of a pool's host.
    pub(crate) async fn on_host(
        &self,
        host: &HostName,
        method: &str,
        params: Value,
        within: Duration,
    ) -> Result<Value> {
        self.0.hosts.call(host, method, params, within).await
    }

    pub(crate) fn find_volume(&self, cx: &Ctx, id: &str) -> Result<Arc<Volume>> {
        let volume = self.view().get::<Volume>(id).filter(|v| may_see(cx, &v.project));
        volume.ok_or_else(|| error::no_volume(id))
    }

    pub(crate) fn find_snapshot(&self, cx: &Ctx, id: &str) -> Result<Arc<Snapshot>> {
        let snapshot = self.view().get::<Snapshot>(id).filter(|s| may_see(cx, &s.project));
        snapshot.ok_or_else(|| error::no_snapshot(id))
    }

    pub(crate) fn find_attachment(&self, cx: &Ctx, id: &str) -> Result<Arc<Attachment>> {
        let attachment = self.view().get::<Attachment>(id).filter(|a| may_see(cx, &a.project));
        attachment.ok_or_else(|| error::no_attachment(id))
    }
}

pub(crate) fn may_see(cx: &Ctx, project: &ProjectId) -> bool {
    cx.is_admin() || cx.credentials.has_role("service") || cx.credentials.project() == Some(project)
}

/// Asks the policy about something of a project.
pub(crate) fn authorize(cx: &Ctx, rule: &'static Rule, project: &ProjectId) -> Result<Permit> {
    let (project, user) = (project.as_str(), cx.credentials.user.as_str());
    cx.authorize(rule, &::policy::target! { "project_id" => project, "user_id" => user })
}

/// The same for what belongs to the caller's own project.
pub(crate) fn authorize_own(cx: &Ctx, rule: &'static Rule) -> Result<Permit> {
    match cx.credentials.project() {
        Some(project) => authorize(cx, rule, project),
        None => authorize(cx, rule, &ProjectId::default()),
    }
}

/// The caller's project; an empty one, which owns nothing, for who has none.
pub(crate) fn project_of(cx: &Ctx) -> ProjectId {
    cx.credentials.project().cloned().unwrap_or_default()
}
