//! Which machine a guest is, exactly.
//!
//! An image asks for a machine by a word (`hw_machine_type`): `q35`, which stands for the newest of its kind that a host's QEMU has and so
//! for another one after each upgrade, or `pc-q35-7.2`. What the word stands for on the host that first starts the guest is kept with the
//! server, and is what its guest is from then on, wherever it goes: only hosts that have that machine can hold it. A rebuild decides anew, as
//! in Nova. A guest that was started before this was kept is what drivers took in those days, which they still know.

use super::{ComputeHost, Server};
use kernel::HostName;
use std::collections::BTreeMap;
use store::Snapshot;

/// What images ask for that say nothing.
const USUAL: &str = "pc";
/// Words that every host has something for.
const ALIASES: [&str; 2] = ["pc", "q35"];

/// What the image of a server asks for.
fn asked(server: &Server) -> &str {
    server.properties.get("hw_machine_type").map_or(USUAL, String::as_str)
}

/// What its image asks for, on a host: the machine that a server is from now on. A word that the host does not know it will refuse.
/// `None` if it has not said what it knows.
pub fn on_host(server: &Server, host: Option<&ComputeHost>) -> Option<String> {
    let machines = &host?.capabilities.machines;
    let word = asked(server);
    (!machines.is_empty()).then(|| machines.get(word).map_or(word, String::as_str).to_owned())
}

/// The same of a server that begins to be somewhere: one that has been somewhere is what it was.
pub fn at_start(server: &Server, host: Option<&ComputeHost>) -> Option<String> {
    match server.launched {
        None => server.machine_type.clone().or_else(|| on_host(server, host)),
        Some(_) => server.machine_type.clone(),
    }
}

/// Nova's words for a machine that a host has not.
fn refusal(word: &str, host: &ComputeHost) -> String {
    let all: Vec<String> = host.capabilities.machines.keys().map(|name| format!("'{name}'")).collect();
    format!("'{word}' is not valid/supported machine type, Supported machine types are: [{}]", all.join(", "))
}

/// Why a host cannot hold a server, if that is so.
pub fn lacking(server: &Server, host: &ComputeHost) -> Option<String> {
    let word = server.machine_type.as_deref().unwrap_or_else(|| asked(server));
    (!host.has_machine(word)).then(|| refusal(word, host))
}

/// The hosts that cannot hold a server.
pub fn unfit(view: &Snapshot, server: &Server) -> BTreeMap<HostName, String> {
    if server.machine_type.is_none() && ALIASES.contains(&asked(server)) {
        return BTreeMap::new();
    }
    view.all::<ComputeHost>().filter_map(|host| Some((host.name.clone(), lacking(server, &host)?))).collect()
}
