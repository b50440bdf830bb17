//! How a host reaches a member: the same operations over the network ([`crate::RemoteLink`]) or within one process.

use crate::{Gateway, Hello, Reply, Tunnel, protocol::Down};
use async_trait::async_trait;
use compute::model::vm::VmObserved;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use kernel::{HostName, ImageId, Result, ServerId, VolumeId};
use ports::{KeyBytes, Load};
use std::{path::Path, sync::Arc};
use tokio_stream::wrappers::ReceiverStream;

#[async_trait]
pub trait MemberLink: Send + Sync + 'static {
    /// Says who we are and opens the stream of intents and calls. The stream ends when the connection does.
    async fn connect(&self, hello: &Hello) -> Result<BoxStream<'static, Down>>;
    /// Reports; when it is `Ok` the member has it.
    async fn observe(&self, host: &HostName, observations: Vec<VmObserved>) -> Result<()>;
    async fn reply(&self, host: &HostName, reply: Reply) -> Result<()>;
    /// Says how busy the host is.
    async fn load(&self, host: &HostName, load: Load) -> Result<()>;
    /// Writes an image's bytes to a file.
    async fn fetch_image(&self, image: &ImageId, to: &Path) -> Result<()>;
    /// Fills an image from a file.
    async fn upload_image(&self, image: &ImageId, from: &Path) -> Result<()>;
    /// The key of an encrypted volume that the host makes or has a guest with.
    async fn volume_key(&self, host: &HostName, volume: &VolumeId) -> Result<KeyBytes>;
    /// The password that a guest of the host has posted; empty if it has not.
    async fn guest_password(&self, host: &HostName, server: &ServerId) -> Result<String>;
    /// A guest of the host posts the password that it gave its user, encrypted for them.
    async fn post_guest_password(&self, host: &HostName, server: &ServerId, password: String) -> Result<()>;
    /// The passphrase of the TPM of a server that the host has a guest of, or is about to.
    async fn tpm_key(&self, host: &HostName, server: &ServerId) -> Result<KeyBytes>;
    /// Gives the member a byte stream that it asked for; returns when the stream is over, or was handed on.
    async fn tunnel(&self, host: &HostName, id: u64, stream: Tunnel) -> Result<()>;
}

/// The link of a node that is a member itself.
pub struct LocalLink(pub Arc<Gateway>);

#[async_trait]
impl MemberLink for LocalLink {
    async fn connect(&self, hello: &Hello) -> Result<BoxStream<'static, Down>> {
        Ok(ReceiverStream::new(self.0.attach(hello).await?).boxed())
    }
    async fn observe(&self, host: &HostName, observations: Vec<VmObserved>) -> Result<()> {
        self.0.observe(host, observations).await
    }
    async fn reply(&self, host: &HostName, reply: Reply) -> Result<()> {
        self.0.replied(host, reply);
        Ok(())
    }
    async fn load(&self, host: &HostName, load: Load) -> Result<()> {
        self.0.loaded(host, load);
        Ok(())
    }
    async fn fetch_image(&self, image: &ImageId, to: &Path) -> Result<()> {
        let data = self.0.open_image(image).await?;
        crate::convert::write_file(data, to).await
    }
    async fn upload_image(&self, image: &ImageId, from: &Path) -> Result<()> {
        self.0.fill_image_from_file(image, from).await
    }
    async fn volume_key(&self, host: &HostName, volume: &VolumeId) -> Result<KeyBytes> {
        self.0.volume_key(host, volume).await
    }
    async fn guest_password(&self, host: &HostName, server: &ServerId) -> Result<String> {
        self.0.guest_password(host, server).await
    }
    async fn post_guest_password(&self, host: &HostName, server: &ServerId, password: String) -> Result<()> {
        self.0.post_guest_password(host, server, password).await
    }
    async fn tpm_key(&self, host: &HostName, server: &ServerId) -> Result<KeyBytes> {
        self.0.tpm_key(host, server)
    }
    async fn tunnel(&self, host: &HostName, id: u64, stream: Tunnel) -> Result<()> {
        self.0.tunnel_arrived(host, id, stream)
    }
}
