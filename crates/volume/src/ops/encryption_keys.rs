//! Keys of encrypted volumes, in the key manager of their project.
//!
//! ```text
//!   volume of an encrypted type ──▶ a new key          of a volume, snapshot, backup, encrypted image ──▶ a copy of its key
//!   backup of such a volume     ──▶ a copy             deleted ──▶ its key goes with it
//!   written over with bytes under another key (a backup, an encrypted image) ──▶ a copy of that key, once they are there
//! ```
//!
//! Each has a key of its own, so that none depends on what another's owner does; copies have the same octets, as the header that was
//! copied with the bytes asks for (as with Cinder). All of it happens in the transaction that makes or removes what has the key.

use crate::{
    VolumeService,
    encryptor::{Cipher, Luks},
    error,
    flows::move_in_use,
    model::{Backup, Encryption, Snapshot, Volume, VolumeType},
    ops::volumes::create::NewRecord,
};
use kernel::{Error, HostName, Kind, ProjectId, Result, UserId, VolumeId};
use ports::{ImageInfo, KeyBytes, NewKey};
use store::Tx;

/// The property that tells which key an image's bytes are encrypted with (Cinder's).
pub(crate) const IMAGE_KEY: &str = "cinder_encryption_key_id";
/// Who removes that key: whoever removes the image.
pub(crate) const IMAGE_KEY_POLICY: &str = "cinder_encryption_key_deletion_policy";

/// Encryptors by the names that Cinder and Nova give them. Whichever a type names, QEMU's own LUKS encrypts: it is the one that needs
/// nothing of the host's kernel, and the key, being random, gains nothing from another's key stretching.
const PROVIDERS: &[&str] = &[
    "luks",
    "luks2",
    "plain",
    "LuksEncryptor",
    "CryptsetupEncryptor",
    "nova.volume.encryptors.luks.LuksEncryptor",
    "nova.volume.encryptors.cryptsetup.CryptsetupEncryptor",
    "os_brick.encryptors.luks.LuksEncryptor",
    "os_brick.encryptors.luks.Luks2Encryptor",
    "os_brick.encryptors.cryptsetup.CryptsetupEncryptor",
];

/// What a type asks for, if it can be done here: better no volume than one that is said to be encrypted and is not.
fn cipher(of: &Encryption) -> Result<Cipher> {
    let cannot =
        |what: String| Err(Error::bad_request(format!("Invalid input received: volumes cannot be encrypted {what}")));
    if !PROVIDERS.contains(&of.provider.as_str()) {
        return cannot(format!("by provider {}; luks, luks2 and plain are known", of.provider));
    }
    if of.control_location != "front-end" {
        return cannot(format!("by the {}; the front-end (the hypervisor) does it", of.control_location));
    }
    Cipher::parse(of.cipher.as_deref(), of.key_size)
}

/// The key of what a volume is made of, if that is encrypted.
fn source_key(tx: &mut Tx, new: &NewRecord) -> Option<String> {
    let of_volume = |tx: &mut Tx, id: &VolumeId| tx.get::<Volume>(id).and_then(|v| v.encryption_key.clone());
    if let Some(id) = &new.backup {
        return tx.get::<Backup>(id).and_then(|b| b.encryption_key.clone());
    }
    if let Some(id) = &new.snapshot {
        let origin = tx.get::<Snapshot>(id)?.volume.clone();
        return of_volume(tx, &origin);
    }
    new.source.as_ref().and_then(|id| of_volume(tx, id))
}

/// The key of a volume to be made; none if its type encrypts nothing.
pub(crate) fn for_new(
    service: &VolumeService,
    tx: &mut Tx,
    new: &NewRecord,
    volume_type: &VolumeType,
) -> Result<Option<String>> {
    let from = match new.image.as_ref().and_then(|i| i.properties.get(IMAGE_KEY)) {
        Some(key) => Some(own(service, tx, key, &new.project)?),
        None => source_key(tx, new),
    };
    let copied = new.backup.is_some() || new.snapshot.is_some() || new.source.is_some();
    let Some(encryption) = &volume_type.encryption else {
        return match from {
            None => Ok(None),
            Some(_) => Err(mismatch(volume_type)),
        };
    };
    let cipher = cipher(encryption)?;
    let owner = Owner { project: &new.project, user: &new.user, what: format!("volume {}", new.id) };
    match from {
        Some(key) => copy(service, tx, &key, &owner).map(Some),
        None if copied => Err(mismatch(volume_type)),
        None => create(service, tx, cipher, &owner).map(Some),
    }
}

/// A key that somebody named, in an image's properties: another project's must not be had by naming it.
fn own(service: &VolumeService, tx: &Tx, key: &str, project: &ProjectId) -> Result<String> {
    if service.0.keys.owner(tx.view(), key).as_ref() == Some(project) {
        return Ok(key.to_owned());
    }
    Err(Error::bad_request(format!(
        "Invalid input received: encryption key {key} of the image is no key of this project."
    )))
}

fn mismatch(volume_type: &VolumeType) -> Error {
    Error::bad_request(format!(
        "Invalid input received: Invalid volume_type provided: {} (requested type is not compatible with the encryption of \
         what the volume is made of; either match it, or omit type argument).",
        volume_type.name
    ))
}

/// The key that a volume has once an image is written over it, if it becomes another. A plain image is encrypted with the key there is.
pub(crate) fn for_image(
    service: &VolumeService,
    tx: &mut Tx,
    volume: &Volume,
    image: &ImageInfo,
) -> Result<Option<String>> {
    let Some(key) = image.properties.get(IMAGE_KEY) else { return Ok(None) };
    let key = own(service, tx, key, &volume.project)?;
    other_key(service, tx, volume, &key)
}

/// The same of a backup, whose bytes are written as they are.
pub(crate) fn for_backup(
    service: &VolumeService,
    tx: &mut Tx,
    volume: &Volume,
    backup: &Backup,
) -> Result<Option<String>> {
    match (&backup.encryption_key, &volume.encryption_key) {
        (None, None) => Ok(None),
        (Some(key), _) => other_key(service, tx, volume, key),
        (None, Some(_)) => Err(unlike(volume)),
    }
}

/// A copy of a key for a volume, unless the volume's own is the same. Its snapshots are read with the volume's key: as long as there
/// are any, it stays.
fn other_key(service: &VolumeService, tx: &mut Tx, volume: &Volume, from: &str) -> Result<Option<String>> {
    let now = volume.encryption_key.as_ref().ok_or_else(|| unlike(volume))?;
    let octets = |key: &str| service.0.keys.open(tx.view(), key);
    if octets(now)? == Some(octets(from)?.ok_or_else(|| gone(from))?) {
        return Ok(None);
    }
    if tx.view().count_by(Snapshot::BY_VOLUME, &volume.id) > 0 {
        return Err(error::invalid_volume(format!(
            "volume {} has snapshots under its encryption key, and what is to be written over it has another",
            volume.id
        )));
    }
    let what = format!("volume {}", volume.id);
    copy(service, tx, from, &Owner { project: &volume.project, user: &volume.user, what }).map(Some)
}

fn unlike(volume: &Volume) -> Error {
    error::invalid_volume(format!(
        "volume {} and what is to be written over it must both be encrypted, or neither",
        volume.id
    ))
}

/// Whose a key is to be, and what for.
pub(crate) struct Owner<'a> {
    pub(crate) project: &'a ProjectId,
    pub(crate) user: &'a UserId,
    pub(crate) what: String,
}

fn key(owner: &Owner<'_>) -> NewKey {
    NewKey {
        id: kernel::ids::uuid_dashed().to_string(),
        project: owner.project.clone(),
        creator: owner.user.clone(),
        name: owner.what.clone(),
        algorithm: Some("aes".into()),
    }
}

fn create(service: &VolumeService, tx: &mut Tx, cipher: Cipher, owner: &Owner<'_>) -> Result<String> {
    let key = key(owner);
    service.0.keys.create(tx, &key, cipher.bits.count())?;
    Ok(key.id)
}

/// A key of its own with the octets of another.
pub(crate) fn copy(service: &VolumeService, tx: &mut Tx, from: &str, owner: &Owner<'_>) -> Result<String> {
    let key = key(owner);
    match service.0.keys.copy(tx, from, &key) {
        Err(e) if e.is(Kind::NotFound) => Err(gone(from)),
        copied => copied.map(|()| key.id),
    }
}

fn gone(key: &str) -> Error {
    Error::conflict(format!(
        "Encryption key {key} is not in the key manager any more: what it encrypts cannot be read."
    ))
}

/// Removes the key of what is removed.
pub(crate) fn remove(service: &VolumeService, tx: &mut Tx, key: Option<&String>) {
    if let Some(key) = key {
        service.0.keys.delete(tx, key);
    }
}

/// How the pool's host is to encrypt a volume while it makes it of a blank or of an image: not, if it is not encrypted, or if the
/// image is already.
pub(crate) fn luks(service: &VolumeService, volume: &Volume) -> Result<Option<Luks>> {
    if volume.image_metadata.contains_key(IMAGE_KEY) {
        return Ok(None);
    }
    header(service, volume)
}

/// The header that an encrypted volume gets on a pool where it is blank.
pub(crate) fn header(service: &VolumeService, volume: &Volume) -> Result<Option<Luks>> {
    if volume.encryption_key.is_none() {
        return Ok(None);
    }
    let none = || Error::conflict(format!("the type of volume {} is gone", volume.id));
    let of_type = service.view().get::<VolumeType>(&volume.volume_type).ok_or_else(none)?;
    let encryption = of_type.encryption.as_ref().ok_or_else(none)?;
    Ok(Some(Luks { cipher: cipher(encryption)?, size: volume.size_gib << 30 }))
}

/// The key for a host that may have it: that of the volume's pool, of the pool that it is moved to, or of a server with the volume.
pub(crate) fn for_host(service: &VolumeService, host: &HostName, id: &VolumeId) -> Result<KeyBytes> {
    let view = service.view();
    let volume = view.get::<Volume>(id).ok_or_else(|| error::no_volume(id))?;
    let attached = || view.by(crate::model::Attachment::BY_VOLUME, id).any(|a| a.host.as_ref() == Some(host));
    let copies = || move_in_use::copies_on(&view, id).as_ref() == Some(host);
    if volume.host.as_ref() != Some(host) && !attached() && !copies() {
        return Err(Error::forbidden(format!("host {host} has nothing to do with volume {id}")));
    }
    let key = volume.encryption_key.as_ref();
    let key = key.ok_or_else(|| Error::conflict(format!("volume {id} is not encrypted")))?;
    service.0.keys.open(&view, key)?.ok_or_else(|| gone(key))
}
