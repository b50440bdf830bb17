use crate::{
    Identity, Refusal,
    model::{
        Endpoint, Extra, Interface, Region, Service,
        catalog::{EndpointId, ServiceId, well_formed},
    },
    ops::{audit::Note, fields},
    policy::{Authorize, catalog::CREATE_ENDPOINT},
};
use kernel::{Ctx, RegionId, Result, ids::uuid_hex};
use serde::Deserialize;
use std::sync::Arc;
use store::Tx;

#[derive(Deserialize)]
pub struct New {
    pub interface: Interface,
    pub service_id: ServiceId,
    pub url: String,
    pub region_id: Option<RegionId>,
    /// The name of old: a region that is made if need be.
    pub region: Option<RegionId>,
    #[serde(default = "fields::yes")]
    pub enabled: bool,
    #[serde(flatten)]
    pub extra: Extra,
}

pub async fn create(id: &Identity, cx: &Ctx, new: New) -> Result<Arc<Endpoint>> {
    let permit = cx.authorize(&CREATE_ENDPOINT, &())?;
    valid_url(&new.url)?;
    let make_region = new.region_id.is_none();
    let endpoint = Endpoint {
        id: EndpointId::from(uuid_hex().as_str()),
        service: new.service_id,
        interface: new.interface,
        region: new.region_id.or(new.region),
        url: new.url,
        enabled: new.enabled,
        extra: fields::kept(new.extra),
        managed: false,
    };
    let note = Note::of(cx);
    id.write(permit, "identity.endpoint.create", move |tx| {
        settle_references(tx, &endpoint, make_region)?;
        note.created(tx, "endpoint", &endpoint.id)?;
        tx.insert(endpoint.clone())
    })
    .await
}

pub(super) fn valid_url(url: &str) -> Result<(), Refusal> {
    if well_formed(url) {
        return Ok(());
    }
    Err(Refusal::Invalid(format!("Cannot create an endpoint with an invalid URL: {url}.")))
}

/// Service and region must be there; the region is made if it was named in the old way. Both are written again as they are:
/// who removes one of them at the same moment, having seen no endpoint of it, conflicts and looks again.
pub(super) fn settle_references(tx: &mut Tx, endpoint: &Endpoint, make_region: bool) -> Result<()> {
    if let Some(id) = &endpoint.region {
        let region = match tx.get::<Region>(id) {
            Some(region) => Region::clone(&region),
            None if make_region => {
                Region { id: id.clone(), description: String::new(), parent: None, extra: Extra::new() }
            }
            None => {
                return Err(Refusal::Missing { attribute: "endpoint region_id", target: "region table" }.into());
            }
        };
        tx.put(region);
    }
    let service = tx.get::<Service>(&endpoint.service);
    let service = service.ok_or(Refusal::Missing { attribute: "endpoint service_id", target: "service table" })?;
    tx.put(Service::clone(&service));
    Ok(())
}
