//! Service profiles.

use crate::{
    Network as Service,
    error::NetError,
    model::{Flavor, ServiceProfile, ServiceProfileId, Standard, flavor::is_driver},
    ops::{
        access::Set,
        common::{Asked, Expect, Guard, Of, create_all, delete_one, take, update_one},
    },
    policy::flavor as rules,
};
use kernel::{Ctx, ProjectId, Result};
use serde::Deserialize;
use std::sync::Arc;
use store::Tx;

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NewServiceProfile {
    pub description: Option<String>,
    pub driver: String,
    pub metainfo: String,
    pub enabled: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ServiceProfileChanges {
    pub description: Option<String>,
    pub driver: Option<String>,
    pub metainfo: Option<String>,
    pub enabled: Option<bool>,
}

pub async fn create(net: &Service, cx: &Ctx, asked: Vec<Asked<NewServiceProfile>>) -> Result<Vec<Arc<ServiceProfile>>> {
    let guard = Guard { table: rules::ALL, rule: &rules::PROFILE_CREATE };
    create_all(net, cx, guard, "network.service_profile.create", asked, |tx, env, one| {
        let new = &one.body;
        known_driver(&new.driver)?;
        if new.driver.is_empty() && new.metainfo.is_empty() {
            return Err(NetError::ServiceProfileEmpty.into());
        }
        Ok(tx.put(ServiceProfile {
            id: ServiceProfileId::new(),
            standard: Standard::new(&ProjectId::default(), new.description.as_deref().unwrap_or_default(), env.now),
            driver: new.driver.clone(),
            metainfo: new.metainfo.clone(),
            enabled: new.enabled,
            serial: 0,
        }))
    })
    .await
}

fn known_driver(driver: &str) -> Result<()> {
    if driver.is_empty() || is_driver(driver) {
        return Ok(());
    }
    Err(NetError::ServiceProfileDriverNotFound { driver: driver.to_owned() }.into())
}

pub async fn update(
    net: &Service,
    cx: &Ctx,
    id: &str,
    set: &Set,
    changes: ServiceProfileChanges,
    expect: Expect,
) -> Result<Arc<ServiceProfile>> {
    let of = Of { id, rule: &rules::PROFILE_UPDATE, label: "network.service_profile.update", expect };
    update_one::<ServiceProfile>(net, cx, of, set, move |tx, _, profile| {
        ensure_unused(tx, profile)?;
        known_driver(changes.driver.as_deref().unwrap_or_default())?;
        take(&mut profile.standard.description, &changes.description);
        take(&mut profile.driver, &changes.driver);
        take(&mut profile.metainfo, &changes.metainfo);
        take(&mut profile.enabled, &changes.enabled);
        Ok(())
    })
    .await
}

pub async fn delete(net: &Service, cx: &Ctx, id: &str, expect: Expect) -> Result<()> {
    let of = Of { id, rule: &rules::PROFILE_DELETE, label: "network.service_profile.delete", expect };
    delete_one::<ServiceProfile>(net, cx, of, |tx, _, profile| ensure_unused(tx, profile)).await
}

/// What flavors promise stays as it is.
fn ensure_unused(tx: &Tx, profile: &ServiceProfile) -> Result<()> {
    if tx.view().count_by(Flavor::BY_PROFILE, &profile.id) > 0 {
        return Err(NetError::ServiceProfileInUse { id: profile.id.to_string() }.into());
    }
    Ok(())
}
