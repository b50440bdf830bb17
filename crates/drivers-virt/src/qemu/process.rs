//! QEMU as a process: started so that it outlives this program, found again, ended.
//!
//! A start is `setsid qemu …` with the VM's `lock` file, locked, as stdin and `qemu.log` as stdout and stderr: a session of its
//! own (no terminal's hangup reaches it), nothing inherited but the lock, and the same process id from fork to the end. The
//! lock says whether the VM has a process (see `record`); the pid only says which one to signal, and is used through a
//! pidfd opened *before* the command line was checked, so that it cannot come to mean another process.
//!
//! ```text
//!   open pidfd(pid) ─▶ read /proc/pid/cmdline ─▶ it is this VM's? ─▶ signals and exit by the pidfd
//! ```

use super::record::{VmDir, disk_error};
use kernel::{Error, Result, ServerId, error::Doing};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read, Seek, SeekFrom},
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

/// Which process of a VM: QEMU, or the emulator of its TPM beside it. Each has a lock, and a word on its command line that no other has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Qemu,
    Tpm,
}

impl Part {
    fn lock(self, dir: &VmDir) -> PathBuf {
        match self {
            Self::Qemu => dir.lock(),
            Self::Tpm => dir.file("tpm.lock"),
        }
    }

    /// Its own words, of which the first stands before the pidfile.
    pub fn words(self, dir: &VmDir) -> [OsString; 2] {
        match self {
            Self::Qemu => ["-pidfile".into(), dir.pidfile().into()],
            Self::Tpm => {
                let mut file = OsString::from("file=");
                file.push(dir.file("tpm.pid"));
                ["--pid".into(), file]
            }
        }
    }

    /// The file that gets the process's own words.
    fn log(self) -> &'static str {
        match self {
            Self::Qemu => "qemu.log",
            Self::Tpm => "tpm.log",
        }
    }

    /// Sockets and pidfiles of such a process that is gone.
    fn remove_files(self, dir: &VmDir) {
        match self {
            Self::Qemu => dir.remove_process_files(),
            Self::Tpm => dir.remove_tpm_files(),
        }
    }
}

/// A live process of a VM, or one that was alive a moment ago.
#[derive(Debug)]
pub struct Process {
    pid: Pid,
    fd: AsyncFd<OwnedFd>,
}

impl Process {
    /// Takes hold of `pid` if it is this process of this VM.
    fn take(pid: Pid, dir: &VmDir, part: Part) -> Result<Option<Self>> {
        let fd = match pidfd_open(pid, PidfdFlags::NONBLOCK) {
            Ok(fd) => fd,
            Err(rustix::io::Errno::SRCH) => return Ok(None),
            Err(e) => return Err(Error::internal(format!("opening process {}", pid.as_raw_nonzero())).with_source(e)),
        };
        if !is_of(pid, dir, part) {
            return Ok(None);
        }
        Ok(Some(Self { pid, fd: watch(fd)? }))
    }

    pub fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Returns when the process has ended.
    pub async fn exited(&self) {
        // A pidfd is readable from the process's end on. An error of epoll is no news of the process: look again.
        while self.fd.readable().await.is_err() {
            sleep(Duration::from_millis(200)).await;
        }
    }

    pub async fn exits_within(&self, patience: Duration) -> bool {
        timeout(patience, self.exited()).await.is_ok()
    }

    pub fn kill(&self) {
        if let Err(e) = pidfd_send_signal(self.fd.get_ref(), Signal::KILL)
            && e != rustix::io::Errno::SRCH
        {
            tracing::warn!(pid = self.pid(), error = %e, "cannot kill a QEMU process");
        }
    }
}

#[expect(
    deprecated,
    reason = "its successor is unsafe for types that lie about their descriptor, which OwnedFd does not"
)]
fn watch(fd: OwnedFd) -> Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(fd).doing("watching a process")
}

/// Whether the command line is this process's of this VM: its pidfile's path is in no other's.
fn is_of(pid: Pid, dir: &VmDir, part: Part) -> bool {
    let cmdline = fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).unwrap_or_default();
    let [before, pidfile] = part.words(dir);
    let mut words = cmdline.split(|b| *b == 0);
    words.any(|word| word == before.as_encoded_bytes()) && words.next() == Some(pidfile.as_encoded_bytes())
}

/// The servers whose QEMU, or TPM, has its pidfile below `vms`, with the pids.
pub fn below(vms: &Path, part: Part) -> Result<BTreeMap<ServerId, Vec<i32>>> {
    let (before, begins): (&[u8], &[u8]) = match part {
        Part::Qemu => (b"-pidfile", b""),
        Part::Tpm => (b"--pid", b"file="),
    };
    let mut found: BTreeMap<ServerId, Vec<i32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc").doing("looking for processes")? {
        let Some(pid) = entry.ok().and_then(|e| e.file_name().to_str()?.parse::<i32>().ok()) else { continue };
        let cmdline = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let mut words = cmdline.split(|b| *b == 0).skip_while(|word| *word != before).skip(1);
        let pidfile =
            words.next().and_then(|word| word.strip_prefix(begins)).map(|path| Path::new(OsStr::from_bytes(path)));
        let dir = pidfile.and_then(Path::parent).filter(|dir| dir.parent() == Some(vms));
        if let Some(server) = dir.and_then(Path::file_name).and_then(OsStr::to_str) {
            found.entry(server.into()).or_default().push(pid);
        }
    }
    Ok(found)
}

/// Every such process of the VM, `setsid` before its exec included.
fn find_all(dir: &VmDir, part: Part) -> Result<Vec<Process>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").doing("looking for processes")? {
        let Some(pid) = entry.ok().and_then(|e| e.file_name().to_str()?.parse().ok()).and_then(Pid::from_raw) else {
            continue;
        };
        if is_of(pid, dir, part) {
            found.extend(Process::take(pid, dir, part)?);
        }
    }
    Ok(found)
}

/// The VM's QEMU, by its pidfile or else by a walk through /proc.
pub fn find(dir: &VmDir) -> Result<Option<Process>> {
    let noted =
        fs::read_to_string(dir.pidfile()).ok().and_then(|text| text.trim().parse().ok()).and_then(Pid::from_raw);
    if let Some(pid) = noted
        && let Some(process) = Process::take(pid, dir, Part::Qemu)?
    {
        return Ok(Some(process));
    }
    Ok(find_all(dir, Part::Qemu)?.pop())
}

/// What the lock says of the VM's process.
#[derive(Debug)]
pub enum Lock {
    /// No process is alive or on its way; whoever holds this may start one.
    Free(File),
    Held,
}

pub fn try_lock(dir: &VmDir, part: Part) -> Result<Lock> {
    let path = part.lock(dir);
    let doing = format!("locking {}", path.display());
    fs::create_dir_all(dir.path()).map_err(|e| disk_error(&doing, e))?;
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(|e| disk_error(&doing, e))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock::Free(file)),
        Err(TryLockError::WouldBlock) => Ok(Lock::Held),
        Err(TryLockError::Error(e)) => Err(Error::internal(doing).with_source(e)),
    }
}

/// Kills whatever still is of this VM, however it came to be, and waits until the locks say that nothing is left.
/// For what has no monitor to ask: half-started processes, leftovers of a killed driver.
pub async fn sweep(dir: &VmDir, patience: Duration) -> Result<()> {
    sweep_part(dir, Part::Qemu, patience).await?;
    sweep_part(dir, Part::Tpm, patience).await
}

/// The same of one of its processes.
pub async fn sweep_part(dir: &VmDir, part: Part, patience: Duration) -> Result<()> {
    let deadline = Instant::now() + patience;
    // A directory never made has nothing in it to end, and must not be made by looking; nor a lock that nobody ever took.
    while dir.path().exists() && (part == Part::Qemu || part.lock(dir).exists()) {
        if let Lock::Free(_) = try_lock(dir, part)? {
            part.remove_files(dir);
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(Error::unavailable("a process of the server does not end")
                .with_internal(format!("{} is still held", part.lock(dir).display())));
        }
        // Between fork and exec there is a holder that cannot be found yet: it is found on a later round.
        for process in find_all(dir, part)? {
            process.kill();
            process.exits_within(Duration::from_secs(1)).await;
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Starts a process. Returns once it has been forked; that it is well is learned from its monitor (`Vm::comes_up`), or its pidfile.
pub fn launch(dir: &VmDir, part: Part, binary: &Path, args: &[String], lock: File) -> Result<Process> {
    let log = dir.file(part.log());
    let open = || {
        OpenOptions::new().append(true).create(true).open(&log).map_err(|e| disk_error("opening a process's log", e))
    };
    let mut child = Command::new("setsid")
        .arg(binary)
        .args(args)
        .current_dir(dir.path())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("LC_ALL", "C")
        .stdin(Stdio::from(lock))
        .stdout(Stdio::from(open()?))
        .stderr(Stdio::from(open()?))
        .kill_on_drop(false)
        .spawn()
        .doing("starting setsid and a process of a guest")?;
    let gone = || Error::internal("a process of a guest ended at once");
    let pid = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)).ok_or_else(gone)?;
    // Opened while the child is not reaped yet, so that the number is still its own.
    let fd = pidfd_open(pid, PidfdFlags::NONBLOCK).doing("opening a process of a guest")?;
    // As a child it has to be reaped; after a restart of this program it is init's.
    tokio::spawn(async move {
        let _ = child.wait().await;
    });
    Ok(Process { pid, fd: watch(fd)? })
}

/// The end of a process's log after `from`: why a start failed, in its own words.
pub fn log_since(dir: &VmDir, part: Part, from: u64) -> String {
    let mut text = String::new();
    if let Ok(mut file) = File::open(dir.file(part.log()))
        && file.seek(SeekFrom::Start(from)).is_ok()
    {
        let mut bytes = Vec::new();
        let _ = file.take(16 << 10).read_to_end(&mut bytes);
        text = String::from_utf8_lossy(&bytes).trim().to_owned();
    }
    text
}

pub fn log_length(dir: &VmDir, part: Part) -> u64 {
    fs::metadata(dir.file(part.log())).map_or(0, |m| m.len())
}

/// The exclusive right to drive a state directory, held until dropped (or killed).
pub async fn lock_state(state: &Path, patience: Duration) -> Result<File> {
    let path = state.join("driver.lock");
    let doing = format!("opening {}", path.display());
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(|e| disk_error(&doing, e))?;
    let deadline = Instant::now() + patience;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(e)) => return Err(Error::internal(doing).with_source(e)),
            // The one before may be on its way out.
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(Duration::from_millis(50)).await,
            Err(TryLockError::WouldBlock) => {
                return Err(Error::conflict(format!(
                    "another tstack runs the virtual machines of {}; stop it first",
                    state.display()
                )));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::ServerId;

    fn dir() -> (tempfile::TempDir, VmDir) {
        let state = tempfile::tempdir().unwrap();
        let dir = VmDir::new(state.path(), state.path(), &ServerId::new()).unwrap();
        (state, dir)
    }

    /// Stands in for QEMU: a shell that has the VM's words on its command line.
    fn stand_in(dir: &VmDir) -> Process {
        let Lock::Free(lock) = try_lock(dir, Part::Qemu).unwrap() else { panic!("held") };
        let args = ["-c", "exec 3<&0; sleep 1000 & wait", "-pidfile"].map(String::from);
        let args = [&args[..], &[dir.pidfile().to_str().unwrap().to_owned()]].concat();
        launch(dir, Part::Qemu, Path::new("/bin/sh"), &args, lock).unwrap()
    }

    #[tokio::test]
    async fn a_process_is_found_again_and_swept() {
        let (_state, dir) = dir();
        sweep(&dir, Duration::from_secs(30)).await.unwrap();
        assert!(!dir.path().exists(), "sweeping makes nothing");
        let process = stand_in(&dir);
        assert!(matches!(try_lock(&dir, Part::Qemu).unwrap(), Lock::Held));
        // The shell's child holds the lock as well (it inherited it) but carries no name of the VM's, once it is `sleep`.
        let child = loop {
            let task = format!("/proc/{0}/task/{0}/children", process.pid());
            let child = fs::read_to_string(task).unwrap().trim().parse().ok().and_then(Pid::from_raw);
            if let Some(child) = child.filter(|c| !is_of(*c, &dir, Part::Qemu)) {
                break child;
            }
            sleep(Duration::from_millis(10)).await;
        };
        assert_eq!(find(&dir).unwrap().map(|p| p.pid()), Some(process.pid()));
        // A pidfile that names somebody else's process is not believed.
        fs::write(dir.pidfile(), std::process::id().to_string()).unwrap();
        assert_eq!(find(&dir).unwrap().map(|p| p.pid()), Some(process.pid()));
        let err = sweep(&dir, Duration::from_millis(300)).await.unwrap_err();
        assert!(err.is(kernel::Kind::Unavailable), "while the lock is held nothing is concluded: {err:?}");
        rustix::process::kill_process(child, Signal::KILL).unwrap();
        sweep(&dir, Duration::from_secs(30)).await.unwrap();
        assert!(process.exits_within(Duration::from_secs(30)).await);
        assert!(find(&dir).unwrap().is_none());
        assert!(!dir.pidfile().exists());
    }

    #[tokio::test]
    async fn one_driver_per_state_directory() {
        let state = tempfile::tempdir().unwrap();
        let held = lock_state(state.path(), Duration::ZERO).await.unwrap();
        assert!(lock_state(state.path(), Duration::ZERO).await.unwrap_err().is(kernel::Kind::Conflict));
        drop(held);
        lock_state(state.path(), Duration::ZERO).await.unwrap();
    }
}
