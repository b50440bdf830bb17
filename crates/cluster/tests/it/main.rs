//! Joining, and what the certificates are good for.

use cluster::{Authority, JoinRequest, JoinToken, NodeIdentity, create_token, peer_name, redeem, split_token};
use kernel::{Kind, Timestamp};
use std::{sync::Arc, time::Duration};
use store::{Schema, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

struct Region {
    _dir: tempfile::TempDir,
    store: Store,
    authority: Authority,
}

async fn region() -> Region {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::open(dir.path()).unwrap();
    Region { _dir: dir, store: Store::in_memory(Schema::new().with::<JoinToken>()).await, authority }
}

fn request(token: &str, host: &str, key: &str) -> JoinRequest {
    JoinRequest {
        token: token.into(),
        host: host.into(),
        addresses: vec!["127.0.0.1".into()],
        public_key_pem: key.into(),
    }
}

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_token_works_once_for_its_host_in_its_time() {
    let region = region().await;
    let now = Timestamp::from_secs(1000);
    let (_, public) = NodeIdentity::new_key().unwrap();
    let token = create_token(&region.store, &region.authority, Some("n2".into()), now, HOUR).await.unwrap();
    let try_it = async |token: &str, host: &str, at: Timestamp| {
        redeem(&region.store, &region.authority, &request(token, host, &public), at)
            .await
            .map(|_| ())
            .map_err(|e| e.kind())
    };
    assert_eq!(try_it("nonsense", "n2", now).await, Err(Kind::BadRequest));
    let (_, ca) = token.split_once('.').unwrap();
    assert_eq!(try_it(&format!("00.{ca}"), "n2", now).await, Err(Kind::Forbidden));
    assert_eq!(try_it(&token, "n3", now).await, Err(Kind::Forbidden));
    assert_eq!(try_it(&token, "n2", now.plus(HOUR)).await, Err(Kind::Forbidden));
    assert_eq!(try_it(&token, "n2", now).await, Ok(()));
    assert_eq!(try_it(&token, "n2", now).await, Err(Kind::Forbidden));
    let ca = split_token(&token).unwrap().1;
    assert_eq!(ca.replace('\r', ""), region.authority.certificate_pem().replace('\r', ""));
}

#[tokio::test]
async fn a_bad_key_does_not_spend_the_token() {
    let region = region().await;
    let token = create_token(&region.store, &region.authority, None, Timestamp::default(), HOUR).await.unwrap();
    let refused =
        redeem(&region.store, &region.authority, &request(&token, "n2", "no key"), Timestamp::default()).await;
    assert_eq!(refused.unwrap_err().kind(), Kind::BadRequest);
    let (_, public) = NodeIdentity::new_key().unwrap();
    redeem(&region.store, &region.authority, &request(&token, "n2", &public), Timestamp::default()).await.unwrap();
}

#[tokio::test]
async fn joined_nodes_meet_over_mutual_tls_and_strangers_do_not() {
    let region = region().await;
    let dirs = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let member = NodeIdentity::of_member(dirs.0.path(), &region.authority, "n1", &["127.0.0.1".into()]).unwrap();
    let token = create_token(&region.store, &region.authority, None, Timestamp::default(), HOUR).await.unwrap();
    let (key_pem, public) = NodeIdentity::new_key().unwrap();
    let joined =
        redeem(&region.store, &region.authority, &request(&token, "n2", &public), Timestamp::default()).await.unwrap();
    let node = NodeIdentity { certificate_pem: joined.certificate_pem, key_pem, ca_pem: joined.ca_pem };
    node.write(dirs.1.path()).unwrap();
    let node = NodeIdentity::read(dirs.1.path()).unwrap().unwrap();

    assert!(shake_hands(&member, &node).await);
    let other = tempfile::tempdir().unwrap();
    let stranger_ca = Authority::open(other.path()).unwrap();
    let stranger = NodeIdentity::of_member(other.path(), &stranger_ca, "n2", &["127.0.0.1".into()]).unwrap();
    assert!(!shake_hands(&member, &stranger).await, "a node of another region is refused");
}

async fn shake_hands(server: &NodeIdentity, client: &NodeIdentity) -> bool {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(server.server_config().unwrap());
    let serve = async {
        let (tcp, _) = listener.accept().await.unwrap();
        let mut tls = acceptor.accept(tcp).await?;
        let shown = tls.get_ref().1.peer_certificates().map(|chain| chain[0].to_vec());
        assert_eq!(shown.and_then(|der| peer_name(&der)).as_deref(), Some("n2"));
        tls.write_all(b"hi").await?;
        tls.shutdown().await
    };
    let connect = async {
        let tcp = tokio::net::TcpStream::connect(at).await?;
        let connector = tokio_rustls::TlsConnector::from(Arc::clone(&client.client_config().unwrap()));
        let mut tls = connector.connect("127.0.0.1".try_into().unwrap(), tcp).await?;
        let mut text = String::new();
        tls.read_to_string(&mut text).await.map(|_| text)
    };
    let (served, read) = tokio::join!(serve, connect);
    served.is_ok() && read.is_ok_and(|text| text == "hi")
}
