use crate::{
    Identity, Refusal,
    model::{Role, role},
    ops::on::On,
    policy::{
        Authorize,
        roles::{LIST_IMPLIED_ROLES, LIST_ROLE_INFERENCE_RULES},
    },
};
use kernel::{Ctx, Result};
use std::sync::Arc;
use store::Snapshot;

/// A role and what it implies by itself.
pub struct Inference {
    pub prior: Arc<Role>,
    pub implies: Vec<Arc<Role>>,
}

impl Inference {
    fn of(view: &Snapshot, prior: Arc<Role>) -> Self {
        let implies = prior.implies.iter().filter_map(|id| role::find(view, id)).collect();
        Self { prior, implies }
    }
}

pub fn list(id: &Identity, cx: &Ctx, prior: &str) -> Result<Inference> {
    let view = id.view();
    let prior = role::find(&view, prior).ok_or_else(|| Refusal::not_found("role", prior))?;
    let _ = cx.authorize(&LIST_IMPLIED_ROLES, &On::default().prior_role(Some(&prior)))?;
    Ok(Inference::of(&view, prior))
}

/// Every role that implies any.
pub fn all(id: &Identity, cx: &Ctx) -> Result<Vec<Inference>> {
    let _ = cx.authorize(&LIST_ROLE_INFERENCE_RULES, &())?;
    let view = id.view();
    let priors = view.all::<Role>().filter(|r| !r.deleting && !r.implies.is_empty());
    Ok(priors.map(|prior| Inference::of(&view, prior)).collect())
}
