use super::{ask, assert_ended, failed, register, with_server};
use crate::world::{Cloud, expect, flows_of};
use async_trait::async_trait;
use compute::{
    flows::reconcile::Tidy,
    model::{Server, vm::VmIntent},
};
use flow::{
    EngineBuilder, Reconciler, Starter,
    testkit::{Disturbance, World, torture},
};
use kernel::FlowId;
use store::Store;

struct Deleting(Cloud, String);

#[async_trait]
impl World for Deleting {
    async fn new() -> Self {
        let (cloud, id) = with_server().await;
        Self(cloud, id)
    }
    fn store(&self) -> Store {
        self.0.store.clone()
    }
    fn register(&self, engine: EngineBuilder) -> EngineBuilder {
        register(&self.0, engine)
    }
    async fn start(&self, starter: &Starter) -> FlowId {
        ask(&self.0, starter, &format!("DELETE /compute/v2.1/servers/{}", self.1), None).await
    }
    async fn check(&self, disturbance: Disturbance) {
        let snapshot = self.0.store.snapshot();
        if failed(disturbance) {
            // Half deleted, and says so: it can be deleted again.
            let server = self.0.server(&self.1);
            assert_eq!((server.status(), server.task), ("ERROR", None), "{disturbance:?}");
            assert_eq!(flows_of(&snapshot, &self.1), 0, "{disturbance:?}");
            assert_eq!(compute::audit(&snapshot), [], "{disturbance:?}");
            return;
        }
        assert!(!snapshot.contains::<Server>(&self.1), "{disturbance:?}");
        assert!(!snapshot.contains::<VmIntent>(&self.1), "{disturbance:?}");
        assert_ended(&self.0, &self.1, disturbance);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleting_survives_everything() {
    torture::<Deleting>().await;
}

#[tokio::test]
async fn a_server_on_a_host_that_is_away_goes_at_once_and_its_guest_later() {
    let (cloud, id) = with_server().await;
    let (api, _engine) = cloud.process();
    let host = cloud.server(&id).host.clone().unwrap();
    cloud.hosts.mood(&host, |m| m.away = true);
    expect(&api.token("member").call(&format!("DELETE /compute/v2.1/servers/{id}"), None).await, 204);
    cloud.gone(&id).await;
    assert!(cloud.hosts.guest(&id).is_some(), "nobody could end it");
    assert!(cloud.store.snapshot().contains::<VmIntent>(&id), "so that the host learns of it");
    assert_eq!(compute::audit(&cloud.store.snapshot()), []);
    cloud.hosts.mood(&host, |m| m.away = false);
    cloud.until("the guest to end", |_| cloud.hosts.guest(&id).is_none().then_some(())).await;
    let tidy = Tidy(cloud.compute(&Starter::new("tidy".into())));
    let reaped = async {
        while cloud.store.snapshot().contains::<VmIntent>(&id) {
            tidy.reconcile().await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), reaped).await.expect("the intent is reaped");
    cloud.assert_clean("the host is back");
}

#[tokio::test]
async fn deleting_twice_is_one_deletion() {
    let (cloud, id) = with_server().await;
    let host = cloud.server(&id).host.clone().unwrap();
    cloud.hosts.mood(&host, |m| m.silent = true);
    let (api, _engine) = cloud.process();
    for _ in 0..2 {
        expect(&api.token("member").call(&format!("DELETE /compute/v2.1/servers/{id}"), None).await, 204);
    }
    assert_eq!(flows_of(&cloud.store.snapshot(), &id), 1);
    let action = serde_json::json!({"os-stop": null});
    let refused = api.token("member").call(&format!("POST /compute/v2.1/servers/{id}/action"), action).await;
    let text = format!("Cannot 'stop' instance {id} while it is in task_state deleting");
    assert_eq!(expect(&refused, 409)["conflictingRequest"]["message"], text);
    cloud.hosts.mood(&host, |m| m.silent = false);
    cloud.gone(&id).await;
    expect(&api.token("member").call(&format!("GET /compute/v2.1/servers/{id}"), None).await, 404);
}
