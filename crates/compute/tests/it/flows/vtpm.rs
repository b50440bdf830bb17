//! Servers with TPMs: passphrases and states come, go along and go, whatever happens to the flows; and what such servers are refused.

use super::{
    ask_by, assert_ended, failed,
    moving::{Janitor, act, host_of, settled, world},
};
use crate::world::{Cloud, expect, id_of, new_server};
use async_trait::async_trait;
use compute::{
    Config,
    driver::{TpmModel, TpmVersion},
    model::{Flavor, vm::VmIntent},
};
use flow::{
    EngineBuilder, Starter,
    testkit::{Disturbance, World, torture},
};
use kernel::FlowId;
use ports::testkit::Key;
use serde_json::{Value, json};
use std::sync::Arc;
use store::Store;

const VERIFY: &str = "VERIFY_RESIZE";

/// Flavors as `42` is, with a TPM.
async fn flavors(cloud: &Cloud) {
    let made = cloud.store.transact("test", |tx| {
        for (number, (id, version, model, security)) in [
            ("tpm12", "1.2", "tpm-tis", None),
            ("tpm20", "2.0", "tpm-crb", None),
            ("tpm20-host", "2.0", "tpm-crb", Some("host")),
            ("tpm20-deployment", "2.0", "tpm-crb", Some("deployment")),
        ]
        .into_iter()
        .enumerate()
        {
            let like = tx.get::<Flavor>("42").expect("a flavor");
            let mut flavor =
                Flavor { id: id.into(), name: id.into(), number: 900 + number as u64, ..Flavor::clone(&like) };
            let specs = [("hw:tpm_version", version), ("hw:tpm_model", model)].into_iter();
            let specs = specs.chain(security.map(|security| ("hw:tpm_secret_security", security)));
            flavor.extra_specs = specs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
            tx.put(flavor);
        }
        Ok(())
    });
    made.await.unwrap();
}

/// A server of a flavor, to which these things were done.
async fn of(config: Config, flavor: &str, steps: &[(Value, &str)]) -> (Cloud, String) {
    let mut cloud = Cloud::new().await;
    flavors(&cloud).await;
    cloud.config = config;
    let (api, engine) = cloud.process();
    let mut body = new_server();
    body["server"]["flavorRef"] = flavor.into();
    let id = id_of(&expect(&api.token("member").call("POST /compute/v2.1/servers", body).await, 202));
    cloud.reach(&id, "ACTIVE").await;
    drop(engine);
    for (body, status) in steps {
        act(&cloud, &id, body.clone(), status).await;
    }
    (cloud, id)
}

/// For [`world`]: of a flavor without a TPM, unless the first step is one of a TPM's.
async fn prepared(config: Config, steps: &[(Value, &str)]) -> (Cloud, String) {
    let first = steps.first().and_then(|(body, _)| body.as_str()).unwrap_or("42").to_owned();
    let done = usize::from(first != "42");
    of(config, &first, &steps[done..]).await
}

fn resize(flavor: &str) -> Value {
    json!({"resize": {"flavorRef": flavor, "tstack:way": "cold"}})
}

fn elsewhere() -> Config {
    Config { allow_resize_to_same_host: false, ..Config::default() }
}

fn usual() -> Config {
    Config::default()
}

fn made(flavor: &str) -> (Value, &'static str) {
    (json!(flavor), "ACTIVE")
}

world!(Gaining: usual(), &[], resize("tpm20") => "VERIFY_RESIZE" or "ACTIVE");
world!(GainingElsewhere: elsewhere(), &[], resize("tpm12") => "VERIFY_RESIZE" or "ACTIVE");
world!(Keeping: usual(), &[made("tpm20")], json!({"migrate": null}) => "VERIFY_RESIZE" or "ACTIVE");
world!(Changing: elsewhere(), &[made("tpm12")], resize("tpm20") => "VERIFY_RESIZE" or "ACTIVE");
world!(Losing: usual(), &[made("tpm20"), (resize("42"), VERIFY)], json!({"confirmResize": null}) => "ACTIVE" or "VERIFY_RESIZE");
world!(GivingBack: usual(), &[(resize("tpm20"), VERIFY)], json!({"revertResize": null}) => "ACTIVE" or "ERROR");

macro_rules! survive {
    ($($test:ident: $world:ident),+ $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            torture::<$world>().await;
        }
    )+};
}

survive! {
    gaining_one_survives_everything: Gaining,
    gaining_one_elsewhere_survives_everything: GainingElsewhere,
    keeping_it_elsewhere_survives_everything: Keeping,
    changing_it_survives_everything: Changing,
    losing_it_survives_everything: Losing,
    giving_it_back_survives_everything: GivingBack,
}

fn keys(cloud: &Cloud) -> Vec<Arc<Key>> {
    cloud.store.snapshot().all::<Key>().collect()
}

/// What the guest's TPM is, and the local disks with a state that its host has or keeps.
fn tpm(cloud: &Cloud, id: &str) -> (Option<(TpmVersion, TpmModel)>, Vec<String>) {
    let intent = cloud.store.snapshot().get::<VmIntent>(id).unwrap();
    let states = intent.local_disks.iter().map(|d| &d.name).chain(&intent.kept_disks).filter(|n| n.starts_with("tpm"));
    (intent.spec.hardware.tpm.as_ref().map(|tpm| (tpm.version, tpm.model)), states.cloned().collect())
}

/// A passphrase for each server, its creator's; the same through resizes between TPMs, and no longer than there is one.
#[tokio::test]
async fn a_passphrase_lives_as_long_as_its_tpm() {
    let (cloud, id) = of(usual(), "tpm12", &[]).await;
    assert_eq!(tpm(&cloud, &id), (Some((TpmVersion::V1_2, TpmModel::Tis)), vec!["tpm".into()]));
    let key = keys(&cloud)[0].clone();
    let (name, creator) = (format!("vTPM secret for instance {id}"), "mia".into());
    assert_eq!((&key.name, &key.creator, key.project.as_str(), key.octets.len()), (&name, &creator, "p1", 384));
    // Its host is told, and no other.
    let compute = cloud.compute(&Starter::new("look".into()));
    let (home, other) = match host_of(&cloud, &id).as_str() {
        "h1" => ("h1", "h2"),
        _ => ("h2", "h1"),
    };
    let id_typed = id.as_str().into();
    assert_eq!(compute.tpm_key(&home.into(), &id_typed).unwrap().as_bytes(), key.octets);
    assert_eq!(compute.tpm_key(&other.into(), &id_typed).unwrap_err().status(), 403);

    // Another kind begins anew, beside the old one's state, under the same passphrase.
    act(&cloud, &id, resize("tpm20"), VERIFY).await;
    let crb = Some((TpmVersion::V2_0, TpmModel::Crb));
    assert_eq!(tpm(&cloud, &id), (crb, vec!["tpmv2".into(), "tpm".into()]));
    act(&cloud, &id, json!({"revertResize": null}), "ACTIVE").await;
    assert_eq!(tpm(&cloud, &id).1, ["tpm"]);
    act(&cloud, &id, resize("tpm20"), VERIFY).await;
    act(&cloud, &id, json!({"confirmResize": null}), "ACTIVE").await;
    assert_eq!((tpm(&cloud, &id), keys(&cloud)[0].id.clone()), ((crb, vec!["tpmv2".into()]), key.id.clone()));
    // It goes along to another host.
    act(&cloud, &id, json!({"migrate": null}), VERIFY).await;
    assert_eq!(compute.tpm_key(&other.into(), &id_typed).unwrap().as_bytes(), key.octets);
    act(&cloud, &id, json!({"confirmResize": null}), "ACTIVE").await;
    let calls = cloud.hosts.calls.lock().clone();
    let sent =
        |method: &str| calls.iter().filter(|(m, told)| m == method && told.to_string().contains("tpmv2")).count();
    assert_eq!((sent("disk.send"), sent("disk.receive")), (1, 1));
    settled(&cloud, "moved").await;

    act(&cloud, &id, resize("42"), VERIFY).await;
    assert_eq!((tpm(&cloud, &id).0, keys(&cloud).len()), (None, 1), "it may come back");
    act(&cloud, &id, json!({"confirmResize": null}), "ACTIVE").await;
    assert_eq!((tpm(&cloud, &id), keys(&cloud).len()), ((None, vec![]), 0));
    act(&cloud, &id, resize("tpm20"), VERIFY).await;
    assert_eq!(keys(&cloud).len(), 1);
    let (api, _engine) = cloud.process();
    expect(&api.token("member").call(&format!("DELETE /compute/v2.1/servers/{id}"), None).await, 204);
    cloud.gone(&id).await;
    cloud.assert_clean("deleted");
}

/// Who has lost the passphrase has lost the TPM: its host is told so.
#[tokio::test]
async fn a_passphrase_that_is_gone_is_told() {
    let (cloud, id) = of(usual(), "tpm20", &[]).await;
    let key = keys(&cloud)[0].id.clone();
    let gone = cloud.store.transact("test", move |tx| Ok(tx.delete::<Key>(&key)));
    gone.await.unwrap();
    let compute = cloud.compute(&Starter::new("look".into()));
    let told = compute.tpm_key(&host_of(&cloud, &id).as_str().into(), &id.as_str().into()).unwrap_err();
    assert!(told.status() == 409 && told.message().contains("is not in the key manager any more"), "{told:?}");
}

/// In Nova's words.
#[tokio::test]
async fn what_cannot_be_done_with_a_tpm_is_refused() {
    let (cloud, id) = of(usual(), "tpm20", &[]).await;
    let (api, _engine) = cloud.process();
    let manager = api.token("admin").with("openstack-api-version", "compute 2.79");
    let action = format!("POST /compute/v2.1/servers/{id}/action");
    let image = crate::world::IMAGE;
    for (body, operation) in [
        (json!({"rebuild": {"imageRef": image}}), "rebuild"),
        (json!({"rescue": {}}), "rescue"),
        (json!({"shelve": null}), "shelve"),
        (json!({"evacuate": {}}), "evacuate"),
        (json!({"os-migrateLive": {"host": null, "block_migration": "auto"}}), "live-migration"),
    ] {
        let answer = manager.call(&action, body).await;
        let text = format!("Operation '{operation}' not supported for vTPM-enabled instance ({id}).");
        assert_eq!((answer.status, answer.json()["badRequest"]["message"].as_str()), (400, Some(text.as_str())));
    }
    let refused = manager.call(&action, resize("tpm20-deployment")).await;
    assert!(refused.status == 400 && refused.text().contains("Resize between 'deployment'"), "{}", refused.text());
    drop(manager);
    drop(_engine);

    // With a passphrase that hosts may hand on, it goes while it runs; the guest is not started anew for that.
    let starts = || cloud.hosts.guest(&id).unwrap().starts;
    let (home, before) = (host_of(&cloud, &id), starts());
    act(&cloud, &id, json!({"resize": {"flavorRef": "tpm20-host"}}), VERIFY).await;
    act(&cloud, &id, json!({"confirmResize": null}), "ACTIVE").await;
    assert_eq!(starts(), before);
    act(&cloud, &id, json!({"os-migrateLive": {"host": null, "block_migration": "auto"}}), "ACTIVE").await;
    assert_ne!(host_of(&cloud, &id), home);
    settled(&cloud, "gone over").await;
    cloud.assert_clean("gone over");
}
