//! Unix sockets with names that fit: the kernel takes at most 107 bytes of path (`sun_path`, unix(7)). Where the pool lies deeper
//! than that, its sockets are named through a symlink with a short name, always the same one for the same pool:
//!
//! ```text
//!   /run/tstack/blk-5f3a09c1 -> /srv/some/deep/place/…/sockets
//! ```
//!
//! The link is made anew at every open (`/run` does not outlive a boot), always to the same place, so races do no harm.

use crate::disk::OnDisk;
use kernel::{Error, Result};
use sha2::{Digest, Sha256};
use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

/// Longest path of a socket: `sun_path` less its final zero.
const LONGEST: usize = 107;
/// A slash, an id, the longest ending.
const BELOW: usize = 1 + crate::names::LONGEST + ".nbd".len();

/// The directory by which sockets in `dir` are named: itself, or a short link to it under `run`.
pub(super) fn root(dir: &Path, run: &Path) -> Result<PathBuf> {
    if dir.as_os_str().len() + BELOW <= LONGEST {
        return Ok(dir.to_owned());
    }
    let name = crate::checksum::hex(&Sha256::digest(dir.as_os_str().as_encoded_bytes())[..4]);
    let link = run.join(format!("blk-{name}"));
    if link.as_os_str().len() + BELOW > LONGEST {
        return Err(Error::bad_request(format!("the directory {} is too long for sockets", run.display())));
    }
    if fs::read_link(&link).is_ok_and(|to| to == dir) {
        return Ok(link);
    }
    let doing = "making a short name for sockets";
    fs::create_dir_all(run).on_disk(doing)?;
    let aside = link.with_extension(std::process::id().to_string());
    let _ = fs::remove_file(&aside);
    symlink(dir, &aside).and_then(|()| fs::rename(&aside, &link)).on_disk(doing)?;
    Ok(link)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deep_pools_get_a_short_name() {
        let dir = tempfile::tempdir().unwrap();
        let shallow = Path::new("/srv/pool");
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
