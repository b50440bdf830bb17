//! Exports: asked for in a record, made so by daemons, kept so by a watcher.

use super::{
    Inner,
    daemon::{Access, Daemon},
    disk, gateway,
    gateway::Taken,
    pool::{ExportRecord, VolumeDir},
    qmp::Qmp,
};
use crate::ground::remove_file;
use kernel::{Error, Result, VolumeId};
use ports::IoLimits;
use std::{
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;
use volume::driver::Target;

/// Between tries to start a daemon that does not start.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// With the volume's turn in hand. A volume exported read-only becomes writable when it is asked for so, never the other way round:
/// whoever was promised writes keeps them.
pub(super) async fn export(inner: &Arc<Inner>, volume: &VolumeDir, host: &str, read_only: bool) -> Result<Target> {
    let now = volume.exported()?;
    let mut wanted = now.clone().unwrap_or(ExportRecord { read_only, port: None, limits: IoLimits::default() });
    wanted.read_only &= read_only;
    let local = host == inner.config.host;
    if !local && wanted.port.is_none() {
        wanted.port = Some(inner.free_port(None)?);
    }
    if now.as_ref() != Some(&wanted) {
        inner.write_record(&volume.area, volume.export_path(), wanted).await?;
        // The one there is may not know of a gateway.
        inner.watchers.lock().remove(&volume.id);
    }
    inner.serve_all(volume).await?;
    watch(inner, &volume.id);
    let export = volume.id.to_string();
    match (local, &inner.config.tcp, volume.exported()?.and_then(|e| e.port)) {
        (false, Some(tcp), Some(port)) => Ok(Target::NbdTcp { host: tcp.address.to_string(), port, export }),
        (false, ..) => Err(Error::internal("an export for another host has no port")),
        (true, ..) => Ok(Target::NbdUnix { socket: volume.socket("nbd"), export }),
    }
}

/// With the volume's turn in hand. The record goes first: whoever serves the volume again after a crash limits it, too.
pub(super) async fn limit(inner: &Arc<Inner>, volume: &VolumeDir, limits: IoLimits) -> Result<()> {
    let not_exported = || Error::conflict(format!("volume {} is not exported", volume.id));
    let now = volume.exported()?.ok_or_else(not_exported)?;
    if now.limits != limits {
        inner.write_record(&volume.area, volume.export_path(), ExportRecord { limits, ..now }).await?;
    }
    inner.serve_all(volume).await.map(drop)
}

/// With the volume's turn in hand.
pub(super) async fn limits(inner: &Inner, volume: &VolumeDir) -> Result<IoLimits> {
    match inner.serve(volume).await? {
        Some(mut qmp) => disk::limits(&mut qmp).await,
        None => Ok(IoLimits::default()),
    }
}

/// With the volume's turn in hand.
pub(super) async fn unexport(inner: &Inner, volume: &VolumeDir) -> Result<()> {
    inner.watchers.lock().remove(&volume.id);
    Daemon::gateway(volume, &inner.config).stop().await?;
    Daemon::disk(volume, &inner.config).stop().await?;
    let _ = std::fs::remove_file(volume.socket("nbd"));
    remove_file(&volume.export_path())
}

impl Inner {
    /// A conversation with the daemon of an exported volume, which is made to run and to serve if it does not; `None` for a volume
    /// that is not exported. With the volume's turn in hand.
    pub(super) async fn serve(&self, volume: &VolumeDir) -> Result<Option<Qmp>> {
        let Some(export) = volume.exported()? else { return Ok(None) };
        disk::serve(volume, &self.config, &export).await.map(Some)
    }

    /// The same for its gateway, if it has one, which shows the disk's `size`. A port that turns out to be another program's is
    /// given up for the next.
    pub(super) async fn serve_others(self: &Arc<Self>, volume: &VolumeDir, size: u64) -> Result<()> {
        while let Some(export) = volume.exported()?
            && let Some(port) = export.port
        {
            let tcp = self.config.tcp.as_ref().ok_or_else(unreachable_pool)?;
            let access = Access::of(export.read_only);
            if gateway::serve(volume, &self.config, tcp, port, access, size).await? == Taken::Ours {
                return Ok(());
            }
            tracing::warn!(volume = %volume.id, port, "another program has the port of an export");
            let next = ExportRecord { port: Some(self.free_port(Some(port))?), ..export };
            self.write_record(&volume.area, volume.export_path(), next).await?;
        }
        Ok(())
    }

    /// Whatever an exported volume needs runs and serves. With the volume's turn in hand.
    async fn serve_all(self: &Arc<Self>, volume: &VolumeDir) -> Result<Served> {
        let Some(mut qmp) = self.serve(volume).await? else { return Ok(Served::No) };
        let size = disk::size(&mut qmp).await?;
        // The conversation ends before the gateway, a client of the same daemon, begins.
        drop(qmp);
        self.serve_others(volume, size).await?;
        Ok(Served::Yes)
    }

    fn free_port(&self, after: Option<u16>) -> Result<u16> {
        let tcp = self.config.tcp.as_ref().ok_or_else(unreachable_pool)?;
        gateway::next_port(tcp, after, &self.pool.ports_in_use()?)
    }
}

fn unreachable_pool() -> Error {
    Error::conflict("this pool has no address for other hosts")
}

/// Sees to it that somebody watches over the daemons of an exported volume.
pub(super) fn watch(inner: &Arc<Inner>, id: &VolumeId) {
    let mut watchers = inner.watchers.lock();
    if watchers.get(id).is_none_or(AbortOnDropHandle::is_finished) {
        let task = tokio::spawn(keep(Arc::downgrade(inner), id.clone()));
        watchers.insert(id.clone(), AbortOnDropHandle::new(task));
    }
}

/// Keeps the daemons running for as long as the volume is exported and the pool is open.
async fn keep(pool: Weak<Inner>, id: VolumeId) {
    let mut pause = PAUSE;
    loop {
        match ended(&pool, &id).await {
            Ok(Watch::Over) => return,
            Ok(Watch::Ended) => pause = PAUSE,
            Err(e) => {
                tracing::error!(volume = %id, error = %e.internal_text(), "an exported volume is not served");
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

enum Served {
    Yes,
    /// It is not exported.
    No,
}

enum Watch {
    /// A daemon has ended.
    Ended,
    /// There is nothing to watch any more.
    Over,
}

/// Starts what does not run, then waits until something ends.
async fn ended(pool: &Weak<Inner>, id: &VolumeId) -> Result<Watch> {
    let (disk, gateway) = {
        let Some(inner) = pool.upgrade() else { return Ok(Watch::Over) };
        let _turn = inner.turns.take(id).await;
        let volume = inner.pool.volume(id)?;
        if let Served::No = inner.serve_all(&volume).await? {
            return Ok(Watch::Over);
        }
        let of = |daemon: Daemon| async move { daemon.process().await };
        (of(Daemon::disk(&volume, &inner.config)).await?, of(Daemon::gateway(&volume, &inner.config)).await?)
    };
    let end = async |process: Option<super::process::Process>, here: bool| match process {
        Some(process) => process.exited().await,
        None if here => {}
        None => std::future::pending().await,
    };
    tokio::select! {
        () = end(disk, true) => tracing::warn!(volume = %id, "the storage daemon of a volume has ended"),
        () = end(gateway, false) => tracing::debug!(volume = %id, "the gateway of a volume has ended"),
    }
    Ok(Watch::Ended)
}
