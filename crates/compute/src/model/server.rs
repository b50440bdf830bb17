//! A server, as its owner made it and as it is.

use super::{
    device::BlockDevice,
    flavor::Flavor,
    state::{PowerState, ServerState, Task},
};
use kernel::{HostName, ImageId, ProjectId, ServerId, Timestamp, UserId};
use ports::{CellFit, PortPlan};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};
use store::{Index, IndexSink, Key, Object};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Server {
    pub id: ServerId,
    pub name: String,
    pub description: Option<String>,
    pub hostname: String,
    pub project: ProjectId,
    pub user: UserId,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub launched: Option<Timestamp>,
    pub state: ServerState,
    pub task: Option<Task>,
    pub power: PowerState,
    pub fault: Option<Fault>,
    pub lock: Option<Lock>,
    /// As it was when the server was made; a flavor may change or go.
    pub flavor: Flavor,
    /// `None` for a server that boots from a volume.
    pub image: Option<ImageId>,
    /// Of the image, or of the volume it boots from: what decides its hardware.
    pub properties: BTreeMap<String, String>,
    pub key: Option<ServerKey>,
    pub metadata: BTreeMap<String, String>,
    pub tags: BTreeSet<String>,
    pub host: Option<HostName>,
    /// What it was given of its host's NUMA cells; empty: nothing in particular.
    #[serde(default)]
    pub cells: Vec<CellFit>,
    /// The machine that its guest is, exactly: what its image's word for one stood for on the host that first started it ([`super::machine`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine_type: Option<String>,
    /// Where its host is; until it has one, where it was asked to be.
    pub availability_zone: Option<String>,
    /// The zone asked for at creation, which the server stays in.
    pub pinned_zone: Option<String>,
    /// The one host it may go to (`zone:host`, or `host` from 2.74 on).
    pub forced_host: Option<HostName>,
    pub reservation: String,
    pub launch_index: u32,
    pub config_drive: bool,
    /// Base64, as it was sent.
    pub user_data: Option<String>,
    pub access_v4: Option<IpAddr>,
    pub access_v6: Option<IpAddr>,
    pub disk_config: DiskConfig,
    pub devices: Vec<BlockDevice>,
    pub nics: Vec<ServerNic>,
    /// Ids of the groups for ports made for the server.
    pub security_groups: Vec<String>,
    pub hints: Map<String, Value>,
    pub group: Option<String>,
    pub trusted_certs: Option<Vec<String>>,
    /// What the guest has posted to its metadata service, encrypted with its key.
    pub password: Option<String>,
    /// The newest generation of the server's intent; only grows, over all hosts it is ever on.
    pub generation: u64,
    pub reboots: u64,
    /// Being resized or moved, until that is confirmed.
    #[serde(default)]
    pub resize: Option<super::shape::Resize>,
    /// What a shelved server's root disk is kept as.
    #[serde(default)]
    pub shelved_image: Option<ImageId>,
    #[serde(default)]
    pub shelved: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tpm: Option<super::Vtpm>,
}

/// Why a server is in ERROR, for its owner; `details` are for administrators.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    pub code: u16,
    pub at: Timestamp,
    pub message: String,
    pub details: Option<String>,
}

impl Fault {
    pub fn internal(message: impl Into<String>, details: Option<String>, at: Timestamp) -> Self {
        Self { code: 500, at, message: message.into(), details }
    }
}

/// Who locked it: an owner's lock an administrator may open, not the other way round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    pub by_admin: bool,
    pub reason: Option<String>,
}

/// A copy of the key pair: deleting that one changes no server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerKey {
    pub name: String,
    pub public: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DiskConfig {
    #[serde(rename = "AUTO")]
    Auto,
    #[default]
    #[serde(rename = "MANUAL")]
    Manual,
}

/// One interface: its port and the place it keeps in the guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerNic {
    pub plan: PortPlan,
    pub slot: u8,
    pub tag: Option<String>,
}

impl Server {
    /// Lists: all of a project, newest first. The values sort that way; see [`Server::order`].
    pub const BY_PROJECT: Index<Server> = Index::new(0);
    pub const BY_ALL: Index<Server> = Index::new(1);
    pub const BY_HOST: Index<Server> = Index::new(2);
    pub const BY_GROUP: Index<Server> = Index::new(3);
    pub const BY_VOLUME: Index<Server> = Index::new(4);

    /// `compute.server/<id>`: what its flows name as their object.
    pub fn flow_object(id: &ServerId) -> String {
        format!("{}/{id}", Self::KIND)
    }

    pub fn status(&self) -> &'static str {
        super::state::status(self.state, self.task)
    }

    /// Text that is smaller the newer the server is.
    pub fn order(&self) -> String {
        format!("{:016x}", u64::MAX - u64::try_from(self.created.micros()).unwrap_or(0))
    }

    pub fn is_deleting(&self) -> bool {
        self.task == Some(Task::Deleting)
    }

    /// Nova's name for the guest, which the hypervisor's operator sees.
    pub fn instance_name(&self) -> String {
        format!("instance-{}", self.id)
    }

    pub fn root(&self) -> Option<&BlockDevice> {
        self.devices.iter().find(|d| d.boot_index == Some(0))
    }

    pub fn root_device_name(&self) -> Option<&str> {
        self.root().map(|d| d.device.as_str())
    }

    /// The image's id, also in words of a server that boots from a volume: empty.
    pub fn image_ref(&self) -> &str {
        self.image.as_deref().unwrap_or_default()
    }

    /// The devices that it has, and those that it had before a resize or will have after: their places are not to be given to others.
    pub fn places(&self) -> impl Iterator<Item = &BlockDevice> + Clone {
        let shapes = self.resize.iter().flat_map(|r| [&r.old, &r.new]);
        self.devices.iter().chain(shapes.flat_map(|s| s.disks.iter().filter_map(|d| d.whole.as_deref())))
    }

    /// The lowest slot that no disk has.
    pub fn free_disk_slot(&self) -> u8 {
        free_slot(self.places().map(|d| d.slot))
    }

    pub fn free_nic_slot(&self) -> u8 {
        free_slot(self.nics.iter().map(|n| n.slot))
    }

    /// What it counts for in its project's quota. Between two flavors, the larger of both: it may be either in the end.
    pub fn quota(&self) -> [(&'static str, i64); 3] {
        let resize = self.resize.iter().flat_map(|r| [&r.old.flavor, &r.new.flavor]);
        let flavors: Vec<&Flavor> = std::iter::once(&self.flavor).chain(resize).collect();
        let most = |of: fn(&Flavor) -> u64| flavors.iter().map(|f| of(f)).max().unwrap_or(0);
        let whole = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        [("instances", 1), ("cores", whole(most(|f| u64::from(f.vcpus)))), ("ram", whole(most(|f| f.ram_mib)))]
    }

    /// In the shape that its own claim is for: the one it is given by a resize, from the choice of a host on.
    pub fn to_be(&self) -> std::borrow::Cow<'_, Self> {
        use std::borrow::Cow;
        match &self.resize {
            Some(resize) if resize.dest.is_some() => Cow::Owned(resize.new.on(self)),
            _ => Cow::Borrowed(self),
        }
    }

    /// Disk on the host: the local ones, rounded up to whole GiB as placement counts them.
    pub fn local_disk_gib(&self) -> u64 {
        let local = |d: &&BlockDevice| d.is_local();
        let mib: u64 = self.devices.iter().filter(local).map(|d| d.size_mib).sum();
        mib.div_ceil(1024)
    }
}

pub(super) fn free_slot(taken: impl Iterator<Item = u8>) -> u8 {
    let taken: BTreeSet<u8> = taken.collect();
    (0..=u8::MAX).find(|slot| !taken.contains(slot)).unwrap_or(u8::MAX)
}

impl Object for Server {
    const KIND: &'static str = "compute.server";
    const INDEXES: &'static [&'static str] = &["project", "all", "host", "group", "volume"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        let order = self.order();
        sink.add(Self::BY_PROJECT, format!("{}/{order}", self.project));
        sink.add(Self::BY_ALL, order);
        if let Some(host) = &self.host {
            sink.add(Self::BY_HOST, host);
        }
        if let Some(group) = &self.group {
            sink.add(Self::BY_GROUP, group);
        }
        for volume in self.devices.iter().filter_map(BlockDevice::volume) {
            sink.add(Self::BY_VOLUME, &volume.volume);
        }
    }
}

/// What is kept of a server that is gone: for usage, for `changes-since`, and for administrators who ask for the deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deleted {
    pub server: Server,
    pub terminated: Timestamp,
}

impl Deleted {
    /// `history/compute.deleted/…`
    pub const STREAM: &'static str = "compute.deleted";

    pub fn of(server: &Server, terminated: Timestamp) -> Self {
        let gone = Server {
            state: ServerState::Deleted,
            task: None,
            power: PowerState::None,
            updated: terminated,
            user_data: None,
            ..server.clone()
        };
        Self { server: gone, terminated }
    }

    /// Servers that went at `start` or later, newest first. Looks at the newest records only, as far as they are kept.
    pub async fn since(store: &store::Store, start: Timestamp) -> kernel::Result<Vec<Self>> {
        const NEWEST: usize = 10_000;
        let entries = store.history(Self::STREAM, None, NEWEST, store::Order::NewestFirst).await?;
        let recent = entries.into_iter().take_while(|entry| entry.at >= start);
        Ok(recent.filter_map(|entry| serde_json::from_value(entry.record).ok()).collect())
    }
}
