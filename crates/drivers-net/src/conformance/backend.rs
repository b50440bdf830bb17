use super::{
    Subject, digests, eventually,
    objects::{network, one_of_everything, port, put, remove, router, subnet, tcp_group},
};
use futures_util::future::join_all;
use kernel::Kind;
use network::driver::{Change, LPort, LRouterInterface, Logical, NetworkBackend};
use std::collections::BTreeMap;

async fn put_all(backend: &dyn NetworkBackend, objects: &[Logical]) {
    let changes: Vec<_> = objects.iter().cloned().map(Change::Put).collect();
    backend.apply(&changes).await.expect("everything can be put in the order of its references");
}

async fn remove_all(backend: &dyn NetworkBackend, objects: &[Logical]) {
    let changes: Vec<_> = objects.iter().rev().map(|o| Change::Remove(o.key())).collect();
    backend.apply(&changes).await.expect("everything can be removed in the opposite order");
}

pub async fn what_was_put_shows_and_putting_it_again_writes_nothing(subject: &dyn Subject) {
    let (backend, objects) = (subject.backend(), one_of_everything());
    put_all(backend, &objects).await;
    assert_eq!(backend.dump().await.unwrap(), digests(&objects));
    // The driver may have affairs of its own to settle first; then it must fall silent.
    let mut before = subject.writes();
    eventually("putting what is already so writes nothing", || {
        let last = std::mem::replace(&mut before, subject.writes());
        let objects = &objects;
        async move {
            put_all(backend, objects).await;
            subject.writes() == last
        }
    })
    .await;
    for object in &objects {
        backend.apply(&[Change::Put(object.clone())]).await.unwrap();
    }
    assert_eq!(backend.dump().await.unwrap(), digests(&objects));
    remove_all(backend, &objects).await;
}

pub async fn a_replacement_shows(subject: &dyn Subject) {
    let (backend, net, group) = (subject.backend(), network(), tcp_group(&[80]));
    let sub = subnet(&net, "10.0.0.0/24");
    let old = port(&sub, 5, &[&group]);
    let new = LPort { port_security: false, groups: [].into(), addresses: vec![], ..old.clone() };
    let mut objects: Vec<Logical> = vec![net.into(), sub.into(), group.into(), old.clone().into()];
    put_all(backend, &objects).await;
    for version in [new, old] {
        objects[3] = version.into();
        backend.apply(&[Change::Put(objects[3].clone())]).await.unwrap();
        assert_eq!(backend.dump().await.unwrap(), digests(&objects));
    }
    remove_all(backend, &objects).await;
}

pub async fn removing_is_idempotent_and_leaves_nothing(subject: &dyn Subject) {
    let (backend, objects) = (subject.backend(), one_of_everything());
    remove_all(backend, &objects).await;
    put_all(backend, &objects).await;
    remove_all(backend, &objects[objects.len() / 2..]).await;
    assert_eq!(backend.dump().await.unwrap(), digests(&objects[..objects.len() / 2]));
    remove_all(backend, &objects).await;
    assert_eq!(backend.dump().await.unwrap(), BTreeMap::new());
}

pub async fn the_last_change_of_a_batch_counts(subject: &dyn Subject) {
    let (backend, net, other) = (subject.backend(), network(), network());
    let batch = [put(net.clone()), remove(net.clone()), remove(other.clone()), put(other.clone())];
    backend.apply(&batch).await.unwrap();
    assert_eq!(backend.dump().await.unwrap(), digests(&[other.clone().into()]));
    backend.apply(&[remove(other)]).await.unwrap();
}

pub async fn after_a_crash_everything_may_come_again(subject: &dyn Subject) {
    let (backend, objects) = (subject.backend(), one_of_everything());
    for done in 0..=objects.len() {
        put_all(backend, &objects[..done]).await;
        if done % 4 == 0 {
            put_all(backend, &objects).await;
            assert_eq!(backend.dump().await.unwrap(), digests(&objects));
            remove_all(backend, &objects).await;
        }
    }
    remove_all(backend, &objects).await;
}

pub async fn what_needs_something_else_is_refused_without_it(subject: &dyn Subject) {
    let (backend, net) = (subject.backend(), network());
    let sub = subnet(&net, "10.0.0.0/24");
    let orphan = port(&sub, 5, &[]);
    let refused = backend.apply(&[put(orphan.clone())]).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Conflict, "{refused:?}");
    let interface: LRouterInterface = super::objects::interface(&router(), &sub);
    assert_eq!(backend.apply(&[put(interface)]).await.unwrap_err().kind(), Kind::Conflict);
    assert_eq!(backend.dump().await.unwrap(), BTreeMap::new());
    backend.apply(&[put(net.clone()), put(orphan.clone())]).await.expect("with its network it is welcome");
    backend.apply(&[remove(orphan), remove(net)]).await.unwrap();
}

pub async fn what_somebody_changed_shows_and_is_repaired(subject: &dyn Subject) {
    let (backend, objects) = (subject.backend(), one_of_everything());
    put_all(backend, &objects).await;
    let port = objects
        .iter()
        .find_map(|o| if let Logical::Port(p) = o { Some(p.clone()) } else { None })
        .expect("there is a port");
    subject.tamper(&port.id).await;
    let (key, expect) = (Logical::Port(port.clone()).key(), digests(&objects));
    eventually("the changed port shows", || async {
        let dump = backend.dump().await.unwrap();
        let others = dump.iter().filter(|(k, _)| **k != key).all(|(k, digest)| expect.get(k) == Some(digest));
        assert!(others, "only the port was changed");
        dump.get(&key) != expect.get(&key)
    })
    .await;
    backend.apply(&[put(port)]).await.unwrap();
    assert_eq!(backend.dump().await.unwrap(), expect);
    remove_all(backend, &objects).await;
}

pub async fn many_writers_lose_nothing(subject: &dyn Subject) {
    let (backend, net, group) = (subject.backend(), network(), tcp_group(&[80]));
    let sub = subnet(&net, "10.0.0.0/24");
    backend.apply(&[put(net.clone()), put(sub.clone()), put(group.clone())]).await.unwrap();
    let ports: Vec<_> = (10..30).map(|n| port(&sub, n, &[&group])).collect();
    let puts = ports.iter().map(|p| async move { backend.apply(&[put(p.clone())]).await });
    assert!(join_all(puts).await.iter().all(Result::is_ok));
    let mut objects: Vec<Logical> = vec![net.into(), sub.into(), group.into()];
    objects.extend(ports.into_iter().map(Logical::Port));
    assert_eq!(backend.dump().await.unwrap(), digests(&objects));
    remove_all(backend, &objects).await;
    assert_eq!(backend.dump().await.unwrap(), BTreeMap::new());
}
