//! What flavor and image may ask of a guest's hardware, read once into types. Nova's `nova.virt.hardware` and what its libvirt driver
//! makes of it, but told at once: a wish that cannot be, or that flavor and image do not agree on, refuses the request.
//!
//! ```text
//!   image properties ──▶ image: known ones have known values ─┐
//!                                                              ├─▶ cpus (sockets, cores, threads)  ─┐
//!   extra specs ───────▶ (`extra_specs`, from 2.86 on)  ──────┘    devices (all the rest)          ─┴─▶ Wishes ──▶ VmSpec
//! ```
//!
//! Who wins, as in Nova: see the table in `docs/guest-hardware.md`. NUMA nodes, CPU policies and pages are [`super::topology`]'s.
//!
//! What only some hosts can do refuses nothing here: it becomes a trait, or a resource, that placement looks for ([`needs`]).

mod cpus;
mod devices;
mod error;
mod image;
pub mod needs;

pub use devices::bus;
pub use error::WishError;
pub use image::vif_model;

use super::Flavor;
use crate::driver::{Firmware, Hardware, Machine};
use std::collections::{BTreeMap, BTreeSet};

type Result<T> = std::result::Result<T, WishError>;

/// Who asks.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    pub flavor: &'a Flavor,
    pub image: &'a BTreeMap<String, String>,
    /// The image's name, for words.
    pub image_name: &'a str,
}

/// What a guest is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    pub hardware: Hardware,
    pub machine: Machine,
    pub firmware: Firmware,
    pub guest_agent: bool,
    pub rng: bool,
    /// A limit that flavor or image set; `None`: as many as it takes.
    pub most_sockets: Option<u32>,
}

/// All of it, or why there can be no such guest.
pub fn read(asked: &Asked<'_>) -> Result<Wishes> {
    image::check(asked.image)?;
    let realtime = cpus::realtime(asked)?.unwrap_or_default();
    let cpus = cpus::best(asked)?;
    let mut hardware = Hardware { package: cpus.package, ..devices::hardware(asked)? };
    // As in Nova: what is to be there in time is not fetched from a disk first.
    hardware.locked_memory |= !realtime.is_empty();
    hardware.realtime = realtime;
    let machine = devices::machine(asked);
    Ok(Wishes {
        firmware: devices::firmware(asked),
        guest_agent: asked.yes("qemu_guest_agent").unwrap_or(false),
        rng: devices::rng_allowed(asked),
        most_sockets: cpus.most_sockets,
        hardware,
        machine,
    })
}

/// Of a server that was in order when it was made.
pub fn of(flavor: &Flavor, image: &BTreeMap<String, String>) -> Wishes {
    let usual = Wishes { rng: true, ..Wishes::default() };
    read(&Asked { flavor, image, image_name: "" }).unwrap_or(usual)
}

/// The vCPUs of such a guest that run in real time.
pub fn realtime(flavor: &Flavor, image: &BTreeMap<String, String>) -> BTreeSet<u32> {
    cpus::realtime(&Asked { flavor, image, image_name: "" }).ok().flatten().unwrap_or_default()
}

impl<'a> Asked<'a> {
    /// `hw:NAME` of the flavor.
    fn spec(&self, name: &str) -> Option<&'a str> {
        self.extra(&format!("hw:{name}"))
    }

    fn extra(&self, key: &str) -> Option<&'a str> {
        self.flavor.extra_specs.get(key).map(String::as_str)
    }

    /// `hw_NAME` of the image.
    fn property(&self, name: &str) -> Option<&'a str> {
        self.image_value(&format!("hw_{name}"))
    }

    fn image_value(&self, key: &str) -> Option<&'a str> {
        self.image.get(key).map(String::as_str)
    }

    /// `hw_NAME` as a boolean.
    fn yes(&self, name: &str) -> Option<bool> {
        self.property(name).map(is_yes)
    }

    /// Of flavor and image, which must agree; as booleans.
    fn agreed_yes(&self, name: &str) -> Result<Option<bool>> {
        match (self.spec(name).map(is_yes), self.yes(name)) {
            (Some(flavor), Some(image)) if flavor != image => {
                let word = |yes| if yes { "True" } else { "False" };
                Err(self.conflict("hw", name, word(flavor), word(image)))
            }
            (flavor, image) => Ok(flavor.or(image)),
        }
    }

    /// Of flavor and image, which must agree; as words.
    fn agreed(&self, prefix: &'static str, name: &str) -> Result<Option<&'a str>> {
        let flavor = self.extra(&format!("{prefix}:{name}")).filter(|v| !v.is_empty());
        let image = self.image_value(&format!("{prefix}_{name}")).filter(|v| !v.is_empty());
        match (flavor, image) {
            (Some(flavor), Some(image)) if flavor != image => Err(self.conflict(prefix, name, flavor, image)),
            (flavor, image) => Ok(flavor.or(image)),
        }
    }

    fn conflict(&self, prefix: &'static str, name: &str, flavor_value: &str, image_value: &str) -> WishError {
        WishError::Conflict {
            prefix,
            name: name.to_owned(),
            flavor: self.flavor.name.clone(),
            flavor_value: flavor_value.to_owned(),
            image: self.image_name.to_owned(),
            image_value: image_value.to_owned(),
        }
    }
}

/// oslo's `bool_from_string`: anything that is no known word of agreement is a no.
pub fn is_yes(text: &str) -> bool {
    matches!(text.trim().to_ascii_lowercase().as_str(), "yes" | "true" | "1" | "on" | "t" | "y")
}

#[cfg(test)]
mod tests;
