//! The rules that new security groups begin with: the operator's.

use crate::{
    Network as Service,
    error::NetError,
    model::{DefaultRule, DefaultRuleId, Resource, Standard, security_group::RemoteSpec},
    ops::{
        access::Reach,
        address_group,
        common::{Asked, Env, write_all},
        security_group_rule::create::NewMatch,
    },
    policy::security_group as rules,
};
use kernel::{Ctx, ProjectId, Result};
use policy::Authorize;
use serde::Deserialize;
use std::sync::Arc;
use store::Tx;

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NewDefaultRule {
    pub description: String,
    pub used_in_default_sg: bool,
    pub used_in_non_default_sg: bool,
    #[serde(flatten)]
    pub matches: NewMatch,
}

pub async fn create(net: &Service, cx: &Ctx, asked: Vec<Asked<NewDefaultRule>>) -> Result<Vec<Arc<DefaultRule>>> {
    let _permit = cx.authorize(&rules::DEFAULT_RULE_CREATE, &())?;
    write_all(net, "network.default_rule.create", asked, |tx, env, one| insert(tx, env, &one.body)).await
}

pub(crate) fn insert(tx: &mut Tx, env: &Env, new: &NewDefaultRule) -> Result<Arc<DefaultRule>> {
    let matches = new.matches.checked()?;
    let same = tx.view().all::<DefaultRule>().find(|r| {
        let overlap = (r.in_default && new.used_in_default_sg) || (r.in_others && new.used_in_non_default_sg);
        overlap && r.matches.same_as(&matches)
    });
    if let Some(same) = same {
        return Err(NetError::DefaultSecurityGroupRuleExists { id: same.id.to_string() }.into());
    }
    if let RemoteSpec::AddressGroup(remote) = &matches.remote {
        address_group::refer(tx, &Reach::everything(), &ProjectId::default(), remote)?;
    }
    Ok(tx.put(DefaultRule {
        id: DefaultRuleId::new(),
        standard: Standard::new(&ProjectId::default(), &new.description, env.now),
        matches,
        in_default: new.used_in_default_sg,
        in_others: new.used_in_non_default_sg,
    }))
}

pub async fn delete(net: &Service, cx: &Ctx, id: &str) -> Result<()> {
    let _permit = cx.authorize(&rules::DEFAULT_RULE_DELETE, &())?;
    let id = id.to_owned();
    net.store()
        .transact("network.default_rule.delete", move |tx| {
            if tx.delete::<DefaultRule>(&id) { Ok(()) } else { Err(DefaultRule::not_found(&id).into()) }
        })
        .await
}
