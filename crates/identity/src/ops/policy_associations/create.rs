use super::{Verb, all_there, rule};
use crate::{
    Identity,
    model::{
        Endpoint, Policy, PolicyAssociation, Region, Service,
        policy_doc::{PolicyFor, PolicyId},
    },
    ops::{audit::Note, found::found_in},
    policy::Authorize,
};
use kernel::{Ctx, Result};
use store::Tx;

/// Takes the place of the one there was: an endpoint, a service, a service in a region has one policy.
pub async fn create(id: &Identity, cx: &Ctx, policy_id: &str, of: PolicyFor) -> Result<()> {
    let permit = cx.authorize(rule(Verb::Create, &of), &())?;
    all_there(&id.view(), policy_id, &of)?;
    let association = PolicyAssociation { of, policy: PolicyId::from(policy_id) };
    let note = Note::of(cx);
    id.write(permit, "identity.policy_association.create", move |tx| {
        keep(tx, &association)?;
        tx.put(association.clone());
        note.created(tx, "policy_association", &association.of.key())
    })
    .await
}

/// Writes again, as they are, what the association names: who removes one of them at this moment, having seen no association
/// of it, conflicts and looks again.
fn keep(tx: &mut Tx, association: &PolicyAssociation) -> Result<()> {
    let policy = found_in::<Policy>(tx, "policy", &association.policy)?;
    tx.put(Policy::clone(&policy));
    match &association.of {
        PolicyFor::Endpoint(id) => {
            let endpoint = found_in::<Endpoint>(tx, "endpoint", id)?;
            tx.put(Endpoint::clone(&endpoint));
        }
        PolicyFor::Service(id) => {
            let service = found_in::<Service>(tx, "service", id)?;
            tx.put(Service::clone(&service));
        }
        PolicyFor::ServiceIn { service, region } => {
            let service = found_in::<Service>(tx, "service", service)?;
            let region = found_in::<Region>(tx, "region", region)?;
            tx.put(Service::clone(&service));
            tx.put(Region::clone(&region));
        }
    }
    Ok(())
}
