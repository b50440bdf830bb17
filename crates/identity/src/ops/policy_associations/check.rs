use super::{Verb, all_there, none, rule};
use crate::{
    Identity,
    model::{PolicyAssociation, policy_doc::PolicyFor},
    policy::Authorize,
};
use kernel::{Ctx, Result};

pub fn check(id: &Identity, cx: &Ctx, policy_id: &str, of: &PolicyFor) -> Result<()> {
    let _ = cx.authorize(rule(Verb::Check, of), &())?;
    let view = id.view();
    all_there(&view, policy_id, of)?;
    match view.get::<PolicyAssociation>(&of.key()).is_some_and(|a| *a.policy == *policy_id) {
        true => Ok(()),
        false => Err(none().into()),
    }
}
