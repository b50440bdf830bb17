use super::*;
use compute::driver::ImageSource;
use drivers_virt::conformance::disks::{DiskBench, NoFetch, image};
use kernel::Kind;
use sha2::{Digest, Sha512};
use std::{sync::atomic::AtomicUsize, time::SystemTime};

/// A store of local disks, and an image store of one image.
struct Local {
    store: Option<LocalStore>,
    image: ImageSource,
    fetch: Arc<OneImage>,
    dir: tempfile::TempDir,
}

struct OneImage {
    bytes: Vec<u8>,
    fetched: AtomicUsize,
}

#[async_trait]
impl ImageFetch for OneImage {
    async fn fetch(&self, _image: &ImageSource, to: &Path) -> Result<()> {
        self.fetched.fetch_add(1, Ordering::Relaxed);
        tokio::fs::write(to, &self.bytes).await.doing("writing an image")
    }
}

impl Local {
    /// With a qcow2 image whose disk is 1 MiB of `content`.
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (raw, qcow2) = (dir.path().join("raw"), dir.path().join("qcow2"));
        fs::write(&raw, content()).unwrap();
        QemuImg::default().convert((&raw, Format::Raw), (&qcow2, Format::Qcow2), Compress::No).await.unwrap();
        Self::of(dir, fs::read(qcow2).unwrap(), "qcow2")
    }

    fn of(dir: tempfile::TempDir, bytes: Vec<u8>, format: &str) -> Self {
        let hash = Sha512::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        let image = image(format, bytes.len() as u64, hash);
        let store = Some(open(dir.path(), QemuImg::default()));
        Self { store, image, fetch: Arc::new(OneImage { bytes, fetched: AtomicUsize::new(0) }), dir }
    }

    fn store(&self) -> LocalStore {
        self.store.clone().unwrap()
    }

    fn root(&self) -> LocalDiskSpec {
        LocalDiskSpec {
            server: ServerId::new(),
            name: "root".into(),
            size_bytes: 2 << 20,
            base: Some(self.image.clone()),
        }
    }

    async fn create(&self, disk: &LocalDiskSpec) -> Result<PathBuf> {
        let DiskSource::File { path, .. } = self.store().create(disk, self.fetch.clone()).await? else {
            unreachable!()
        };
        Ok(path)
    }

    /// Everything that is not a disk of `disk`: the cache and what is in the making.
    fn files(&self, below: &str) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path().join("local").join(below)).unwrap();
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }
}

fn open(dir: &Path, img: QemuImg) -> LocalStore {
    let config = LocalConfig { keep_unused: Duration::from_secs(3600), ..LocalConfig::new(dir.join("local")) };
    LocalStore::open(config, img).unwrap()
}

fn content() -> Vec<u8> {
    (0..1u32 << 18).flat_map(u32::to_le_bytes).collect()
}

#[async_trait]
impl DiskBench for Local {
    fn disks(&self) -> Arc<dyn LocalDisks> {
        Arc::new(self.store())
    }
    async fn reopen(&mut self) {
        self.store = None;
        self.store = Some(open(self.dir.path(), QemuImg::default()));
    }
    fn image(&self) -> ImageSource {
        self.image.clone()
    }
    fn fetch(&self) -> Arc<dyn ImageFetch> {
        self.fetch.clone()
    }
    fn scratch(&self) -> &Path {
        self.dir.path()
    }
}

mod suite {
    use super::*;
    drivers_virt::disks_conformance!(Local::new().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_shows_its_image_and_keeps_what_is_written() {
    let local = Local::new().await;
    let disk = local.root();
    let path = local.create(&disk).await.unwrap();
    let info = QemuImg::default().info(&path, Format::Qcow2).await.unwrap();
    assert_eq!((info.virtual_size, info.backing_filename_format.as_deref()), (2 << 20, Some("raw")));
    let write = ["-f", "qcow2", "-c", "write -P 0x5a 4096 4096"];
    assert!(std::process::Command::new("qemu-io").args(write).arg(&path).output().unwrap().status.success());
    assert_eq!(local.create(&disk).await.unwrap(), path);
    let (out, raw) = (local.dir.path().join("out"), local.dir.path().join("out.raw"));
    local.store().export(&disk.server, "root", &out).await.unwrap();
    QemuImg::default().convert((&out, Format::Qcow2), (&raw, Format::Raw), Compress::No).await.unwrap();
    let mut expect = content();
    expect[4096..8192].fill(0x5a);
    expect.resize(2 << 20, 0);
    assert!(fs::read(raw).unwrap() == expect);
    assert!(!local.files("").iter().any(|f| f.contains("part")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_disks_one_fetch() {
    let local = Local::new().await;
    let disks: Vec<_> = (0..12).map(|_| local.root()).collect();
    let made = futures_util::future::join_all(disks.iter().map(|d| local.create(d))).await;
    assert!(made.iter().all(Result::is_ok), "{made:?}");
    assert_eq!(local.fetch.fetched.load(Ordering::Relaxed), 1);
    assert_eq!((local.files("images").len(), local.files("scratch/making").len()), (1, 0));
}

/// Refusals say whose fault it is and leave neither a disk nor an image.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_images_are_refused() {
    let check = async |local: &Local, disk: LocalDiskSpec, kind: Kind, says: &str| {
        let e = local.create(&disk).await.unwrap_err();
        assert_eq!(e.kind(), kind, "{e:?}");
        assert!(e.message().contains(says), "{e:?}");
        assert_eq!((local.files("images").len(), local.files("scratch/making").len()), (0, 0), "{says}");
        assert!(local.store().export(&disk.server, "root", &local.dir.path().join("x")).await.is_err());
    };
    let local = Local::new().await;
    let with = |change: fn(&mut ImageSource)| {
        let mut disk = local.root();
        disk.base.as_mut().into_iter().for_each(change);
        disk
    };
    check(&local, with(|i| i.hash = "0".repeat(128)), Kind::BadRequest, "damaged").await;
    check(&local, with(|i| i.size += 1), Kind::BadRequest, "damaged").await;
    check(&local, with(|i| i.hash = "../../x".into()), Kind::BadRequest, "malformed hash").await;
    check(&local, with(|i| i.hash_algo = "md5".into()), Kind::BadRequest, "md5").await;
    check(&local, with(|i| i.disk_format = "vmdk".into()), Kind::BadRequest, "").await;
    check(&local, with(|i| i.disk_format = "docker".into()), Kind::BadRequest, "docker").await;
    check(&local, LocalDiskSpec { size_bytes: 4096, ..local.root() }, Kind::BadRequest, "needs a disk").await;
    // An image that would show the guest a file of the host.
    let dir = tempfile::tempdir().unwrap();
    let (secret, evil) = (dir.path().join("secret"), dir.path().join("evil"));
    fs::write(&secret, vec![1; 1 << 20]).unwrap();
    QemuImg::default().create_overlay(&evil, (&secret, Format::Raw), 1 << 20).await.unwrap();
    let local = Local::of(dir, fs::read(evil).unwrap(), "qcow2");
    check(&local, local.root(), Kind::BadRequest, "backing file").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_and_cleaned_up_after() {
    let mut local = Local::new().await;
    local.store = None;
    let full = local.dir.path().join("full");
    let script = "#!/bin/sh\ncase \"$1\" in info) exec qemu-img \"$@\";; esac\nfor last; do :; done\n\
                  echo half > \"$last\"\necho \"qemu-img: error while writing: No space left on device\" >&2\nexit 1\n";
    fs::write(&full, script).unwrap();
    fs::set_permissions(&full, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    local.store = Some(open(local.dir.path(), QemuImg::new(full, 1)));
    let disk = local.root();
    let e = local.create(&disk).await.unwrap_err();
    assert_eq!((e.kind(), e.code()), (Kind::TooLarge, Some(crate::qemu_img::NO_SPACE)));
    assert!(e.message().contains("no space left on the host's disk"), "{e}");
    assert_eq!((local.files("images").len(), local.files("scratch/making").len()), (0, 0));
    local.reopen().await;
    local.create(&disk).await.unwrap();
}

/// Killed anywhere in `create`, the next one makes the disk, and nothing else is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_create_left_is_no_disk() {
    let mut local = Local::new().await;
    let disk = local.root();
    fs::write(local.dir.path().join("local/scratch/making/1-1"), "half an image").unwrap();
    // Its claim was written, its overlay not.
    let of = local.dir.path().join("local/disks").join(disk.server.as_str());
    fs::create_dir_all(&of).unwrap();
    fs::write(of.join("root.json"), "{\"base\":null}").unwrap();
    local.reopen().await;
    assert!(local.files("scratch/making").is_empty());
    let path = local.create(&disk).await.unwrap();
    assert_eq!(QemuImg::default().info(&path, Format::Qcow2).await.unwrap().virtual_size, 2 << 20);
    let second = LocalStore::open(LocalConfig::new(local.dir.path().join("local")), QemuImg::default());
    assert!(second.err().unwrap().is(Kind::Conflict));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn images_go_when_nobody_needs_them() {
    let local = Local::new().await;
    let disk = local.root();
    local.create(&disk).await.unwrap();
    let base = local.dir.path().join("local/images").join(&local.files("images")[0]);
    let age = || {
        let old = SystemTime::now() - Duration::from_secs(7200);
        File::options().append(true).open(&base).unwrap().set_modified(old).unwrap();
    };
    age();
    assert_eq!(local.store().prune().await.unwrap(), [], "a disk lies on it");
    local.store().remove(&disk.server).await.unwrap();
    let again = local.root();
    local.create(&again).await.unwrap();
    local.store().remove(&again.server).await.unwrap();
    assert_eq!(local.store().prune().await.unwrap(), [], "it was used a moment ago");
    age();
    assert_eq!(local.store().prune().await.unwrap().len(), 1);
    assert!(!base.exists());
    local.create(&disk).await.unwrap();
    assert_eq!(local.fetch.fetched.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn swap_is_raw_and_an_image_may_give_the_size() {
    let local = Local::new().await;
    let swap = LocalDiskSpec { name: "swap".into(), base: None, ..local.root() };
    let made = local.store().create(&swap, Arc::new(NoFetch)).await.unwrap();
    let DiskSource::File { path, format: DiskFormat::Raw } = made else { panic!("{made:?}") };
    assert_eq!(fs::metadata(path).unwrap().len(), 2 << 20);
    let path = local.create(&LocalDiskSpec { size_bytes: 0, ..local.root() }).await.unwrap();
    assert_eq!(QemuImg::default().info(&path, Format::Qcow2).await.unwrap().virtual_size, 1 << 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_of_another_host_keeps_its_bytes_grows_and_leads_nowhere() {
    let local = Local::new().await;
    let (img, root) = (QemuImg::default(), local.root());
    local.create(&root).await.unwrap();
    let copy = local.dir.path().join("copy");
    local.store().export(&root.server, "root", &copy).await.unwrap();
    let there = LocalDiskSpec { server: ServerId::new(), size_bytes: 4 << 20, base: None, ..root };
    local.store().adopt(&there, &copy).await.unwrap();
    let (qcow2, raw) = (local.create(&there).await.unwrap(), local.dir.path().join("read"));
    img.convert((&qcow2, Format::Qcow2), (&raw, Format::Raw), Compress::No).await.unwrap();
    let bytes = fs::read(&raw).unwrap();
    assert_eq!((bytes.len(), &bytes[..1 << 20]), (4 << 20, &content()[..]));

    let hostile = local.dir.path().join("hostile");
    img.create_overlay(&hostile, (&raw, Format::Raw), 4 << 20).await.unwrap();
    let next = LocalDiskSpec { name: "rootv2".into(), ..there };
    let refused = local.store().adopt(&next, &hostile).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (Kind::BadRequest, Some(crate::qemu_img::INVALID_IMAGE)));
    assert!(local.files("scratch/making").is_empty());
}
