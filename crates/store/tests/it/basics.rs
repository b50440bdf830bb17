use kernel::{Error, Kind};
use serde::{Deserialize, Serialize};
use store::{Index, IndexSink, Key, Memory, Object, Schema, Store, WatchItem};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Pet {
    id: String,
    owner: String,
    age: u32,
}

impl Pet {
    const BY_OWNER: Index<Pet> = Index::new(0);
}

impl Object for Pet {
    const KIND: &'static str = "test.pet";
    const INDEXES: &'static [&'static str] = &["owner"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(Self::BY_OWNER, &self.owner);
    }
}

fn schema() -> Schema {
    Schema::new().with::<Pet>()
}

fn pet(id: &str, owner: &str) -> Pet {
    Pet { id: id.into(), owner: owner.into(), age: 1 }
}

#[tokio::test]
async fn indexes_follow_every_write() {
    let store = Store::in_memory(schema()).await;
    store
        .transact("test", |tx| {
            tx.put(pet("a", "ann"));
            tx.put(pet("b", "ann"));
            tx.put(pet("c", "bob"));
            Ok(())
        })
        .await
        .unwrap();
    let of = |owner: &str| store.snapshot().keys_by(Pet::BY_OWNER, owner).map(|k| k.to_string()).collect::<Vec<_>>();
    assert_eq!(of("ann"), ["a", "b"]);
    store.transact("test", |tx| Ok(tx.update::<Pet>("a", |p| p.owner = "bob".into()).is_some())).await.unwrap();
    store.transact("test", |tx| Ok(tx.delete::<Pet>("b"))).await.unwrap();
    assert_eq!((of("ann").len(), of("bob")), (0, vec!["a".into(), "c".into()]));
}

#[tokio::test]
async fn a_refusal_and_a_panic_write_nothing() {
    let store = Store::in_memory(schema()).await;
    let refused = store.transact("test", |tx| {
        tx.put(pet("a", "ann"));
        Err::<(), _>(Error::conflict("no"))
    });
    assert_eq!(refused.await.unwrap_err().kind(), Kind::Conflict);
    let panicked = store.transact("test", |tx| -> kernel::Result<()> {
        tx.put(pet("a", "ann"));
        panic!("on purpose")
    });
    assert_eq!(panicked.await.unwrap_err().kind(), Kind::Internal);
    assert_eq!(store.snapshot().count::<Pet>(), 0);
    assert!(store.transact("test", |tx| Ok(tx.put(pet("a", "ann")))).await.is_ok());
}

#[tokio::test]
async fn two_members_conflict_and_both_writes_survive() {
    let shared = Memory::new();
    let (a, b) = (Store::open(shared.clone(), schema()).await.unwrap(), Store::open(shared, schema()).await.unwrap());
    a.transact("test", |tx| Ok(tx.put(pet("a", "ann")))).await.unwrap();
    let bump = |store: Store| async move {
        for _ in 0..100 {
            store
                .transact("bump", |tx| {
                    tx.update::<Pet>("a", |p| p.age += 1).map(|_| ()).ok_or_else(|| Error::not_found("a"))
                })
                .await
                .unwrap();
        }
    };
    b.read().await.unwrap();
    tokio::join!(bump(a.clone()), bump(b.clone()));
    assert_eq!(a.read().await.unwrap().get::<Pet>("a").unwrap().age, 201);
}

#[tokio::test]
async fn a_watch_sees_every_revision_once() {
    let store = Store::in_memory(schema()).await;
    let mut watch = store.watch();
    for n in 0..20 {
        store.transact("test", move |tx| Ok(tx.put(pet(&format!("p{n}"), "ann")))).await.unwrap();
    }
    let mut seen = Vec::new();
    while seen.len() < 20 {
        match watch.next().await {
            WatchItem::Batch(batch) => seen.extend(batch.of::<Pet>().map(|c| c.key.to_string())),
            WatchItem::Reset(_) => panic!("nothing was missed"),
        }
    }
    assert_eq!(seen, (0..20).map(|n| format!("p{n}")).collect::<Vec<_>>());
}
