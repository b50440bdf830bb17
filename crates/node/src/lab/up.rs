//! `tstack lab up`: every step makes only what is missing, so that it can be run again after any failure, and on a lab that
//! runs it changes nothing.

use super::{Record, UpOptions, doctor};
use crate::{
    Config, credentials, daemon, drivers,
    up::{self, Join},
};
use cli::Cloud;
use drivers_net::lab::Lab;
use kernel::{Error, Result, doctor::Finding, error::Doing};
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// For a host to be seen by the member. The first start may try whether KVM works, which takes its deadline if it does not.
const PATIENCE: Duration = Duration::from_secs(180);

/// Says what is being done and keeps how long it took.
#[derive(Default)]
struct Progress {
    took: Vec<(String, Duration)>,
}

impl Progress {
    async fn phase<T>(&mut self, name: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
        eprintln!("{name}");
        let began = Instant::now();
        let done = work.await?;
        self.took.push((name.to_owned(), began.elapsed()));
        Ok(done)
    }

    fn report(&self) -> String {
        let total = ("total".to_owned(), self.took.iter().map(|(_, t)| *t).sum());
        let lines = self.took.iter().chain([&total]);
        lines.map(|(name, time)| format!("  {name:<34} {:6.1} s\n", time.as_secs_f64())).collect()
    }
}

/// Answers what to tell the user. `set`: `KEY=VALUE`, of all hosts, from now on.
pub async fn up(data: &Path, options: &UpOptions, set: &[String]) -> Result<String> {
    let old = Record::read(data)?;
    let record = old.as_ref().map_or_else(|| Ok(Record::new(options)), |old| old.with(options))?;
    record.check()?;
    let mut progress = Progress::default();
    progress.phase("what is needed", healthy(&record, data, old.is_some())).await?;
    record.write(data)?;
    progress.phase("namespaces and cables", Lab::up(&record.network)).await?;
    for number in record.numbers() {
        let name = record.node(number)?.name;
        let phase = if number == 1 { format!("host {name}") } else { format!("host {name} joins") };
        progress.phase(&phase, host(&record, data, number, set)).await?;
    }
    let image = record.guest_image();
    if let Some(image) = image.clone().filter(|_| !options.no_demo) {
        progress.phase("project, images, network, key demo", demo(&record, data, image)).await?;
    }
    summary(&record, data, image.is_some(), options, &progress)
}

async fn healthy(record: &Record, data: &Path, own: bool) -> Result<()> {
    let findings = doctor(record, data, own).await?;
    let bad: Vec<_> = findings.iter().filter(|f| f.blocks && !f.ok).map(Finding::sentence).collect();
    if bad.is_empty() {
        return Ok(());
    }
    Err(Error::bad_request(format!("a lab cannot be made here\n  {}", bad.join("\n  "))))
}

/// Starts a host, has it join if it has not, and waits until the member sees it.
async fn host(record: &Record, data: &Path, number: u8, set: &[String]) -> Result<()> {
    let mut config = record.config(data, number)?;
    config.set_all(set)?;
    if number > 1 {
        let first = record.config(data, 1)?;
        drivers_virt::qemu::accel::share_answer(&drivers::qemu_config(&first)?, &drivers::qemu_config(&config)?)?;
        if config.is_member() {
            let token = cli::join_token(&admin(data).await?, Some(config.node_name().as_str())).await?;
            up::join(&mut config, Join { member: &record.member()?, token: &token }).await?;
        }
    }
    up::keep(&config)?;
    up::start(&config, &[]).await?;
    if number == 1 {
        offer_clouds(data, &config)?;
    }
    seen(data, &config).await
}

/// `DATA/clouds.yaml` is the first host's.
fn offer_clouds(data: &Path, first: &Config) -> Result<()> {
    let (link, to) = (data.join("clouds.yaml"), first.data_dir.join("clouds.yaml"));
    if std::fs::read_link(&link).is_ok_and(|there| there == to) {
        return Ok(());
    }
    std::os::unix::fs::symlink(to, link).doing("making clouds.yaml")
}

async fn admin(data: &Path) -> Result<Cloud> {
    Cloud::login(&data.join("clouds.yaml"), "tstack-admin").await
}

async fn seen(data: &Path, config: &Config) -> Result<()> {
    let (began, name) = (Instant::now(), config.node_name());
    let mut why = String::new();
    while began.elapsed() < PATIENCE {
        if daemon::running(config).is_none() {
            return Err(Error::unavailable(format!("host {name} ended; {}", up::last_words(config))));
        }
        // While the first host's switch takes over its network card, connections fail for a moment.
        match is_up(data, name.as_str()).await {
            Ok(true) => return Ok(()),
            Ok(false) => why.clear(),
            Err(e) => why = e.internal_text(),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let words = up::last_words(config);
    Err(Error::unavailable(format!("host {name} did not connect within {PATIENCE:?}; {why} {words}")))
}

async fn is_up(data: &Path, name: &str) -> Result<bool> {
    let status = admin(data).await?.get("cloud", "/status").await?;
    let mut hosts = status["hosts"].as_array().into_iter().flatten();
    Ok(hosts.any(|h| h["name"] == name && h["state"] == "up"))
}

async fn demo(record: &Record, data: &Path, image: PathBuf) -> Result<()> {
    let options = cli::DemoOptions {
        data_dir: data.to_owned(),
        demo_password: credentials::demo_password(&record.config(data, 1)?)?,
        image: Some(image),
        server: false,
        progress: |what| eprintln!("  {what}"),
    };
    cli::demo(&options).await.map(drop)
}

fn summary(record: &Record, data: &Path, image: bool, options: &UpOptions, progress: &Progress) -> Result<String> {
    let nodes = record.numbers().map(|n| record.node(n)).collect::<Result<Vec<_>>>()?;
    let hosts: Vec<_> = nodes.iter().map(|n| format!("{} ({}, namespace {})", n.name, n.address, n.netns)).collect();
    let dir = data.display();
    let guests = match (image, options.no_demo) {
        (true, false) => format!(
            "  a server    openstack --os-cloud tstack-admin server create --image tinycloud --flavor m1.nano --network NETWORK --host {}\n  \
             log in      ssh -i {dir}/demo-key cirros@FLOATING_IP\n",
            nodes[nodes.len() - 1].name
        ),
        (_, true) => String::new(),
        (false, _) => {
            "  images      none: images/tinycloud/build FILE makes one; then `tstack lab up --image FILE`\n".to_owned()
        }
    };
    Ok(format!(
        "A cloud of {} hosts runs at {}\n  hosts       {}\n  clouds      tstack-admin, tstack-demo   (export OS_CLIENT_CONFIG_FILE={dir}/clouds.yaml)\n{guests}  \
         watch       tstack status --data {dir}; tstack audit --data {dir}\n  \
         a host      tstack down|up --data {dir}/{}\n  take away   tstack lab down --data {dir}\ntook\n{}",
        nodes.len(),
        record.config(data, 1)?.public_url()?,
        hosts.join(", "),
        nodes[nodes.len() - 1].name,
        progress.report(),
    ))
}
