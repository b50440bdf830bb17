//! `tstack up`: joins if it is to, starts the node in the background, waits until it serves.

use crate::{Config, daemon, plain};
use kernel::{Error, Result, error::Doing};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(120);

/// How a node that is no member becomes part of a region.
#[derive(Clone, Copy, Debug)]
pub struct Join<'a> {
    /// A member's agent port, `https://ADDRESS:5001`
    pub member: &'a str,
    pub token: &'a str,
}

/// Spends the token, and has the configuration say which member to connect to.
pub async fn join(config: &mut Config, join: Join<'_>) -> Result<()> {
    plain::join(config, join.member, join.token).await?;
    config.set("agent.member", join.member)
}

/// Writes down what differs from the defaults, for this start and later ones.
pub fn keep(config: &Config) -> Result<()> {
    std::fs::create_dir_all(&config.data_dir).doing("making the data directory")?;
    std::fs::write(config.data_dir.join("tstack.toml"), config.render()).doing("writing tstack.toml")
}

/// Starts the node, unless it runs. `settings` (`KEY=VALUE`) are for this start only.
pub async fn start(config: &Config, settings: &[String]) -> Result<()> {
    std::fs::create_dir_all(&config.data_dir).doing("making the data directory")?;
    if daemon::running(config).is_none() {
        let mut arguments = vec!["--data".to_owned(), config.data_dir.display().to_string()];
        settings.iter().for_each(|pair| arguments.extend(["--set".to_owned(), pair.clone()]));
        daemon::start(config, &arguments)?;
    }
    wait_ready(config).await
}

/// A member answers on its port; a plain node has its pidfile. A process that ended says why in its log.
async fn wait_ready(config: &Config) -> Result<()> {
    let began = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let alive = daemon::running(config).is_some();
        if alive && (!config.is_member() || answers(config).await) {
            return Ok(());
        }
        let died = !alive && began.elapsed() > Duration::from_secs(2);
        if died || began.elapsed() > PATIENCE {
            return Err(Error::unavailable(format!("tstack did not start; {}", last_words(config))));
        }
    }
}

/// The end of the node's log.
pub fn last_words(config: &Config) -> String {
    let file = config.data_dir.join("tstack.log");
    let log = std::fs::read_to_string(&file).unwrap_or_default();
    let lines: Vec<_> = log.lines().collect();
    format!("its log {} ends with\n{}", file.display(), lines[lines.len().saturating_sub(3)..].join("\n"))
}

async fn answers(config: &Config) -> bool {
    let Ok(at) = config.api_socket() else { return false };
    tokio::net::TcpStream::connect(at).await.is_ok()
}
