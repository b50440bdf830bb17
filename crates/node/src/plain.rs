//! A plain node: only the host side, connected to a member.

use crate::{Config, daemon::Pidfile, drivers, runtime::host_config};
use agent::{Host, RemoteLink};
use cluster::{JoinAnswer, JoinRequest, NodeIdentity, split_token};
use http::{Client, ClientConfig, ClientTls, Protocol};
use kernel::{Error, Result, SystemClock};
use std::{future::Future, sync::Arc, time::Duration};

/// Runs the agent until `stop` resolves.
pub async fn run(config: Config, pidfile: Pidfile, stop: impl Future<Output = ()> + Send + 'static) -> Result<()> {
    let missing =
        || Error::bad_request("this node has not joined a region yet: start it with --join and a token of a member");
    let identity = NodeIdentity::read(&config.data_dir.join("pki/node"))?.ok_or_else(missing)?;
    let side = drivers::host(&config, None).await?;
    let client = Client::new(&ClientConfig {
        timeout: Duration::from_secs(30),
        protocol: Protocol::Http2,
        tls: ClientTls {
            roots_pem: identity.ca_pem.clone().into_bytes(),
            identity_pem: Some((identity.certificate_pem.clone().into_bytes(), identity.key_pem.clone().into_bytes())),
            ..ClientTls::default()
        },
        ..ClientConfig::default()
    })?;
    let link = Arc::new(RemoteLink::new(client, config.text("agent.member")));
    let host = Host::open(host_config(&config)?, side.drivers.clone(), link, SystemClock::shared())?;
    pidfile.ready()?;
    tracing::info!(member = config.text("agent.member"), node = %config.node_name(), "ready");
    tokio::select! {
        () = host.run() => {}
        () = stop => tracing::info!("stopping"),
    }
    drop(side);
    Ok(())
}

/// Joins a region: makes a key here, has a member sign it, keeps both. The member is trusted by the token's fingerprint alone.
pub async fn join(config: &Config, member: &str, token: &str) -> Result<()> {
    let (_, ca_pem) = split_token(token)?;
    let (key_pem, public_key_pem) = NodeIdentity::new_key()?;
    let request = JoinRequest {
        token: token.to_owned(),
        host: config.node_name().to_string(),
        addresses: vec![config.text("node.address").to_owned()],
        public_key_pem,
    };
    let tls = ClientTls { roots_pem: ca_pem.into_bytes(), ..ClientTls::default() };
    let client = Client::new(&ClientConfig { tls, ..ClientConfig::default() })?;
    let response = client.post(format!("{member}/cluster/v1/join")).json(&request).send().await?;
    if !response.status.is_success() {
        let text = response.text().await.unwrap_or_default();
        return Err(Error::forbidden(format!("{member} refused: {text}")));
    }
    let answer: JoinAnswer = response.json().await?;
    let identity = NodeIdentity { certificate_pem: answer.certificate_pem, key_pem, ca_pem: answer.ca_pem };
    identity.write(&config.data_dir.join("pki/node"))
}
