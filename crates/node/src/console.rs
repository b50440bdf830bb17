//! A server's screen in a browser: the page that `openstack console url show` leads to, and the websocket behind it.
//!
//! ```text
//!   browser ── GET /console/vnc?token=T ──▶ page, console.js
//!      └────── websocket /websockify ─────▶ token good? ─▶ Gateway::screen(host, server) ═▶ QEMU's VNC socket
//! ```
//!
//! The token is the right to look: random, bound to one server on one host and to who asked, good for ten minutes in which a
//! session may begin. It comes in the query, or in a cookie as clients of old send it. A token that is good for nothing gets a
//! connection that closes at once, without a word.

use crate::services::Services;
use http::axum::{
    Router,
    extract::{
        Query, State,
        ws::{Message, WebSocket, WebSocketUpgrade},
    },
    http::{
        HeaderMap,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, HeaderName, REFERRER_POLICY},
    },
    response::{IntoResponse, Response},
    routing::get,
};
use std::collections::HashMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PAGE: &str = include_str!("../assets/console.html");
const SCRIPT: &str = include_str!("../assets/console.js");
/// Bytes of a frame at most.
const FRAME: usize = 64 << 10;

pub fn router(services: Services) -> Router {
    Router::new()
        .route("/console/vnc", get(|| async { asset("text/html; charset=utf-8", PAGE) }))
        .route("/console/console.js", get(|| async { asset("text/javascript; charset=utf-8", SCRIPT) }))
        .route("/websockify", get(socket))
        .with_state(services)
}

/// The page's address holds a secret: nobody keeps it or is told it.
fn asset(kind: &'static str, text: &'static str) -> Response {
    const POLICY: &str =
        "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self' ws: wss:";
    let headers: [(HeaderName, &str); 4] = [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (CONTENT_SECURITY_POLICY, POLICY),
    ];
    (headers, text).into_response()
}

async fn socket(
    State(services): State<Services>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let token = query.get("token").cloned().or_else(|| cookie(&headers)).unwrap_or_default();
    upgrade.protocols(["binary"]).max_message_size(FRAME).on_upgrade(move |socket| async move {
        let _counted = telemetry::caught("console", show(&services, &token, socket)).await; // with it the socket is gone
    })
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    let pairs = headers.get_all(COOKIE).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(['&', ';']));
    pairs.filter_map(|pair| pair.trim().strip_prefix("token=")).map(str::to_owned).next()
}

async fn show(services: &Services, token: &str, mut socket: WebSocket) {
    let Some(console) = services.compute.console(token) else {
        tracing::info!("a console was asked for with a token that is good for nothing");
        let _ = socket.send(Message::Close(None)).await;
        return;
    };
    let (server, user) = (&console.server, &console.user);
    match services.gateway.screen(&console.host, server).await {
        Ok(screen) => {
            tracing::info!(%server, %user, "console opened");
            pump(&mut socket, screen).await;
            tracing::info!(%server, %user, "console closed");
        }
        Err(e) => tracing::warn!(%server, error = %e.internal_text(), "a console could not be opened"),
    }
    let _ = socket.send(Message::Close(None)).await; // the browser may have gone first
}

/// Both directions, until either ends.
async fn pump(socket: &mut WebSocket, screen: agent::Tunnel) {
    let (mut from, mut to) = tokio::io::split(screen);
    let mut buffer = vec![0; FRAME];
    loop {
        tokio::select! {
            read = from.read(&mut buffer) => match read {
                Ok(0) | Err(_) => return,
                Ok(n) => {
                    if socket.send(Message::Binary(buffer[..n].to_vec().into())).await.is_err() {
                        return;
                    }
                }
            },
            message = socket.recv() => match message {
                Some(Ok(Message::Binary(bytes))) => {
                    if to.write_all(&bytes).await.is_err() {
                        return;
                    }
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Text(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_in_cookies() {
        let check = |text: &str, expect: Option<&str>| {
            let headers = [(COOKIE, text.parse().unwrap())].into_iter().collect();
            assert_eq!(cookie(&headers).as_deref(), expect, "{text}");
        };
        check("token=a-b", Some("a-b"));
        check("path=x; token=a-b", Some("a-b"));
        check("path=x&token=a-b", Some("a-b"));
        check("mytoken=a", None);
        check("", None);
    }
}
