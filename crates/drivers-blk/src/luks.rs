//! Encrypted volumes, by QEMU's LUKS over the volume's export: the same code that decrypts it in a guest's QEMU.
//!
//! ```text
//!   image file ──▶ qemu-img: luks(key) ──▶ NBD ──▶ the pool's storage daemon
//! ```
//!
//! The key reaches `qemu-img` as a file in memory ([`KeyFile`]): its command line says where the key is, not what.
//!
//! A header is written with few rounds of key stretching: the passphrase is a random key, which gains nothing from more.

use crate::{
    checksum,
    qemu_img::{Format, INVALID_IMAGE, Limits, QemuImg},
};
use async_trait::async_trait;
use drivers_virt::key_file::{KeyFile, MemoryFile};
use kernel::{Error, Kind, Result};
use ports::KeyBytes;
use std::{ffi::OsString, path::Path};
use volume::{
    driver::{ImageBytes, Target},
    encryptor::{Cipher, Encryptor, Luks, Mode},
};

/// QEMU measures its own speed by the clock of its thread, and gives up before it has written anything where that clock stood
/// still; the next try is another measurement.
const TRIES: usize = 10;
const CLOCK_STOOD_STILL: &str = "Unable to get accurate CPU usage";

/// Encrypts with `qemu-img`.
pub struct QemuLuks(pub QemuImg);

impl QemuLuks {
    async fn run(&self, doing: &str, args: Vec<OsString>) -> Result<()> {
        let mut tries = 1;
        loop {
            match self.0.run(doing, args.clone(), Limits::CONVERT).await {
                Err(e) if e.internal_text().contains(CLOCK_STOOD_STILL) && tries < TRIES => tries += 1,
                // Whatever is wrong, no image is at fault.
                Err(e) if e.is(Kind::BadRequest) => return Err(Error::internal(doing).with_source(e)),
                other => return other.map(drop),
            }
        }
    }
}

fn secret(key: &KeyFile) -> String {
    format!("secret,id=key,format=raw,file={}", key.path().display())
}

fn options(cipher: Cipher) -> String {
    let bits = cipher.bits.count();
    let (mode, iv) = match cipher.mode {
        Mode::Xts => ("xts", "ivgen-alg=plain64"),
        Mode::Cbc => ("cbc", "ivgen-alg=essiv,ivgen-hash-alg=sha256"),
    };
    format!("key-secret=key,cipher-alg=aes-{bits},cipher-mode={mode},{iv},hash-alg=sha256,iter-time=10")
}

/// A value of an option list.
fn escaped(text: &str) -> String {
    text.replace(',', ",,")
}

/// The volume as QEMU opens it beneath the encryption; `under` stands before each option's name.
fn opened(target: &Target, under: &str) -> Result<String> {
    let options = match target {
        Target::NbdUnix { socket, export } => vec![
            ("driver", "nbd".to_owned()),
            ("server.type", "unix".to_owned()),
            ("server.path", socket.display().to_string()),
            ("export", export.clone()),
        ],
        Target::NbdTcp { host, port, export } => vec![
            ("driver", "nbd".to_owned()),
            ("server.type", "inet".to_owned()),
            ("server.host", host.clone()),
            ("server.port", port.to_string()),
            ("export", export.clone()),
        ],
        Target::Rbd { pool, namespace, image, user, conf, cache: _ } => [
            Some(("driver", "rbd".to_owned())),
            Some(("pool", pool.clone())),
            namespace.clone().map(|namespace| ("namespace", namespace)),
            Some(("image", image.clone())),
            Some(("user", user.clone())),
            Some(("conf", conf.display().to_string())),
        ]
        .into_iter()
        .flatten()
        .collect(),
        Target::Fake { export } => {
            return Err(Error::internal(format!("encrypting {export}, behind which there is nothing")));
        }
    };
    let words: Vec<_> = options.iter().map(|(name, value)| format!("{under}{name}={}", escaped(value))).collect();
    Ok(words.join(","))
}

fn words(all: &[&str]) -> Vec<OsString> {
    all.iter().map(OsString::from).collect()
}

#[async_trait]
impl Encryptor for QemuLuks {
    async fn format(&self, target: &Target, key: &KeyBytes, luks: &Luks) -> Result<()> {
        let doing = "encrypting a volume";
        let (key, header) = (KeyFile::new(key)?, MemoryFile::new("header")?);
        let (secret, options, from) = (secret(&key), options(luks.cipher), header.path());
        // A header says nothing of what follows it: it is made of nothing, and then laid over the volume's beginning.
        let mut args = words(&["create", "-q", "-f", "luks", "--object", &secret, "-o", &options, "--"]);
        args.extend([from.as_os_str().to_owned(), "0".into()]);
        self.run(doing, args).await?;
        let mut args = words(&["convert", "-n", "-f", "raw", "--target-image-opts", "--"]);
        args.extend([from.into(), format!("driver=raw,{}", opened(target, "file.")?).into()]);
        self.run(doing, args).await
    }

    async fn write_image(
        &self,
        target: &Target,
        key: &KeyBytes,
        luks: &Luks,
        image: &ImageBytes,
        file: &Path,
    ) -> Result<()> {
        let format = Format::of_image(&image.disk_format)?;
        checksum::verify(file, &format!("image {}", image.image), image.size, &image.hash_algo, &image.hash).await?;
        let needed = self.0.info_untrusted(file, format).await?.virtual_size;
        let content = luks.size.saturating_sub(luks.cipher.header());
        if needed > content {
            let text = format!("the image needs {needed} bytes, the volume has {content} beside its LUKS header");
            return Err(Error::bad_request(text).with_code(INVALID_IMAGE));
        }
        let key = KeyFile::new(key)?;
        let (secret, target) = (secret(&key), opened(target, "file.")?);
        let mut args = words(&["convert", "-n", "-f", format.name(), "--target-image-opts", "--object", &secret, "--"]);
        args.extend([file.as_os_str().to_owned(), format!("driver=luks,key-secret=key,{target}").into()]);
        self.run("writing an image to an encrypted volume", args).await
    }
}
