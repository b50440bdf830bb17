//! Plain objects for unit tests.

use crate::{
    driver::{DiskBus, VmState},
    model::{
        Backing, BlockDevice, DeviceState, DiskConfig, Flavor, PowerState, Server, ServerState,
        hardware::Build,
        vm::{VmIntent, VmObserved},
    },
};
use kernel::Timestamp;

pub(crate) fn flavor() -> Flavor {
    Flavor {
        id: "1".into(),
        number: 1,
        name: "m1.nano".into(),
        vcpus: 1,
        ram_mib: 128,
        disk_gib: 1,
        ephemeral_gib: 0,
        swap_mib: 0,
        rxtx_factor: 1.0,
        public: true,
        disabled: false,
        description: None,
        extra_specs: [].into(),
        access: [].into(),
        created: Timestamp::default(),
        updated: Timestamp::default(),
    }
}

/// An active server with one local disk of 1 GiB.
pub(crate) fn server(id: &str) -> Server {
    let root = BlockDevice {
        id: format!("{id}-root"),
        what: Backing::Local { name: "root".into(), image: Some("i".into()) },
        state: DeviceState::Attached,
        device: "/dev/vda".into(),
        boot_index: Some(0),
        bus: DiskBus::Virtio,
        slot: 0,
        size_mib: 1024,
        tag: None,
        delete_on_termination: true,
    };
    Server {
        id: id.into(),
        name: id.into(),
        description: None,
        hostname: id.into(),
        project: "p".into(),
        user: "u".into(),
        created: Timestamp::from_secs(1),
        updated: Timestamp::from_secs(1),
        launched: None,
        state: ServerState::Active,
        task: None,
        power: PowerState::Running,
        fault: None,
        lock: None,
        flavor: flavor(),
        image: Some("i".into()),
        properties: [].into(),
        key: None,
        metadata: [].into(),
        tags: [].into(),
        host: None,
        cells: Vec::new(),
        machine_type: None,
        availability_zone: None,
        pinned_zone: None,
        forced_host: None,
        reservation: "r-1".into(),
        launch_index: 0,
        config_drive: false,
        user_data: None,
        access_v4: None,
        access_v6: None,
        disk_config: DiskConfig::Manual,
        devices: vec![root],
        nics: vec![],
        security_groups: vec![],
        hints: serde_json::Map::new(),
        group: None,
        trusted_certs: None,
        password: None,
        generation: 0,
        reboots: 0,
        resize: None,
        shelved_image: None,
        shelved: None,
        tpm: None,
    }
}

pub(crate) fn intent(id: &str, host: &str, generation: u64) -> VmIntent {
    let (server, host) = (Server { generation: generation - 1, ..server(id) }, host.into());
    let build = Build {
        server: &server,
        host: &host,
        image: None,
        bound: vec![],
        connected: vec![],
        groups: vec![],
        admin_pass: None,
        config: &crate::Config::default(),
    };
    build.intent()
}

pub(crate) fn observed(id: &str, host: &str, generation: u64, state: VmState) -> VmObserved {
    VmObserved {
        server: id.into(),
        host: host.into(),
        generation,
        sequence: 1,
        state,
        reboots: 0,
        error: None,
        volumes: vec![],
        ports: vec![],
        at: Timestamp::default(),
        spare: false,
    }
}
