//! A storage daemon as a process: started so that it outlives this program, found again, ended.
//!
//! A start is `setsid qemu-storage-daemon …` with the file `lock`, locked, as stdin: a session of its own, and a lock that is
//! held exactly as long as any process of it lives, from fork to the end. The lock says *whether* there is one; the pid only
//! says which to signal, and is used through a pidfd opened before the command line was checked.

use crate::disk::OnDisk;
use kernel::{Error, Result, error::Doing};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::{
    ffi::OsStr,
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read, Seek, SeekFrom},
    net::TcpListener,
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{
    io::unix::AsyncFd,
    process::Command,
    time::{Instant, sleep, timeout},
};

/// Each request gets a buffer. As glibc is by itself, it gives a large one's memory back to the kernel and then asks for it anew, page
/// by page: two thirds of the daemon's CPU time where a guest reads 1 MiB at a time. So it keeps some.
const KEEP_MEMORY: [(&str, &str); 2] = [("MALLOC_MMAP_THRESHOLD_", "8388608"), ("MALLOC_TRIM_THRESHOLD_", "67108864")];

/// The directory of one daemon: `lock`, `pid`, `log`.
#[derive(Clone, Debug)]
pub(super) struct Home(PathBuf);

/// A live process, or one that was alive a moment ago.
#[derive(Debug)]
pub(super) struct Process {
    pid: Pid,
    fd: AsyncFd<OwnedFd>,
}

impl Process {
    pub(super) fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Returns when the process has ended.
    pub(super) async fn exited(&self) {
        // A pidfd is readable from the process's end on. An error of epoll is no news of the process: look again.
        while self.fd.readable().await.is_err() {
            sleep(Duration::from_millis(200)).await;
        }
    }

    pub(super) async fn exits_within(&self, patience: Duration) -> bool {
        timeout(patience, self.exited()).await.is_ok()
    }

    fn kill(&self) {
        if let Err(e) = pidfd_send_signal(self.fd.get_ref(), Signal::KILL)
            && e != rustix::io::Errno::SRCH
        {
            tracing::warn!(pid = self.pid(), error = %e, "cannot kill a storage daemon");
        }
    }
}

fn processes() -> Result<impl Iterator<Item = Pid>> {
    let entries = fs::read_dir("/proc").doing("looking for processes")?;
    Ok(entries.filter_map(|entry| Pid::from_raw(entry.ok()?.file_name().to_str()?.parse().ok()?)))
}

/// What a process has on its command line after `--pidfile`.
fn pidfile_of(pid: Pid) -> Option<PathBuf> {
    let cmdline = fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).ok()?;
    let mut words = cmdline.split(|b| *b == 0).skip_while(|word| *word != b"--pidfile").skip(1);
    words.next().map(|path| PathBuf::from(OsStr::from_bytes(path)))
}

/// Pids of every daemon with its home somewhere below `dir`.
pub(super) fn below(dir: &Path) -> Result<Vec<i32>> {
    let ours = processes()?.filter(|pid| pidfile_of(*pid).is_some_and(|pidfile| pidfile.starts_with(dir)));
    Ok(ours.map(|pid| pid.as_raw_nonzero().get()).collect())
}

#[expect(
    deprecated,
    reason = "its successor is unsafe for types that lie about their descriptor, which OwnedFd does not"
)]
fn watch(fd: OwnedFd) -> Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(fd).doing("watching a storage daemon")
}

/// What the lock says.
enum Lock {
    /// No process is alive or on its way; whoever holds this may start one.
    Free(File),
    Held,
}

impl Home {
    pub(super) fn new(dir: PathBuf) -> Self {
        Self(dir)
    }

    pub(super) fn pidfile(&self) -> PathBuf {
        self.0.join("pid")
    }

    fn log(&self) -> PathBuf {
        self.0.join("log")
    }

    fn try_lock(&self) -> Result<Lock> {
        let path = self.0.join("lock");
        let doing = format!("locking {}", path.display());
        fs::create_dir_all(&self.0).on_disk(&doing)?;
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let file = file.on_disk(&doing)?;
        match file.try_lock() {
            Ok(()) => Ok(Lock::Free(file)),
            Err(TryLockError::WouldBlock) => Ok(Lock::Held),
            Err(TryLockError::Error(e)) => Err(Error::internal(doing).with_source(e)),
        }
    }

    /// Whether the command line is this daemon's: its pidfile's path is in no other's.
    fn owns(&self, pid: Pid) -> bool {
        pidfile_of(pid) == Some(self.pidfile())
    }

    fn take(&self, pid: Pid) -> Result<Option<Process>> {
        let fd = match pidfd_open(pid, PidfdFlags::NONBLOCK) {
            Ok(fd) => fd,
            Err(rustix::io::Errno::SRCH) => return Ok(None),
            Err(e) => return Err(Error::internal(format!("opening process {}", pid.as_raw_nonzero())).with_source(e)),
        };
        if !self.owns(pid) {
            return Ok(None);
        }
        Ok(Some(Process { pid, fd: watch(fd)? }))
    }

    /// The process, by its pidfile or else by a walk through /proc.
    fn find(&self) -> Result<Option<Process>> {
        let noted = fs::read_to_string(self.pidfile()).ok().and_then(|text| text.trim().parse().ok());
        if let Some(pid) = noted.and_then(Pid::from_raw)
            && let Some(process) = self.take(pid)?
        {
            return Ok(Some(process));
        }
        for pid in processes()?.filter(|pid| self.owns(*pid)) {
            if let Some(process) = self.take(pid)? {
                return Ok(Some(process));
            }
        }
        Ok(None)
    }

    /// The live process, if there is one. Waits out the moment between fork and exec, when it has no command line yet.
    pub(super) async fn running(&self, patience: Duration) -> Result<Option<Process>> {
        let deadline = Instant::now() + patience;
        while self.0.is_dir() {
            if let Lock::Free(_) = self.try_lock()? {
                return Ok(None);
            }
            if let Some(process) = self.find()? {
                return Ok(Some(process));
            }
            if Instant::now() > deadline {
                return Err(self.stuck());
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(None)
    }

    fn stuck(&self) -> Error {
        Error::unavailable("a storage daemon neither answers nor ends")
            .with_internal(format!("{} is held", self.0.join("lock").display()))
    }

    /// Kills whatever there is of it and waits until the lock says that nothing is left; then removes its files.
    pub(super) async fn sweep(&self, patience: Duration) -> Result<()> {
        let deadline = Instant::now() + patience;
        while self.0.is_dir() {
            if let Lock::Free(_) = self.try_lock()? {
                return match fs::remove_dir_all(&self.0) {
                    Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e).doing("removing a daemon's files"),
                    _ => Ok(()),
                };
            }
            if Instant::now() > deadline {
                return Err(self.stuck());
            }
            if let Some(process) = self.find()? {
                process.kill();
                process.exits_within(Duration::from_secs(1)).await;
            }
            sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// Starts the daemon, or returns the one that is there. That it is well is learned from its monitor. `port` makes the socket it
    /// listens on, if it has one, which becomes its stdout: the one descriptor besides the lock that it inherits.
    pub(super) async fn start(
        &self,
        binary: &Path,
        args: &[String],
        port: impl Fn() -> Result<Option<TcpListener>>,
        patience: Duration,
    ) -> Result<Process> {
        loop {
            if let Some(process) = self.running(patience).await? {
                return Ok(process);
            }
            if let Lock::Free(lock) = self.try_lock()? {
                return self.launch(binary, args, port()?, lock);
            }
        }
    }

    fn launch(&self, binary: &Path, args: &[String], port: Option<TcpListener>, lock: File) -> Result<Process> {
        let log = OpenOptions::new().append(true).create(true).open(self.log()).on_disk("opening a daemon's log")?;
        let mut child = Command::new("setsid")
            .arg(binary)
            .args(args)
            .arg("--pidfile")
            .arg(self.pidfile())
            .current_dir("/")
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LC_ALL", "C")
            .envs(KEEP_MEMORY)
            .stdin(Stdio::from(lock))
            .stdout(port.map_or_else(Stdio::null, |socket| Stdio::from(OwnedFd::from(socket))))
            .stderr(Stdio::from(log))
            .kill_on_drop(false)
            .spawn()
            .doing("starting setsid and qemu-storage-daemon")?;
        let gone = || Error::internal("qemu-storage-daemon ended at once");
        let pid = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)).ok_or_else(gone)?;
        // Opened while the child is not reaped yet, so that the number is still its own.
        let fd = pidfd_open(pid, PidfdFlags::NONBLOCK).doing("opening a storage daemon's process")?;
        // As a child it has to be reaped; after a restart of this program it is init's.
        tokio::spawn(async move {
            let _ = child.wait().await;
        });
        Ok(Process { pid, fd: watch(fd)? })
    }

    /// The end of the log: why it failed, in QEMU's words.
    pub(super) fn last_words(&self) -> String {
        let mut bytes = Vec::new();
        if let Ok(mut file) = File::open(self.log()) {
            let length = file.metadata().map_or(0, |m| m.len());
            let _ = file.seek(SeekFrom::Start(length.saturating_sub(4096)));
            let _ = file.take(4096).read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).trim().to_owned()
    }
}
