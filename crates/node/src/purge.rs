//! `tstack down --purge`: removes all that the node made, whether or not the store still knows it.

use crate::{Config, drivers, pools};
use compute::driver::Fence;
use drivers_blk::qemu_img::QemuImg;
use drivers_net::system::{OvnCentral, OvsHost};
use kernel::{Result, error::Doing};
use std::path::Path;

/// A fence above every generation: what is removed here is nobody's any more.
const LAST: Fence = Fence { generation: u64::MAX };

pub async fn purge(config: &Config) -> Result<()> {
    guests(config).await?;
    volumes(config).await?;
    let driver = config.text("network.driver");
    if driver == "ovn" || (driver == "rest" && config.text("hypervisor.driver") != "fake") {
        OvsHost::down(&drivers::host_net_config(config)?).await?;
    }
    if driver == "ovn" {
        OvnCentral::down(&drivers::central_config(config)?).await?;
    }
    remove_dir(&drivers::run_dir(config))?;
    remove_dir(&config.data_dir)
}

fn remove_dir(dir: &Path) -> Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e).doing(&format!("removing {}", dir.display())),
        _ => Ok(()),
    }
}

async fn guests(config: &Config) -> Result<()> {
    if !config.data_dir.join("guests").exists() {
        return Ok(());
    }
    let (hypervisor, disks) = drivers::hypervisor(config, &QemuImg::default(), &mut Vec::new()).await?;
    for guest in hypervisor.list().await? {
        hypervisor.destroy(&guest.server, LAST).await?;
        disks.remove(&guest.server).await?;
    }
    if config.text("hypervisor.driver") == "qemu" {
        drivers_virt::qemu::forget(&drivers::qemu_config(config)?);
    }
    Ok(())
}

async fn volumes(config: &Config) -> Result<()> {
    for pool in pools::open(config, &QemuImg::default(), &mut Vec::new())?.values() {
        for volume in pool.inventory().await?.exports {
            pool.unexport(&volume, volume::driver::Fence { generation: u64::MAX }).await?;
        }
    }
    Ok(())
}
