//! A place where a store is: a back end with faults, that outlives the stores over it.

use super::{etcd::Lent, objects::schema};
use store::{Backend, Faulty, Memory, Redb, Schema, Store};

enum Place {
    Memory(Memory),
    Redb(tempfile::TempDir),
    Etcd(Lent),
}

pub struct Site {
    place: Place,
    /// What [`Site::open`] opens.
    pub backend: Faulty,
}

impl Site {
    pub async fn memory() -> Self {
        let memory = Memory::new();
        Self { backend: Faulty::new(memory.clone()), place: Place::Memory(memory) }
    }

    pub async fn redb() -> Self {
        let dir = super::etcd::scratch();
        Self { backend: Faulty::new(open_redb(&dir)), place: Place::Redb(dir) }
    }

    pub async fn etcd() -> Self {
        let lent = Lent::new().await;
        Self { backend: Faulty::new(lent.connect().await), place: Place::Etcd(lent) }
    }

    pub async fn open(&self) -> Store {
        self.open_as(schema()).await
    }

    pub async fn open_as(&self, schema: Schema) -> Store {
        Store::open(self.backend.clone(), schema).await.expect("the store opens")
    }

    /// A back end of another member; on redb, which has no other members, the same.
    pub async fn other(&self) -> Faulty {
        match &self.place {
            Place::Memory(memory) => Faulty::new(memory.clone()),
            Place::Redb(_) => self.backend.clone(),
            Place::Etcd(lent) => Faulty::new(lent.connect().await),
        }
    }

    pub fn has_members(&self) -> bool {
        !matches!(self.place, Place::Redb(_))
    }

    /// The process ends and begins again. Stores of before must have been dropped.
    pub async fn restart(&mut self) {
        self.backend = match &self.place {
            Place::Memory(memory) => Faulty::new(memory.clone()),
            Place::Redb(dir) => {
                self.backend = Faulty::new(Memory::new()); // lets go of the file
                super::until("the file is free", async || Redb::open(&dir.path().join("store")).is_ok()).await;
                Faulty::new(open_redb(dir))
            }
            Place::Etcd(lent) => Faulty::new(lent.connect().await),
        };
    }

    /// Makes what the log's watch could resume from disappear, where the back end can.
    pub async fn forget_past(&self) {
        if let Place::Etcd(lent) = &self.place {
            lent.connect().await.compact_now().await.expect("compaction");
        }
    }
}

fn open_redb(dir: &tempfile::TempDir) -> Redb {
    Redb::open(&dir.path().join("store")).expect("the file opens")
}

/// Writes past any store, as another member's program would.
pub async fn write_raw(backend: &impl Backend, writes: &[(&str, Option<&[u8]>)]) {
    let writes = writes.iter().map(|(k, v)| ((*k).to_owned(), v.map(bytes::Bytes::copy_from_slice))).collect();
    let txn = store::backend::RawTxn { id: kernel::ids::uuid_hex().to_string(), compares: vec![], writes };
    backend.commit(txn).await.expect("a raw write");
}
