//! Images by id.

use async_trait::async_trait;
use kernel::{Ctx, Error, HostName, ImageId, ProjectId, Result, ServerId, Timestamp};
use ports::{ImageInfo, Images, NewImage, image::ByteStream};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, path::Path};
use store::{Key, Object, Snapshot, Store, Tx};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Image(pub ImageInfo);

impl Object for Image {
    const KIND: &'static str = "test.image";
    fn key(&self) -> Key {
        self.0.id.as_str().into()
    }
}

pub struct FakeImages {
    store: Store,
}

impl FakeImages {
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    pub async fn put(&self, id: &str) {
        self.put_with(ImageInfo { id: id.into(), status: "active".into(), size: 1 << 20, ..ImageInfo::default() })
            .await;
    }

    pub fn properties(&self, id: &str) -> std::collections::BTreeMap<String, String> {
        self.store.snapshot().get::<Image>(id).expect("the image is there").0.properties.clone()
    }

    pub async fn put_with(&self, info: ImageInfo) {
        self.store
            .transact("test", move |tx| {
                tx.put(Image(info.clone()));
                Ok(())
            })
            .await
            .unwrap();
    }
}

#[async_trait]
impl Images for FakeImages {
    fn visible(&self, _: &Ctx, snapshot: &Snapshot, id: &str) -> Result<ImageInfo> {
        self.info(snapshot, id).ok_or_else(|| Error::not_found(format!("Image {id} could not be found.")))
    }

    fn info(&self, snapshot: &Snapshot, id: &str) -> Option<ImageInfo> {
        snapshot.get::<Image>(id).map(|i| i.0.clone())
    }

    fn create(&self, tx: &mut Tx, _: &Ctx, image: &NewImage, finished: bool) -> Result<()> {
        tx.put(Image(ImageInfo {
            id: image.id.clone(),
            name: image.name.clone(),
            owner: image.owner.clone(),
            status: if finished { "active" } else { "queued" }.into(),
            properties: image.properties.clone(),
            ..ImageInfo::default()
        }));
        Ok(())
    }

    async fn upload_file(&self, id: &ImageId, _: &Path) -> Result<()> {
        let id = id.clone();
        let uploaded = self.store.transact("test", move |tx| {
            tx.update::<Image>(&id, |i| i.0.status = "active".into());
            Ok(())
        });
        uploaded.await
    }

    async fn upload(&self, id: &ImageId, _: ByteStream) -> Result<()> {
        self.upload_file(id, Path::new("")).await
    }

    async fn discard(&self, id: &ImageId) -> Result<()> {
        let id = id.clone();
        let discarded = self.store.transact("test", move |tx| {
            tx.delete::<Image>(&id);
            Ok(())
        });
        discarded.await
    }

    fn backups(&self, _: &Snapshot, _: &ProjectId, _: &ServerId, _: &str) -> Vec<ImageId> {
        Vec::new()
    }

    fn cache(&self, _: &mut Tx, _: &ImageId, _: &BTreeSet<HostName>, _: Timestamp) -> Result<()> {
        Err(Error::not_implemented("nobody caches here"))
    }

    async fn open(&self, _: &ImageId, _: u64) -> Result<ByteStream> {
        Err(Error::not_implemented("nobody reads here"))
    }
}
