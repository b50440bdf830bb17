//! What the client says when there is no answer: above all whether the request can have been seen.

use http::{Client, ClientConfig, ClientError};
use kernel::{Error, Kind};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

fn client() -> Client {
    Client::new(&ClientConfig::default()).unwrap()
}

/// A server that reads a request's head, answers with `answer` and closes.
async fn once(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.read_u8().await.unwrap());
        }
        socket.write_all(answer).await.unwrap();
    });
    url
}

#[tokio::test]
async fn nobody_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let error = client().get(url).send().await.unwrap_err();
    assert!(matches!(error, ClientError::Connect(_)), "{error}");
    let error = client().get("http://no-such-host.invalid/").send().await.unwrap_err();
    assert!(matches!(error, ClientError::Connect(_)), "{error}");
    let error = Error::from(error);
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(!error.message().contains("no-such-host"), "addresses of ours are not for clients");
}

#[tokio::test]
async fn no_answer_in_time() {
    // Accepted by the kernel, never by us.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let error = client().get(url).timeout(Duration::from_millis(20)).send().await.unwrap_err();
    assert!(matches!(error, ClientError::Timeout(_)), "{error}");
    drop(listener);
}

#[tokio::test]
async fn broken_answers() {
    for answer in [&b""[..], b"HTTP/1.1 2", b"nonsense\r\n\r\n"] {
        let error = client().post(once(answer).await).body("x").send().await.unwrap_err();
        assert!(matches!(error, ClientError::Broken(_)), "{answer:?}: {error}");
    }
    let cut = client().get(once(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc").await).send().await.unwrap();
    assert!(matches!(cut.bytes().await, Err(ClientError::Broken(_))));
    let text = client().get(once(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc").await).send().await.unwrap();
    assert!(matches!(text.json::<u8>().await, Err(ClientError::Broken(_))));
}

#[tokio::test]
async fn what_cannot_be_sent() {
    for request in [
        client().get("no address"),
        client().get("http://a/").header("a b", "c"),
        client().get("http://a/").token("a\nb"),
    ] {
        let error = request.send().await.unwrap_err();
        assert!(matches!(error, ClientError::Malformed(_)), "{error}");
        assert_eq!(Error::from(error).kind(), Kind::Internal);
    }
}
