//! What a guest may read of itself: OpenStack's and EC2's metadata trees, rendered purely from the intent.
//!
//! One renderer serves both ways a guest has: files of the config drive ([`config_drive`]) and answers of the metadata
//! service ([`answer`]). A dated version contains what its date had; `latest` is the newest.
//!
//! ```text
//!   /openstack/{version}/{meta_data.json, user_data, network_data.json, vendor_data.json, vendor_data2.json, password}
//!   [/ec2]/{ec2 version}/{meta-data/…, user-data}
//! ```

mod devices;
mod ec2;
mod openstack;

use crate::{
    driver::GuestAddress,
    model::vm::{GuestMetadata, VmIntent},
};
use devices::TaggedDevice;
use ports::BoundPort;
use std::collections::{BTreeMap, BTreeSet};

/// All that is told.
struct Told<'a> {
    guest: &'a GuestMetadata,
    ports: Vec<&'a BoundPort>,
    devices: Vec<TaggedDevice>,
    /// vCPUs that have a processor of the host to themselves.
    dedicated_cpus: BTreeSet<u32>,
}

impl<'a> Told<'a> {
    fn of(intent: &'a VmIntent, at: impl FnOnce() -> BTreeMap<String, GuestAddress>) -> Self {
        let ports = intent.ports.iter().map(|p| &p.bound).collect();
        let dedicated_cpus = intent.spec.cells.iter().flat_map(|cell| cell.pins.keys().copied()).collect();
        Self { guest: &intent.metadata, ports, devices: devices::tagged(intent, at), dedicated_cpus }
    }
}

/// An answer to a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataAnswer {
    pub status: u16,
    pub content_type: &'static str,
    pub body: Vec<u8>,
}

impl MetadataAnswer {
    fn text(body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, content_type: "text/plain; charset=UTF-8", body: body.into() }
    }
    fn json(value: &serde_json::Value) -> Self {
        Self { status: 200, content_type: "application/json", body: value.to_string().into_bytes() }
    }
    fn not_found() -> Self {
        Self { status: 404, content_type: "text/plain; charset=UTF-8", body: b"404 Not Found".to_vec() }
    }
}

/// Answers a guest's request. `path` may carry a query, which is ignored; `at` is where the guest has its devices
/// ([`crate::driver::Hypervisor::addresses`]).
pub fn answer(
    method: &str,
    path: &str,
    intent: &VmIntent,
    at: impl FnOnce() -> BTreeMap<String, GuestAddress>,
) -> MetadataAnswer {
    if !matches!(method, "GET" | "HEAD") {
        return MetadataAnswer {
            status: 405,
            content_type: "text/plain; charset=UTF-8",
            body: b"405 Method Not Allowed".to_vec(),
        };
    }
    let told = Told::of(intent, at);
    let found = match parts(path).as_slice() {
        [] | ["ec2"] => Some(MetadataAnswer::text(ec2::VERSIONS.join("\n") + "\nlatest")),
        ["openstack", rest @ ..] => openstack::answer(rest, &told),
        ["ec2", version, rest @ ..] | [version, rest @ ..] => ec2::answer(version, rest, told.guest, &told.ports),
    };
    found.unwrap_or_else(MetadataAnswer::not_found)
}

/// Of a path, without its query.
fn parts(path: &str) -> Vec<&str> {
    path.split('?').next().unwrap_or_default().split('/').filter(|p| !p.is_empty()).collect()
}

/// Whether a path is the password's. It is not told of the intent, and guests may write it: whoever answers asks the region.
pub fn is_password(path: &str) -> bool {
    matches!(parts(path).as_slice(), ["openstack", version, "password"] if openstack::has_password(version))
}

/// The files of a config drive: path and content.
pub fn config_drive(intent: &VmIntent, at: impl FnOnce() -> BTreeMap<String, GuestAddress>) -> Vec<(String, String)> {
    let told = Told::of(intent, at);
    let mut files = openstack::files(&told);
    files.extend(ec2::files(told.guest, &told.ports));
    files
}

/// User data as it was sent, decoded; `None` if there is none. It was checked to be Base64 when the server was made.
fn user_data(guest: &GuestMetadata) -> Option<Vec<u8>> {
    use base64::Engine;
    let text = guest.user_data.as_deref()?;
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

/// User data as a file of the config drive, whose files are text.
fn user_data_text(guest: &GuestMetadata) -> Option<String> {
    user_data(guest).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests;
