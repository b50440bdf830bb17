//! A member whose store can no longer follow its log stops, and says why.

use crate::fakes;
use node::{daemon, runtime, services};
use std::time::Duration;
use store::{Backend, Memory, Store, backend::RawTxn};

async fn damage(backend: &Memory) {
    let writes = vec![("o/flow.flow/damaged".to_owned(), Some("1 00000000 {}".into()))];
    backend.commit(RawTxn { id: "damage".into(), compares: vec![], writes }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_stops_when_its_store_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let (config, backend) = (fakes::config(dir.path()), Memory::new());
    let store = Store::open(backend.clone(), services::schema()).await.unwrap();
    let at = config.api_socket().unwrap();
    let pidfile = daemon::lock(&config).unwrap();
    let member = tokio::spawn(runtime::run_over(config, store, pidfile, std::future::pending()));
    while tokio::net::TcpStream::connect(at).await.is_err() {
        assert!(!member.is_finished(), "{:?}", member.await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    damage(&backend).await;
    let ended = tokio::time::timeout(Duration::from_secs(60), member).await.expect("it stops").unwrap();
    let why = ended.unwrap_err().internal_text();
    for part in ["the store was lost", "o/flow.flow/damaged", "start tstack again"] {
        assert!(why.contains(part), "{why}");
    }
    assert!(tokio::net::TcpStream::connect(at).await.is_err(), "nobody serves the port any more");
}
