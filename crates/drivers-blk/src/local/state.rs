//! The state of a TPM: a directory of a few small files, encrypted by who writes them. To go elsewhere it is packed into one file.
//!
//! ```text
//!   MAGIC  { length of the name: u16, name, length: u32, bytes }…
//! ```
//!
//! A pack comes from another host, which may be in other hands than it was: its names lead nowhere, and it takes no more than [`MOST`].

use crate::disk::OnDisk;
use kernel::{Error, Result, error::Doing};
use std::{
    fs::{self, DirBuilder, File},
    io::{self, Read, Write},
    os::unix::fs::DirBuilderExt,
    path::Path,
};

const MAGIC: &[u8] = b"tstack state 1\n";
/// Many times what an emulator keeps.
const MOST: usize = 8 << 20;

pub(super) fn make(dir: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(dir)
}

/// Nothing hidden, and no way out: such as `tpm2-00.permall`. An emulator's lock is hidden, and no state.
fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    (1..=64).contains(&name.len()) && !name.starts_with('.') && name.chars().all(plain)
}

pub(super) fn pack(dir: &Path, to: &Path) -> Result<()> {
    const DOING: &str = "packing a TPM's state";
    let mut pack = MAGIC.to_vec();
    for entry in fs::read_dir(dir).doing(DOING)? {
        let entry = entry.doing(DOING)?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| is_plain(name)) else { continue };
        let bytes = fs::read(entry.path()).doing(DOING)?;
        pack.extend((name.len() as u16).to_be_bytes());
        pack.extend(name.as_bytes());
        pack.extend((bytes.len() as u32).to_be_bytes());
        pack.extend(bytes);
        if pack.len() > MOST {
            return Err(Error::internal(format!("{}: too much for a TPM's state", dir.display())));
        }
    }
    fs::write(to, pack).on_disk(DOING)
}

pub(super) fn unpack(from: &Path, dir: &Path) -> Result<()> {
    const DOING: &str = "unpacking a TPM's state";
    let mut pack = Vec::new();
    File::open(from).doing(DOING)?.take(MOST as u64 + 1).read_to_end(&mut pack).doing(DOING)?;
    make(dir).on_disk(DOING)?;
    let broken = || Error::bad_request("what came is no state of a TPM");
    let mut rest = pack.strip_prefix(MAGIC).filter(|_| pack.len() <= MOST).ok_or_else(broken)?;
    while !rest.is_empty() {
        let (name, bytes, after) = next(rest).ok_or_else(broken)?;
        let mut file = File::create_new(dir.join(name)).on_disk(DOING)?;
        file.write_all(bytes).and_then(|()| file.sync_all()).on_disk(DOING)?;
        rest = after;
    }
    Ok(())
}

/// A file's name and bytes, and what follows.
fn next(rest: &[u8]) -> Option<(&str, &[u8], &[u8])> {
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let (name, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (bytes, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    let name = str::from_utf8(name).ok().filter(|name| is_plain(name))?;
    Some((name, bytes, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_arrives_whole_and_leads_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        make(&at("from")).unwrap();
        for (name, bytes) in
            [("tpm2-00.permall", vec![7; 70_000]), ("tpm2-00.volatilestate", vec![]), (".lock", vec![1])]
        {
            fs::write(at("from").join(name), bytes).unwrap();
        }
        pack(&at("from"), &at("pack")).unwrap();
        unpack(&at("pack"), &at("to")).unwrap();
        assert_eq!(fs::read(at("to").join("tpm2-00.permall")).unwrap(), vec![7; 70_000]);
        assert_eq!(fs::read_dir(at("to")).unwrap().count(), 2, "a lock is no state");
        let named = |name: &[u8]| [MAGIC, &(name.len() as u16).to_be_bytes(), name, &1u32.to_be_bytes(), b"x"].concat();
        let whole = fs::read(at("pack")).unwrap();
        for (n, wrong) in
            [named(b"../out"), named(b".."), named(b"/etc/x"), named(b""), whole[..100].to_vec(), b"qcow".to_vec()]
                .into_iter()
                .enumerate()
        {
            fs::write(at("pack"), wrong).unwrap();
            assert!(unpack(&at("pack"), &at(&format!("wrong{n}"))).is_err(), "{n}");
        }
        assert!(!at("out").exists());
    }
}
