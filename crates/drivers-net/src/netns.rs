//! Network namespaces, and doing things inside one without leaving it behind on a thread that others use.
//!
//! A thread that entered a namespace never returns to a pool: it ends with its work. What it leaves (a child process, a
//! listening socket) stays in the namespace; whoever holds the socket may be anywhere. The mount namespace is never
//! changed, as `ip netns exec` would: a daemon started that way would hold on to every other namespace's mount.

use kernel::{Error, Result, error::Doing};
use rustix::{
    fd::OwnedFd,
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
    thread::{LinkNameSpaceType, move_into_link_name_space},
};
use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::Write,
    os::{fd::AsFd, unix::fs::MetadataExt},
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

fn path(name: &str) -> PathBuf {
    PathBuf::from("/run/netns").join(name)
}

/// Where commands run: in a namespace, or where this process is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Netns(Option<String>);

impl Netns {
    pub fn here() -> Self {
        Self(None)
    }
    pub fn named(name: impl Into<String>) -> Self {
        Self(Some(name.into()))
    }
    pub fn name(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// The inode that is this namespace, by which the kernel tells namespaces apart.
    pub fn inode(&self) -> Option<u64> {
        let path = self.0.as_deref().map_or_else(|| PathBuf::from("/proc/self/ns/net"), path);
        std::fs::metadata(path).ok().map(|m| m.ino())
    }

    /// Does `work` on a thread of its own inside the namespace.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let inside = self.clone();
        let (done, result) = tokio::sync::oneshot::channel();
        let thread = std::thread::Builder::new().name("netns".into());
        let body = move || {
            let _ = done.send(inside.enter().map(|()| work()));
        };
        thread.spawn(body).doing("starting a thread for a network namespace")?;
        result.await.map_err(|_| Error::internal("the work in a network namespace panicked"))?
    }

    /// Moves the calling thread inside for good, and so the threads that it starts from now on.
    pub fn enter(&self) -> Result<()> {
        let Some(name) = &self.0 else { return Ok(()) };
        let doing = format!("entering the network namespace {name}");
        let file = File::open(path(name)).doing(&doing)?;
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).doing(&doing)
    }

    /// Runs a command to its end and answers its standard output; an error says what it said.
    pub async fn command<S: AsRef<OsStr>>(
        &self,
        program: &str,
        arguments: impl IntoIterator<Item = S>,
    ) -> Result<String> {
        self.command_with(program, arguments, String::new(), &[]).await
    }

    /// As [`Netns::command`], with text on its standard input and additional environment.
    pub async fn command_with<S: AsRef<OsStr>>(
        &self,
        program: &str,
        arguments: impl IntoIterator<Item = S>,
        input: String,
        environment: &[(&str, PathBuf)],
    ) -> Result<String> {
        let mut command = Command::new(program);
        command.env("PATH", search_path()).args(arguments).envs(environment.iter().map(|(k, v)| (*k, v.clone())));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.run(move || finish(&mut command, &input)).await?
    }

    /// Runs lines of `ip` commands in one go; the first that fails ends it.
    pub async fn ip(&self, lines: &[String]) -> Result<()> {
        self.command_with("ip", ["-batch", "-"], lines.join("\n"), &[]).await.map(|_| ())
    }

    /// As [`Netns::ip`], for what may fail for being so already: goes on to the last line.
    pub async fn ip_forced(&self, lines: &[String]) {
        if let Err(error) = self.command_with("ip", ["-force", "-batch", "-"], lines.join("\n"), &[]).await {
            tracing::debug!(error = %error.internal_text(), "ip commands that may fail");
        }
    }

    /// Feeds `nft` a script: all of it takes effect, or nothing.
    pub async fn nft(&self, script: String) -> Result<()> {
        self.command_with("nft", ["-f", "-"], script, &[]).await.map(|_| ())
    }

    /// A setting under /proc/sys: `net/ipv4/ip_forward`.
    pub async fn sysctl(&self, name: &str) -> Result<String> {
        let file = PathBuf::from("/proc/sys").join(name);
        let text =
            self.run(move || std::fs::read_to_string(file)).await?.doing(&format!("reading the setting {name}"))?;
        Ok(text.trim().to_owned())
    }

    pub async fn set_sysctl(&self, name: &str, value: &str) -> Result<()> {
        let (file, text) = (PathBuf::from("/proc/sys").join(name), value.to_owned());
        self.run(move || std::fs::write(file, text)).await?.doing(&format!("setting {name} to {value}"))
    }
}

/// Where programs are: administrators' ones, too, which the PATH of `su` lacks.
pub fn search_path() -> OsString {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/sbin:/sbin");
    path
}

fn finish(command: &mut Command, input: &str) -> Result<String> {
    let what = || {
        let words = std::iter::once(command.get_program()).chain(command.get_args()).map(OsStr::to_string_lossy);
        words.collect::<Vec<_>>().join(" ")
    };
    let described = format!("running `{}`", what());
    let mut child = command.spawn().doing(&described)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A command that does not read is no failure by itself.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().doing(&described)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let with = if input.is_empty() { String::new() } else { format!(" with {input:?}") };
    Err(Error::internal(format!("{described}{with}: {}: {}", output.status, said.trim())))
}

/// Makes the namespace, if there is none, with its loopback up.
pub async fn ensure(name: &str) -> Result<()> {
    if !exists(name) {
        Netns::here().command("ip", ["netns", "add", name]).await?;
    }
    Netns::named(name).ip(&["link set lo up".to_owned()]).await
}

pub async fn remove(name: &str) -> Result<()> {
    if exists(name) {
        Netns::here().command("ip", ["netns", "delete", name]).await?;
    }
    Ok(())
}

/// Kills every process in the namespace and waits until none is left.
pub async fn kill_inside(name: &str) -> Result<()> {
    let Some(inode) = Netns::named(name).inode() else { return Ok(()) };
    loop {
        let inside = processes(inode);
        if inside.is_empty() {
            return Ok(());
        }
        for process in inside {
            match pidfd_send_signal(&process, Signal::KILL) {
                Ok(()) | Err(rustix::io::Errno::SRCH) => {}
                Err(e) => return Err(e).doing(&format!("ending the processes in the network namespace {name}")),
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The processes in a namespace. A zombie is in none any more.
fn processes(inode: u64) -> Vec<OwnedFd> {
    let inside = |pid: i32| std::fs::metadata(format!("/proc/{pid}/ns/net")).is_ok_and(|m| m.ino() == inode);
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|e| e.file_name().to_str()?.parse::<i32>().ok()).filter(|pid| inside(*pid));
    // Looked at again once the descriptor names the process: its number may be somebody else's by then.
    let open = |pid: i32| pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok().filter(|_| inside(pid));
    pids.filter_map(open).collect()
}

pub fn exists(name: &str) -> bool {
    path(name).exists()
}

/// The named namespaces whose names begin so.
pub fn list(prefix: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/run/netns").into_iter().flatten().flatten();
    let mut names: Vec<_> =
        entries.filter_map(|e| e.file_name().into_string().ok()).filter(|n| n.starts_with(prefix)).collect();
    names.sort();
    names
}
