//! A key is in the key manager, and in no file that the node leaves: neither the store, nor the journal of a flow, nor a guest's
//! record, nor the log.

use crate::rig::{Login, Node, eventually, server};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use std::{fs, path::Path};

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

async fn reaches(admin: &Login, volume: &str, status: &str) -> Value {
    eventually(&format!("the volume is {status}"), async || {
        let shown = admin.versioned(&format!("GET /volume/v3/volumes/{volume}"), &Value::Null, "volume 3.64").await;
        let shown = shown.body["volume"].clone();
        if shown["status"] == status { Ok(shown) } else { Err(shown.to_string()) }
    })
    .await
}

/// Files below `dir` that have one of the texts in them.
fn having(dir: &Path, forms: &[Vec<u8>]) -> Vec<String> {
    let (mut found, mut left) = (Vec::new(), vec![dir.to_owned()]);
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(next).expect("the directory can be read").flatten() {
            let kind = entry.file_type().expect("it has a type");
            if kind.is_dir() {
                left.push(entry.path());
            } else if kind.is_file() {
                let bytes = fs::read(entry.path()).unwrap_or_default();
                if forms.iter().any(|form| bytes.windows(form.len()).any(|window| window == form)) {
                    found.push(entry.path().display().to_string());
                }
            }
        }
    }
    found
}

#[tokio::test]
async fn a_volumes_key_is_written_down_nowhere() {
    let mut node = Node::started().await;
    let admin = node.admin().await;
    let made = admin.must("POST /volume/v3/types", json!({"volume_type": {"name": "luks"}})).await;
    let at = format!("POST /volume/v3/types/{}/encryption", text(&made["volume_type"]["id"]));
    let luks =
        json!({"provider": "luks", "control_location": "front-end", "cipher": "aes-xts-plain64", "key_size": 256});
    admin.must(&at, json!({"encryption": luks})).await;
    let made = admin.must("POST /volume/v3/volumes", json!({"volume": {"size": 1, "volume_type": "luks"}})).await;
    let volume = text(&made["volume"]["id"]);
    let shown = reaches(&admin, &volume, "available").await;
    assert_eq!(shown["encrypted"], true);
    let key = text(&shown["encryption_key_id"]);
    let secret = admin.must(&format!("GET /key-manager/v1/secrets/{key}"), Value::Null).await;
    assert_eq!((&secret["secret_type"], &secret["bit_length"]), (&json!("symmetric"), &json!(256)));

    // A guest has it, and the node is started anew: intent, guest's record and export are there, and the key was used.
    let guest = server(&admin).await;
    eventually("the server is up", async || {
        let shown = admin.must(&format!("GET /compute/v2.1/servers/{guest}"), Value::Null).await;
        if shown["server"]["status"] == "ACTIVE" { Ok(()) } else { Err(shown.to_string()) }
    })
    .await;
    let attach = format!("POST /compute/v2.1/servers/{guest}/os-volume_attachments");
    admin.must(&attach, json!({"volumeAttachment": {"volumeId": volume}})).await;
    reaches(&admin, &volume, "in-use").await;

    // The text of a passphrase that somebody stored, and the octets of the volume's key, by their length in base64: what can
    // be looked for in files.
    let phrase = "correct horse battery staple";
    let body = json!({"name": "p", "payload": phrase, "payload_content_type": "text/plain"});
    let stored = admin.must("POST /key-manager/v1/secrets", body).await;
    let octets = key_of(&node, &admin, &key).await;
    assert_eq!(octets.len(), 32);
    let hex: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    let forms = [
        octets.clone(),
        hex.into_bytes(),
        BASE64_STANDARD.encode(&octets).trim_end_matches('=').as_bytes().to_vec(),
        phrase.as_bytes().to_vec(),
        BASE64_STANDARD.encode(phrase).trim_end_matches('=').as_bytes().to_vec(),
    ];
    node.stop().await;
    assert_eq!(having(node.data(), &forms), [] as [String; 0]);
    assert!(having(node.data(), &[volume.clone().into_bytes()]).iter().any(|file| file.ends_with("store.redb")));
    node.start().await;
    let admin = node.admin().await;
    let at = format!("GET {}/payload", path(&text(&stored["secret_ref"])));
    assert_eq!(admin.must(&at, Value::Null).await, json!(phrase));
    assert_eq!(key_of(&node, &admin, &key).await, octets);
}

fn path(reference: &str) -> String {
    reference.splitn(4, '/').nth(3).map(|path| format!("/{path}")).expect("a reference has a path")
}

async fn key_of(node: &Node, admin: &Login, key: &str) -> Vec<u8> {
    let client = http::Client::new(&http::ClientConfig::default()).expect("a client can be made");
    let url = format!("{}/key-manager/v1/secrets/{key}/payload", node.base());
    let answer = client.get(url).token(admin.token()).header("accept", "application/octet-stream").send().await;
    let answer = answer.expect("the key manager answers");
    assert_eq!(answer.status.as_u16(), 200);
    answer.bytes().await.expect("a payload").to_vec()
}
