//! A database file and the server in front of it.

use super::daemon::Daemon;
use crate::netns::Netns;
use kernel::Result;
use std::path::Path;

pub fn server(name: &'static str, dir: &Path, netns: &Netns, remotes: &[String]) -> Daemon {
    let mut arguments = vec![file(name, dir)];
    arguments.extend(remotes.iter().map(|remote| format!("--remote={remote}")));
    Daemon { program: "ovsdb-server", name, dir: dir.to_owned(), netns: netns.clone(), arguments, has_control: true }
}

fn file(name: &str, dir: &Path) -> String {
    dir.join(format!("{name}.db")).display().to_string()
}

/// Starts the server, if it does not run. Before, makes the file if there is none, and brings an old one to the schema that
/// is installed.
pub async fn ensure(server: &Daemon, schema: &str) -> Result<bool> {
    if server.running().is_some() {
        return Ok(false);
    }
    let (file, here) = (file(server.name, &server.dir), Netns::here());
    if !Path::new(&file).exists() {
        here.command("ovsdb-tool", ["create", &file, schema]).await?;
    } else if here.command("ovsdb-tool", ["needs-conversion", &file, schema]).await?.trim() == "yes" {
        tracing::info!(database = file, "converting it to the schema of the installed version");
        here.command("ovsdb-tool", ["convert", &file, schema]).await?;
    }
    server.ensure().await
}
