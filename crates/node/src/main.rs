//! `tstack`: one binary per node.

use clap::{Parser, Subcommand};
use kernel::{Error, Result, error::Doing};
use node::{Config, config, daemon};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};
use telemetry::{LogConfig, LogFormat, LogLevel};

#[derive(Parser)]
#[command(name = "tstack", version, about = "A private cloud in one binary, with OpenStack's APIs")]
struct Cli {
    /// Where everything of this node lies.
    #[arg(long, global = true, default_value = "/var/lib/tstack")]
    data: PathBuf,
    /// Sets a configuration key for this start: --set api.port=5055
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start this node in the background and wait until it serves.
    Up {
        /// Keep the settings given with --set in tstack.toml.
        #[arg(long)]
        keep: bool,
        /// Join a region: the address of a member's agent port, https://ADDRESS:5001
        #[arg(long, requires = "token")]
        join: Option<String>,
        /// The token that `tstack token` printed on a member.
        #[arg(long)]
        token: Option<String>,
    },
    /// Run this node in the foreground (what the systemd unit does).
    Run,
    /// Stop this node; guests and networks go on.
    Down {
        /// Remove everything the node made: guests, networks, disks, data.
        #[arg(long)]
        purge: bool,
    },
    /// How the cloud is.
    Status,
    /// What is missing on this host, and how to mend it.
    Doctor,
    /// Check what must be so, in the store and on the hosts.
    Audit,
    /// All that is known of one object.
    Explain { id: String },
    /// A token with which another node may join.
    Token {
        /// The only host that may use it.
        #[arg(long)]
        host: Option<String>,
    },
    /// What is served.
    Routes {
        #[arg(long)]
        json: bool,
    },
    /// The configuration.
    Config {
        #[command(subcommand)]
        what: ConfigCommand,
    },
    /// Make the demo project, images, network and server, and log in.
    Demo {
        /// The guest image (qcow2).
        #[arg(long)]
        image: Option<PathBuf>,
        #[arg(long)]
        no_server: bool,
        /// Do not log in (a fake guest has no ssh).
        #[arg(long)]
        no_login: bool,
    },
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Every key with its default and meaning.
    Reference,
    /// The settings in force, where they differ from the defaults.
    Show,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(dispatch(cli)),
        Err(e) => Err(Error::internal("starting the runtime").with_source(e)),
    };
    match done {
        Ok(code) => code,
        Err(e) => {
            eprintln!("tstack: {}", e.internal_text());
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(cli: Cli) -> Result<ExitCode> {
    let print = |text: String| print!("{text}");
    match &cli.command {
        Command::Config { what: ConfigCommand::Reference } => print(config::reference()),
        Command::Config { what: ConfigCommand::Show } => print(settings(&cli)?.render()),
        Command::Routes { json } => print(routes(*json)),
        Command::Run => run(settings(&cli)?).await?,
        Command::Up { keep, join, token } => up(&cli, *keep, join.as_deref().zip(token.as_deref())).await?,
        Command::Down { purge } => down(&settings(&cli)?, *purge).await?,
        Command::Doctor => return doctor(&settings(&cli)?).await,
        Command::Status => print(cli::status(&admin(&cli.data).await?).await?),
        Command::Explain { id } => print(cli::explain(&admin(&cli.data).await?, id).await?),
        Command::Token { host } => println!("{}", cli::join_token(&admin(&cli.data).await?, host.as_deref()).await?),
        Command::Audit => {
            let (text, clean) = cli::audit(&admin(&cli.data).await?).await?;
            print(text);
            return Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Demo { image, no_server, no_login } => demo(&cli, image.clone(), !no_server, !no_login).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The file's settings with those of `--set` on top.
fn settings(cli: &Cli) -> Result<Config> {
    let data = std::path::absolute(&cli.data).doing("reading --data")?;
    let mut config = Config::read(&data)?;
    for pair in &cli.set {
        let (key, value) =
            pair.split_once('=').ok_or_else(|| Error::bad_request(format!("--set {pair}: expected KEY=VALUE")))?;
        config.set(key, value)?;
    }
    Ok(config)
}

async fn admin(data: &Path) -> Result<cli::Cloud> {
    cli::Cloud::login(&data.join("clouds.yaml"), "tstack-admin").await
}

fn routes(as_json: bool) -> String {
    let all = node::routes::all();
    if as_json {
        return serde_json::to_string_pretty(&all).unwrap_or_default() + "\n";
    }
    let line = |r: &http::RouteInfo| {
        format!("{:<10} {:<7} {} {}\n", r.service, r.method, r.path, r.action.unwrap_or_default())
    };
    all.iter().map(line).collect()
}

async fn run(config: Config) -> Result<()> {
    std::fs::create_dir_all(&config.data_dir).doing("making the data directory")?;
    let _pid = daemon::lock(&config)?;
    telemetry::init_logging(&LogConfig {
        level: log_level(config.text("log.level"))?,
        format: if config.text("log.format") == "json" { LogFormat::Json } else { LogFormat::Text },
        ..LogConfig::default()
    });
    let stop = stop_signal()?;
    if config.is_member() { node::runtime::run(config, stop).await } else { node::plain::run(config, stop).await }
}

fn log_level(text: &str) -> Result<LogLevel> {
    let known = [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace];
    let found = known.into_iter().find(|level| format!("{level:?}").eq_ignore_ascii_case(text));
    found.ok_or_else(|| Error::bad_request(format!("log.level: {text} is none of error, warn, info, debug, trace")))
}

fn stop_signal() -> Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).doing("listening for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).doing("listening for SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

async fn up(cli: &Cli, keep: bool, join: Option<(&str, &str)>) -> Result<()> {
    let mut config = settings(cli)?;
    std::fs::create_dir_all(&config.data_dir).doing("making the data directory")?;
    if let Some((member, token)) = join {
        node::plain::join(&config, member, token).await?;
        config.set("agent.member", member)?;
    }
    if keep || join.is_some() {
        std::fs::write(config.data_dir.join("tstack.toml"), config.render()).doing("writing tstack.toml")?;
    }
    if daemon::running(&config).is_none() {
        let mut arguments = vec!["--data".to_owned(), config.data_dir.display().to_string()];
        cli.set.iter().for_each(|pair| arguments.extend(["--set".to_owned(), pair.clone()]));
        daemon::start(&config, &arguments)?;
    }
    wait_ready(&config, Duration::from_secs(120)).await?;
    println!("{}", config.public_url()?);
    Ok(())
}

/// A member answers on its port; a plain node has its pidfile. A process that ended says why in its log.
async fn wait_ready(config: &Config, patience: Duration) -> Result<()> {
    let began = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let alive = daemon::running(config).is_some();
        if alive && (!config.is_member() || answers(config).await) {
            return Ok(());
        }
        let died = !alive && began.elapsed() > Duration::from_secs(2);
        if died || began.elapsed() > patience {
            let log = std::fs::read_to_string(config.data_dir.join("tstack.log")).unwrap_or_default();
            let last: Vec<_> = log.lines().rev().take(3).collect();
            let last: Vec<_> = last.into_iter().rev().collect();
            return Err(Error::unavailable(format!("tstack did not start; its log ends with\n{}", last.join("\n"))));
        }
    }
}

async fn answers(config: &Config) -> bool {
    let Ok(at) = config.api_socket() else { return false };
    tokio::net::TcpStream::connect(at).await.is_ok()
}

async fn down(config: &Config, purge: bool) -> Result<()> {
    let was = daemon::stop(config, Duration::from_secs(30)).await?;
    if purge {
        node::purge::purge(config).await?;
    }
    println!("{}", if was { "stopped" } else { "was not running" });
    Ok(())
}

async fn doctor(config: &Config) -> Result<ExitCode> {
    let findings = node::doctor::doctor(config).await?;
    for finding in &findings {
        println!("{} {:<24} {}", if finding.ok { "ok  " } else { "MISS" }, finding.check, finding.detail);
        if !finding.ok {
            println!("     → {}", finding.mend);
        }
    }
    Ok(if findings.iter().all(|f| f.ok) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn demo(cli: &Cli, image: Option<PathBuf>, server: bool, login: bool) -> Result<()> {
    let config = settings(cli)?;
    let options = cli::DemoOptions {
        data_dir: config.data_dir.clone(),
        demo_password: node::credentials::demo_password(&config)?,
        image,
        server,
        progress: |what| eprintln!("  {what}"),
    };
    let made = cli::demo(&options).await?;
    let Some(address) = made.floating_ip else { return Ok(()) };
    println!("floating ip: {address}");
    if let Some(how) = made.login.filter(|_| login) {
        eprintln!("  logging in to {address}");
        let name = cli::hostname_over_ssh(&how, Duration::from_secs(300)).await?;
        println!("hostname: {name}\nlog in: {}", how.line());
    }
    Ok(())
}
