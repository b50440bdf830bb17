//! What compute gets: `ports::Volumes`.

use crate::{
    VolumeService,
    driver::Target,
    error, limits,
    model::{self, SnapshotStatus, Volume},
    ops::{attachments, encryption_keys, group_types, snapshots, types, volumes},
};
use async_trait::async_trait;
use kernel::{AttachmentId, Ctx, HostName, ImageId, ProjectId, Result, SnapshotId, VolumeId, ids::RequestId};
use ports::{
    AttachRequest, ConnectedVolume, IoLimits, KeyBytes, NewVolume, VolumeEncryption, VolumeInfo, VolumeTarget, Volumes,
};
use std::collections::BTreeMap;
use store::{Batch, Snapshot, Tx};

impl VolumeService {
    /// Makes what every region has; `specs` are the extra specs of the default type. What is there already stays as it is.
    pub async fn bootstrap(&self, specs: BTreeMap<String, String>) -> Result<()> {
        let now = self.0.clock.now();
        let make = move |tx: &mut Tx| {
            types::bootstrap(tx, &specs, now);
            group_types::bootstrap(tx, now);
            Ok(())
        };
        self.0.store.transact("volume.bootstrap", make).await
    }
}

fn info(volume: &Volume) -> VolumeInfo {
    VolumeInfo {
        id: volume.id.clone(),
        name: volume.name.clone().unwrap_or_default(),
        project: volume.project.clone(),
        status: volume.status.as_str().to_owned(),
        migration: volume.migration.clone(),
        size_gib: volume.size_gib,
        bootable: volume.bootable,
        multiattach: volume.multiattach,
        availability_zone: volume.availability_zone.clone(),
        image_properties: volume.image_metadata.clone(),
    }
}

/// As compute has it.
pub(crate) fn target(target: Target) -> VolumeTarget {
    match target {
        Target::NbdUnix { socket, export } => VolumeTarget::NbdUnix { socket, export },
        Target::NbdTcp { host, port, export } => VolumeTarget::NbdTcp { host, port, export },
        Target::Rbd { pool, namespace, image, user, conf, cache } => {
            VolumeTarget::Rbd { pool, namespace, image, user, conf, cache }
        }
        Target::Fake { export } => VolumeTarget::Fake { export },
    }
}

#[async_trait]
impl Volumes for VolumeService {
    fn visible(&self, cx: &Ctx, snapshot: &Snapshot, id: &str) -> Result<VolumeInfo> {
        let volume = snapshot.get::<Volume>(id).filter(|v| crate::service::may_see(cx, &v.project));
        volume.map(|v| info(&v)).ok_or_else(|| error::no_volume(id))
    }

    fn info(&self, snapshot: &Snapshot, id: &VolumeId) -> Option<VolumeInfo> {
        snapshot.get::<Volume>(id).map(|v| info(&v))
    }

    fn create(&self, tx: &mut Tx, cx: &Ctx, project: &ProjectId, new: &NewVolume) -> Result<()> {
        let image = new.image.as_deref().map(|id| self.0.images.visible(cx, tx.view(), id)).transpose()?;
        let record = volumes::create::NewRecord {
            project: project.clone(),
            name: Some(new.name.clone()),
            size_gib: (new.size_gib > 0).then_some(new.size_gib),
            zone: new.availability_zone.clone(),
            volume_type: new.volume_type.clone(),
            image,
            snapshot: new.snapshot.clone(),
            ..volumes::create::NewRecord::of(cx, new.id.clone())?
        };
        volumes::create::insert(self, tx, &record).map(drop)
    }

    fn reserve(&self, tx: &mut Tx, request: &AttachRequest, project: &ProjectId) -> Result<()> {
        let reserve = attachments::Reserve {
            attachment: request.attachment.clone(),
            volume: request.volume.clone(),
            server: Some(request.server.clone()),
            read_only: request.read_only,
            holder: attachments::Holder::Compute,
            project: project.clone(),
            now: self.0.clock.now(),
        };
        attachments::reserve(tx, &reserve).map(drop)
    }

    async fn connect(&self, attachment: &AttachmentId, host: &HostName) -> Result<ConnectedVolume> {
        let (record, reached) = attachments::connect(self, attachment, host).await?;
        let encrypted = self.view().get::<Volume>(&record.volume).is_some_and(|v| v.encryption_key.is_some());
        if encrypted {
            // Better told now than by a guest that does not start.
            encryption_keys::for_host(self, host, &record.volume)?;
        }
        Ok(ConnectedVolume {
            volume: record.volume.clone(),
            attachment: attachment.clone(),
            target: target(reached),
            read_only: record.read_only,
            limits: limits::of(&self.view(), &record.volume),
            encryption: if encrypted { VolumeEncryption::Luks } else { VolumeEncryption::None },
        })
    }

    fn limits(&self, snapshot: &Snapshot, volume: &VolumeId) -> IoLimits {
        limits::of(snapshot, volume)
    }

    fn limits_changed(&self, batch: &Batch) -> bool {
        limits::changed(batch)
    }

    async fn key(&self, host: &HostName, volume: &VolumeId) -> Result<KeyBytes> {
        encryption_keys::for_host(self, host, volume)
    }

    fn complete(&self, tx: &mut Tx, attachment: &AttachmentId, device: &str) -> Result<()> {
        attachments::complete(tx, attachment, Some(device), self.0.clock.now())
    }

    fn begin_detach(&self, tx: &mut Tx, attachment: &AttachmentId) -> Result<()> {
        attachments::mark_detaching(tx, attachment, true, self.0.clock.now())
    }

    fn roll_detach(&self, tx: &mut Tx, attachment: &AttachmentId) -> Result<()> {
        attachments::mark_detaching(tx, attachment, false, self.0.clock.now())
    }

    fn reimage(&self, tx: &mut Tx, attachment: &AttachmentId, image: &ImageId, request: &RequestId) -> Result<()> {
        volumes::rework::reimage_attached(self, tx, (request, self.0.clock.now()), attachment, image)
    }

    async fn disconnect(&self, attachment: &AttachmentId) -> Result<()> {
        attachments::disconnect(self, attachment).await
    }

    fn release(&self, tx: &mut Tx, attachment: &AttachmentId) -> Result<()> {
        attachments::release(tx, attachment, self.0.clock.now());
        Ok(())
    }

    fn delete(&self, tx: &mut Tx, volume: &VolumeId) -> Result<()> {
        match volumes::delete::begin(
            self,
            tx,
            volume,
            volumes::delete::Wanted::default(),
            &RequestId::new(),
            self.0.clock.now(),
        ) {
            Err(e) if e.is(kernel::Kind::NotFound) => Ok(()),
            other => other,
        }
    }

    fn snapshot(&self, tx: &mut Tx, cx: &Ctx, volume: &VolumeId, snapshot: &SnapshotId, name: &str) -> Result<()> {
        let new = snapshots::NewSnapshot {
            id: snapshot.clone(),
            volume: volume.clone(),
            user: cx.credentials.user.clone(),
            project: cx.project()?.clone(),
            name: Some(name.to_owned()),
            description: None,
            metadata: Default::default(),
            force: true,
            request_id: cx.request_id.clone(),
            now: cx.now(),
        };
        snapshots::insert(self, tx, &new).map(drop)
    }
    fn is_taken(&self, view: &Snapshot, snapshot: &SnapshotId) -> bool {
        view.get::<model::Snapshot>(snapshot).is_none_or(|s| s.status != SnapshotStatus::Creating)
    }
}
