//! Credentials for other systems. What they contain is sealed before it is written, and opened for who may read it.

mod create;
mod delete;
mod list;
mod show;
mod update;

pub(crate) use create::id_of;
pub use create::{New, create};
pub use delete::delete;
pub use list::{FILTERS, list};
pub use show::show;
pub use update::{Update, update};

use crate::{
    Identity, Refusal,
    model::{Credential, Purpose, token::Method},
};
use kernel::{Ctx, Error, Result};
use serde_json::Value;
use std::sync::Arc;
use store::Snapshot;

/// A credential and what it contains.
#[derive(Clone, Debug)]
pub struct Opened {
    pub credential: Arc<Credential>,
    pub blob: String,
}

fn open(id: &Identity, view: &Snapshot, credential: Arc<Credential>) -> Result<Opened> {
    let content = id.rings().open(view, Purpose::Credentials, &credential.sealed)?;
    let blob = content.and_then(|octets| String::from_utf8(octets).ok());
    let lost = || Error::internal(format!("opening the credential {}: no key of the ring fits", credential.id));
    Ok(Opened { blob: blob.ok_or_else(lost)?, credential })
}

/// A delegated token touches no credentials at all: they would outlive the delegation.
pub(crate) fn primary(cx: &Ctx) -> Result<()> {
    let who = &cx.credentials;
    let delegated = who.trust.is_some()
        || who.app_cred.is_some()
        || who.methods.iter().filter_map(|m| Method::named(m)).any(Method::is_delegation);
    if delegated {
        return Err(Refusal::Action("Delegated tokens cannot access credentials directly").into());
    }
    Ok(())
}

fn is_ec2(kind: &str) -> bool {
    kind.eq_ignore_ascii_case("ec2")
}

/// The blob of an EC2 credential: an object with an access key.
fn ec2_blob(blob: &str) -> Result<Value, Refusal> {
    let value: Value = serde_json::from_str(blob).map_err(|_| Refusal::invalid("Invalid blob in credential"))?;
    if value.as_object().is_none_or(serde_json::Map::is_empty) {
        return Err(Refusal::Missing { attribute: "blob", target: "credential" });
    }
    if value.get("access").is_none_or(|access| !access.is_string()) {
        return Err(Refusal::Missing { attribute: "access", target: "credential" });
    }
    Ok(value)
}
