//! What compute and volume get: `ports::Images`.

use crate::{
    Image, ImageService, Status, Visibility,
    driver::ByteStream,
    ops::{
        cache,
        images::{create::blank, delete, download, recover, upload},
        metadefs::resource_types,
    },
};
use ::policy::Permit;
use async_trait::async_trait;
use futures_util::StreamExt;
use kernel::{Ctx, Error, HostName, ImageId, Kind, ProjectId, Result, ServerId, Timestamp, error::Doing};
use ports::{ImageInfo, Images, NewImage};
use std::{collections::BTreeSet, path::Path};
use store::{Snapshot, Tx};
use tokio::io::AsyncReadExt;

/// Bytes read from a file at a time.
const CHUNK: usize = 1 << 20;

impl ImageService {
    /// To be called once before requests come: puts right what a kill left.
    pub async fn recover(&self) -> Result<()> {
        recover::recover(self).await?;
        resource_types::seed(self, self.0.clock.now()).await
    }
}

fn info(image: &Image) -> ImageInfo {
    ImageInfo {
        id: image.id.clone(),
        name: image.name.clone().unwrap_or_default(),
        owner: image.owner.clone(),
        status: image.status.as_str().to_owned(),
        disk_format: image.disk_format.clone().unwrap_or_default(),
        container_format: image.container_format.clone().unwrap_or_default(),
        size: image.size.unwrap_or(0),
        virtual_size: image.virtual_size.unwrap_or(0),
        min_disk_gib: image.min_disk,
        min_ram_mib: image.min_ram,
        hash: image.hash.clone().unwrap_or_default(),
        hash_algo: "sha512".to_owned(),
        properties: image.properties.clone(),
    }
}

/// A file's bytes.
pub(crate) async fn read_file(file: &Path) -> Result<ByteStream> {
    let file = tokio::fs::File::open(file).await.doing(&format!("opening {}", file.display()))?;
    let chunks = futures_util::stream::unfold(file, |mut file| async move {
        let mut chunk = bytes::BytesMut::with_capacity(CHUNK);
        match file.read_buf(&mut chunk).await {
            Ok(0) => None,
            Ok(_) => Some((Ok(chunk.freeze()), file)),
            Err(e) => Some((Err(e), file)),
        }
    });
    Ok(chunks.boxed())
}

#[async_trait]
impl Images for ImageService {
    fn visible(&self, cx: &Ctx, snapshot: &Snapshot, id: &str) -> Result<ImageInfo> {
        self.find(cx, snapshot, id).map(|image| info(&image))
    }

    fn info(&self, snapshot: &Snapshot, id: &str) -> Option<ImageInfo> {
        snapshot.get::<Image>(id).map(|image| info(&image))
    }

    fn create(&self, tx: &mut Tx, cx: &Ctx, new: &NewImage, finished: bool) -> Result<()> {
        if tx.get::<Image>(&new.id).is_some() {
            return Ok(()); // asked twice
        }
        let text = |s: &str| (!s.is_empty()).then(|| s.to_owned());
        let record = blank(new.id.clone(), new.owner.clone(), cx.now());
        tx.put(Image {
            name: Some(new.name.clone()),
            status: if finished { Status::Active } else { Status::Queued },
            size: finished.then_some(0),
            visibility: Visibility::parse(&new.visibility).unwrap_or(Visibility::Private),
            protected: new.protected,
            disk_format: text(&new.disk_format),
            container_format: text(&new.container_format),
            min_disk: new.min_disk_gib,
            min_ram: new.min_ram_mib,
            properties: new.properties.clone(),
            ..record
        });
        Ok(())
    }

    async fn upload_file(&self, id: &ImageId, file: &Path) -> Result<()> {
        self.upload(id, read_file(file).await?).await
    }

    async fn upload(&self, id: &ImageId, data: ByteStream) -> Result<()> {
        match upload::fill(self, Permit::internal("filling an image made by a flow"), id, self.default_store(), data)
            .await
        {
            Err(e) if e.is(Kind::Conflict) => {
                let active = self.0.store.snapshot().get::<Image>(id).is_some_and(|i| i.status == Status::Active);
                if active { Ok(()) } else { Err(e) }
            }
            other => other,
        }
    }

    async fn discard(&self, id: &ImageId) -> Result<()> {
        match delete::remove(self, Permit::internal("discarding an image that a flow could not fill"), id, true).await {
            Err(e) if e.is(Kind::NotFound) => Ok(()),
            other => other,
        }
    }

    fn backups(&self, snapshot: &Snapshot, project: &ProjectId, server: &ServerId, kind: &str) -> Vec<ImageId> {
        let is = |image: &Image, key: &str, value: &str| image.properties.get(key).is_some_and(|v| v == value);
        let of = snapshot
            .by(Image::BY_OWNER, project)
            .filter(|image| is(image, "instance_uuid", server) && is(image, "backup_type", kind));
        let mut found: Vec<_> = of.map(|image| (image.created_at, image.id.clone())).collect();
        found.sort_by(|a, b| b.cmp(a));
        found.into_iter().map(|(_, id)| id).collect()
    }

    fn cache(&self, tx: &mut Tx, id: &ImageId, hosts: &BTreeSet<HostName>, now: Timestamp) -> Result<()> {
        cache::enter(tx, id, hosts, now)
    }

    async fn open(&self, id: &ImageId, offset: u64) -> Result<ByteStream> {
        let gone = || Error::not_found(format!("Failed to find image {id}"));
        let image = self.0.store.snapshot().get::<Image>(id).ok_or_else(gone)?;
        download::open(self, &image, offset, None).await
    }
}
