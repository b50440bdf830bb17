//! What must be so between records, processes and sockets.

use super::{FileVolumes, daemon::Daemon, process};
use kernel::{Result, error::Doing};

impl FileVolumes {
    /// Sentences about what is not as it must be: exports that nobody serves, daemons and sockets of nothing that is exported,
    /// and what the last scrub found damaged.
    /// True while no call is at work.
    pub async fn audit(&self) -> Result<Vec<String>> {
        let (inner, mut findings) = (&self.inner, self.inner.damaged.lock().clone());
        let (mut exported, mut claimed) = (Vec::new(), Vec::new());
        for id in inner.pool.ids()? {
            let _turn = inner.turns.take(&id).await;
            let volume = inner.pool.volume(&id)?;
            let Some(export) = volume.exported()? else { continue };
            let gateway = export.port.map(|_| ("its gateway", Daemon::gateway(&volume, &inner.config)));
            for (name, daemon) in
                [("its storage daemon", Daemon::disk(&volume, &inner.config))].into_iter().chain(gateway)
            {
                match daemon.process().await? {
                    Some(process) => claimed.push(process.pid()),
                    None => findings.push(format!("volume {id}: exported, but {name} does not run")),
                }
            }
            exported.push(id);
        }
        let mut daemons = Vec::new();
        for area in inner.pool.areas.all() {
            daemons.extend(process::below(area.dir())?);
        }
        let stray = daemons.iter().filter(|pid| !claimed.contains(pid));
        findings.extend(stray.map(|pid| format!("process {pid}: a storage daemon of no exported volume")));
        let sockets = inner.pool.sockets().doing("listing the sockets of a pool")?;
        let dead = sockets.iter().filter(|name| !exported.iter().any(|id| name.starts_with(id.as_str())));
        findings.extend(dead.map(|name| format!("socket {name}: of no exported volume")));
        Ok(findings)
    }
}
