//! What this machine lacks for a lab, found out before anything is made.

use super::Record;
use crate::{doctor as host, drivers, pools};
use drivers_net::{lab::Lab, system::HostNetConfig};
use kernel::{Result, doctor::Finding};
use std::path::Path;

/// `own`: the lab has been begun, so its names are taken by itself.
pub async fn doctor(record: &Record, data: &Path, own: bool) -> Result<Vec<Finding>> {
    let config = record.config(data, 1)?;
    let mut findings = vec![host::root()];
    if !findings[0].ok {
        return Ok(findings); // nothing else can be found out
    }
    findings.push(host::data_dir(data));
    findings.extend(drivers_virt::qemu::doctor(&drivers::qemu_config(&config)?));
    // The host's cards and addresses are not there yet.
    findings.extend(pools::doctor(&config, false)?);
    let network = HostNetConfig { underlay: None, ..drivers::host_net_config(&config)? };
    findings.extend(drivers_net::system::doctor(&network).await);
    findings.push(conflicts(record, own).await?);
    if let Some(image) = record.image.as_ref().filter(|f| !f.is_file()) {
        let mend = "images/tinycloud/build FILE makes one";
        findings.push(Finding::bad("guest image", format!("{} is no file", image.display()), mend).blocking());
    }
    Ok(findings)
}

async fn conflicts(record: &Record, own: bool) -> Result<Finding> {
    const CHECK: &str = "names and addresses";
    const MEND: &str =
        "is it another lab? `tstack lab down --data ITS_DIRECTORY`; or choose --prefix, --underlay and --external";
    let found = Lab::conflicts(&record.network, own).await?;
    if found.is_empty() {
        let network = &record.network;
        let detail = format!("{}-*, {} and {} are free", network.prefix, network.underlay, network.external.trunc());
        return Ok(Finding::good(CHECK, detail));
    }
    Ok(Finding::bad(CHECK, found.join("; "), MEND).blocking())
}
