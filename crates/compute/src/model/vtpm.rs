//! A server's TPM: where its passphrase and its state are. Whether it has one, and which, flavor and image say ([`super::wishes`]).
//!
//! ```text
//!   created with one, or resized to a flavor with one    a passphrase in the project's key manager, the creator's own
//!   resized to another kind of TPM                       the same passphrase, a blank state
//!   confirmed without one, reverted to none, deleted     the passphrase goes, and with the disks the state
//! ```
//!
//! `hw:tpm_secret_security` is Nova's: with `host` the server may go to another host while it runs, with `user`, which it is if nothing
//! is said, it may not, whoever asks. What would need the state where it is not (rebuild, rescue, shelve, evacuate) is refused, as by Nova.

use super::{Flavor, Server, wishes};
use crate::{
    driver::{LocalDiskSpec, Tpm},
    error::invalid,
};
use kernel::{Result, ids::uuid_dashed};
use ports::NewKey;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Random octets of a passphrase: as many as with Nova.
pub const OCTETS: u32 = 384;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vtpm {
    /// The id of the passphrase in the key manager.
    pub secret: String,
    /// The local disk with its state; `None`: the guest has no TPM in the shape that the server has now.
    pub state: Option<String>,
}

impl Vtpm {
    /// Of a server that is made with one.
    pub fn first() -> Self {
        Self { secret: uuid_dashed().to_string(), state: Some(Tpm::STATE.to_owned()) }
    }

    /// Of a server that has none before it has another shape.
    pub fn to_come() -> Self {
        Self { state: None, ..Self::first() }
    }

    /// The passphrase to make.
    pub fn key(&self, server: &Server) -> NewKey {
        NewKey {
            id: self.secret.clone(),
            project: server.project.clone(),
            creator: server.user.clone(),
            name: format!("vTPM secret for instance {}", server.id),
            algorithm: None,
        }
    }

    pub fn disk(&self, server: &Server) -> Option<LocalDiskSpec> {
        let name = self.state.clone()?;
        Some(LocalDiskSpec { server: server.id.clone(), name, size_bytes: 0, base: None })
    }
}

/// Which TPM flavor and image ask for.
pub fn wanted(flavor: &Flavor, image: &BTreeMap<String, String>) -> Option<Tpm> {
    wishes::of(flavor, image).hardware.tpm
}

/// `hw:tpm_secret_security`; the flavor's alone, as it decides who can read the passphrase.
pub fn security(flavor: &Flavor) -> &str {
    flavor.extra_specs.get("hw:tpm_secret_security").map_or("user", String::as_str)
}

/// Nova's refusal.
pub fn refuse(server: &Server, operation: &str) -> Result<()> {
    refuse_with(server, &server.properties, operation)
}

/// The same, for what would give it an image with these properties.
pub fn refuse_with(server: &Server, image: &BTreeMap<String, String>, operation: &str) -> Result<()> {
    if wanted(&server.flavor, image).is_none() {
        return Ok(());
    }
    Err(invalid(format!("Operation '{operation}' not supported for vTPM-enabled instance ({}).", server.id)))
}

/// The same of going to another host while it runs.
pub fn refuse_live(server: &Server) -> Result<()> {
    if security(&server.flavor) == "host" { Ok(()) } else { refuse(server, "live-migration") }
}

/// A resize that would have the passphrase change its owner.
pub fn refuse_other_owner(server: &Server, flavor: &Flavor) -> Result<()> {
    let has = |flavor| wanted(flavor, &server.properties).is_some();
    let (from, to) = (security(&server.flavor), security(flavor));
    if from != to && [from, to].contains(&"deployment") && has(&server.flavor) && has(flavor) {
        return Err(invalid(
            "Resize between 'deployment' TPM secret security and other TPM secret security modes is not supported.",
        ));
    }
    Ok(())
}
