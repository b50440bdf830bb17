use crate::{
    Identity, Refusal,
    model::{Endpoint, Policy, policy_doc},
    ops::found::found,
    policy::{
        Authorize,
        policies::{GET_POLICY_FOR_ENDPOINT, LIST_ENDPOINTS_FOR_POLICY},
    },
};
use kernel::{Ctx, Result};
use std::sync::Arc;

pub fn endpoints(id: &Identity, cx: &Ctx, policy_id: &str) -> Result<Vec<Arc<Endpoint>>> {
    let _ = cx.authorize(&LIST_ENDPOINTS_FOR_POLICY, &())?;
    let view = id.view();
    found::<Policy>(&view, "policy", policy_id)?;
    Ok(policy_doc::endpoints_of(&view, policy_id))
}

pub fn for_endpoint(id: &Identity, cx: &Ctx, endpoint_id: &str) -> Result<Arc<Policy>> {
    let _ = cx.authorize(&GET_POLICY_FOR_ENDPOINT, &())?;
    let view = id.view();
    let endpoint = found::<Endpoint>(&view, "endpoint", endpoint_id)?;
    let none = || Refusal::Absent(format!("No policy is associated with endpoint {endpoint_id}."));
    policy_doc::for_endpoint(&view, &endpoint).ok_or_else(|| none().into())
}
