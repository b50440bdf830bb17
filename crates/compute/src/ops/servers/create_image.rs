use super::{Target, find_in, in_state, on_host, trimmed};
use crate::{
    Compute, ComputeError,
    driver::{Quiesce, not_quiesced},
    error::invalid,
    flows::{
        create_image::{CreateImage, State},
        thaw::{self, AT_MOST, ThawServer, WITHIN},
    },
    model::{
        BlockDevice, QUOTAS, Server, ServerState, Task, VolumeBacking,
        action::{Action, Verb},
        quiesce,
    },
    policy::CREATE_IMAGE_VOLUME,
};
use flow::Start;
use kernel::{Ctx, Error, HostName, ImageId, Result, SnapshotId};
use policy::{Authorize, target};
use ports::NewImage;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use store::{Snapshot, Tx};

/// Backups of one kind: how many are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rotation {
    pub(crate) kind: String,
    pub(crate) keep: u64,
}

/// Makes an image of a server: of its root disk, or, if that is a volume, of snapshots of its volumes.
pub(crate) async fn create_image(
    c: &Compute,
    cx: &Ctx,
    server: &Target,
    name: &str,
    extra: BTreeMap<String, String>,
    rotation: Option<Rotation>,
) -> Result<ImageId> {
    let (snapshot, server) = (c.store.snapshot(), server.server());
    let limit = QUOTAS.limits(&snapshot, &server.project)["metadata_items"];
    if !cx.version.since(2, 39) && limit >= 0 && i64::try_from(extra.len()).unwrap_or(i64::MAX) > limit {
        return Err(Error::over_quota("Image metadata limit exceeded"));
    }
    let (image, name) = (ImageId::new(), trimmed(name));
    let snapshots: Vec<SnapshotId> = server.devices.iter().map(|_| SnapshotId::new()).collect();
    let held = match server.root().and_then(BlockDevice::volume) {
        Some(_) if rotation.is_none() => hold(c, cx, &server).await?,
        _ => None,
    };
    let (service, cx, made, holding) = (c.clone(), cx.clone(), image.clone(), held.clone());
    let id = server.id.clone();
    let begun = c.store.transact("compute.server.create_image", move |tx| {
        let server = find_in(&cx, tx, &server.id)?;
        let (c, cx, server, image, name, extra) = (&service, &cx, &server, &image, &name, &extra);
        let request = Request { c, cx, server, image, name, extra, rotation: rotation.as_ref() };
        match server.root().and_then(BlockDevice::volume) {
            None => request.of_disk(tx),
            Some(_) if rotation.is_some() => Err(invalid("Backup is not supported for volume-backed instances.")),
            Some(_) => request.of_volumes(tx, &snapshots, holding.as_ref()),
        }
    });
    let begun = begun.await;
    if let (Err(_), Some(host)) = (&begun, &held) {
        // Else its host sees to it.
        let _ = c.hosts.call(host, "vm.thaw", json!({"server": id}), WITHIN).await;
    }
    begun.map(|()| made)
}

/// Has the guest's file systems held for snapshots of its volumes; the host on which they are.
async fn hold(c: &Compute, cx: &Ctx, server: &Server) -> Result<Option<HostName>> {
    of_volumes_allowed(cx, server)?;
    let quiesce = quiesce::of(server)?;
    let Some(host) = server.host.as_ref().filter(|_| quiesce != Quiesce::No) else { return Ok(None) };
    let params = json!({"server": server.id, "seconds": AT_MOST.as_secs()});
    match c.hosts.call(host, "vm.freeze", params, WITHIN).await {
        Ok(_) => Ok(Some(host.clone())),
        Err(why) if quiesce == Quiesce::Required => Err(not_quiesced(why)),
        Err(why) => {
            tracing::info!(server = %server.id, why = why.message(), "volumes are snapshotted as they are: their guest cannot be held");
            Ok(None)
        }
    }
}

fn of_volumes_allowed(cx: &Ctx, server: &Server) -> Result<()> {
    use ServerState as S;
    in_state(server, "createImage", &[S::Active, S::Stopped, S::Paused, S::Suspended])?;
    cx.authorize(&CREATE_IMAGE_VOLUME, &target! { "project_id" => server.project }).map(drop)
}

struct Request<'a> {
    c: &'a Compute,
    cx: &'a Ctx,
    server: &'a Server,
    image: &'a ImageId,
    name: &'a str,
    extra: &'a BTreeMap<String, String>,
    rotation: Option<&'a Rotation>,
}

impl Request<'_> {
    fn of_disk(&self, tx: &mut Tx) -> Result<()> {
        use ServerState as S;
        let (server, now) = (self.server, self.cx.now());
        let (name, verb, task) = match self.rotation {
            None => ("createImage", Verb::CreateImage, Task::ImageUploading),
            Some(_) => ("createBackup", Verb::Backup, Task::ImageBackup),
        };
        in_state(server, name, &[S::Active, S::Stopped, S::Paused, S::Suspended])?;
        on_host(server)?;
        let host = server.host.clone().ok_or_else(|| ComputeError::NotReady(server.id.clone()))?;
        let disk = server.root().map(BlockDevice::disk_id).ok_or_else(|| ComputeError::NotReady(server.id.clone()))?;
        let record = self.record(tx, "qcow2", BTreeMap::new());
        self.c.images.create(tx, self.cx, &record, false)?;
        tx.update::<Server>(&server.id, |s| (s.task, s.updated) = (Some(task), now));
        let action = Action::asked(self.cx, &server.id, &server.project, verb);
        action.begin(tx)?;
        let rotation = self.rotation.map(|r| (r.kind.clone(), r.keep));
        let quiesce = quiesce::of(server)?;
        let state =
            State { server: server.id.clone(), action, image: self.image.clone(), host, disk, rotation, quiesce };
        let object = Server::flow_object(&server.id);
        let begin = Start::<CreateImage> { object, state, request_id: &self.cx.request_id, now };
        self.c.starter.start(tx, begin).map(|_| ())
    }

    /// The image has no bytes; its mapping says of which snapshots a server is to be made.
    fn of_volumes(&self, tx: &mut Tx, snapshots: &[SnapshotId], held: Option<&HostName>) -> Result<()> {
        let server = self.server;
        of_volumes_allowed(self.cx, server)?;
        let (mut mapping, mut taken) = (Vec::new(), Vec::new());
        for (device, snapshot) in server.devices.iter().zip(snapshots) {
            let Some(volume) = device.volume() else { continue };
            let name = format!("snapshot for {}", self.name);
            self.c.volumes.snapshot(tx, self.cx, &volume.volume, snapshot, &name)?;
            mapping.push(entry(device, volume, snapshot));
            taken.push(snapshot.clone());
        }
        if let Some(host) = held {
            let state = thaw::State { server: server.id.clone(), host: host.clone(), snapshots: taken };
            let (object, request_id, now) = (thaw::object(&server.id), &self.cx.request_id, self.cx.now());
            self.c.starter.start(tx, Start::<ThawServer> { object, state, request_id, now })?;
        }
        let text = Value::Array(mapping).to_string();
        let root = server.root_device_name().unwrap_or("/dev/vda").to_owned();
        let own = [
            ("block_device_mapping".to_owned(), text),
            ("bdm_v2".to_owned(), "True".to_owned()),
            ("root_device_name".to_owned(), root),
        ];
        let record = self.record(tx, "qcow2", own.into());
        self.c.images.create(tx, self.cx, &record, true)?;
        let action = Action::asked(self.cx, &server.id, &server.project, Verb::CreateImage);
        action.finish(tx, server.host.as_ref(), None, self.cx.now())
    }

    /// The record, with what the user adds.
    fn record(&self, tx: &Tx, disk_format: &str, own: BTreeMap<String, String>) -> NewImage {
        let mut image = of_disk(self.c, tx.view(), self.server, self.image, self.name);
        image.disk_format = disk_format.into();
        image.properties.extend(own);
        if let Some(rotation) = self.rotation {
            image.properties.insert("image_type".into(), "backup".into());
            image.properties.insert("backup_type".into(), rotation.kind.clone());
        }
        image.properties.extend(self.extra.clone());
        image
    }
}

/// The record of an image of a server's root disk: what the server was made of, and what Nova says of every snapshot.
pub(super) fn of_disk(c: &Compute, snapshot: &Snapshot, server: &Server, image: &ImageId, name: &str) -> NewImage {
    let base = server.image.as_ref().and_then(|id| c.images.info(snapshot, id));
    let mut properties = server.properties.clone();
    properties.extend([
        ("image_type".to_owned(), "snapshot".to_owned()),
        ("instance_uuid".to_owned(), server.id.to_string()),
        ("user_id".to_owned(), server.user.to_string()),
        ("base_image_ref".to_owned(), server.image_ref().to_owned()),
    ]);
    NewImage {
        id: image.clone(),
        name: name.to_owned(),
        owner: server.project.clone(),
        disk_format: "qcow2".into(),
        container_format: "bare".into(),
        min_disk_gib: server.flavor.disk_gib,
        min_ram_mib: base.map_or(0, |base| base.min_ram_mib),
        visibility: "private".into(),
        protected: false,
        properties,
    }
}

fn entry(device: &BlockDevice, volume: &VolumeBacking, snapshot: &SnapshotId) -> Value {
    json!({
        "source_type": "snapshot",
        "destination_type": "volume",
        "uuid": snapshot,
        "snapshot_id": snapshot,
        "boot_index": device.boot_index,
        "device_name": device.device,
        "volume_size": device.size_mib / 1024,
        "volume_type": volume.volume_type,
        "delete_on_termination": device.delete_on_termination,
        "device_type": "disk",
        "disk_bus": Value::Null,
        "guest_format": Value::Null,
        "tag": device.tag,
        "no_device": Value::Null,
    })
}
