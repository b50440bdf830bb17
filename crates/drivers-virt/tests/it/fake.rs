//! The fake: the suite, its ill luck, and its size.

use async_trait::async_trait;
use compute::driver::*;
use drivers_virt::{
    conformance::{self, Bench, Manners, Meanwhile, plain_spec},
    fake::{Call, Fake, FakeHost, FakeSettings, Ill, Rule},
};
use kernel::{Error, HostName, Kind, NetworkId, PortId, ServerId};
use parking_lot::Mutex;
use ports::KeyBytes;
use std::{path::Path, sync::Arc, time::Duration};
use tempfile::TempDir;

struct FakeBench {
    host: Mutex<Arc<FakeHost>>,
    dir: TempDir,
    persistent: bool,
    other: Arc<FakeHost>,
}

impl FakeBench {
    fn new(persistent: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let host = if persistent { Self::open(&dir) } else { FakeHost::new(FakeSettings::default()) };
        Self { host: Mutex::new(host), dir, persistent, other: FakeHost::new(FakeSettings::default()) }
    }
    fn open(dir: &TempDir) -> Arc<FakeHost> {
        FakeHost::at(dir.path().join("guests"), FakeSettings::default()).unwrap()
    }
    fn host(&self) -> Arc<FakeHost> {
        self.host.lock().clone()
    }
}

#[async_trait]
impl Bench for FakeBench {
    fn driver(&self) -> Arc<dyn Hypervisor> {
        Arc::new(Fake::on(self.host()))
    }
    async fn reopen(&self, meanwhile: &[Meanwhile<'_>]) {
        for happening in meanwhile {
            match happening {
                Meanwhile::PowersOff(server) => self.host().power_off(server),
                Meanwhile::Crashes(server) => self.host().crash(server),
            }
        }
        if self.persistent {
            *self.host.lock() = Self::open(&self.dir);
        }
    }
    async fn spec(&self, manners: Manners) -> VmSpec {
        let mut spec = plain_spec();
        spec.disks = vec![Disk { id: "root".into(), ..self.disk(&spec, 0).await }];
        spec.nics = vec![self.nic(&spec, 0).await];
        if manners == Manners::Deaf {
            self.host().deafen(&spec.server);
        }
        spec
    }
    async fn disk(&self, _spec: &VmSpec, slot: u8) -> Disk {
        Disk {
            id: format!("disk-{slot}"),
            source: DiskSource::File { path: format!("/nowhere/{slot}").into(), format: DiskFormat::Raw },
            bus: DiskBus::Virtio,
            serial: String::new(),
            boot_index: None,
            read_only: false,
            slot,
            volume: None,
            io: IoLimits::default(),
            encryption: DiskEncryption::None,
        }
    }
    async fn other(&self) -> Arc<dyn Hypervisor> {
        Arc::new(Fake::on(Arc::clone(&self.other)))
    }
    async fn twin(&self, spec: &VmSpec) -> VmSpec {
        spec.clone()
    }
    fn name(&self) -> HostName {
        "h1".into()
    }
    async fn encrypted_disk(&self, spec: &VmSpec, slot: u8, _: &KeyBytes) -> Disk {
        self.disk(spec, slot).await
    }
    async fn tpm(&self, spec: &VmSpec, version: TpmVersion, model: TpmModel) -> Tpm {
        let (state, key) = (format!("/nowhere/{}", spec.server).into(), Some(KeyBytes::new(vec![1])));
        Tpm { state, key, ..Tpm::new(version, model) }
    }
    async fn nic(&self, _spec: &VmSpec, slot: u8) -> Nic {
        Nic {
            port: PortId::new(),
            network: NetworkId::new(),
            mac: format!("52:54:00:00:00:{slot:02x}"),
            mtu: 1500,
            tap: format!("tap{slot}"),
            slot,
            model: "virtio".into(),
            addresses: Vec::new(),
        }
    }
    async fn power_off(&self, server: &ServerId) {
        self.host().power_off(server);
    }
    async fn agent(&self, _: &ServerId) {}
    async fn is_held(&self, server: &ServerId) -> bool {
        self.host().is_held(server)
    }
    async fn crash(&self, server: &ServerId) {
        self.host().crash(server);
    }
    async fn hardware(&self, server: &ServerId) -> Vec<String> {
        let status = self.driver().status(server).await.unwrap();
        let machine = self.host().machine_of(server).map(|machine| format!("machine {machine}"));
        let tpm = self.host().tpm_of(server).map(|tpm| format!("tpm {:?}", tpm.model));
        status.disks.into_iter().chain(status.ports.into_iter().map(String::from)).chain(machine).chain(tpm).collect()
    }
    async fn queues(&self, server: &ServerId, port: &PortId) -> u32 {
        self.host().queues_of(server, port).unwrap()
    }
    async fn leftovers(&self, server: &ServerId) -> Vec<String> {
        let files = std::fs::read_dir(self.dir.path().join("guests")).into_iter().flatten();
        let names = files.map(|e| e.unwrap().file_name().into_string().unwrap());
        names.filter(|n| n.contains(server.as_str())).collect()
    }
    fn scratch(&self) -> &Path {
        self.dir.path()
    }
}

mod in_memory {
    drivers_virt::conformance!(super::FakeBench::new(false));
}

mod kept_on_disk {
    drivers_virt::conformance!(super::FakeBench::new(true));
}

const FENCE: Fence = Fence { generation: 1 };

async fn state(driver: &Fake, server: &ServerId) -> VmState {
    driver.status(server).await.unwrap().state
}

#[tokio::test]
async fn ill_luck_is_as_ordered() {
    let driver = Fake::on(FakeHost::new(FakeSettings::default()));
    let (host, one, two) = (driver.host().clone(), plain_spec(), plain_spec());
    let check = async |ill: Ill, kind: Kind, expect: VmState| {
        host.rule(Rule::once(Call::Start, ill).of(&one.server));
        driver.start(&two, FENCE).await.unwrap();
        assert_eq!(driver.start(&one, FENCE).await.unwrap_err().kind(), kind);
        assert_eq!(state(&driver, &one.server).await, expect);
        driver.start(&one, FENCE).await.unwrap();
        driver.destroy(&one.server, FENCE).await.unwrap();
    };
    check(Ill::Fails(Error::conflict("no memory")), Kind::Conflict, VmState::Absent).await;
    check(Ill::LostBefore, Kind::Unavailable, VmState::Absent).await;
    check(Ill::LostAfter, Kind::Unavailable, VmState::Running).await;
    host.rule(Rule::always(Call::Status, Ill::LostBefore));
    for _ in 0..3 {
        assert!(driver.status(&one.server).await.unwrap_err().is(Kind::Unavailable));
    }
    host.clear_rules();
    driver.status(&one.server).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn late_and_endless_calls() {
    let driver = Fake::on(FakeHost::new(FakeSettings::default()));
    let (host, spec) = (driver.host().clone(), plain_spec());
    host.rule(Rule::once(Call::Start, Ill::Late(Duration::from_secs(50))));
    let began = tokio::time::Instant::now();
    driver.start(&spec, FENCE).await.unwrap();
    assert_eq!(began.elapsed().as_secs(), 50);
    host.rule(Rule::once(Call::Stop, Ill::Hangs));
    let stop = driver.stop(&spec.server, StopMode::Force, FENCE);
    assert!(tokio::time::timeout(Duration::from_secs(1_000_000), stop).await.is_err());
    assert_eq!(state(&driver, &spec.server).await, VmState::Running);
    driver.destroy(&spec.server, FENCE).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn guests_take_the_time_they_are_given() {
    let clock = kernel::ManualClock::at(kernel::Timestamp::from_secs(1_000_000));
    let settings = FakeSettings {
        boot_time: Duration::from_secs(30),
        shutdown_time: Duration::from_secs(20),
        ..FakeSettings::default()
    };
    let driver = Fake::on(FakeHost::with_clock(settings, clock.clone()));
    let spec = plain_spec();
    driver.start(&spec, FENCE).await.unwrap();
    let up = async || driver.console_log(&spec.server, Tail::All).await.unwrap().contains(conformance::BOOTED);
    assert!(!up().await);
    clock.advance(Duration::from_secs(31));
    assert!(up().await);
    let began = tokio::time::Instant::now();
    driver.stop(&spec.server, StopMode::Graceful { timeout: Duration::from_secs(60) }, FENCE).await.unwrap();
    assert_eq!(began.elapsed().as_secs(), 20);
    driver.start(&spec, FENCE).await.unwrap();
    driver.stop(&spec.server, StopMode::Graceful { timeout: Duration::from_secs(5) }, FENCE).await.unwrap();
    assert_eq!(began.elapsed().as_secs(), 25, "its time was over before it was done");
}

#[tokio::test]
async fn thousands_are_cheap() {
    let driver = Fake::on(FakeHost::new(FakeSettings::default()));
    let mut events = driver.events();
    let specs: Vec<_> = (0..5000).map(|_| plain_spec()).collect();
    for spec in &specs {
        driver.start(spec, FENCE).await.unwrap();
    }
    assert_eq!(driver.list().await.unwrap().len(), specs.len());
    for spec in &specs {
        driver.host().crash(&spec.server);
        assert_eq!(events.recv().await.unwrap().server, spec.server);
        driver.destroy(&spec.server, FENCE).await.unwrap();
    }
    assert_eq!(driver.list().await.unwrap(), []);
}

#[tokio::test]
async fn a_host_that_lost_its_disk_has_no_guests() {
    let bench = FakeBench::new(true);
    let spec = bench.spec(Manners::Obeys).await;
    bench.driver().start(&spec, FENCE).await.unwrap();
    bench.host().lose_everything();
    bench.reopen(&[]).await;
    assert_eq!(bench.driver().list().await.unwrap(), []);
}

mod disks {
    use super::*;
    use compute::driver::{ImageFetch, ImageSource, LocalDiskSpec, LocalDisks};
    use drivers_virt::{
        conformance::disks::{DiskBench, NoFetch, image},
        fake::{DiskCall, FakeDisks},
    };

    struct Disks {
        disks: FakeDisks,
        dir: TempDir,
    }

    impl Disks {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            Self { disks: FakeDisks::at(dir.path()).unwrap(), dir }
        }
    }

    #[async_trait]
    impl DiskBench for Disks {
        fn disks(&self) -> Arc<dyn LocalDisks> {
            Arc::new(self.disks.clone())
        }
        async fn reopen(&mut self) {
            self.disks = FakeDisks::at(self.dir.path()).unwrap();
        }
        fn image(&self) -> ImageSource {
            image("qcow2", 1 << 20, "0".repeat(128))
        }
        fn fetch(&self) -> Arc<dyn ImageFetch> {
            Arc::new(NoFetch)
        }
        fn scratch(&self) -> &Path {
            self.dir.path()
        }
    }

    drivers_virt::disks_conformance!(Disks::new());

    #[tokio::test]
    async fn spoiled_calls_do_nothing() {
        let bench = Disks::new();
        let spec = LocalDiskSpec { server: ServerId::new(), name: "root".into(), size_bytes: 1, base: None };
        bench.disks.fail_next(DiskCall::Create, Error::too_large("full"));
        bench.disks.list().await.unwrap();
        let e = bench.disks.create(&spec, Arc::new(NoFetch)).await.unwrap_err();
        assert!(e.is(Kind::TooLarge));
        assert_eq!(bench.disks.list().await.unwrap(), Vec::<ServerId>::new());
        bench.disks.create(&spec, Arc::new(NoFetch)).await.unwrap();
    }
}
