//! Whether a file has the bytes it should have.

use crate::{disk::OnDisk, qemu_img::INVALID_IMAGE};
use kernel::{Error, Result, error::Doing};
use sha2::{Digest, Sha256, Sha512};
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};
use tokio::task::spawn_blocking;
use volume::driver::ImageBytes;

/// Refuses (`BadRequest`) a file that is not of `size` bytes or whose digest by `algo` (`sha256` or `sha512`) is not `hash`.
/// `what` names the file's content in the refusal.
pub async fn verify(path: &Path, what: &str, size: u64, algo: &str, hash: &str) -> Result<()> {
    let digest = match algo.to_ascii_lowercase().as_str() {
        "sha256" => digest::<Sha256>,
        "sha512" => digest::<Sha512>,
        other => return Err(refusal(format!("{what} has a hash of an unknown kind, {other}"))),
    };
    let (path, doing) = (path.to_owned(), format!("checking the bytes of {what}"));
    let (found_size, found) = spawn_blocking(move || digest(&path)).await.doing(&doing)?.on_disk(&doing)?;
    if found_size == size && found == hash.to_ascii_lowercase() {
        return Ok(());
    }
    let detail = format!("expected {size} bytes hashed {hash}, got {found_size} hashed {found}");
    Err(refusal(format!("the bytes of {what} are damaged")).with_internal(detail))
}

fn refusal(message: String) -> Error {
    Error::bad_request(message).with_code(INVALID_IMAGE)
}

fn digest<D: Digest>(path: &Path) -> io::Result<(u64, String)> {
    let (mut file, mut hasher) = (File::open(path)?, D::new());
    let (mut chunk, mut size) = (vec![0; 256 * 1024], 0);
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            n => {
                hasher.update(&chunk[..n]);
                size += n as u64;
            }
        }
    }
    Ok((size, hex(&hasher.finalize())))
}

/// An image's bytes by everything that [`verify`] and a reader of its format go by.
pub(crate) fn identity(image: &ImageBytes) -> String {
    hex(&Sha256::digest(format!("{} {} {} {}", image.disk_format, image.size, image.hash_algo, image.hash)))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
