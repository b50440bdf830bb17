//! The process: started once, drained when it is asked to end, the same after a kill.

use crate::rig::{Node, eventually, words};
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

#[tokio::test]
async fn sigterm_finishes_what_is_being_answered() {
    let mut node = Node::started().await;
    let admin = node.admin().await;
    let image = admin
        .must("POST /image/v2/images", json!({"name": "i", "disk_format": "raw", "container_format": "bare"}))
        .await;
    let image = image["id"].as_str().unwrap().to_owned();
    // Half of an upload is there when the signal comes.
    let mut upload = TcpStream::connect(("127.0.0.1", node.port)).unwrap();
    upload.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let head = format!(
        "PUT /image/v2/images/{image}/file HTTP/1.1\r\nhost: localhost\r\nx-auth-token: {}\r\ncontent-type: application/octet-stream\r\n\
         content-length: 2048\r\nconnection: close\r\n\r\n",
        admin.token()
    );
    upload.write_all(head.as_bytes()).unwrap();
    upload.write_all(&[0; 1024]).unwrap();
    eventually("the upload has begun", async || {
        let now = admin.must(&format!("GET /image/v2/images/{image}"), Value::Null).await;
        if now["status"] == "saving" { Ok(()) } else { Err(now["status"].to_string()) }
    })
    .await;
    node.signal("-TERM");
    eventually("nobody new is let in", async || match TcpStream::connect(("127.0.0.1", node.port)) {
        Err(_) => Ok(()),
        Ok(_) => Err("still listening".into()),
    })
    .await;
    upload.write_all(&[0; 1024]).unwrap();
    let mut answer = String::new();
    upload.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    assert!(node.ended().await, "{}", node.log());
    assert!(node.log().contains("drained=true"), "{}", node.log());
    // Its line had waited for others, and was not lost.
    let line = format!("method=\"PUT\" path=\"/image/v2/images/{image}/file\" status=204");
    assert!(node.log().contains(&line), "{}", node.log());
    // What was answered is there.
    node.start().await;
    let now = node.admin().await.must(&format!("GET /image/v2/images/{image}"), Value::Null).await;
    assert_eq!((&now["status"], &now["size"]), (&json!("active"), &json!(2048)));
}

#[tokio::test]
async fn one_process_has_a_data_directory() {
    let node = Node::started().await;
    let second = node.command("run", &[]);
    let said = words(&second);
    assert!(!second.status.success() && said.contains("is in use by process"), "{said}");
    assert!(said.contains("stop it with `tstack down`"), "{said}");
    // For `up` it is there already, and `down` ends it.
    let up = node.command("up", &[]);
    assert!(up.status.success() && words(&up).trim() == node.base(), "{}", words(&up));
    let down = node.command("down", &[]);
    assert!(down.status.success() && words(&down).trim() == "stopped", "{}", words(&down));
    assert_eq!(words(&node.command("down", &[])).trim(), "was not running");
}

#[tokio::test]
async fn up_waits_until_the_node_serves() {
    let node = Node::new();
    let up = node.command("up", &[]);
    assert!(up.status.success(), "{}", words(&up));
    let projects = node.admin().await.must("GET /identity/v3/projects", Value::Null).await;
    assert!(projects["projects"].as_array().is_some_and(|all| !all.is_empty()), "{projects}");
    assert!(node.command("down", &["--purge"]).status.success());
    let left: Vec<_> = std::fs::read_dir(node.data()).into_iter().flatten().flatten().map(|e| e.file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
}
