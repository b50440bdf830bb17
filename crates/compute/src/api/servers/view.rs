//! A server as a client of each microversion sees it, written straight to JSON: a list of a thousand makes no tree first.

use crate::{
    Compute,
    api::{bookmark_href, self_href},
    model::{ComputeHost, Server, ServerState},
    ops::servers::Listed,
    policy::{EXTENDED_ATTRIBUTES, SHOW_EXTRA_SPECS, SHOW_HOST_STATUS, SHOW_HOST_STATUS_UNKNOWN},
};
use http::BaseUrl;
use kernel::{Ctx, HostName, Microversion, Timestamp};
use policy::{Authorize, target};
use ports::{Address, AddressKind};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Value, json};
use sha2::{Digest, Sha224};
use std::collections::BTreeSet;
use store::Snapshot;

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// `GET /servers/detail`
    List,
    /// `GET /servers/{id}`
    Show,
    /// `PUT /servers/{id}`, which before 2.75 leaves out what extensions once added.
    Update,
    /// The answer to a rebuild: as after an update, and what it has set.
    Rebuild,
}

/// Who looks, at what, from where: the same for all servers of a list.
pub(crate) struct Lens<'a> {
    pub(crate) c: &'a Compute,
    pub(crate) base: &'a BaseUrl,
    pub(crate) snapshot: &'a Snapshot,
    v: Microversion,
    detail: Detail,
    is_admin: bool,
    extended: bool,
    extra_specs: bool,
    host_status: HostStatusShown,
    alive: BTreeSet<HostName>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HostStatusShown {
    Any,
    OnlyUnknown,
    Never,
}

impl<'a> Lens<'a> {
    /// `project`: the server's, or for a list the caller's.
    pub(crate) fn new(
        c: &'a Compute,
        cx: &Ctx,
        base: &'a BaseUrl,
        snapshot: &'a Snapshot,
        detail: Detail,
        project: &str,
    ) -> Self {
        let target = target! { "project_id" => project, "user_id" => cx.credentials.user };
        let host_status = match () {
            () if !cx.version.since(2, 16) => HostStatusShown::Never,
            () if cx.allows(&SHOW_HOST_STATUS, &target) => HostStatusShown::Any,
            () if cx.allows(&SHOW_HOST_STATUS_UNKNOWN, &target) => HostStatusShown::OnlyUnknown,
            () => HostStatusShown::Never,
        };
        Self {
            c,
            base,
            snapshot,
            v: cx.version,
            detail,
            is_admin: cx.is_admin(),
            extended: cx.allows(&EXTENDED_ATTRIBUTES, &target),
            extra_specs: cx.version.since(2, 47) && cx.allows(&SHOW_EXTRA_SPECS, &target),
            host_status,
            alive: if host_status == HostStatusShown::Never { BTreeSet::new() } else { c.alive() },
        }
    }

    /// Whether what extensions once added is shown.
    fn whole(&self) -> bool {
        !matches!(self.detail, Detail::Update | Detail::Rebuild) || self.v.since(2, 75)
    }

    pub(crate) fn view<'s>(&'s self, server: &'s Server, terminated: Option<Timestamp>) -> ServerView<'s, 'a> {
        ServerView { lens: self, server, terminated }
    }
}

/// Only who it is: an entry of `GET /servers`.
pub(crate) fn name_view(base: &BaseUrl, listed: &Listed) -> Value {
    json!({
        "id": listed.server.id,
        "name": listed.server.name,
        "links": crate::api::links(base, "servers", &listed.server.id),
    })
}

pub(crate) struct ServerView<'s, 'a> {
    lens: &'s Lens<'a>,
    server: &'s Server,
    terminated: Option<Timestamp>,
}

impl Serialize for ServerView<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.core(&mut map)?;
        if self.lens.whole() {
            self.extensions(&mut map)?;
            self.extended_attributes(&mut map)?;
        }
        self.by_version(&mut map)?;
        map.end()
    }
}

impl ServerView<'_, '_> {
    /// What servers have had since the first version.
    fn core<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let (s, lens) = (self.server, self.lens);
        let address = |a: Option<std::net::IpAddr>| a.map(|a| a.to_string()).unwrap_or_default();
        map.serialize_entry("id", &s.id)?;
        map.serialize_entry("name", &s.name)?;
        let status = if s.state == ServerState::Deleted { "DELETED" } else { s.status() };
        map.serialize_entry("status", status)?;
        map.serialize_entry("tenant_id", &s.project)?;
        map.serialize_entry("user_id", &s.user)?;
        map.serialize_entry("metadata", &s.metadata)?;
        map.serialize_entry("hostId", &host_id(s))?;
        map.serialize_entry("image", &self.image())?;
        map.serialize_entry("flavor", &self.flavor())?;
        map.serialize_entry("created", &s.created.iso_z())?;
        map.serialize_entry("updated", &s.updated.iso_z())?;
        map.serialize_entry("addresses", &self.addresses())?;
        map.serialize_entry("accessIPv4", &address(s.access_v4))?;
        map.serialize_entry("accessIPv6", &address(s.access_v6))?;
        let links = [
            Link { rel: "self", href: self_href(lens.base, "servers", &s.id) },
            Link { rel: "bookmark", href: bookmark_href(lens.base, "servers", &s.id) },
        ];
        map.serialize_entry("links", &links)?;
        map.serialize_entry("OS-DCF:diskConfig", &s.disk_config)?;
        if matches!(status, "ACTIVE" | "BUILD" | "REBUILD" | "RESIZE" | "VERIFY_RESIZE" | "MIGRATING") {
            map.serialize_entry("progress", &0)?;
        }
        if let Some(fault) = s.fault.as_ref().filter(|_| matches!(status, "ERROR" | "DELETED")) {
            map.serialize_entry("fault", &self.fault(fault))?;
        }
        Ok(())
    }

    /// What extensions of the API before 2.1 added.
    fn extensions<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let s = self.server;
        map.serialize_entry("OS-EXT-AZ:availability_zone", s.availability_zone.as_deref().unwrap_or_default())?;
        map.serialize_entry("config_drive", if s.config_drive { "True" } else { "" })?;
        map.serialize_entry("key_name", &s.key.as_ref().map(|k| &k.name))?;
        map.serialize_entry("OS-SRV-USG:launched_at", &s.launched.map(Timestamp::iso_micros))?;
        map.serialize_entry("OS-SRV-USG:terminated_at", &self.terminated.map(Timestamp::iso_micros))?;
        let groups = self.lens.c.ports.group_names(self.lens.snapshot, &s.id);
        if !groups.is_empty() {
            let groups: Vec<_> = groups.iter().map(|name| Named { name }).collect();
            map.serialize_entry("security_groups", &groups)?;
        }
        map.serialize_entry("OS-EXT-STS:task_state", &s.task.map(|t| t.as_str()))?;
        map.serialize_entry("OS-EXT-STS:vm_state", s.state.as_str())?;
        map.serialize_entry("OS-EXT-STS:power_state", &s.power.number())?;
        let volumes: Vec<_> = s.devices.iter().filter_map(|d| Some(self.volume(d, &d.volume()?.volume))).collect();
        map.serialize_entry("os-extended-volumes:volumes_attached", &volumes)
    }

    /// What only some may see, by default administrators.
    fn extended_attributes<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let s = self.server;
        if !self.lens.extended {
            return Ok(());
        }
        map.serialize_entry("OS-EXT-SRV-ATTR:host", &s.host)?;
        map.serialize_entry("OS-EXT-SRV-ATTR:hypervisor_hostname", &s.host)?;
        map.serialize_entry("OS-EXT-SRV-ATTR:instance_name", &s.instance_name())?;
        if self.lens.v.since(2, 3) {
            map.serialize_entry("OS-EXT-SRV-ATTR:hostname", &s.hostname)?;
            map.serialize_entry("OS-EXT-SRV-ATTR:kernel_id", "")?;
            map.serialize_entry("OS-EXT-SRV-ATTR:ramdisk_id", "")?;
            map.serialize_entry("OS-EXT-SRV-ATTR:launch_index", &s.launch_index)?;
            map.serialize_entry("OS-EXT-SRV-ATTR:reservation_id", &s.reservation)?;
            map.serialize_entry("OS-EXT-SRV-ATTR:root_device_name", &s.root_device_name())?;
            // The answer to a rebuild has it under a name of its own.
            if self.lens.detail != Detail::Rebuild {
                map.serialize_entry("OS-EXT-SRV-ATTR:user_data", &s.user_data)?;
            }
        }
        Ok(())
    }

    /// What came with microversions.
    fn by_version<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let (s, v, whole) = (self.server, self.lens.v, self.lens.whole());
        if v.since(2, 9) {
            map.serialize_entry("locked", &s.lock.is_some())?;
        }
        if let Some(status) = self.host_status().filter(|_| whole) {
            map.serialize_entry("host_status", status)?;
        }
        if v.since(2, 19) {
            map.serialize_entry("description", &s.description)?;
        }
        if v.since(2, 26) {
            map.serialize_entry("tags", &s.tags)?;
        }
        if self.lens.detail == Detail::Rebuild {
            if v.since(2, 54) && !whole {
                map.serialize_entry("key_name", &s.key.as_ref().map(|k| &k.name))?;
            }
            if v.since(2, 57) {
                map.serialize_entry("user_data", &s.user_data)?;
            }
        }
        if v.since(2, 63) {
            map.serialize_entry("trusted_image_certificates", &s.trusted_certs)?;
        }
        if v.since(2, 71) && self.lens.detail != Detail::List {
            map.serialize_entry("server_groups", &s.group.iter().collect::<Vec<_>>())?;
        }
        if v.since(2, 73) {
            map.serialize_entry("locked_reason", &s.lock.as_ref().and_then(|l| l.reason.as_ref()))?;
        }
        if v.since(2, 90) && !(self.lens.extended && whole) {
            map.serialize_entry("OS-EXT-SRV-ATTR:hostname", &s.hostname)?;
        }
        if v.since(2, 96) && whole {
            map.serialize_entry("pinned_availability_zone", &s.pinned_zone)?;
        }
        if v.since(2, 100) {
            map.serialize_entry("scheduler_hints", &s.hints)?;
        }
        Ok(())
    }

    fn image(&self) -> Value {
        let Some(id) = &self.server.image else { return "".into() };
        let mut image = json!({"id": id, "links": [self.bookmark("images", id)]});
        if self.lens.v.since(2, 98) {
            let known = |key: &&String| ["hw_", "img_", "os_"].iter().any(|prefix| key.starts_with(prefix));
            let properties = self.server.properties.iter().filter(|(key, _)| known(key));
            image["properties"] =
                properties.map(|(k, v)| (k.clone(), json!(v))).collect::<serde_json::Map<_, _>>().into();
        }
        image
    }

    fn flavor(&self) -> Value {
        let f = &self.server.flavor;
        if !self.lens.v.since(2, 47) {
            return json!({"id": f.id, "links": [self.bookmark("flavors", &f.id)]});
        }
        let mut flavor = json!({
            "vcpus": f.vcpus,
            "ram": f.ram_mib,
            "disk": f.disk_gib,
            "ephemeral": f.ephemeral_gib,
            "swap": f.swap_mib,
            "original_name": f.name,
        });
        if self.lens.extra_specs {
            flavor["extra_specs"] = json!(f.extra_specs);
        }
        flavor
    }

    fn bookmark(&self, collection: &str, id: &str) -> Value {
        json!({"rel": "bookmark", "href": bookmark_href(self.lens.base, collection, id)})
    }

    fn fault(&self, fault: &crate::model::Fault) -> Value {
        let mut view = json!({"code": fault.code, "created": fault.at.iso_z(), "message": fault.message});
        if let Some(details) = fault.details.as_ref().filter(|_| self.lens.is_admin || fault.code != 500) {
            view["details"] = json!(details);
        }
        view
    }

    fn volume(&self, device: &crate::model::BlockDevice, volume: &str) -> Value {
        match self.lens.v.since(2, 3) {
            true => json!({"id": volume, "delete_on_termination": device.delete_on_termination}),
            false => json!({"id": volume}),
        }
    }

    /// Nothing while the server is being built: its addresses are not sure yet.
    fn addresses(&self) -> AddressesView {
        let building = self.server.state == ServerState::Building;
        let all = || self.lens.c.ports.addresses(self.lens.snapshot, &self.server.id);
        AddressesView { all: if building { Vec::new() } else { all() }, extended: self.lens.whole() }
    }

    fn host_status(&self) -> Option<&'static str> {
        let status = || status_of_host(self.lens.snapshot, &self.lens.alive, self.server.host.as_ref());
        match self.lens.host_status {
            HostStatusShown::Never => None,
            HostStatusShown::Any => Some(status()),
            HostStatusShown::OnlyUnknown => Some(status()).filter(|s| *s == "UNKNOWN"),
        }
    }
}

#[derive(Serialize)]
struct Link {
    rel: &'static str,
    href: String,
}

#[derive(Serialize)]
struct Named<'a> {
    name: &'a str,
}

/// How a server's host is: nothing for a server that has none.
fn status_of_host(snapshot: &Snapshot, alive: &BTreeSet<HostName>, host: Option<&HostName>) -> &'static str {
    let Some(name) = host else { return "" };
    match snapshot.get::<ComputeHost>(name) {
        Some(host) if host.forced_down => "DOWN",
        Some(host) if host.disabled => "MAINTENANCE",
        _ if alive.contains(name) => "UP",
        _ => "UNKNOWN",
    }
}

/// Nova's: the same for a project's servers on one host, and tells nobody which host that is.
pub(crate) fn host_id(server: &Server) -> String {
    server.host.as_ref().map(|host| host_id_of(&server.project, host)).unwrap_or_default()
}

pub(crate) fn host_id_of(project: &str, host: &str) -> String {
    use std::fmt::Write;
    let digest = Sha224::new().chain_update(project).chain_update(host).finalize();
    digest.iter().fold(String::with_capacity(56), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Addresses by network, in the order of the interfaces.
pub(crate) struct AddressesView {
    pub(crate) all: Vec<Address>,
    /// With MAC address and kind.
    pub(crate) extended: bool,
}

impl Serialize for AddressesView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut networks: Vec<&str> = Vec::new();
        for address in &self.all {
            if !networks.contains(&address.network_name.as_str()) {
                networks.push(&address.network_name);
            }
        }
        let mut map = serializer.serialize_map(Some(networks.len()))?;
        for network in networks {
            map.serialize_entry(network, &self.of(network))?;
        }
        map.end()
    }
}

impl AddressesView {
    pub(crate) fn of(&self, network: &str) -> Vec<Value> {
        let on = self.all.iter().filter(|a| a.network_name == network);
        on.map(|a| address_view(a, self.extended)).collect()
    }
}

fn address_view(address: &Address, extended: bool) -> Value {
    let version = if address.address.is_ipv4() { 4 } else { 6 };
    let mut view = json!({"version": version, "addr": address.address});
    if extended {
        view["OS-EXT-IPS-MAC:mac_addr"] = json!(address.mac);
        view["OS-EXT-IPS:type"] = match address.kind {
            AddressKind::Fixed => "fixed",
            AddressKind::Floating => "floating",
        }
        .into();
    }
    view
}
