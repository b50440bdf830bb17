//! What other services get, and the ring's turns.

use crate::world::World;
use ports::{Keys, NewKey};
use std::sync::atomic::Ordering;

fn key(id: &str) -> NewKey {
    NewKey {
        id: id.into(),
        project: "p1".into(),
        creator: "mia".into(),
        name: "volume v".into(),
        algorithm: Some("aes".into()),
    }
}

async fn with(
    w: &World,
    act: impl Fn(&dyn Keys, &mut store::Tx) -> kernel::Result<()> + Send + 'static,
) -> kernel::Result<()> {
    let service = w.service.clone();
    w.store.transact("test", move |tx| act(&service, tx)).await
}

#[tokio::test]
async fn a_key_is_made_once_copied_and_removed() {
    let w = World::new().await;
    with(&w, |keys, tx| keys.create(tx, &key("a"), 256)).await.unwrap();
    let first = w.service.open(&w.store.snapshot(), "a").unwrap().unwrap();
    assert_eq!(first.as_bytes().len(), 32);
    with(&w, |keys, tx| keys.create(tx, &key("a"), 256)).await.unwrap();
    assert_eq!(w.service.open(&w.store.snapshot(), "a").unwrap().unwrap(), first, "making it again changes nothing");
    assert!(!format!("{first:?}").contains(char::is_numeric));
    with(&w, |keys, tx| keys.copy(tx, "a", &key("b"))).await.unwrap();
    with(&w, |keys, tx| {
        keys.delete(tx, "a");
        keys.delete(tx, "a");
        Ok(())
    })
    .await
    .unwrap();
    let view = w.store.snapshot();
    assert!(w.service.open(&view, "a").unwrap().is_none());
    assert_eq!(w.service.open(&view, "b").unwrap().unwrap(), first);
    assert_eq!((w.service.owner(&view, "a"), w.service.owner(&view, "b")), (None, Some("p1".into())));
    let gone = with(&w, |keys, tx| keys.copy(tx, "a", &key("c"))).await.unwrap_err();
    assert_eq!(gone.status(), 404);
    assert_eq!(w.secrets().len(), 1);
}

/// Its owner reads it as text, whoever made it.
#[tokio::test]
async fn a_passphrase_is_text() {
    let w = World::new().await;
    let passphrase = || NewKey { algorithm: None, ..key("p") };
    for _ in 0..2 {
        with(&w, move |keys, tx| keys.create_passphrase(tx, &passphrase(), 384)).await.unwrap();
    }
    let text = w.service.open(&w.store.snapshot(), "p").unwrap().unwrap();
    let plain = |octet: &u8| octet.is_ascii_alphanumeric() || b"+/".contains(octet);
    assert!(text.as_bytes().len() == 512 && text.as_bytes().iter().all(plain), "{}", text.as_bytes().len());
    let secret = &w.secrets()[0];
    assert_eq!((secret.kind.as_str(), secret.bit_length, secret.algorithm.as_deref()), ("passphrase", None, None));
}

#[tokio::test]
async fn after_a_rotation_everything_moves_and_the_old_key_goes() {
    let w = World::new().await;
    for name in ["a", "b"] {
        with(&w, move |keys, tx| keys.create(tx, &key(name), 256)).await.unwrap();
    }
    let before = w.service.open(&w.store.snapshot(), "a").unwrap();
    w.ring.turn.store(1, Ordering::Relaxed);
    for reconciler in keymanager::reconcilers(&w.service) {
        reconciler.reconcile().await.unwrap();
    }
    assert!(w.secrets().iter().all(|s| s.sealed.as_ref().unwrap().starts_with("1:")));
    assert_eq!(w.ring.forgotten.load(Ordering::Relaxed), 1);
    assert_eq!(w.service.open(&w.store.snapshot(), "a").unwrap(), before);
    // What no key opens is kept, and keeps the old keys.
    w.ring.forgotten.store(2, Ordering::Relaxed);
    w.ring.turn.store(3, Ordering::Relaxed);
    for reconciler in keymanager::reconcilers(&w.service) {
        reconciler.reconcile().await.unwrap();
    }
    assert_eq!((w.secrets().len(), w.ring.forgotten.load(Ordering::Relaxed)), (2, 2));
}
