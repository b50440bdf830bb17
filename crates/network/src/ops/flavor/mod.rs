//! Flavors, and the service profiles they have.

use crate::{
    Network as Service,
    error::NetError,
    model::{Flavor, Resource, Router, RouterFlavorId, ServiceProfile, ServiceProfileId, Standard, flavor},
    ops::{
        access::Set,
        common::{Asked, Env, Expect, Guard, Of, create_all, delete_one, take, update_one},
    },
    policy::flavor as rules,
};
use kernel::{Ctx, ProjectId, Result};
use serde::Deserialize;
use std::{collections::BTreeSet, sync::Arc};
use store::Tx;

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NewFlavor {
    pub name: String,
    pub description: Option<String>,
    pub service_type: String,
    pub enabled: bool,
    pub service_profiles: BTreeSet<ServiceProfileId>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct FlavorChanges {
    pub name: Option<String>,
    pub description: Option<String>,
    pub enabled: Option<bool>,
}

pub async fn create(net: &Service, cx: &Ctx, asked: Vec<Asked<NewFlavor>>) -> Result<Vec<Arc<Flavor>>> {
    let guard = Guard { table: rules::ALL, rule: &rules::CREATE };
    create_all(net, cx, guard, "network.flavor.create", asked, |tx, env, one| insert(tx, env, &one.body)).await
}

fn insert(tx: &mut Tx, env: &Env, new: &NewFlavor) -> Result<Arc<Flavor>> {
    for profile in &new.service_profiles {
        hold(tx, profile)?;
    }
    Ok(tx.put(Flavor {
        id: RouterFlavorId::new(),
        standard: Standard::new(&ProjectId::default(), new.description.as_deref().unwrap_or_default(), env.now),
        name: new.name.clone(),
        service_type: new.service_type.clone(),
        enabled: new.enabled,
        profiles: new.service_profiles.clone(),
        serial: 0,
    }))
}

/// Notes that a flavor takes a profile.
fn hold(tx: &mut Tx, id: &ServiceProfileId) -> Result<()> {
    let profile = tx.get::<ServiceProfile>(id).ok_or_else(|| ServiceProfile::not_found(id))?;
    tx.put(ServiceProfile { serial: profile.serial + 1, ..ServiceProfile::clone(&profile) });
    Ok(())
}

pub async fn update(
    net: &Service,
    cx: &Ctx,
    id: &str,
    set: &Set,
    changes: FlavorChanges,
    expect: Expect,
) -> Result<Arc<Flavor>> {
    let of = Of { id, rule: &rules::UPDATE, label: "network.flavor.update", expect };
    update_one::<Flavor>(net, cx, of, set, move |_, _, flavor| {
        take(&mut flavor.name, &changes.name);
        take(&mut flavor.standard.description, &changes.description);
        take(&mut flavor.enabled, &changes.enabled);
        Ok(())
    })
    .await
}

pub async fn delete(net: &Service, cx: &Ctx, id: &str, expect: Expect) -> Result<()> {
    let of = Of { id, rule: &rules::DELETE, label: "network.flavor.delete", expect };
    delete_one::<Flavor>(net, cx, of, |tx, _, flavor| {
        if tx.view().count_by(Router::BY_FLAVOR, &flavor.id) > 0 {
            return Err(NetError::FlavorInUse { id: flavor.id.to_string() }.into());
        }
        Ok(())
    })
    .await
}

/// Gives a flavor a profile.
pub async fn bind(net: &Service, cx: &Ctx, id: &str, profile: &str) -> Result<Arc<Flavor>> {
    let profile = ServiceProfileId::from(profile);
    let of = Of { id, rule: &rules::BIND, label: "network.flavor.bind", expect: None };
    update_one::<Flavor>(net, cx, of, &Set::default(), move |tx, _, flavor| {
        hold(tx, &profile)?;
        if flavor.profiles.insert(profile.clone()) {
            return Ok(());
        }
        let (flavor, profile) = (flavor.id.to_string(), profile.to_string());
        Err(NetError::FlavorServiceProfileBindingExists { profile, flavor }.into())
    })
    .await
}

/// Takes a profile from a flavor.
pub async fn unbind(net: &Service, cx: &Ctx, id: &str, profile: &str) -> Result<()> {
    let profile = ServiceProfileId::from(profile);
    let of = Of { id, rule: &rules::UNBIND, label: "network.flavor.unbind", expect: None };
    let unbind = move |_: &mut Tx, _: &Env, flavor: &mut Flavor| {
        if flavor.profiles.remove(&profile) {
            return Ok(());
        }
        let (flavor, profile) = (flavor.id.to_string(), profile.to_string());
        Err(NetError::FlavorServiceProfileBindingNotFound { profile, flavor }.into())
    };
    update_one::<Flavor>(net, cx, of, &Set::default(), unbind).await.map(drop)
}

/// The flavor that a router shall be of, which must be one of routers and carried out by a driver that is in service.
pub(crate) fn of_router(tx: &mut Tx, id: &RouterFlavorId) -> Result<()> {
    let flavor = tx.get::<Flavor>(id).ok_or_else(|| Flavor::not_found(id))?;
    if flavor.service_type != flavor::ROUTERS {
        let reason = format!("flavor {id} is of {} and not of routers", flavor.service_type);
        return Err(NetError::router(reason).into());
    }
    if !flavor.enabled {
        return Err(NetError::FlavorDisabled.into());
    }
    let unbound = || NetError::FlavorServiceProfileBindingNotFound { profile: String::new(), flavor: id.to_string() };
    let profile = flavor.profiles.first().and_then(|p| tx.get::<ServiceProfile>(p)).ok_or_else(unbound)?;
    if !profile.enabled {
        return Err(NetError::ServiceProfileDisabled.into());
    }
    tx.put(Flavor { serial: flavor.serial + 1, ..Flavor::clone(&flavor) });
    Ok(())
}
