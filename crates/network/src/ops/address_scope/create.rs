use crate::{
    Network as Service,
    model::{AddressScope, AddressScopeId, Standard, rbac::Action, rbac::ObjectType},
    ops::{
        common::{Asked, Env, Guard, create_all},
        rbac::open_to_all,
    },
    policy::address_scope as rules,
};
use kernel::{Ctx, ProjectId, Result};
use serde::Deserialize;
use std::sync::Arc;
use store::Tx;

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NewAddressScope {
    pub name: String,
    pub ip_version: u8,
    pub shared: bool,
}

pub async fn create(net: &Service, cx: &Ctx, asked: Vec<Asked<NewAddressScope>>) -> Result<Vec<Arc<AddressScope>>> {
    let guard = Guard { table: rules::ALL, rule: &rules::CREATE };
    create_all(net, cx, guard, "network.address_scope.create", asked, |tx, env, one| {
        insert(tx, env, &one.project, &one.body)
    })
    .await
}

fn insert(tx: &mut Tx, env: &Env, project: &ProjectId, new: &NewAddressScope) -> Result<Arc<AddressScope>> {
    let scope = AddressScope {
        id: AddressScopeId::new(),
        standard: Standard::new(project, "", env.now),
        name: new.name.clone(),
        ip_version: new.ip_version,
        serial: 0,
    };
    if new.shared {
        open_to_all(tx, project, ObjectType::AddressScope, &scope.id, Action::Shared, env.now)?;
    }
    Ok(tx.put(scope))
}
