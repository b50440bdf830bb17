//! A folder of hostile images: each is refused with words that say why, by the inspector, by a pool and by the converter, and nothing
//! but the image itself is opened meanwhile.

use crate::rig::{Local, Pool, image_of, run, text};
use drivers_blk::{
    conformance::volumes::{PoolBench, fence, spec},
    inspect::inspect_file,
    qemu_img::{NO_SPACE, QemuImg},
};
use image::driver::Converter;
use kernel::Kind;
use rustix::fs::inotify;
use std::{
    fs,
    mem::MaybeUninit,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};
use volume::driver::{VolumeBackend, VolumeSource};

/// What the images would like to be read: nobody may so much as open it.
struct Secret {
    path: PathBuf,
    watch: OwnedFd,
}

impl Secret {
    fn new(dir: &Path) -> Self {
        let path = dir.join("secret");
        fs::write(&path, vec![b's'; 1 << 20]).unwrap();
        let watch = inotify::init(inotify::CreateFlags::NONBLOCK).unwrap();
        inotify::add_watch(&watch, &path, inotify::WatchFlags::OPEN | inotify::WatchFlags::ACCESS).unwrap();
        Self { path, watch }
    }

    fn was_opened(&self) -> bool {
        let mut space = [MaybeUninit::<u8>::uninit(); 4096];
        inotify::Reader::new(&self.watch, &mut space).next().is_ok()
    }
}

/// A hostile image: its file, what it says to be, and why it is refused.
struct Hostile {
    name: String,
    format: &'static str,
    says: &'static str,
}

struct Folder {
    dir: PathBuf,
    all: Vec<Hostile>,
}

impl Folder {
    fn path(&self, name: &str) -> String {
        self.dir.join(name).to_str().unwrap().to_owned()
    }

    fn add(&mut self, name: &str, format: &'static str, says: &'static str) -> String {
        self.all.push(Hostile { name: name.into(), format, says });
        self.path(name)
    }

    /// One that `qemu-img` makes.
    async fn made(&mut self, name: &str, format: &'static str, says: &'static str, options: &[&str]) {
        let path = self.add(name, format, says);
        img(&[&["create", "-q"], options, &[&path, "1M"]].concat()).await;
    }

    /// A good one with some of its bytes changed.
    async fn mangled(
        &mut self,
        name: &str,
        format: &'static str,
        says: &'static str,
        change: impl FnOnce(&mut Vec<u8>),
    ) {
        let path = self.add(name, format, says);
        let qemu = if format == "vhd" { "vpc" } else { format };
        img(&["create", "-q", "-f", qemu, &path, "1M"]).await;
        let mut bytes = fs::read(&path).unwrap();
        change(&mut bytes);
        fs::write(&path, bytes).unwrap();
    }
}

async fn img(args: &[&str]) {
    let mut out = run("qemu-img", args).await;
    // QEMU times the stretching of a key by the thread's clock, which may stand still for the length of one try.
    for _ in 0..20 {
        if text(&out).contains("Unable to get accurate CPU usage") {
            out = run("qemu-img", args).await;
        }
    }
    assert!(out.status.success(), "{args:?}: {}", text(&out));
}

fn put(bytes: &mut Vec<u8>, at: usize, what: &[u8]) {
    bytes.resize(bytes.len().max(at + what.len()), 0);
    bytes[at..at + what.len()].copy_from_slice(what);
}

/// A descriptor of VMware's with an extent of the secret's.
fn descriptor(kind: &str, extent: &str, secret: &Path) -> String {
    let secret = secret.display();
    format!(
        "# Disk DescriptorFile\nversion=1\nCID=11111111\nparentCID=ffffffff\ncreateType=\"{kind}\"\n\n\
         RW 2048 {extent} \"{secret}\" 0\n\nddb.virtualHWVersion = \"4\"\n"
    )
}

/// A text as it lies in a larger space.
fn ended(text: &str) -> Vec<u8> {
    [text.as_bytes(), &[0]].concat()
}

/// Everything that leads elsewhere.
async fn leading(folder: &mut Folder, secret: &Path) {
    let at = secret.to_str().unwrap();
    let base = ["-f", "qcow2", "-u", "-F", "raw", "-b", at];
    folder.made("backing.qcow2", "qcow2", "backing file", &base).await;
    let json = format!("json:{{\"driver\":\"raw\",\"file\":{{\"driver\":\"file\",\"filename\":\"{at}\"}}}}");
    folder.made("backing-json.qcow2", "qcow2", "backing file", &["-f", "qcow2", "-u", "-F", "raw", "-b", &json]).await;
    folder
        .made(
            "backing-nbd.qcow2",
            "qcow2",
            "backing file",
            &["-f", "qcow2", "-u", "-F", "raw", "-b", "nbd://127.0.0.1:9"],
        )
        .await;
    folder
        .mangled("data-file.qcow2", "qcow2", "external data file", |b| {
            put(b, 72, &4u64.to_be_bytes());
            put(b, 112, &[&b"DATA"[..], &u32::try_from(at.len()).unwrap().to_be_bytes(), at.as_bytes()].concat());
        })
        .await;
    let texts = [
        ("flat", "monolithicFlat", "FLAT"),
        ("split", "twoGbMaxExtentFlat", "FLAT"),
        ("raw-device", "fullDevice", "FLAT"),
    ];
    for (name, kind, extent) in texts {
        let path = folder.add(&format!("descriptor-{name}.vmdk"), "vmdk", "descriptor leads to other files");
        fs::write(path, descriptor(kind, extent, secret)).unwrap();
    }
    let inner = descriptor("monolithicFlat", "FLAT", secret);
    folder.mangled("descriptor-inside.vmdk", "vmdk", "leads to other files", |b| put(b, 512, &ended(&inner))).await;
    let inner = descriptor("monolithicSparse", "SPARSE", secret);
    folder.mangled("extent-inside.vmdk", "vmdk", "its extents are other files", |b| put(b, 512, &ended(&inner))).await;
    let parent = descriptor("monolithicSparse", "SPARSE", Path::new("x")) + &format!("parentFileNameHint=\"{at}\"\n");
    folder.mangled("parent.vmdk", "vmdk", "parent file", |b| put(b, 512, &ended(&parent))).await;
    folder.mangled("no-capacity.vmdk", "vmdk", "leads to other files", |b| put(b, 12, &[0; 8])).await;
    folder.mangled("difference.vdi", "vdi", "parent file", |b| put(b, 76, &4u32.to_le_bytes())).await;
    folder.mangled("linked.vdi", "vdi", "parent file", |b| put(b, 440, &[7; 16])).await;
    folder
        .mangled("difference.vhd", "vhd", "", |b| {
            // The type, in the header's copy and in the footer.
            let end = b.len() - 512;
            put(b, 60, &4u32.to_be_bytes());
            put(b, end + 60, &4u32.to_be_bytes());
        })
        .await;
    folder
        .mangled("parent.vhdx", "vhdx", "", |b| {
            // "has parent" is bit 1 of the file's parameters, which the metadata table leads to (at 3 MiB, the item at 64 KiB).
            put(b, (3 << 20) + (64 << 10) + 4, &2u32.to_le_bytes());
        })
        .await;
}

/// Everything that is not what it seems, is more than it seems, or is not whole.
async fn lying(folder: &mut Folder) {
    bomb(folder).await;
    folder
        .mangled("endless.qcow2", "qcow2", "damaged: impossible size", |b| put(b, 24, &(1u64 << 63).to_be_bytes()))
        .await;
    folder.mangled("cut.qcow2", "qcow2", "damaged", |b| b.truncate(100_000)).await;
    folder.mangled("cut.vhdx", "vhdx", "damaged", |b| b.truncate(300_000)).await;
    folder.mangled("cut.vmdk", "vmdk", "damaged", |b| b.truncate(2_000)).await;
    folder.mangled("cut.vdi", "vdi", "damaged", |b| b.truncate(500)).await;
    folder.mangled("corrupt.qcow2", "qcow2", "marked as corrupt", |b| put(b, 72, &2u64.to_be_bytes())).await;
    // A bootable medium, too, and a disk with partitions, too.
    folder.mangled("also-iso.qcow2", "qcow2", "several formats", |b| put(b, 0x8000, b"\x01CD001\x01")).await;
    folder.mangled("also-vdi.vmdk", "vmdk", "several formats", |b| put(b, 64, &0xbeda_107fu32.to_le_bytes())).await;
    let path = folder.add("another-name.vmdk", "vmdk", "it is qcow2, not vmdk");
    img(&["create", "-q", "-f", "qcow2", &path, "1M"]).await;
    let secret = [
        "--object",
        "secret,id=k,data=key",
        "-f",
        "qcow2",
        "-o",
        "encrypt.format=luks,encrypt.key-secret=k,encrypt.iter-time=10",
    ];
    folder.made("locked.qcow2", "qcow2", "encrypted", &secret).await;
    folder.made("old-locked.qcow2", "qcow2", "encrypted", &["-f", "qcow2"]).await;
    let path = folder.path("old-locked.qcow2");
    let mut bytes = fs::read(&path).unwrap();
    put(&mut bytes, 32, &1u32.to_be_bytes());
    fs::write(path, bytes).unwrap();
    let path = folder.add("luks", "qcow2", "it is luks, not qcow2");
    img(&[
        "create",
        "-q",
        "--object",
        "secret,id=k,data=key",
        "-f",
        "luks",
        "-o",
        "key-secret=k,iter-time=10",
        &path,
        "1M",
    ])
    .await;
}

/// 8 TiB in 8 MiB: every entry of every table leads to the same table, and every entry of that one to one compressed cluster.
async fn bomb(folder: &mut Folder) {
    let (ones, path) = (folder.path("ones"), folder.add("bomb.qcow2", "qcow2", "no space left"));
    fs::write(&ones, vec![0xff; 2 << 20]).unwrap();
    img(&["convert", "-c", "-f", "raw", "-O", "qcow2", "-o", "cluster_size=2M", &ones, &path]).await;
    fs::remove_file(ones).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let number = |b: &[u8], at: usize| u64::from_be_bytes(b[at..at + 8].try_into().unwrap());
    let first = usize::try_from(number(&bytes, 40)).unwrap();
    let table = number(&bytes, first) & 0x00ff_ffff_ffff_fe00;
    let cluster = number(&bytes, usize::try_from(table).unwrap());
    put(&mut bytes, 24, &(8u64 << 40).to_be_bytes());
    put(&mut bytes, 36, &16u32.to_be_bytes());
    put(&mut bytes, first, &table.to_be_bytes().repeat(16));
    put(&mut bytes, usize::try_from(table).unwrap(), &cluster.to_be_bytes().repeat((2 << 20) / 8));
    fs::write(path, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_of_hostile_images() {
    let dir = tempfile::tempdir().unwrap();
    let secret = Secret::new(dir.path());
    let mut folder = Folder { dir: dir.path().join("images"), all: Vec::new() };
    fs::create_dir(&folder.dir).unwrap();
    leading(&mut folder, &secret.path).await;
    lying(&mut folder).await;
    // Making them may have looked; from here on nobody does.
    while secret.was_opened() {}

    let pool = Pool::new();
    for image in &folder.all {
        let (name, path) = (&image.name, folder.dir.join(&image.name));
        let says = |words: &str| words.contains(image.says);
        // A bomb's headers are in order, and so are those of what only claims another format.
        let by_content = image.says != "no space left" && !image.says.starts_with("it is ");
        let found = inspect_file(&path).await.unwrap();
        assert_eq!(by_content, !found.refusals.is_empty(), "{name}: {:?}", found.refusals);
        assert!(!by_content || found.refusals.iter().any(|r| says(r)), "{name}: {:?}", found.refusals);

        let spec = spec(64 << 10, VolumeSource::Image(image_of(&path, image.format)));
        let fetch = Local::at(path.clone());
        let volume = pool.driver().create(&spec, fence(1), fetch).await.unwrap_err();
        let to = dir.path().join("converted");
        let converted = Converter::convert(&QemuImg::default(), &path, image.format, &to, "raw").await.unwrap_err();
        for e in [volume, converted] {
            let kind = if image.says == "no space left" { Kind::TooLarge } else { Kind::BadRequest };
            assert!(e.is(kind) && says(e.message()), "{name}: {e:?}");
            assert!(kind != Kind::TooLarge || e.code() == Some(NO_SPACE), "{name}: {e:?}");
            assert!(!e.message().contains(dir.path().to_str().unwrap()), "{name}: no paths of the host: {e}");
        }
        assert!(!to.exists() && pool.leftovers(&spec.id).await.is_empty(), "{name}");
        assert!(!secret.was_opened(), "{name} led to the secret");
    }
    fs::read(&secret.path).unwrap();
    assert!(secret.was_opened(), "it would have been seen");
}
