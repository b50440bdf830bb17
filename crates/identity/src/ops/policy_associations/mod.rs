//! Which policy is for which endpoint, service, or service in a region.

mod check;
mod create;
mod delete;
mod lookup;

pub use check::check;
pub use create::create;
pub use delete::delete;
pub use lookup::{endpoints, for_endpoint};

use crate::{
    Refusal,
    model::{Endpoint, Policy, Region, Service, policy_doc::PolicyFor},
    ops::found::found,
    policy::policies::{
        CHECK_POLICY_ASSOCIATION_FOR_ENDPOINT, CHECK_POLICY_ASSOCIATION_FOR_REGION_AND_SERVICE,
        CHECK_POLICY_ASSOCIATION_FOR_SERVICE, CREATE_POLICY_ASSOCIATION_FOR_ENDPOINT,
        CREATE_POLICY_ASSOCIATION_FOR_REGION_AND_SERVICE, CREATE_POLICY_ASSOCIATION_FOR_SERVICE,
        DELETE_POLICY_ASSOCIATION_FOR_ENDPOINT, DELETE_POLICY_ASSOCIATION_FOR_REGION_AND_SERVICE,
        DELETE_POLICY_ASSOCIATION_FOR_SERVICE,
    },
};
use ::policy::Rule;
use kernel::Result;
use store::Snapshot;

#[derive(Clone, Copy)]
enum Verb {
    Check,
    Create,
    Delete,
}

fn rule(verb: Verb, of: &PolicyFor) -> &'static Rule {
    match (verb, of) {
        (Verb::Check, PolicyFor::Endpoint(_)) => &CHECK_POLICY_ASSOCIATION_FOR_ENDPOINT,
        (Verb::Check, PolicyFor::Service(_)) => &CHECK_POLICY_ASSOCIATION_FOR_SERVICE,
        (Verb::Check, PolicyFor::ServiceIn { .. }) => &CHECK_POLICY_ASSOCIATION_FOR_REGION_AND_SERVICE,
        (Verb::Create, PolicyFor::Endpoint(_)) => &CREATE_POLICY_ASSOCIATION_FOR_ENDPOINT,
        (Verb::Create, PolicyFor::Service(_)) => &CREATE_POLICY_ASSOCIATION_FOR_SERVICE,
        (Verb::Create, PolicyFor::ServiceIn { .. }) => &CREATE_POLICY_ASSOCIATION_FOR_REGION_AND_SERVICE,
        (Verb::Delete, PolicyFor::Endpoint(_)) => &DELETE_POLICY_ASSOCIATION_FOR_ENDPOINT,
        (Verb::Delete, PolicyFor::Service(_)) => &DELETE_POLICY_ASSOCIATION_FOR_SERVICE,
        (Verb::Delete, PolicyFor::ServiceIn { .. }) => &DELETE_POLICY_ASSOCIATION_FOR_REGION_AND_SERVICE,
    }
}

/// Everything that an association names is there.
fn all_there(view: &Snapshot, policy: &str, of: &PolicyFor) -> Result<()> {
    found::<Policy>(view, "policy", policy)?;
    match of {
        PolicyFor::Endpoint(endpoint) => drop(found::<Endpoint>(view, "endpoint", endpoint)?),
        PolicyFor::Service(service) => drop(found::<Service>(view, "service", service)?),
        PolicyFor::ServiceIn { service, region } => {
            found::<Service>(view, "service", service)?;
            found::<Region>(view, "region", region)?;
        }
    }
    Ok(())
}

fn none() -> Refusal {
    Refusal::Absent("Could not find policy association.".into())
}
