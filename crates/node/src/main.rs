//! `tstack`: one binary per node.

use clap::{Parser, Subcommand};
use drivers_net::netns::{self, Netns};
use kernel::{Error, Result, error::Doing};
use node::{
    Config, config, daemon, lab,
    up::{self, Join},
};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};
use telemetry::{LogConfig, LogFormat, LogLevel};

#[derive(Parser)]
#[command(name = "tstack", version, about = "A private cloud in one binary, with OpenStack's APIs")]
struct Cli {
    /// Where everything of this node lies [default: /var/lib/tstack; of a lab: /var/lib/tstack-lab].
    #[arg(long, global = true)]
    data: Option<PathBuf>,
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
    /// What a server is held to: asked for, and in force.
    Limits {
        /// Name or id.
        server: String,
    },
    /// Give a server another flavor, while it runs if that can be; says how it goes, and why.
    Resize {
        server: String,
        flavor: String,
        /// live: while it runs, or not at all; cold: with a restart.
        #[arg(long, value_parser = ["live", "cold"])]
        way: Option<String>,
        /// Only say how it would go.
        #[arg(long)]
        dry_run: bool,
    },
    /// Hosts, and their maintenance.
    Host {
        #[command(subcommand)]
        what: HostCommand,
    },
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
    /// Who may do what.
    Policy {
        #[command(subcommand)]
        what: PolicyCommand,
    },
    /// Networks, as packets see them.
    Net {
        #[command(subcommand)]
        what: NetCommand,
    },
    /// The configuration.
    Config {
        #[command(subcommand)]
        what: ConfigCommand,
    },
    /// Several hosts on this machine, in network namespaces, and one cloud over them.
    Lab {
        #[command(subcommand)]
        what: LabCommand,
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
enum HostCommand {
    /// All hosts, and what is left on those that are drained.
    List,
    /// Disable a host and send its servers elsewhere, running ones as they run. Exit code 1: something is left.
    Drain {
        name: String,
        /// For those who wonder.
        #[arg(long)]
        reason: Option<String>,
        /// Until nothing is left that goes by itself.
        #[arg(long)]
        wait: bool,
    },
    /// Put a host back into service.
    Return {
        name: String,
        /// Servers that went elsewhere come back.
        #[arg(long)]
        bring_back: bool,
        /// Until they are back.
        #[arg(long, requires = "bring_back")]
        wait: bool,
    },
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Every key with its default and meaning.
    Reference,
    /// The settings in force, where they differ from the defaults.
    Show,
}

#[derive(Subcommand)]
enum NetCommand {
    /// Whether A reaches B, and which rule, route or translation decides. Exit code 1: it does not.
    Why {
        /// A server (name or id), a port (id), or an address.
        from: String,
        to: String,
        /// ping, tcp/PORT, udp/PORT, or the number of an IP protocol.
        #[arg(default_value = "ping")]
        what: String,
        /// Ask the back end too (OVN: ovn-trace), and compare.
        #[arg(long)]
        prove: bool,
    },
    /// What is sampled (IPFIX); of a NETWORK (id) with --to or --off, a change.
    Export {
        network: Option<String>,
        /// ADDRESS:PORT of a collector.
        #[arg(long, requires = "network", conflicts_with = "off")]
        to: Option<String>,
        /// One packet in so many.
        #[arg(long, default_value_t = 1)]
        sampling: u32,
        #[arg(long, requires = "network")]
        off: bool,
    },
    /// Bytes, packets and drops of ports, summed by project.
    Traffic {
        /// Only this project's (id).
        #[arg(long)]
        project: Option<String>,
        /// A line for each port.
        #[arg(long)]
        ports: bool,
    },
}

#[derive(Subcommand)]
enum PolicyCommand {
    /// Whether policy.yaml is in force, or what is wrong with it; of a RULE, why it allows or refuses somebody.
    Check(PolicyCheck),
}

#[derive(clap::Args)]
struct PolicyCheck {
    /// identity:get_user, os_compute_api:servers:show …
    rule: Option<String>,
    /// The service, where several have a rule of this name.
    #[arg(long)]
    service: Option<String>,
    /// A token that stands for who asks; in place of the following.
    #[arg(long, conflicts_with_all = ["role", "user", "project", "domain", "system"])]
    token: Option<String>,
    #[arg(long)]
    role: Vec<String>,
    #[arg(long)]
    user: Option<String>,
    #[arg(long)]
    project: Option<String>,
    #[arg(long)]
    domain: Option<String>,
    #[arg(long)]
    system: bool,
    /// An attribute of what is operated on: --target target.user.id=42
    #[arg(long, value_name = "NAME=VALUE")]
    target: Vec<String>,
}

#[derive(Subcommand)]
enum LabCommand {
    /// Make the lab, or what is missing of it.
    Up(lab::UpOptions),
    /// Take away all that it made.
    Down {
        /// The lab's prefix, should its data directory be lost.
        #[arg(long)]
        prefix: Option<String>,
    },
}

impl Cli {
    fn data(&self) -> PathBuf {
        let usual = if matches!(self.command, Command::Lab { .. }) { lab::DATA } else { "/var/lib/tstack" };
        self.data.clone().unwrap_or_else(|| usual.into())
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(e) = enter_host(&cli) {
        eprintln!("tstack: {}", e.internal_text());
        return ExitCode::FAILURE;
    }
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

/// Moves into the network namespace that is this host, before there are other threads.
fn enter_host(cli: &Cli) -> Result<()> {
    if !matches!(cli.command, Command::Run | Command::Doctor) {
        return Ok(());
    }
    match settings(cli)?.text("network.namespace") {
        "" => Ok(()),
        name if !netns::exists(name) => Err(Error::unavailable(format!(
            "this host's network namespace {name} does not exist; `tstack lab up` makes those of a lab"
        ))),
        name => Netns::named(name).enter(),
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
        Command::Lab { what } => print(run_lab(&cli, what).await?),
        Command::Doctor => return doctor(&settings(&cli)?).await,
        Command::Status => print(cli::status(&admin(&cli.data()).await?).await?),
        Command::Explain { id } => print(cli::explain(&admin(&cli.data()).await?, id).await?),
        Command::Limits { server } => print(cli::limits(&admin(&cli.data()).await?, server).await?),
        Command::Resize { server, flavor, way, dry_run } => {
            print(cli::resize(&admin(&cli.data()).await?, server, flavor, way.as_deref(), *dry_run).await?);
        }
        Command::Token { host } => println!("{}", cli::join_token(&admin(&cli.data()).await?, host.as_deref()).await?),
        Command::Audit => {
            let (text, clean) = cli::audit(&admin(&cli.data()).await?).await?;
            print(text);
            return Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Net { what: NetCommand::Why { from, to, what, prove } } => {
            let (text, reaches) = cli::net_why(&admin(&cli.data()).await?, from, to, what, *prove).await?;
            print(text);
            return Ok(if reaches { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Net { what: NetCommand::Traffic { project, ports } } => {
            print(cli::net_traffic(&admin(&cli.data()).await?, project.as_deref(), *ports).await?);
        }
        Command::Net { what: NetCommand::Export { network, to, sampling, off } } => {
            let wish = to.as_deref().map(|to| (to, *sampling));
            let change = network.as_deref().filter(|_| wish.is_some() || *off).map(|network| (network, wish));
            print(cli::net_export(&admin(&cli.data()).await?, change).await?);
        }
        Command::Host { what } => return host(&cli, what).await,
        Command::Policy { what: PolicyCommand::Check(asked) } => return check_policy(&cli, asked).await,
        Command::Demo { image, no_server, no_login } => demo(&cli, image.clone(), !no_server, !no_login).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn host(cli: &Cli, what: &HostCommand) -> Result<ExitCode> {
    let cloud = admin(&cli.data()).await?;
    let (text, well) = match what {
        HostCommand::List => (cli::hosts(&cloud).await?, true),
        HostCommand::Drain { name, reason, wait } => cli::drain(&cloud, name, reason.as_deref(), *wait).await?,
        HostCommand::Return { name, bring_back, wait } => (cli::restore(&cloud, name, *bring_back, *wait).await?, true),
    };
    print!("{text}");
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn check_policy(cli: &Cli, asked: &PolicyCheck) -> Result<ExitCode> {
    let cloud = admin(&cli.data()).await?;
    let (text, well) = match &asked.rule {
        None => cli::policy_file(&cloud).await?,
        Some(rule) => cli::policy_check(&cloud, question(rule, asked)?).await?,
    };
    print!("{text}");
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn question(rule: &str, asked: &PolicyCheck) -> Result<serde_json::Value> {
    let pair = |text: &String| match text.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => Err(Error::bad_request(format!("--target {text}: expected NAME=VALUE"))),
    };
    let target: std::collections::BTreeMap<_, _> = asked.target.iter().map(pair).collect::<Result<_>>()?;
    Ok(serde_json::json!({
        "rule": rule, "service": asked.service, "token": asked.token, "roles": asked.role, "user_id": asked.user,
        "project_id": asked.project, "domain_id": asked.domain, "system": asked.system, "target": target,
    }))
}

/// The file's settings with those of `--set` on top.
fn settings(cli: &Cli) -> Result<Config> {
    let mut config = Config::read(&absolute(cli)?)?;
    config.set_all(&cli.set)?;
    Ok(config)
}

fn absolute(cli: &Cli) -> Result<PathBuf> {
    std::path::absolute(cli.data()).doing("reading --data")
}

async fn run_lab(cli: &Cli, what: &LabCommand) -> Result<String> {
    let data = absolute(cli)?;
    let text = match what {
        LabCommand::Up(options) => return lab::up(&data, options, &cli.set).await,
        LabCommand::Down { prefix } if lab::down(&data, prefix.as_deref()).await? => "the lab is taken away\n",
        LabCommand::Down { .. } => "there is no lab here\n",
    };
    Ok(text.to_owned())
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
    if daemon::running(&config).is_none() {
        node::doctor::refuse(&config).await?;
    }
    std::fs::create_dir_all(&config.data_dir).doing("making the data directory")?;
    let pidfile = daemon::lock(&config)?;
    telemetry::init_logging(&LogConfig {
        level: log_level(config.text("log.level"))?,
        format: if config.text("log.format") == "json" { LogFormat::Json } else { LogFormat::Text },
        ..LogConfig::default()
    });
    let stop = stop_signal()?;
    let ended = match config.is_member() {
        true => node::runtime::run(config, pidfile, stop).await,
        false => node::plain::run(config, pidfile, stop).await,
    };
    telemetry::flush_log();
    ended
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
    if let Some((member, token)) = join {
        up::join(&mut config, Join { member, token }).await?;
    }
    if keep || join.is_some() {
        up::keep(&config)?;
    }
    up::start(&config, &cli.set).await?;
    match config.is_member() {
        true => println!("{}", config.public_url()?),
        false => println!("{} is a host of {}", config.node_name(), config.text("agent.member")),
    }
    Ok(())
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
    print!("{}", node::doctor::text(&findings));
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
