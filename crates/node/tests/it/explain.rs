//! `tstack explain`: of what there is, and of what there was.

use crate::rig::{Node, eventually, server, words};
use serde_json::Value;

#[tokio::test]
async fn a_server_is_told_from_its_creation_to_after_its_end() {
    let node = Node::started().await;
    let admin = node.admin().await;
    let server = server(&admin).await;
    let explained = || words(&node.command("explain", &[&server]));
    let told = eventually("its creation is done", async || {
        let told = explained();
        if told.contains("create done on ") { Ok(told) } else { Err(told) }
    })
    .await;
    assert!(told.starts_with("compute.server\n") && told.contains("  name: s\n"), "{told}");
    admin.must(&format!("DELETE /compute/v2.1/servers/{server}"), Value::Null).await;
    eventually("its end is told", async || {
        let told = explained();
        let gone = told.starts_with("history\n") && told.contains("delete done");
        if gone { Ok(()) } else { Err(told) }
    })
    .await;
    let nobody = node.command("explain", &["nobody"]);
    assert!(!nobody.status.success() && words(&nobody).contains("has, or had, the id nobody"), "{}", words(&nobody));
}
