//! A request's servers, drawn once: everything that is the same for each of them, checked.

use super::{
    Wanted, flavor, group, name,
    request::{CreateBody, Personality},
};
use crate::{
    Compute, ComputeError,
    error::invalid,
    model::{
        Backing, BlockDevice, Flavor, Keypair, PowerState, QUOTAS, Server, ServerGroup, ServerKey, ServerState, Task,
        hostname,
        mapping::{self, Mapping, RootImage, Source},
        topology,
        wishes::{self, Asked},
    },
    ops::{attachments::knows_sharing, servers::as_bad_request},
    policy::CREATE_ZERO_DISK,
};
use kernel::{Ctx, Error, ProjectId, Result, ServerId, UserId};
use policy::{Authorize, target};
use ports::ImageInfo;
use rand::Rng;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use store::{Snapshot, Tx};

const GIB: u64 = 1 << 30;

pub(super) struct Blueprint {
    pub(super) project: ProjectId,
    user: UserId,
    body: CreateBody,
    wanted: Wanted,
    flavor: Arc<Flavor>,
    image: Option<kernel::ImageId>,
    properties: BTreeMap<String, String>,
    config_drive: bool,
    key: Option<ServerKey>,
    group: Option<Arc<ServerGroup>>,
    /// For each of the servers: ids are chosen outside the transaction.
    ids: Vec<(ServerId, Vec<BlockDevice>)>,
    reservation: String,
    now: kernel::Timestamp,
    has_description: bool,
}

impl Blueprint {
    pub(super) fn draw(
        c: &Compute,
        cx: &Ctx,
        snapshot: &Snapshot,
        body: &CreateBody,
        wanted: Wanted,
        count: u32,
    ) -> Result<Self> {
        let flavor = flavor(cx, snapshot, &body.server.flavor)?;
        let mut asked = body.server.mapping()?;
        let image = root_image(c, cx, snapshot, body, &mut asked)?;
        check_volumes(c, cx, snapshot, &asked)?;
        let on_volume = asked.iter().any(|m| m.boot_index == Some(0) && m.to_volume);
        if let Some(image) = &image {
            check_size(cx, image, &flavor, on_volume)?;
        }
        let properties = properties(c, snapshot, image.as_ref(), &asked);
        let image_name = image.as_ref().map_or("", |i| i.name.as_str());
        check_hardware(&Asked { flavor: &flavor, image: &properties, image_name })?;
        let local = image.as_ref().filter(|_| !on_volume);
        let root = local.map(|info| RootImage {
            id: info.id.clone(),
            size_mib: info.virtual_size.max(info.size).div_ceil(1 << 20),
            bus: info.properties.get("hw_disk_bus").cloned(),
        });
        check_items(snapshot, cx, body.server.metadata.len(), &body.server.personality)?;
        let devices = || mapping::devices(&asked, root.as_ref(), &flavor).map(|d| with_sizes(c, snapshot, d));
        let ids = (0..count).map(|_| Ok((ServerId::new(), devices()?))).collect::<Result<_>>()?;
        Ok(Self {
            project: cx.project()?.clone(),
            user: cx.credentials.user.clone(),
            body: body.clone(),
            wanted,
            image: local.map(|info| info.id.clone()),
            properties,
            config_drive: body.server.config_drive || wants_drive(image.as_ref()),
            key: key(cx, snapshot, body)?,
            group: group(cx, snapshot, body)?,
            flavor,
            ids,
            reservation: format!("r-{}", random(8, b"0123456789abcdefghijklmnopqrstuvwxyz")),
            now: cx.now(),
            has_description: cx.version.since(2, 19),
        })
    }

    /// What one server counts for.
    pub(super) fn quota(&self) -> [(&'static str, i64); 3] {
        let ram = i64::try_from(self.flavor.ram_mib).unwrap_or(i64::MAX);
        [("instances", 1), ("cores", i64::from(self.flavor.vcpus)), ("ram", ram)]
    }

    /// A group takes only so many.
    pub(super) fn check_group(&self, tx: &mut Tx, count: u32) -> Result<()> {
        let Some(group) = &self.group else { return Ok(()) };
        let gone = || as_bad_request(ComputeError::NoGroup(group.id.clone()).into());
        tx.get::<ServerGroup>(&group.id).ok_or_else(gone)?;
        let limit = QUOTAS.limits(tx.view(), &self.project)["server_group_members"];
        let members = tx.view().count_by(Server::BY_GROUP, &group.id) + count as usize;
        let over = limit >= 0 && i64::try_from(members).unwrap_or(i64::MAX) > limit;
        if over { Err(ComputeError::TooManyMembers.into()) } else { Ok(()) }
    }

    /// Server `index` of `count`.
    pub(super) fn server(&self, index: u32, count: u32, security_groups: Vec<String>) -> Server {
        let (id, devices) = self.ids[index as usize].clone();
        let (asked, one) = (&self.body.server, count == 1);
        let base = name(asked);
        let host_name = asked.hostname.clone().unwrap_or_else(|| hostname::from_display_name(&base, &id));
        let several = |text: String| if one { text } else { hostname::of_several(&text, index) };
        // Servers of one request are told apart by microseconds: lists have an order.
        let created = self.now.plus(Duration::from_micros(u64::from(index)));
        Server {
            name: several(base.clone()),
            description: if self.has_description { asked.description.clone() } else { Some(base) },
            hostname: several(host_name),
            project: self.project.clone(),
            user: self.user.clone(),
            created,
            updated: created,
            launched: None,
            state: ServerState::Building,
            task: Some(Task::Scheduling),
            power: PowerState::None,
            fault: None,
            lock: None,
            flavor: Flavor::clone(&self.flavor),
            image: self.image.clone(),
            properties: self.properties.clone(),
            key: self.key.clone(),
            metadata: asked.metadata.clone(),
            tags: asked.tags.iter().flatten().cloned().collect(),
            host: None,
            cells: Vec::new(),
            machine_type: None,
            availability_zone: self.wanted.zone.clone(),
            pinned_zone: self.wanted.zone.clone(),
            forced_host: self.wanted.host.clone(),
            reservation: self.reservation.clone(),
            launch_index: index,
            config_drive: self.config_drive,
            user_data: asked.user_data.clone(),
            access_v4: asked.access_v4.as_deref().and_then(|a| a.parse().ok()),
            access_v6: asked.access_v6.as_deref().and_then(|a| a.parse().ok()),
            disk_config: asked.disk_config,
            devices,
            nics: Vec::new(),
            security_groups,
            hints: self.body.hints.clone(),
            group: self.group.as_ref().map(|g| g.id.clone()),
            trusted_certs: asked.trusted_image_certificates.clone(),
            password: None,
            generation: 0,
            reboots: 0,
            resize: None,
            shelved_image: None,
            shelved: None,
            tpm: None,
            id,
        }
    }
}

/// The image of the request, or of the mapping's boot device; `None` for a server that boots from a volume.
///
/// An image of a server that booted from a volume has no bytes, but a mapping to snapshots: that joins the request's.
fn root_image(
    c: &Compute,
    cx: &Ctx,
    snapshot: &Snapshot,
    body: &CreateBody,
    asked: &mut Vec<Mapping>,
) -> Result<Option<ImageInfo>> {
    let id = body.server.image.as_deref().filter(|id| !id.is_empty());
    let booted = asked.iter().find_map(|m| match (&m.source, m.boot_index) {
        (Source::Image(id), Some(0)) => Some(id.to_string()),
        _ => None,
    });
    let Some(id) = id.map(str::to_owned).or(booted) else {
        return if asked.is_empty() { Err(invalid("Missing imageRef attribute")) } else { Ok(None) };
    };
    let id = id.rsplit('/').next().unwrap_or(&id);
    let missing = |e: Error| if e.is(kernel::Kind::NotFound) { invalid("Can not find requested image") } else { e };
    let info = c.images.visible(cx, snapshot, id).map_err(missing)?;
    if info.status != "active" {
        return Err(invalid(format!("Image {id} is not active.")));
    }
    if let Some(text) = info.properties.get("block_device_mapping") {
        let entries: Vec<super::request::NewMapping> = serde_json::from_str(text)
            .map_err(|e| invalid("The image's block device mapping is malformed.").with_internal(e.to_string()))?;
        let of_image =
            super::NewServer { block_device_mapping_v2: entries, ..super::NewServer::default() }.mapping()?;
        let has_boot = asked.iter().any(|m| m.boot_index == Some(0));
        asked.splice(0..0, of_image.into_iter().filter(|m| m.boot_index != Some(0) || !has_boot));
    }
    Ok(Some(info))
}

/// Volumes that are there must be the caller's, and one to boot from must be bootable.
fn check_volumes(c: &Compute, cx: &Ctx, snapshot: &Snapshot, asked: &[Mapping]) -> Result<()> {
    for mapping in asked {
        let Source::Volume(id) = &mapping.source else { continue };
        let missing = |_| invalid(format!("Block Device Mapping is Invalid: failed to get volume {id}."));
        let info = c.volumes.visible(cx, snapshot, id).map_err(missing)?;
        if mapping.boot_index == Some(0) && !info.bootable {
            return Err(invalid(format!("Block Device {id} is not bootable.")));
        }
        knows_sharing(cx, &info)?;
    }
    Ok(())
}

/// Whether there can be such a guest: NUMA nodes, CPU policies, pages; and all other hardware that flavor and image ask for.
pub(in super::super) fn check_hardware(asked: &Asked<'_>) -> Result<()> {
    wishes::read(asked).map_err(|why| invalid(why.to_string()))?;
    topology::wanted(asked.flavor, asked.image).map(drop).map_err(|why| invalid(why.to_string()))
}

/// Nova's `_check_requested_image`: memory and disk of the flavor against what the image needs.
pub(in super::super) fn check_size(cx: &Ctx, image: &ImageInfo, flavor: &Flavor, on_volume: bool) -> Result<()> {
    if flavor.ram_mib < image.min_ram_mib {
        return Err(invalid("Flavor's memory is too small for requested image."));
    }
    if on_volume {
        return Ok(());
    }
    if flavor.disk_gib == 0 {
        let project = cx.project()?;
        let target = target! { "project_id" => project, "user_id" => cx.credentials.user };
        return if cx.allows(&CREATE_ZERO_DISK, &target) {
            Ok(())
        } else {
            Err(ComputeError::Forbidden("Only volume-backed servers are allowed for flavors with zero disk.".into())
                .into())
        };
    }
    let disk = flavor.disk_gib * GIB;
    let needed = image.virtual_size.max(image.size).max(image.min_disk_gib * GIB);
    if disk < needed {
        return Err(invalid(format!(
            "Flavor's disk is too small for requested image. Flavor disk is {disk} bytes, image is {needed} bytes."
        )));
    }
    Ok(())
}

/// Limits on metadata and injected files, and that their contents can be read.
pub(in super::super) fn check_items(
    snapshot: &Snapshot,
    cx: &Ctx,
    metadata: usize,
    personality: &[Personality],
) -> Result<()> {
    use base64::Engine;
    let limits = QUOTAS.limits(snapshot, cx.project()?);
    let over = |resource: &str, count: usize| {
        limits[resource] >= 0 && i64::try_from(count).unwrap_or(i64::MAX) > limits[resource]
    };
    if over("metadata_items", metadata) {
        let text = format!("Maximum number of metadata items exceeds {}", limits["metadata_items"]);
        return Err(Error::over_quota(text));
    }
    if over("injected_files", personality.len()) {
        return Err(Error::over_quota("Personality file limit exceeded"));
    }
    for file in personality {
        let contents = base64::engine::general_purpose::STANDARD.decode(file.contents.as_bytes());
        let contents =
            contents.map_err(|_| invalid(format!("Personality content for {} cannot be decoded", file.path)))?;
        if over("injected_file_path_bytes", file.path.len()) {
            return Err(Error::over_quota("Personality file path exceeds maximum length"));
        }
        if over("injected_file_content_bytes", contents.len()) {
            return Err(Error::over_quota("Personality file content exceeds maximum length"));
        }
    }
    Ok(())
}

/// Volumes that are there already have a size, which a server's record shows.
fn with_sizes(c: &Compute, snapshot: &Snapshot, mut devices: Vec<BlockDevice>) -> Vec<BlockDevice> {
    for device in &mut devices {
        if let Backing::Volume(volume) = &device.what
            && let Some(info) = c.volumes.info(snapshot, &volume.volume)
        {
            device.size_mib = info.size_gib * 1024;
        }
    }
    devices
}

/// What decides the hardware: of the image, or of the image that the volume to boot from was made of.
fn properties(
    c: &Compute,
    snapshot: &Snapshot,
    image: Option<&ImageInfo>,
    asked: &[Mapping],
) -> BTreeMap<String, String> {
    let boot = asked.iter().find(|m| m.boot_index == Some(0));
    let all = match (boot.map(|m| &m.source), image) {
        (Some(Source::Volume(id)), _) => c.volumes.info(snapshot, id).map(|v| v.image_properties).unwrap_or_default(),
        (_, Some(info)) => info.properties.clone(),
        (_, None) => BTreeMap::new(),
    };
    let mine = |key: &str| key != "block_device_mapping" && key != "mappings";
    all.into_iter().filter(|(key, _)| mine(key)).collect()
}

fn wants_drive(image: Option<&ImageInfo>) -> bool {
    image.is_some_and(|i| i.properties.get("img_config_drive").is_some_and(|v| v == "mandatory"))
}

fn key(cx: &Ctx, snapshot: &Snapshot, body: &CreateBody) -> Result<Option<ServerKey>> {
    body.server.key_name.as_ref().map(|name| key_named(cx, snapshot, name)).transpose()
}

pub(in super::super) fn key_named(cx: &Ctx, snapshot: &Snapshot, name: &str) -> Result<ServerKey> {
    let found = snapshot.get::<Keypair>(&Keypair::id(&cx.credentials.user, name));
    let found = found.ok_or_else(|| invalid("Invalid key_name provided."))?;
    Ok(ServerKey { name: found.name.clone(), public: found.public.clone() })
}

/// Nova's: 12 characters, none of which looks like another.
pub(in super::super) fn password() -> String {
    random(12, b"23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")
}

fn random(length: usize, of: &[u8]) -> String {
    let mut rng = rand::rng();
    (0..length).map(|_| char::from(of[rng.random_range(0..of.len())])).collect()
}
