//! Server groups.

use crate::{
    Compute, ComputeError,
    error::invalid,
    model::{GroupPolicy, QUOTAS, Server, ServerGroup},
    ops::servers::MAX_LIMIT,
    policy::{GROUPS_CREATE, GROUPS_DELETE, GROUPS_INDEX, GROUPS_INDEX_ALL, GROUPS_SHOW},
};
use http::Params;
use kernel::{Ctx, Result, ids::uuid_dashed};
use policy::{Authorize, target};
use std::sync::Arc;
use store::Snapshot;

/// A group and the ids of the servers that name it.
pub(crate) struct Group {
    pub(crate) group: Arc<ServerGroup>,
    pub(crate) members: Vec<String>,
}

pub(crate) struct NewGroup {
    pub(crate) name: String,
    pub(crate) policy: GroupPolicy,
    pub(crate) max_server_per_host: Option<u32>,
}

fn with_members(snapshot: &Snapshot, group: Arc<ServerGroup>) -> Group {
    let members = snapshot.keys_by(Server::BY_GROUP, &group.id).map(|id| id.to_string()).collect();
    Group { group, members }
}

fn find(cx: &Ctx, snapshot: &Snapshot, id: &str) -> Result<Arc<ServerGroup>> {
    let found = snapshot.get::<ServerGroup>(id);
    let visible = found.filter(|g| cx.is_admin() || cx.credentials.project() == Some(&g.project));
    visible.ok_or_else(|| ComputeError::NoGroup(id.into()).into())
}

pub(crate) async fn list(c: &Compute, cx: &Ctx, params: &Params) -> Result<Vec<Group>> {
    let project = cx.credentials.project().cloned().unwrap_or_default();
    let own = target! { "project_id" => project };
    let _permit = cx.authorize(&GROUPS_INDEX, &own)?;
    let all = params.has("all_projects") && cx.is_admin();
    if all {
        let _permit = cx.authorize(&GROUPS_INDEX_ALL, &own)?;
    }
    let snapshot = c.store.read().await?;
    let mut groups: Vec<_> =
        if all { snapshot.all().collect() } else { snapshot.by(ServerGroup::BY_PROJECT, &project).collect() };
    groups.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    let number = |key: &str, default: usize| match params.get(key) {
        None => Ok(default),
        Some(text) => text.parse().map_err(|_| invalid(format!("{key} param must be an integer"))),
    };
    let (offset, limit) = (number("offset", 0)?, number("limit", MAX_LIMIT)?.min(MAX_LIMIT));
    Ok(groups.into_iter().skip(offset).take(limit).map(|g| with_members(&snapshot, g)).collect())
}

pub(crate) async fn show(c: &Compute, cx: &Ctx, id: &str) -> Result<Group> {
    let snapshot = c.store.read().await?;
    let group = find(cx, &snapshot, id)?;
    let _permit = cx.authorize(&GROUPS_SHOW, &target! { "project_id" => group.project })?;
    Ok(with_members(&snapshot, group))
}

pub(crate) async fn create(c: &Compute, cx: &Ctx, new: NewGroup) -> Result<Group> {
    let project = cx.project()?.clone();
    let _permit = cx.authorize(&GROUPS_CREATE, &target! { "project_id" => project })?;
    let group = ServerGroup {
        id: uuid_dashed().to_string(),
        name: new.name,
        project,
        user: cx.credentials.user.clone(),
        policy: new.policy,
        max_server_per_host: new.max_server_per_host,
        created: cx.now(),
    };
    let created = c.store.transact("compute.group.create", move |tx| {
        let limit = QUOTAS.limits(tx.view(), &group.project)["server_groups"];
        let count = tx.view().count_by(ServerGroup::BY_PROJECT, &group.project);
        if limit >= 0 && i64::try_from(count).unwrap_or(i64::MAX) >= limit {
            return Err(ComputeError::TooManyGroups.into());
        }
        Ok(tx.put(group.clone()))
    });
    Ok(Group { group: created.await?, members: Vec::new() })
}

/// Deletes a group; its servers stay, in none.
pub(crate) async fn delete(c: &Compute, cx: &Ctx, id: &str) -> Result<()> {
    let group = find(cx, &c.store.read().await?, id)?;
    let _permit = cx.authorize(&GROUPS_DELETE, &target! { "project_id" => group.project })?;
    let deleted = c.store.transact("compute.group.delete", move |tx| {
        if !tx.delete::<ServerGroup>(&group.id) {
            return Err(ComputeError::NoGroup(group.id.clone()).into());
        }
        for member in tx.by(Server::BY_GROUP, &group.id) {
            tx.update::<Server>(&member.id, |s| s.group = None);
        }
        Ok(())
    });
    deleted.await
}
