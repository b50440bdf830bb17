//! `tstack up`: joins if it is to, starts the node in the background, waits until it serves.

use crate::{Config, daemon, doctor, plain};
use kernel::{Error, Result, error::Doing};
use std::{
    process::Child,
    time::{Duration, Instant},
};

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
    let mut started = None;
    if daemon::running(config).is_none() {
        // Of a host in a namespace of its own nothing can be said from here; its process looks before it makes anything.
        if config.text("network.namespace").is_empty() {
            doctor::refuse(config).await?;
        }
        let mut arguments = vec!["--data".to_owned(), config.data_dir.display().to_string()];
        settings.iter().for_each(|pair| arguments.extend(["--set".to_owned(), pair.clone()]));
        started = Some(daemon::start(config, &arguments)?);
    }
    wait_ready(config, started).await
}

/// Until the node says that it serves. A process that ended says why in its log.
async fn wait_ready(config: &Config, mut started: Option<Child>) -> Result<()> {
    let began = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_millis(20)).await;
        if daemon::ready(config) {
            return Ok(());
        }
        let died = match &mut started {
            Some(child) => child.try_wait().doing("waiting for tstack")?.is_some(),
            None => daemon::running(config).is_none(),
        };
        if died || began.elapsed() > PATIENCE {
            return Err(Error::unavailable(format!("tstack did not start; {}", last_words(config))));
        }
    }
}

/// The end of the node's log: what it said when it gave up, or its last lines.
pub fn last_words(config: &Config) -> String {
    let file = config.data_dir.join("tstack.log");
    let log = std::fs::read_to_string(&file).unwrap_or_default();
    let lines: Vec<_> = log.lines().collect();
    let tail = lines.len().saturating_sub(3);
    let gave_up = lines.iter().rposition(|line| line.starts_with("tstack: ")).unwrap_or(tail);
    format!("its log {} ends with\n{}", file.display(), lines[gave_up.min(tail)..].join("\n"))
}
