//! TLS with certificates on both sides.

use crate::sockets::{Running, server};
use http::{Client, ClientAuth, ClientConfig, ClientError, ClientTls, TlsConfig};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let cert = params.self_signed(&key).unwrap();
        Self { pem: cert.pem(), issuer: Issuer::new(params, key) }
    }

    /// Certificate, its DER and key for a name.
    fn issue(&self, name: &str) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
        let key = KeyPair::generate().unwrap();
        let cert = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &self.issuer).unwrap();
        (cert.pem().into_bytes(), cert.der().to_vec(), key.serialize_pem().into_bytes())
    }
}

fn client(roots: &Authority, identity: Option<(Vec<u8>, Vec<u8>)>, server_name: &str) -> Client {
    let tls = ClientTls {
        roots_pem: roots.pem.clone().into_bytes(),
        identity_pem: identity,
        server_name: (!server_name.is_empty()).then(|| server_name.to_owned()),
    };
    Client::new(&ClientConfig { tls, ..ClientConfig::default() }).unwrap()
}

async fn running(authority: &Authority, client_auth: ClientAuth) -> Running {
    let (cert_pem, _, key_pem) = authority.issue("node-1");
    let mut server = server();
    server.tls = Some(TlsConfig { cert_pem, key_pem, client_auth });
    Running::start(server).await
}

#[tokio::test]
async fn certificates_on_both_sides() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let running = running(&ours, ClientAuth::Optional(ours.pem.clone().into_bytes())).await;
    let url = |path: &str| format!("https://{}/svc/{path}", running.address);
    let (cert, der, key) = ours.issue("host-7");

    let host = client(&ours, Some((cert, key)), "node-1");
    let answer = host.get(url("peer")).token("ann").send().await.unwrap();
    assert_eq!(answer.json::<Value>().await.unwrap(), json!({"bytes": der.len()}));
    let base = host.get(url("base")).token("ann").send().await.unwrap().json::<Value>().await.unwrap();
    assert_eq!(base["base"], format!("https://{}/x", running.address), "links say https");

    let nobody = client(&ours, None, "node-1");
    assert_eq!(nobody.get(url("who")).token("ann").send().await.unwrap().status, 200);
    assert_eq!(nobody.get(url("peer")).token("ann").send().await.unwrap().status, 403);

    let (cert, _, key) = theirs.issue("host-7");
    let stranger = client(&ours, Some((cert, key)), "node-1").get(url("who")).token("ann").send().await;
    assert!(stranger.is_err(), "a certificate of another authority is refused: {stranger:?}");
    for wrong in [client(&theirs, None, "node-1"), client(&ours, None, "node-2"), client(&ours, None, "")] {
        let refused = wrong.get(url("open")).send().await;
        assert!(matches!(refused, Err(ClientError::Connect(_))), "the server is not whom we want: {refused:?}");
    }
    drop((host, nobody));
    assert!(running.stop().await);
}

#[tokio::test]
async fn certificates_can_be_demanded() {
    let ours = Authority::new();
    let running = running(&ours, ClientAuth::Required(ours.pem.clone().into_bytes())).await;
    let url = format!("https://{}/svc/open", running.address);
    assert!(client(&ours, None, "node-1").get(&url).send().await.is_err());
    let (cert, _, key) = ours.issue("host-7");
    let host = client(&ours, Some((cert, key)), "node-1");
    assert_eq!(host.get(&url).send().await.unwrap().status, 200);
    drop(host);
    assert!(running.stop().await);
}

#[tokio::test]
async fn bad_certificates_are_told_before_serving() {
    let ours = Authority::new();
    let (cert_pem, _, _) = ours.issue("node-1");
    let (_, _, other_key) = ours.issue("node-1");
    for (cert_pem, key_pem) in [(Vec::new(), other_key.clone()), (cert_pem.clone(), Vec::new()), (cert_pem, other_key)]
    {
        let mut server = server();
        server.tls = Some(TlsConfig { cert_pem, key_pem, client_auth: ClientAuth::None });
        assert!(server.bind().await.is_err());
    }
}

#[tokio::test]
async fn certificates_are_renewed_while_serving() {
    let (old, new) = (Authority::new(), Authority::new());
    let running = running(&old, ClientAuth::None).await;
    let url = format!("https://{}/svc/open", running.address);
    let trusts_new = client(&new, None, "node-1");
    assert!(trusts_new.get(&url).send().await.is_err());

    let (cert_pem, _, key_pem) = new.issue("node-1");
    let tls = running.tls.clone().unwrap();
    let broken = TlsConfig { cert_pem: Vec::new(), key_pem: key_pem.clone(), client_auth: ClientAuth::None };
    assert!(tls.replace(&broken).is_err());
    assert_eq!(client(&old, None, "node-1").get(&url).send().await.unwrap().status, 200, "the old one stays");
    tls.replace(&TlsConfig { cert_pem, key_pem, client_auth: ClientAuth::None }).unwrap();
    assert_eq!(trusts_new.get(&url).send().await.unwrap().status, 200);
    drop(trusts_new);
    assert!(running.stop().await);
}
