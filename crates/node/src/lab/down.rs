//! `tstack lab down`: takes away all that a lab made. It needs no more than the data directory or, should that be lost, the
//! prefix; one thing that cannot be removed keeps nothing else from being removed.

use super::{Record, UpOptions};
use crate::{daemon, purge};
use drivers_net::lab::Lab;
use kernel::{Error, Result, error::Doing};
use std::{path::Path, time::Duration};

/// For a node to end by itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// True if there was a lab.
pub async fn down(data: &Path, prefix: Option<&str>) -> Result<bool> {
    let known = Record::read(data)?;
    let record = match (&known, prefix) {
        (Some(record), _) => record.clone(),
        (None, Some(prefix)) => Record::new(&UpOptions { prefix: Some(prefix.to_owned()), ..UpOptions::default() }),
        (None, None) => return Ok(false),
    };
    let mut failed = Vec::new();
    // The first host last: the others' controllers take their chassis out of its database.
    for number in record.numbers().rev() {
        failed.extend(host(&record, data, number).await.err());
    }
    failed.extend(Lab::sweep(&record.network).await.err());
    failed.extend(Lab::down(&record.network).await.err());
    if failed.is_empty() {
        failed.extend(files(data).err());
    }
    match failed.first() {
        None => Ok(true),
        Some(_) => {
            let all: Vec<_> = failed.iter().map(Error::internal_text).collect();
            Err(Error::internal(format!("taking the lab down; run it again when this is mended: {}", all.join("; "))))
        }
    }
}

/// What the lab has in its directory beside its hosts. The record goes last: without it, nothing of the lab is left.
fn files(data: &Path) -> Result<()> {
    for name in ["clouds.yaml", "demo-key", "demo-key.pub", "lab.json"] {
        match std::fs::remove_file(data.join(name)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e).doing(&format!("removing {name}")),
            _ => {}
        }
    }
    match std::fs::remove_dir(data) {
        // What somebody else put there is his.
        Err(e) if !matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::DirectoryNotEmpty) => {
            Err(e).doing(&format!("removing {}", data.display()))
        }
        _ => Ok(()),
    }
}

async fn host(record: &Record, data: &Path, number: u8) -> Result<()> {
    let config = record.config(data, number)?;
    daemon::stop(&config, PATIENCE).await?;
    purge::purge(&config).await
}
