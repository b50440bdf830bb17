//! What is in the file.

use crate::{
    Revision,
    backend::{Loaded, RawRow, RawTxn},
    keys::{self, Compare},
};
use bytes::Bytes;
use redb::{
    AccessGuard, Database, Durability, ReadOnlyTable, ReadableDatabase, ReadableTable, StorageError, TableDefinition,
};

const KV: TableDefinition<'_, &str, (i64, &[u8])> = TableDefinition::new("kv");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const LAST: TableDefinition<'_, &str, &str> = TableDefinition::new("last");

pub(super) struct Tables(Database);

pub(super) enum Failed {
    Conflict,
    Store(redb::Error),
}

impl<E: Into<redb::Error>> From<E> for Failed {
    fn from(e: E) -> Self {
        Self::Store(e.into())
    }
}

type Entry<'a> = Result<(AccessGuard<'a, &'static str>, AccessGuard<'a, (i64, &'static [u8])>), StorageError>;

fn row(entry: Entry<'_>) -> Result<RawRow, redb::Error> {
    let (key, value) = entry?;
    let (revision, bytes) = value.value();
    Ok(RawRow { key: key.value().to_owned(), value: Bytes::copy_from_slice(bytes), revision })
}

fn holds(
    kv: &impl ReadableTable<&'static str, (i64, &'static [u8])>,
    (key, expected): &Compare,
) -> Result<bool, StorageError> {
    Ok(kv.get(key.as_str())?.map_or(0, |v| v.value().0) == *expected)
}

impl Tables {
    pub(super) fn of(database: Database) -> Result<Self, redb::Error> {
        let write = database.begin_write()?;
        write.open_table(KV)?;
        write.open_table(META)?;
        write.open_table(LAST)?;
        write.commit()?;
        Ok(Self(database))
    }

    fn kv(&self) -> Result<ReadOnlyTable<&'static str, (i64, &'static [u8])>, redb::Error> {
        Ok(self.0.begin_read()?.open_table(KV)?)
    }

    pub(super) fn commit(&self, txn: &RawTxn, revision: Revision) -> Result<(), Failed> {
        let mut write = self.0.begin_write()?;
        write.set_durability(Durability::Immediate)?;
        {
            let mut kv = write.open_table(KV)?;
            for compare in &txn.compares {
                if !holds(&kv, compare)? {
                    return Err(Failed::Conflict);
                }
            }
            for (key, value) in &txn.writes {
                match value {
                    Some(value) => kv.insert(key.as_str(), (revision, &value[..]))?,
                    None => kv.remove(key.as_str())?,
                };
            }
            write.open_table(META)?.insert("revision", revision as u64)?;
            write.open_table(LAST)?.insert("tx", txn.id.as_str())?;
        }
        write.commit()?;
        Ok(())
    }

    pub(super) fn hold(&self, compares: &[Compare]) -> Result<bool, redb::Error> {
        let kv = self.kv()?;
        for compare in compares {
            if !holds(&kv, compare)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(super) fn load(&self) -> Result<Loaded, redb::Error> {
        let read = self.0.begin_read()?;
        let revision = read.open_table(META)?.get("revision")?.map_or(0, |v| v.value()) as Revision;
        let rows = read.open_table(KV)?.range(keys::LOG)?.map(row).collect::<Result<_, _>>()?;
        Ok(Loaded { revision, rows })
    }

    pub(super) fn revision(&self) -> Result<Revision, redb::Error> {
        Ok(self.0.begin_read()?.open_table(META)?.get("revision")?.map_or(0, |v| v.value()) as Revision)
    }

    /// The id of the last commit.
    pub(super) fn last_commit(&self) -> Result<String, redb::Error> {
        Ok(self.0.begin_read()?.open_table(LAST)?.get("tx")?.map_or(String::new(), |v| v.value().to_owned()))
    }

    pub(super) fn range(
        &self,
        from: &str,
        to: &str,
        limit: usize,
        descending: bool,
    ) -> Result<Vec<RawRow>, redb::Error> {
        let kv = self.kv()?;
        let range = kv.range(from..to)?;
        if descending { range.rev().take(limit).map(row).collect() } else { range.take(limit).map(row).collect() }
    }

    pub(super) fn trim(&self, from: &str, to: &str) -> Result<(), redb::Error> {
        let write = self.0.begin_write()?;
        write.open_table(KV)?.retain_in(from..to, |_, _| false)?;
        write.commit()?;
        Ok(())
    }
}
