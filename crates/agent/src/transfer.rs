//! Local disks on their way to another host, or to another name on this one: a qcow2 through a tunnel, its length before it.
//!
//! The length tells a transfer that was cut off from one that is whole. The disk appears when all of it is there, or not at all;
//! what is on its way lies in the scratch directory. A disk that is there already is not made again, so both calls may be repeated.

use crate::{Tunnel, host::Shared};
use compute::driver::LocalDiskSpec;
use kernel::{Error, Result, ServerId, error::Doing, ids::uuid_dashed};
use serde::Deserialize;
use serde_json::Value;
use std::{path::PathBuf, sync::Arc};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, copy, duplex},
};

const BUFFER: usize = 1 << 20;

#[derive(Deserialize)]
pub(crate) struct Send {
    server: ServerId,
    name: String,
    tunnel: u64,
}

#[derive(Deserialize)]
pub(crate) struct Receive {
    disk: LocalDiskSpec,
    tunnel: u64,
}

/// A file that goes when nobody needs it any more.
struct Aside(PathBuf);

impl Aside {
    fn new(shared: &Shared) -> Self {
        Self(shared.drivers.disks.scratch().join(format!("transfer-{}.qcow2", uuid_dashed())))
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0); // may not have been made
    }
}

/// Opens the tunnel; our end of it.
fn dial(shared: &Arc<Shared>, tunnel: u64) -> DuplexStream {
    let (near, far) = duplex(BUFFER);
    let (link, host): (_, _) = (Arc::clone(&shared.link), shared.host.clone());
    telemetry::spawn_caught("agent.transfer", async move {
        let far: Tunnel = Box::new(far);
        if let Err(e) = link.tunnel(&host, tunnel, far).await {
            tracing::warn!(error = %e.internal_text(), "a tunnel for a transfer could not be opened");
        }
    });
    near
}

pub(crate) async fn send(shared: &Arc<Shared>, call: Send) -> Result<Value> {
    const DOING: &str = "sending a disk";
    let aside = Aside::new(shared);
    shared.drivers.disks.export(&call.server, &call.name, &aside.0).await?;
    let mut file = File::open(&aside.0).await.doing(DOING)?;
    let length = file.metadata().await.doing(DOING)?.len();
    let mut to = dial(shared, call.tunnel);
    to.write_u64(length).await.doing(DOING)?;
    copy(&mut file, &mut to).await.doing(DOING)?;
    to.shutdown().await.doing(DOING)?;
    // Until the other end has read all: dropping ours earlier would cut it off.
    let _ = to.read(&mut [0]).await;
    Ok(Value::Null)
}

pub(crate) async fn receive(shared: &Arc<Shared>, call: Receive) -> Result<Value> {
    const DOING: &str = "receiving a disk";
    let aside = Aside::new(shared);
    let mut from = dial(shared, call.tunnel);
    let cut_off = |e| Error::unavailable("the disk was cut off on its way").with_source(e);
    let length = from.read_u64().await.map_err(cut_off)?;
    let mut file = File::create(&aside.0).await.doing(DOING)?;
    let came = copy(&mut (&mut from).take(length), &mut file).await.map_err(cut_off)?;
    if came != length {
        return Err(Error::unavailable(format!("the disk was cut off on its way: {came} of {length} bytes")));
    }
    file.sync_all().await.doing(DOING)?;
    shared.drivers.disks.adopt(&call.disk, &aside.0).await?;
    Ok(Value::Null)
}
