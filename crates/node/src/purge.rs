//! `tstack down --purge`: removes all that the node made, whether or not the store still knows it.

use crate::{Config, drivers};
use compute::driver::Fence;
use drivers_net::system::{OvnCentral, OvsHost};
use kernel::{Result, error::Doing};

/// A fence above every generation: what is removed here is nobody's any more.
const LAST: Fence = Fence { generation: u64::MAX };

pub async fn purge(config: &Config) -> Result<()> {
    guests(config).await?;
    volumes(config).await?;
    if config.text("network.driver") == "ovn" {
        OvsHost::down(&drivers::host_net_config(config)?).await?;
        OvnCentral::down(&drivers::central_config(config)?).await?;
    }
    match std::fs::remove_dir_all(&config.data_dir) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e).doing("removing the data directory"),
        _ => Ok(()),
    }
}

async fn guests(config: &Config) -> Result<()> {
    if !config.data_dir.join("guests").exists() {
        return Ok(());
    }
    let (hypervisor, disks) = drivers::hypervisor(config).await?;
    for guest in hypervisor.list().await? {
        hypervisor.destroy(&guest.server, LAST).await?;
        disks.remove(&guest.server).await?;
    }
    Ok(())
}

async fn volumes(config: &Config) -> Result<()> {
    if !config.data_dir.join("volumes").exists() {
        return Ok(());
    }
    let pool = drivers::pool(config).await?;
    for volume in pool.inventory().await?.exports {
        pool.unexport(&volume, volume::driver::Fence { generation: u64::MAX }).await?;
    }
    Ok(())
}
