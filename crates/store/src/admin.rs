//! The two numbers about the log: its epoch and its format.

use crate::{
    Backend, Store,
    backend::{BackendError, CommitError, RawTxn},
    keys,
};
use kernel::{Error, Result};

/// Raises the epoch: every cursor of before gets a `Reset`. After a back end was put back to an earlier state by its own means
/// (an etcd snapshot), before it is opened; [`crate::backup::restore`] does it itself.
pub async fn raise_epoch(backend: &dyn Backend) -> Result<u64, BackendError> {
    change(backend, keys::EPOCH, |epoch| Ok(epoch + 1)).await
}

impl Store {
    /// Makes `format` the one that everybody writes, for good: an older program is refused from then on, and one that runs
    /// stops. The caller has made sure that every member runs a program that reads it.
    pub async fn finalise_format(&self, format: u32) -> Result<()> {
        let schema = self.snapshot().schema;
        if format > schema.format {
            let text = format!("format {format} is newer than this program, which writes up to {}", schema.format);
            return Err(Error::bad_request(text));
        }
        let raise = move |now| match now > u64::from(format) {
            true => Err(BackendError::Unavailable(format!("the store has format {now} already"))),
            false => Ok(format.into()),
        };
        match change(self.backend(), keys::FORMAT, raise).await {
            Ok(_) => Ok(()),
            Err(e) => Err(Error::conflict(e.to_string())),
        }
    }
}

/// Changes one of the numbers.
async fn change(
    backend: &dyn Backend,
    key: &str,
    to: impl Fn(u64) -> Result<u64, BackendError>,
) -> Result<u64, BackendError> {
    loop {
        let rows = backend.range(key, &format!("{key}\0"), 1, false).await?;
        let row = rows.first().ok_or_else(|| BackendError::Unavailable("the store is empty".into()))?;
        let now = keys::number(&row.value).map_err(|e| BackendError::Corrupt(format!("reading {key}: {e}")))?;
        let number = to(now)?;
        let id = kernel::ids::uuid_hex().to_string();
        let txn = RawTxn {
            id: id.clone(),
            compares: vec![(key.to_owned(), row.revision)],
            writes: vec![(key.to_owned(), Some(keys::number_value(number)))],
        };
        match backend.commit(txn).await {
            Ok(_) => return Ok(number),
            Err(CommitError::Conflict { .. } | CommitError::Aborted) => {}
            Err(CommitError::Unknown(_)) if backend.resolve(&id).await?.is_some() => return Ok(number),
            Err(CommitError::Unknown(_)) => {}
            Err(CommitError::Refused(why)) => return Err(BackendError::Unavailable(why)),
        }
    }
}
