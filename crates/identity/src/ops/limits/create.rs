use super::fits;
use crate::{
    Identity, Refusal,
    model::{
        Limit, Project, RegisteredLimit,
        catalog::ServiceId,
        limit::{Holder, LimitId, RegisteredLimitId, Resource},
    },
    ops::audit::Note,
    policy::{Authorize, limits::CREATE_LIMITS},
};
use kernel::{Ctx, DomainId, ProjectId, RegionId, Result, ids::uuid_hex};
use serde::Deserialize;
use std::sync::Arc;
use store::Tx;

#[derive(Clone, Deserialize)]
pub struct New {
    pub service_id: ServiceId,
    pub region_id: Option<RegionId>,
    pub resource_name: String,
    pub resource_limit: i64,
    pub project_id: Option<ProjectId>,
    pub domain_id: Option<DomainId>,
    pub description: Option<String>,
}

/// All of them, or none.
pub async fn create(id: &Identity, cx: &Ctx, new: Vec<New>) -> Result<Vec<Arc<Limit>>> {
    let permit = cx.authorize(&CREATE_LIMITS, &())?;
    let new: Vec<(LimitId, New)> = new.into_iter().map(|n| (LimitId::from(uuid_hex().as_str()), n)).collect();
    let (note, model) = (Note::of(cx), id.config().limit_model);
    id.write(permit, "identity.limit.create", move |tx| {
        let made: Vec<_> = new.iter().map(|(id, new)| insert(tx, id, new, &note)).collect::<Result<_>>()?;
        made.iter().try_for_each(|limit| fits(model, tx.view(), limit))?;
        Ok(made)
    })
    .await
}

fn insert(tx: &mut Tx, id: &LimitId, new: &New, note: &Note) -> Result<Arc<Limit>> {
    let resource =
        Resource { service: new.service_id.clone(), region: new.region_id.clone(), name: new.resource_name.clone() };
    let none = || Refusal::forbidden("Unable to create a limit that has no corresponding registered limit.");
    let holder = holder(tx, new)?;
    let registered = tx.unique_owner(RegisteredLimit::NAMES, &resource.key()).ok_or_else(none)?;
    let registered = tx.get::<RegisteredLimit>(&registered).ok_or_else(none)?;
    // Written as it is: whoever changes or removes it at this moment conflicts and sees this limit.
    tx.put(RegisteredLimit::clone(&registered));
    let limit = Limit {
        id: id.clone(),
        registered: RegisteredLimitId::from(registered.id.as_str()),
        resource,
        holder,
        value: new.resource_limit,
        description: new.description.clone(),
    };
    let taken = |_| Refusal::conflict("limit", "Duplicate entry");
    tx.claim_unique(Limit::NAMES, &limit.unique(), &limit.id).map_err(taken)?;
    note.created(tx, "limit", &limit.id)?;
    tx.insert(limit)
}

/// A domain named as a project is meant as the domain it is.
fn holder(tx: &mut Tx, new: &New) -> Result<Holder> {
    let (id, attribute) = match (&new.project_id, &new.domain_id) {
        (Some(id), _) => (id.as_str(), "project_id"),
        (None, Some(id)) => (id.as_str(), "domain_id"),
        (None, None) => return Err(Refusal::Missing { attribute: "project_id or domain_id", target: "limit" }.into()),
    };
    let found = tx.get::<Project>(id).filter(|p| !p.deleting && (p.is_domain() || attribute == "project_id"));
    let found = found.ok_or(Refusal::Missing { attribute, target: "limit" })?;
    Ok(match found.is_domain() {
        true => Holder::Domain(found.domain_id()),
        false => Holder::Project(found.id.clone()),
    })
}
