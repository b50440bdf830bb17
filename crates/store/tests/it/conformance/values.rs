//! Values of other programs: newer, unknown, damaged; and the format that decides what is written.

use super::on_every_back_end;
use crate::support::{
    objects::{NewPet, Pet, framed, later_schema, pet, schema},
    site::{Site, write_raw},
};
use kernel::Kind;
use serde_json::{Value, json};
use store::{Backend, Store};

on_every_back_end!(
    unknown_fields_survive,
    kinds_of_a_newer_program_are_left_alone,
    a_damaged_value_is_refused_at_start,
    a_damaged_value_from_a_member_stops_the_store,
    the_format_is_finalised_when_all_are_ready,
);

async fn stored(backend: &impl Backend, key: &str) -> (u32, Value) {
    let row = backend.range(key, &format!("{key}\0"), 1, false).await.unwrap().pop().expect("it is there");
    let text = std::str::from_utf8(&row.value).unwrap().to_owned();
    let mut parts = text.splitn(3, ' ');
    (parts.next().unwrap().parse().unwrap(), serde_json::from_str(parts.nth(1).unwrap()).unwrap())
}

async fn unknown_fields_survive(mut site: Site) {
    drop(site.open().await);
    site.restart().await;
    let newer = json!({"id": "a", "owner": "ann", "age": 3, "chip": "x1", "vet": {"name": "v"}});
    write_raw(&site.backend, &[("o/test.pet/a", Some(&framed(2, &newer)))]).await;
    let store = site.open().await;
    assert_eq!(*store.snapshot().get::<Pet>("a").unwrap(), Pet { id: "a".into(), owner: "ann".into(), age: 3 });
    store.transact("test", |tx| Ok(tx.update::<Pet>("a", |p| p.age = 4).is_some())).await.unwrap();
    store.transact("test", |tx| Ok(tx.update::<Pet>("a", |p| p.age = 5).is_some())).await.unwrap();
    let expected = json!({"id": "a", "owner": "ann", "age": 5, "chip": "x1", "vet": {"name": "v"}});
    assert_eq!(stored(&site.backend, "o/test.pet/a").await, (1, expected));
}

async fn kinds_of_a_newer_program_are_left_alone(mut site: Site) {
    drop(site.open().await);
    site.restart().await;
    let raw: &[u8] = b"in a form this program has never seen";
    write_raw(&site.backend, &[("o/newer.thing/a", Some(raw))]).await;
    let store = site.open().await;
    write_raw(&site.backend, &[("o/newer.thing/b", Some(raw))]).await;
    store.transact("test", |tx| Ok(tx.put(pet("a", "ann")))).await.unwrap();
    let left = site.backend.range("o/newer.thing/", "o/newer.thing0", 9, false).await.unwrap();
    assert_eq!(
        left.iter().map(|r| (r.key.as_str(), &r.value[..])).collect::<Vec<_>>(),
        [("o/newer.thing/a", raw), ("o/newer.thing/b", raw)]
    );
}

async fn a_damaged_value_is_refused_at_start(mut site: Site) {
    let store = site.open().await;
    store.transact("test", |tx| Ok(tx.put(pet("a", "ann")))).await.unwrap();
    drop(store);
    site.restart().await;
    let mut value = framed(1, &json!({"id": "b", "owner": "bob", "age": 1}));
    *value.last_mut().unwrap() = b'!';
    write_raw(&site.backend, &[("o/test.pet/b", Some(&value))]).await;
    let refused = Store::open(site.backend.clone(), schema()).await.err().expect("it is damaged").to_string();
    for part in ["o/test.pet/b", "checksum", "nothing was changed", "restore a backup"] {
        assert!(refused.contains(part), "{refused}");
    }
}

async fn a_damaged_value_from_a_member_stops_the_store(site: Site) {
    let store = site.open().await;
    store.transact("test", |tx| Ok(tx.put(pet("a", "ann")))).await.unwrap();
    write_raw(&site.backend, &[("o/test.pet/b", Some(b"1 00000000 {}"))]).await;
    let why = store.failed().await;
    assert!(why.contains("o/test.pet/b") && why.contains("checksum"), "{why}");
    assert_eq!(store.read().await.err().unwrap().kind(), Kind::Unavailable);
    let refused = store.transact("test", |tx| Ok(tx.put(pet("c", "ann")))).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Unavailable);
    assert!(refused.internal_text().contains("o/test.pet/b"), "{refused:?}");
}

/// Two programs side by side: the new one writes what the old one reads, until it is told that no old one is left.
async fn the_format_is_finalised_when_all_are_ready(mut site: Site) {
    let old = site.open().await;
    old.transact("test", |tx| Ok(tx.put(pet("a", "ann")))).await.unwrap();
    assert_eq!(old.finalise_format(2).await.unwrap_err().kind(), Kind::BadRequest);
    drop(old);
    site.restart().await;

    let new = site.open_as(later_schema()).await;
    assert_eq!((new.snapshot().format(), new.snapshot().get::<NewPet>("a").unwrap().months), (1, 12));
    new.transact("test", |tx| Ok(tx.update::<NewPet>("a", |p| p.months = 30).is_some())).await.unwrap();
    assert_eq!(stored(&site.backend, "o/test.pet/a").await, (1, json!({"id": "a", "owner": "ann", "age": 2})));
    new.finalise_format(2).await.unwrap();
    crate::support::until("it is known", async || new.snapshot().format() == 2).await;
    new.transact("test", |tx| Ok(tx.update::<NewPet>("a", |p| p.months = 31).is_some())).await.unwrap();
    assert_eq!(stored(&site.backend, "o/test.pet/a").await, (2, json!({"id": "a", "owner": "ann", "months": 31})));
    assert_eq!(new.finalise_format(1).await.unwrap_err().kind(), Kind::Conflict);
    drop(new);
    site.restart().await;
    let refused = Store::open(site.backend.clone(), schema()).await.err().expect("it is too old").to_string();
    assert!(refused.contains("format 2") && refused.contains("newer version"), "{refused}");
}
