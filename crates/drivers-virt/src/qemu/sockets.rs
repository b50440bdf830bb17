//! Unix sockets with names that fit. The kernel takes at most 107 bytes of path (`sun_path`, unix(7)); a state directory chosen
//! by an operator may lie deeper. Then sockets are named through a symlink with a short name, one per state directory:
//!
//! ```text
//!   /run/tstack/virt-5f3a09c1 -> /srv/some/deep/place/…/virt
//! ```
//!
//! The link is made anew at every open (`/run` does not outlive a boot), always to the same place, so races do no harm.

use kernel::{Error, Result, error::Doing};
use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};
use tokio::net::UnixStream;

/// Longest path of a socket: `sun_path` less its final zero.
const LONGEST: usize = 107;
/// `/vms/`, a UUID and the longest socket name below it.
const BELOW: usize = "/vms/".len() + 36 + "/serial.sock".len();

/// The directory by which sockets below `state` are named: itself, or a short link to it under `run`.
pub fn root(state: &Path, run: &Path) -> Result<PathBuf> {
    if state.as_os_str().len() + BELOW <= LONGEST {
        return Ok(state.to_owned());
    }
    let mut hasher = DefaultHasher::new();
    state.hash(&mut hasher);
    let link = run.join(format!("virt-{:08x}", hasher.finish() as u32));
    if link.as_os_str().len() + BELOW > LONGEST {
        return Err(Error::bad_request(format!("the directory {} is too long for sockets", run.display())));
    }
    if fs::read_link(&link).is_ok_and(|to| to == state) {
        return Ok(link);
    }
    fs::create_dir_all(run).doing("making the directory for short socket names")?;
    let aside = link.with_extension(std::process::id().to_string());
    let _ = fs::remove_file(&aside);
    symlink(state, &aside).and_then(|()| fs::rename(&aside, &link)).doing("making a short name for sockets")?;
    Ok(link)
}

pub async fn connect(path: &Path) -> io::Result<UnixStream> {
    UnixStream::connect(path).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deep_state_directories_get_a_short_name() {
        let dir = tempfile::tempdir().unwrap();
        let shallow = Path::new("/var/lib/tstack/virt");
        assert_eq!(root(shallow, dir.path()).unwrap(), shallow);
        let deep = dir.path().join("x".repeat(90));
        for _ in 0..2 {
            let short = root(&deep, dir.path()).unwrap();
            assert_eq!(fs::read_link(&short).unwrap(), deep);
            assert!(short.as_os_str().len() + BELOW <= LONGEST);
        }
        assert!(root(&deep, Path::new(&format!("/{}", "y".repeat(90)))).is_err());
    }
}
