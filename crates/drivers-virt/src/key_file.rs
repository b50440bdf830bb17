//! A key as a file that QEMU can read: in memory, never on a disk, and gone with the value.
//!
//! The file has no name in any directory: its path goes through this process (`/proc/<pid>/fd/<n>`), so only who may look into the
//! process can open it, and no child inherits it. A command line or a monitor's command that carries the path gives nothing
//! away.
//!
//! QEMU's LUKS takes a passphrase that is text. It is the key's octets in hexadecimal digits, as with Nova and Cinder, so that a
//! volume can be opened by others who have the key.

use compute::driver::{Disk, DiskEncryption, Tpm, VmSpec};
use kernel::{Error, Result, error::Doing};
use ports::KeyBytes;
use rustix::fs::{MemfdFlags, memfd_create};
use std::{fmt::Write as _, fs::File, io::Write as _, os::fd::AsRawFd, path::PathBuf};
use zeroize::Zeroizing;

/// A file in memory, there for as long as it is held.
#[derive(Debug)]
pub struct MemoryFile(File);

impl MemoryFile {
    pub fn new(name: &str) -> Result<Self> {
        Ok(Self(File::from(memfd_create(name, MemfdFlags::CLOEXEC).doing("making a file in memory")?)))
    }

    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd()))
    }
}

/// Readable for as long as it is held.
#[derive(Debug)]
pub struct KeyFile(MemoryFile);

impl KeyFile {
    pub fn new(key: &KeyBytes) -> Result<Self> {
        let mut file = MemoryFile::new("key")?;
        file.0.write_all(passphrase(key).as_bytes()).doing("putting a key where qemu reads it")?;
        Ok(Self(file))
    }

    /// Of a key that is text already.
    pub fn of_text(key: &KeyBytes) -> Result<Self> {
        let mut file = MemoryFile::new("key")?;
        file.0.write_all(key.as_bytes()).doing("putting a passphrase where it is read")?;
        Ok(Self(file))
    }

    pub fn path(&self) -> PathBuf {
        self.0.path()
    }
}

/// The passphrase of a TPM that gets a process.
pub fn key_of_tpm(tpm: &Tpm) -> Result<&KeyBytes> {
    tpm.key.as_ref().ok_or_else(|| Error::conflict("the guest has a TPM, and its passphrase was not given"))
}

/// Whether all keys of a guest were given.
pub fn check(spec: &VmSpec) -> Result<()> {
    spec.hardware.tpm.as_ref().map(key_of_tpm).transpose()?;
    spec.disks.iter().try_for_each(|disk| key_of(disk).map(drop))
}

fn passphrase(key: &KeyBytes) -> Zeroizing<String> {
    // The room is taken at once, so that no copy is left behind by growing.
    let mut text = Zeroizing::new(String::with_capacity(key.as_bytes().len() * 2));
    for octet in key.as_bytes() {
        let _ = write!(text, "{octet:02x}"); // writing to a string does not fail
    }
    text
}

/// The key of a disk that is to be opened; none for one that is not encrypted.
pub fn key_of(disk: &Disk) -> Result<Option<&KeyBytes>> {
    match &disk.encryption {
        DiskEncryption::None => Ok(None),
        DiskEncryption::Luks { key: Some(key) } => Ok(Some(key)),
        DiskEncryption::Luks { key: None } => {
            Err(Error::conflict(format!("disk {} is encrypted, and its key was not given", disk.id)))
        }
    }
}

/// The same as a file.
pub fn of_disk(disk: &Disk) -> Result<Option<KeyFile>> {
    key_of(disk)?.map(KeyFile::new).transpose()
}

/// The same for all disks of a guest, by slot.
pub fn of_disks(disks: &[Disk]) -> Result<Vec<(u8, KeyFile)>> {
    disks.iter().filter_map(|disk| of_disk(disk).map(|key| Some((disk.slot, key?))).transpose()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn read_by_its_path_while_it_is_held() {
        let key = KeyFile::new(&KeyBytes::new(vec![0, 0xab, 0xff])).unwrap();
        let path = key.path();
        assert_eq!(fs::read_to_string(&path).unwrap(), "00abff");
        assert_eq!(fs::read_to_string(&path).unwrap(), "00abff", "from its beginning each time");
        assert!(fs::read_link(&path).unwrap().to_string_lossy().contains("memfd"), "no file of a disk");
        assert!(!format!("{key:?}").contains("ab"));
        drop(key);
        assert!(!fs::read_to_string(&path).is_ok_and(|text| text.contains("abff")));
    }
}
