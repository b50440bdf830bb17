//! Volumes that become available some time after they were asked for.

use async_trait::async_trait;
use kernel::{
    AttachmentId, Ctx, Error, HostName, ImageId, ProjectId, Result, ServerId, SnapshotId, VolumeId, ids::RequestId,
};
use parking_lot::Mutex;
use ports::{
    AttachRequest, ConnectedVolume, IoLimits, KeyBytes, NewVolume, VolumeEncryption, VolumeInfo, VolumeTarget, Volumes,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::{Batch, Index, IndexSink, Key, Object, Snapshot, Store, Tx};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Volume {
    pub id: VolumeId,
    pub project: ProjectId,
    pub status: String,
    #[serde(default)]
    pub migration: Option<String>,
    pub bootable: bool,
    pub size_gib: u64,
    pub snapshots: Vec<SnapshotId>,
    /// What was written to it.
    #[serde(default)]
    pub image: Option<ImageId>,
}

impl Object for Volume {
    const KIND: &'static str = "test.volume";
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Attachment {
    pub id: AttachmentId,
    pub volume: VolumeId,
    pub server: ServerId,
}

impl Attachment {
    const BY_VOLUME: Index<Attachment> = Index::new(0);
}

impl Object for Attachment {
    const KIND: &'static str = "test.attachment";
    const INDEXES: &'static [&'static str] = &["volume"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(Self::BY_VOLUME, &self.volume);
    }
}

pub struct FakeVolumes {
    store: Store,
    exports: Mutex<BTreeMap<AttachmentId, HostName>>,
    /// Said instead of exporting.
    pub broken: Mutex<Option<Error>>,
    /// What guests may do with volumes.
    pub limits: Mutex<BTreeMap<VolumeId, IoLimits>>,
}

impl FakeVolumes {
    pub fn new(store: Store) -> Self {
        Self { store, exports: Mutex::default(), broken: Mutex::default(), limits: Mutex::default() }
    }

    pub async fn put(&self, id: &str) {
        let volume = Volume {
            id: id.into(),
            project: "p1".into(),
            status: "available".into(),
            migration: None,
            bootable: true,
            size_gib: 1,
            snapshots: vec![],
            image: None,
        };
        self.store
            .transact("test", move |tx| {
                tx.put(volume.clone());
                Ok(())
            })
            .await
            .unwrap();
    }

    pub async fn change(&self, id: &'static str, change: impl Fn(&mut Volume) + Send + 'static) {
        let write = self.store.transact("test", move |tx| Ok(tx.update::<Volume>(id, &change).is_some()));
        assert!(write.await.unwrap(), "no volume {id}");
    }

    pub fn exports(&self) -> Vec<(AttachmentId, HostName)> {
        self.exports.lock().iter().map(|(a, h)| (a.clone(), h.clone())).collect()
    }

    pub fn status(&self, id: &str) -> Option<String> {
        self.store.snapshot().get::<Volume>(id).map(|v| v.status.clone())
    }

    pub fn image(&self, id: &str) -> Option<ImageId> {
        self.store.snapshot().get::<Volume>(id)?.image.clone()
    }

    /// The volume is made, or written over, by and by.
    fn becomes(&self, id: VolumeId, status: &'static str, after: &'static str) {
        let store = self.store.clone();
        tokio::spawn(async move {
            while store.snapshot().get::<Volume>(&id).is_none_or(|v| v.status != status) {
                tokio::task::yield_now().await;
            }
            let made = store.transact("test", move |tx| {
                if tx.get::<Volume>(&id).is_some_and(|v| v.status == status) {
                    tx.update::<Volume>(&id, |v| v.status = after.into());
                }
                Ok(())
            });
            made.await.unwrap();
        });
    }
}

fn info(v: &Volume) -> VolumeInfo {
    VolumeInfo {
        id: v.id.clone(),
        name: String::new(),
        project: v.project.clone(),
        status: v.status.clone(),
        migration: v.migration.clone(),
        size_gib: v.size_gib,
        bootable: v.bootable,
        multiattach: false,
        availability_zone: "nova".into(),
        image_properties: v.image.iter().map(|i| ("image_id".to_owned(), i.to_string())).collect(),
    }
}

#[async_trait]
impl Volumes for FakeVolumes {
    fn visible(&self, cx: &Ctx, snapshot: &Snapshot, id: &str) -> Result<VolumeInfo> {
        let found = snapshot.get::<Volume>(id).filter(|v| cx.credentials.project() == Some(&v.project));
        found.map(|v| info(&v)).ok_or_else(|| Error::not_found(format!("Volume {id} could not be found.")))
    }

    fn info(&self, snapshot: &Snapshot, id: &VolumeId) -> Option<VolumeInfo> {
        snapshot.get::<Volume>(id).map(|v| info(&v))
    }

    fn create(&self, tx: &mut Tx, _: &Ctx, project: &ProjectId, new: &NewVolume) -> Result<()> {
        tx.put(Volume {
            id: new.id.clone(),
            project: project.clone(),
            status: "creating".into(),
            migration: None,
            bootable: new.image.is_some() || new.snapshot.is_some(),
            size_gib: new.size_gib,
            snapshots: vec![],
            image: new.image.clone(),
        });
        self.becomes(new.id.clone(), "creating", "available");
        Ok(())
    }

    fn reserve(&self, tx: &mut Tx, request: &AttachRequest, _: &ProjectId) -> Result<()> {
        if tx.get::<Attachment>(&request.attachment).is_some() {
            return Ok(());
        }
        let gone = || Error::not_found(format!("Volume {} could not be found.", request.volume));
        let volume = tx.get::<Volume>(&request.volume).ok_or_else(gone)?;
        if volume.status != "available" {
            return Err(Error::bad_request(format!("volume {} is {}", volume.id, volume.status)));
        }
        tx.update::<Volume>(&request.volume, |v| v.status = "reserved".into());
        tx.put(Attachment {
            id: request.attachment.clone(),
            volume: request.volume.clone(),
            server: request.server.clone(),
        });
        Ok(())
    }

    async fn connect(&self, attachment: &AttachmentId, host: &HostName) -> Result<ConnectedVolume> {
        if let Some(error) = self.broken.lock().clone() {
            return Err(error);
        }
        let found = self.store.snapshot().get::<Attachment>(attachment);
        let found = found.ok_or_else(|| Error::not_found("no such attachment"))?;
        self.exports.lock().insert(attachment.clone(), host.clone());
        Ok(ConnectedVolume {
            volume: found.volume.clone(),
            attachment: attachment.clone(),
            target: VolumeTarget::Fake { export: attachment.to_string() },
            read_only: false,
            limits: self.limits(&self.store.snapshot(), &found.volume),
            encryption: VolumeEncryption::None,
        })
    }

    fn limits(&self, _: &Snapshot, volume: &VolumeId) -> IoLimits {
        self.limits.lock().get(volume).copied().unwrap_or_default()
    }

    fn limits_changed(&self, _: &Batch) -> bool {
        false
    }

    async fn key(&self, _: &HostName, volume: &VolumeId) -> Result<KeyBytes> {
        Err(Error::not_found(format!("volume {volume} is not encrypted")))
    }

    fn complete(&self, tx: &mut Tx, attachment: &AttachmentId, _: &str) -> Result<()> {
        let gone = || Error::not_found("no such attachment");
        let volume = tx.get::<Attachment>(attachment).ok_or_else(gone)?.volume.clone();
        tx.update::<Volume>(&volume, |v| v.status = "in-use".into());
        Ok(())
    }

    fn begin_detach(&self, tx: &mut Tx, attachment: &AttachmentId) -> Result<()> {
        let gone = || Error::not_found("no such attachment");
        let volume = tx.get::<Attachment>(attachment).ok_or_else(gone)?.volume.clone();
        tx.update::<Volume>(&volume, |v| v.status = "detaching".into());
        Ok(())
    }

    fn roll_detach(&self, tx: &mut Tx, attachment: &AttachmentId) -> Result<()> {
        if let Some(found) = tx.get::<Attachment>(attachment) {
            tx.update::<Volume>(&found.volume, |v| v.status = "in-use".into());
        }
        Ok(())
    }

    fn reimage(&self, tx: &mut Tx, attachment: &AttachmentId, image: &ImageId, _: &RequestId) -> Result<()> {
        let gone = || Error::not_found("no such attachment");
        let id = tx.get::<Attachment>(attachment).ok_or_else(gone)?.volume.clone();
        assert!(!self.exports.lock().contains_key(attachment), "a volume that is exported is written over");
        tx.update::<Volume>(&id, |v| (v.status, v.image) = ("downloading".into(), Some(image.clone())));
        self.becomes(id, "downloading", "in-use");
        Ok(())
    }

    async fn disconnect(&self, attachment: &AttachmentId) -> Result<()> {
        self.exports.lock().remove(attachment);
        Ok(())
    }

    fn release(&self, tx: &mut Tx, attachment: &AttachmentId) -> Result<()> {
        let Some(found) = tx.get::<Attachment>(attachment) else { return Ok(()) };
        tx.delete::<Attachment>(attachment);
        if tx.view().count_by(Attachment::BY_VOLUME, &found.volume) == 0 {
            tx.update::<Volume>(&found.volume, |v| v.status = "available".into());
        }
        Ok(())
    }

    fn delete(&self, tx: &mut Tx, volume: &VolumeId) -> Result<()> {
        tx.delete::<Volume>(volume);
        Ok(())
    }

    fn snapshot(&self, tx: &mut Tx, _: &Ctx, volume: &VolumeId, snapshot: &SnapshotId, _: &str) -> Result<()> {
        tx.update::<Volume>(volume, |v| v.snapshots.push(snapshot.clone()));
        Ok(())
    }

    fn is_taken(&self, view: &Snapshot, snapshot: &SnapshotId) -> bool {
        view.all::<Volume>().any(|v| v.snapshots.contains(snapshot))
    }
}
