use crate::{
    Identity,
    model::{Extra, Policy, policy_doc::PolicyId},
    ops::{audit::Note, fields},
    policy::{Authorize, policies::CREATE_POLICY},
};
use kernel::{Ctx, Result, ids::uuid_hex};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize)]
pub struct New {
    pub blob: String,
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(flatten)]
    pub extra: Extra,
}

pub async fn create(id: &Identity, cx: &Ctx, new: New) -> Result<Arc<Policy>> {
    let permit = cx.authorize(&CREATE_POLICY, &())?;
    let policy = Policy {
        id: PolicyId::from(uuid_hex().as_str()),
        kind: new.kind,
        blob: new.blob,
        extra: fields::kept(new.extra),
    };
    let note = Note::of(cx);
    id.write(permit, "identity.policy.create", move |tx| {
        note.created(tx, "policy", &policy.id)?;
        tx.insert(policy.clone())
    })
    .await
}
