//! Encrypted volumes on a real pool: header, image, clone; what lies on the disk, and who can read it.

use crate::rig::{HOST, Pool};
use drivers_blk::{
    conformance::volumes::{PoolBench, eventually, fence, make},
    luks::QemuLuks,
    qemu_img::QemuImg,
};
use drivers_virt::key_file::KeyFile;
use kernel::{Kind, SnapshotId, VolumeId};
use ports::KeyBytes;
use sha2::{Digest, Sha512};
use std::{fs, io::Read, path::Path};
use tokio::process::Command;
use volume::{
    driver::{ImageBytes, Target, VolumeSource},
    encryptor::{Cipher, Encryptor, Luks},
};

const GIB: u64 = 1 << 30;

fn luks() -> Luks {
    Luks { cipher: Cipher::parse(None, None).unwrap(), size: GIB }
}

fn opened(target: &Target) -> String {
    let beneath = match target {
        Target::NbdUnix { socket, export } => {
            format!("nbd,file.server.type=unix,file.server.path={},file.export={export}", socket.display())
        }
        Target::Rbd { pool, namespace: Some(namespace), image, user, conf, .. } => {
            let image = format!("file.namespace={namespace},file.image={image}");
            format!("rbd,file.pool={pool},{image},file.user={user},file.conf={}", conf.display())
        }
        other => panic!("{other:?}"),
    };
    format!("driver=luks,key-secret=key,file.driver={beneath}")
}

/// What `qemu-io` says, and whether it was content.
async fn io(target: &Target, key: &KeyBytes, command: &str) -> (bool, String) {
    let key = KeyFile::new(key).unwrap();
    let secret = format!("secret,id=key,file={}", key.path().display());
    let mut qemu_io = Command::new("qemu-io");
    let said = qemu_io.args(["--object", &secret, "--image-opts", &opened(target), "-c", command]).output().await;
    let said = said.unwrap();
    let text = String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned();
    (said.status.success() && !text.contains("failed"), text)
}

/// The volume's bytes as they lie in the pool, its header and more than the image takes.
async fn stored(pool: &dyn PoolBench, id: &VolumeId) -> Vec<u8> {
    let to = pool.scratch().join(format!("{id}.raw"));
    pool.pool().copy_out(id, "raw", &to).await.unwrap();
    let mut bytes = vec![0; 16 << 20];
    fs::File::open(&to).unwrap().read_exact(&mut bytes).unwrap();
    fs::remove_file(to).unwrap();
    bytes
}

fn image(dir: &Path) -> (ImageBytes, std::path::PathBuf) {
    let (path, bytes) = (dir.join("image.raw"), b"INXCLEAR".repeat(1 << 17));
    fs::write(&path, &bytes).unwrap();
    let hash = Sha512::digest(&bytes).iter().map(|octet| format!("{octet:02x}")).collect();
    let image = ImageBytes {
        image: "i".into(),
        disk_format: "raw".into(),
        size: bytes.len() as u64,
        hash,
        hash_algo: "sha512".into(),
    };
    (image, path)
}

#[tokio::test(flavor = "multi_thread")]
async fn files_hold_no_clear_byte() {
    pools_hold_no_clear_byte(&Pool::new()).await;
}

/// An image is on the pool in no byte, and opens with its key alone. Also of [`crate::rbd`]'s test, which has the cluster.
pub async fn pools_hold_no_clear_byte(pool: &dyn PoolBench) {
    let (img, dir) = (QemuLuks(QemuImg::default()), tempfile::tempdir().unwrap());
    let (key, wrong) = (KeyBytes::new((1..33).collect()), KeyBytes::new((2..34).collect()));
    let id = make(pool, 1, VolumeSource::Blank).await;
    let target = pool.pool().export(&id, HOST, false, fence(1)).await.unwrap();
    let (image, file) = image(dir.path());
    // Twice: what a killed agent left is formatted anew.
    for _ in 0..2 {
        img.format(&target, &key, &luks()).await.unwrap();
    }
    img.write_image(&target, &key, &luks(), &image, &file).await.unwrap();
    let (fine, said) = io(&target, &key, "read -v 0 16").await;
    assert!(fine && said.contains("INXCLEARINXCLEAR"), "{said}");
    let (fine, said) = io(&target, &key, "length").await;
    assert!(fine && said.contains("GiB") || said.contains("MiB"), "{said}");
    assert!(!io(&target, &wrong, "read 0 16").await.0, "another key opens nothing");
    let large = ImageBytes { size: image.size, ..image.clone() };
    let small = Luks { size: (1 << 20) + luks().cipher.header() - 512, ..luks() };
    let refused = img.write_image(&target, &key, &small, &large, &file).await.unwrap_err();
    assert!(refused.is(Kind::BadRequest) && refused.message().contains("beside its LUKS header"), "{refused:?}");
    pool.pool().unexport(&id, fence(1)).await.unwrap();

    let bytes = stored(pool, &id).await;
    assert!(bytes.starts_with(b"LUKS\xba\xbe\0\x01"));
    assert!(!bytes.windows(8).any(|window| window == b"INXCLEAR"));

    // A clone of a snapshot has header and bytes: the same key opens it.
    let snapshot = SnapshotId::new();
    pool.pool().create_snapshot(&id, &snapshot, fence(1)).await.unwrap();
    let clone = make(pool, 2, VolumeSource::Snapshot { snapshot, volume: id.clone() }).await;
    let target = pool.pool().export(&clone, HOST, false, fence(1)).await.unwrap();
    eventually("the clone is read", async || io(&target, &key, "read -v 0 16").await.1.contains("INXCLEARINXCLEAR"))
        .await;
    let (_, said) = io(&target, &key, "length").await;
    assert!(said.contains("1.998 GiB"), "its header alone is taken off: {said}");
    pool.pool().unexport(&clone, fence(1)).await.unwrap();
}
