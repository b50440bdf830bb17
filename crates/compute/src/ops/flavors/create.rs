use crate::{
    Compute, ComputeError,
    model::{Flavor, sequence},
    policy::FLAVOR_CREATE,
};
use kernel::{Ctx, FlavorId, Result, Timestamp};
use policy::{Authorize, Permit};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::sync::Arc;
use store::{Object, Tx};

/// What a new flavor is; numbers may be written as strings.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct NewFlavor {
    pub(crate) name: String,
    #[serde(default, deserialize_with = "id")]
    pub(crate) id: Option<String>,
    #[serde(deserialize_with = "number")]
    pub(crate) ram: u64,
    #[serde(deserialize_with = "number")]
    pub(crate) vcpus: u64,
    #[serde(deserialize_with = "number")]
    pub(crate) disk: u64,
    #[serde(default, rename = "OS-FLV-EXT-DATA:ephemeral", deserialize_with = "number")]
    pub(crate) ephemeral: u64,
    #[serde(default, deserialize_with = "number")]
    pub(crate) swap: u64,
    #[serde(default = "one", deserialize_with = "factor")]
    pub(crate) rxtx_factor: f64,
    #[serde(
        default = "yes",
        rename = "os-flavor-access:is_public",
        deserialize_with = "crate::ops::servers::create::request::flag"
    )]
    pub(crate) public: bool,
    #[serde(default)]
    pub(crate) description: Option<String>,
}

fn yes() -> bool {
    true
}

fn one() -> f64 {
    1.0
}

fn number<'de, D: Deserializer<'de>>(d: D) -> std::result::Result<u64, D::Error> {
    let value = Value::deserialize(d)?;
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    number.ok_or_else(|| serde::de::Error::custom("expected a number"))
}

fn factor<'de, D: Deserializer<'de>>(d: D) -> std::result::Result<f64, D::Error> {
    let value = Value::deserialize(d)?;
    Ok(value.as_f64().or_else(|| value.as_str()?.parse().ok()).unwrap_or(1.0))
}

/// A number is a good id; none, or `auto`, is chosen.
fn id<'de, D: Deserializer<'de>>(d: D) -> std::result::Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(d)? {
        Value::String(text) if text == "auto" => None,
        Value::String(text) => Some(text),
        Value::Number(n) => Some(n.to_string()),
        _ => None,
    })
}

pub(crate) async fn create(c: &Compute, cx: &Ctx, new: NewFlavor) -> Result<Arc<Flavor>> {
    let permit = cx.authorize(&FLAVOR_CREATE, &())?;
    make(c, &permit, new, cx.now()).await
}

async fn make(c: &Compute, _permit: &Permit, new: NewFlavor, now: Timestamp) -> Result<Arc<Flavor>> {
    let flavor = Flavor {
        id: new.id.map_or_else(FlavorId::new, FlavorId::from),
        number: 0,
        name: new.name.trim().to_owned(),
        vcpus: u32::try_from(new.vcpus).unwrap_or(u32::MAX),
        ram_mib: new.ram,
        disk_gib: new.disk,
        ephemeral_gib: new.ephemeral,
        swap_mib: new.swap,
        rxtx_factor: new.rxtx_factor,
        public: new.public,
        disabled: false,
        description: new.description,
        extra_specs: [].into(),
        access: [].into(),
        created: now,
        updated: now,
    };
    c.store.transact("compute.flavor.create", move |tx| enter(tx, flavor.clone())).await
}

fn enter(tx: &mut Tx, flavor: Flavor) -> Result<Arc<Flavor>> {
    if tx.get::<Flavor>(&flavor.id).is_some() {
        return Err(ComputeError::FlavorIdTaken(flavor.id.to_string()).into());
    }
    let claimed = tx.claim_unique(Flavor::NAMES, &flavor.name, &flavor.id);
    claimed.map_err(|_| ComputeError::FlavorNameTaken(flavor.name.clone()))?;
    let number = sequence::next(tx, Flavor::KIND);
    Ok(tx.put(Flavor { number, ..flavor }))
}

impl Compute {
    /// The flavors that a new cloud begins with, if it has none of their names: enough for the small images.
    pub async fn bootstrap_flavors(&self) -> Result<()> {
        let permit = Permit::internal("the first flavors");
        for (name, id, ram) in [("m1.nano", "42", 128), ("m1.micro", "84", 192)] {
            let new = NewFlavor {
                name: name.into(),
                id: Some(id.into()),
                ram,
                vcpus: 1,
                disk: 1,
                ephemeral: 0,
                swap: 0,
                rxtx_factor: 1.0,
                public: true,
                description: None,
            };
            match make(self, &permit, new, self.clock.now()).await {
                Err(e) if !e.is(kernel::Kind::Conflict) => return Err(e),
                _ => {}
            }
        }
        Ok(())
    }
}
