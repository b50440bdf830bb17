use super::*;
use crate::{driver::*, testkit::flavor};

type Pairs<'a> = &'a [(&'a str, &'a str)];

fn map(pairs: Pairs<'_>) -> BTreeMap<String, String> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn wished(vcpus: u32, specs: Pairs<'_>, image: Pairs<'_>) -> Result<Wishes> {
    let flavor = Flavor { vcpus, extra_specs: map(specs), ..flavor() };
    read(&Asked { flavor: &flavor, image: &map(image), image_name: "cirros" })
}

fn hardware(specs: Pairs<'_>, image: Pairs<'_>) -> Hardware {
    wished(4, specs, image).unwrap().hardware
}

/// The topology, or why there is none.
fn topology(vcpus: u32, specs: Pairs<'_>, image: Pairs<'_>) -> String {
    match wished(vcpus, specs, image) {
        Ok(wishes) => {
            let Package { cores, threads } = wishes.hardware.package;
            format!("{}:{cores}:{threads}", vcpus / (cores * threads))
        }
        Err(why) => why.to_string(),
    }
}

/// The cases of Nova's own tests among them.
#[test]
fn sockets_cores_and_threads() {
    for (vcpus, specs, image, expect) in [
        (8, &[][..], &[][..], "8:1:1"),
        (8, &[("hw:cpu_sockets", "8"), ("hw:cpu_cores", "2"), ("hw:cpu_threads", "1")], &[], "8:1:1"),
        (8, &[("hw:cpu_sockets", "2")], &[], "2:4:1"),
        (8, &[("hw:cpu_cores", "2"), ("hw:cpu_threads", "2")], &[], "2:2:2"),
        (8, &[("hw:cpu_max_sockets", "4"), ("hw:cpu_max_cores", "8"), ("hw:cpu_max_threads", "1")], &[], "4:2:1"),
        (16, &[("hw:cpu_sockets", "2"), ("hw:cpu_max_cores", "2"), ("hw:cpu_max_threads", "8")], &[], "2:2:4"),
        (8, &[("hw:cpu_sockets", "4")], &[("hw_cpu_sockets", "2")], "2:4:1"),
        // One word of the image's takes the place of all of the flavor's.
        (8, &[("hw:cpu_threads", "2")], &[("hw_cpu_cores", "4")], "2:4:1"),
        // The image lowers a limit, and the flavor's wish is gone.
        (8, &[("hw:cpu_sockets", "4"), ("hw:cpu_max_sockets", "4")], &[("hw_cpu_max_sockets", "2")], "2:4:1"),
        (
            8,
            &[("hw:cpu_max_sockets", "1")],
            &[("hw_cpu_max_sockets", "2")],
            "Image vCPU topology limits (sockets=2, cores=0, threads=0) exceeds the limits of the flavor (sockets=1, cores=0, \
             threads=0)",
        ),
        (
            8,
            &[("hw:cpu_max_cores", "2")],
            &[("hw_cpu_cores", "4")],
            "Image vCPU topology (sockets=0, cores=4, threads=0) exceeds the limits of the flavor or image (sockets=65536, \
             cores=2, threads=65536)",
        ),
        (
            11,
            &[("hw:cpu_max_sockets", "2"), ("hw:cpu_max_cores", "2"), ("hw:cpu_max_threads", "1")],
            &[],
            "Requested vCPU limits 2:2:1 are impossible to satisfy for vcpus count 11",
        ),
        (
            2,
            &[("hw:cpu_sockets", "two")],
            &[],
            "Invalid flavor extra spec. Error: invalid literal for int() with base 10: 'two'",
        ),
        (
            2,
            &[],
            &[("hw_cpu_cores", "two")],
            "Invalid image metadata. Error: invalid literal for int() with base 10: 'two'",
        ),
    ] {
        assert_eq!(topology(vcpus, specs, image), expect, "{vcpus} {specs:?} {image:?}");
    }
}

#[test]
fn every_device_by_default() {
    let wishes = wished(1, &[], &[]).unwrap();
    assert_eq!((wishes.rng, wishes.guest_agent), (true, false));
    assert_eq!(wishes.hardware, Hardware { hpet: Choice::Off, ..Hardware::default() });
}

#[test]
fn devices_are_chosen() {
    let was = || hardware(&[], &[]);
    let check = |specs: Pairs<'_>, image: Pairs<'_>, expect: Hardware| {
        assert_eq!(hardware(specs, image), expect, "{specs:?} {image:?}");
    };
    let reset = Some(WatchdogAction::Reset);
    check(&[("hw:watchdog_action", "reset")], &[], Hardware { watchdog: reset, ..was() });
    check(&[("hw:watchdog_action", "reset")], &[("hw_watchdog_action", "disabled")], was());
    check(&[("hw:watchdog_action", "none")], &[("hw_watchdog_action", "reset")], Hardware { watchdog: reset, ..was() });
    let rate = |bytes, period_ms| Hardware { rng_rate: Some(RngRate { bytes, period_ms }), ..was() };
    check(&[("hw_rng:rate_bytes", "500")], &[("hw_rng_model", "virtio")], rate(500, 0));
    check(&[("hw_rng:rate_bytes", "500"), ("hw_rng:rate_period", "2000")], &[], rate(500, 2000));
    check(&[("hw_rng:rate_period", "2000")], &[], was());
    let video = |model, ram_mib| Hardware { video: Video { model, ram_mib }, ..was() };
    check(&[], &[("hw_video_model", "virtio")], video(VideoModel::Virtio, None));
    check(
        &[("hw_video:ram_max_mb", "64")],
        &[("hw_video_model", "qxl"), ("hw_video_ram", "64")],
        video(VideoModel::Qxl, Some(64)),
    );
    let usb = Some(InputBus::Usb);
    check(&[], &[("hw_pointer_model", "usbtablet")], Hardware { tablet: usb, ..was() });
    let virtio = Some(InputBus::Virtio);
    let both = Hardware { keyboard: virtio, tablet: virtio, ..was() };
    check(&[], &[("hw_input_bus", "virtio"), ("hw_pointer_model", "usbtablet")], both);
    for (specs, image, more) in [
        (&[("hw:serial_port_count", "3")][..], &[][..], 2),
        (&[("hw:serial_port_count", "3")], &[("hw_serial_port_count", "2")], 1),
        (&[], &[("hw_serial_port_count", "4")], 3),
        (&[("hw:serial_port_count", "0")], &[], 0),
    ] {
        check(specs, image, Hardware { more_serial_ports: more, ..was() });
    }
    check(&[("hw:boot_menu", "true")], &[], Hardware { boot_menu: Choice::On, ..was() });
    check(&[("hw:boot_menu", "true")], &[("hw_boot_menu", "no")], was());
    check(&[], &[("hw_time_hpet", "true")], Hardware { hpet: Choice::On, ..was() });
    check(&[("hw:pmu", "no")], &[("hw_pmu", "False")], Hardware { pmu: Choice::Off, ..was() });
    check(&[], &[("os_type", "Windows")], Hardware { system: GuestSystem::Windows, ..was() });
    check(&[("hide_hypervisor_id", "1")], &[], Hardware { hypervisor_id: Choice::Off, ..was() });
    check(&[], &[("hw_scsi_model", "lsilogicsas")], Hardware { scsi: ScsiModel::LsiSas1068, ..was() });
    check(&[], &[("hw_cdrom_bus", "usb")], Hardware { cdrom: Some(DiskBus::Usb), ..was() });
    check(&[("hw:usb_model", "qemu-xhci")], &[], Hardware { usb: Some(UsbModel::QemuXhci), ..was() });
    check(&[("hw:virtio_packed_ring", "yes")], &[], Hardware { packed_rings: Choice::On, ..was() });
    let one = wished(1, &[("hw:vif_multiqueue_enabled", "yes")], &[("hw_vif_multiqueue_enabled", "no")]);
    assert_eq!(one.unwrap().hardware.nic_queues, None, "nothing to share among one processor");
    let several = |specs, properties| wished(4, specs, properties).unwrap().hardware.nic_queues;
    assert_eq!(several(&[("hw:vif_multiqueue_enabled", "yes")], &[]), Some(4));
    assert_eq!(several(&[], &[("hw_vif_multiqueue_enabled", "1")]), Some(4));
    assert_eq!(several(&[("hw:vif_multiqueue_enabled", "no")], &[]), None);
}

#[test]
fn what_cannot_be_is_refused_in_novas_words() {
    let conflict = |prefix: &str, name: &str, flavor: &str, image: &str| {
        format!(
            "Flavor m1.nano has {prefix}:{name} extra spec explicitly set to {flavor}, conflicting with image cirros which has \
             {prefix}_{name} explicitly set to {image}."
        )
    };
    let image = |value: &str| format!("Invalid image metadata. Error: Field value {value} is invalid");
    for (specs, properties, expect) in [
        (&[][..], &[("hw_vif_model", "token-ring")][..], image("token-ring")),
        (&[], &[("hw_disk_bus", "mfm")], image("mfm")),
        (&[], &[("hw_watchdog_action", "bite")], image("bite")),
        (&[], &[("hw_video_model", "hercules")], image("hercules")),
        (&[], &[("hw_pointer_model", "mouse")], image("mouse")),
        (&[], &[("os_secure_boot", "perhaps")], image("perhaps")),
        (&[("hw:watchdog_action", "bite")], &[], "Provided watchdog action (bite) is not supported.".into()),
        (&[], &[("hw_video_model", "xen")], "Provided video model (xen) is not supported.".into()),
        (
            &[("hw_video:ram_max_mb", "16")],
            &[("hw_video_ram", "32")],
            "The requested amount of video memory 32 is higher than the maximum allowed by flavor 16.".into(),
        ),
        (
            &[],
            &[("hw_video_ram", "32")],
            "The requested amount of video memory 32 is higher than the maximum allowed by flavor 0.".into(),
        ),
        (
            &[("hw:serial_port_count", "1")],
            &[("hw_serial_port_count", "2")],
            "Forbidden to exceed flavor value of number of serial ports passed in image meta.".into(),
        ),
        (
            &[("hw:serial_port_count", "many")],
            &[],
            "Number of serial ports specified in flavor is invalid: expected an integer, got 'many'".into(),
        ),
        (&[("hw:serial_port_count", "5")], &[], "Maximum number of serial port exceeds 4 for qemu".into()),
        (&[("hw:pmu", "1")], &[("hw_pmu", "0")], conflict("hw", "pmu", "True", "False")),
        (
            &[("hw:vif_multiqueue_enabled", "1")],
            &[("hw_vif_multiqueue_enabled", "0")],
            conflict("hw", "vif_multiqueue_enabled", "True", "False"),
        ),
        (
            &[("os:secure_boot", "required")],
            &[("os_secure_boot", "disabled")],
            conflict("os", "secure_boot", "required", "disabled"),
        ),
        (&[("os:secure_boot", "required")], &[], "Secure Boot is not supported by host".into()),
        (&[("hw:tpm_version", "2.0")], &[("hw_tpm_version", "1.2")], conflict("hw", "tpm_version", "2.0", "1.2")),
        (
            &[("hw:tpm_version", "1.2"), ("hw:tpm_model", "tpm-crb")],
            &[],
            "TPM model CRB is only valid with TPM version 2.0.".into(),
        ),
        (
            &[],
            &[("hw_scsi_model", "buslogic")],
            "Requested hardware 'buslogic' is not supported by the 'qemu' virt driver".into(),
        ),
        (
            &[],
            &[("hw_cdrom_bus", "ide"), ("hw_machine_type", "q35")],
            "Requested hardware 'ide' is not supported by the 'qemu' virt driver".into(),
        ),
        (
            &[("hw:locked_memory", "yes")],
            &[],
            "locked_memory value in image or flavor is forbidden when mem_page_size is not set.".into(),
        ),
        (
            &[("hw:emulator_threads_policy", "isolate")],
            &[],
            "An isolated CPU emulator threads option requires a dedicated CPU policy option.".into(),
        ),
        (
            &[("hw:cpu_realtime", "yes"), ("hw:cpu_policy", "dedicated")],
            &[],
            "Use of realtime CPUs requires either one or more non-realtime CPU(s) or offloaded emulator threads."
                .into(),
        ),
        (
            &[("hw:cpu_realtime", "yes"), ("hw:cpu_realtime_mask", "^0")],
            &[],
            "Cannot set realtime policy in a non dedicated cpu pinning policy".into(),
        ),
    ] {
        let why = wished(4, specs, properties).unwrap_err().to_string();
        assert_eq!(why, expect, "{specs:?} {properties:?}");
    }
}

#[test]
fn what_only_some_hosts_can_do_is_asked_of_placement() {
    let needed = |specs: Pairs<'_>, image: Pairs<'_>| {
        let flavor = Flavor { extra_specs: map(specs), ..flavor() };
        let image = map(image);
        let asked = Asked { flavor: &flavor, image: &image, image_name: "" };
        (needs::traits(&asked).into_iter().collect::<Vec<_>>().join(" "), needs::encrypted_memory(&asked))
    };
    for (specs, image, expect) in [
        (&[][..], &[][..], ""),
        (
            &[],
            &[("hw_disk_bus", "scsi"), ("hw_cdrom_bus", "sata"), ("hw_vif_model", "VirtualE1000e")],
            "COMPUTE_NET_VIF_MODEL_E1000E COMPUTE_STORAGE_BUS_SATA COMPUTE_STORAGE_BUS_SCSI",
        ),
        (&[], &[("hw_video_model", "qxl")], "COMPUTE_GRAPHICS_MODEL_QXL"),
        (
            &[("hw:tpm_version", "2.0")],
            &[("hw_tpm_model", "tpm-crb")],
            "COMPUTE_SECURITY_TPM_2_0 COMPUTE_SECURITY_TPM_CRB COMPUTE_SECURITY_TPM_SECRET_SECURITY_USER",
        ),
        (
            &[("os:secure_boot", "required")],
            &[("hw_firmware_type", "uefi"), ("hw_machine_type", "q35")],
            "COMPUTE_SECURITY_UEFI_SECURE_BOOT",
        ),
        (&[], &[("hw_maxphysaddr_mode", "emulate")], "COMPUTE_ADDRESS_SPACE_EMULATED"),
        (&[("hw:sound_model", "ich6")], &[], "COMPUTE_SOUND_MODEL_ICH6"),
    ] {
        assert_eq!(needed(specs, image), (expect.to_owned(), false), "{specs:?} {image:?}");
    }
    assert!(needed(&[("hw:mem_encryption", "true")], &[]).1);
}

#[test]
fn wishes_for_real_time() {
    let pinned: &[(&str, &str)] = &[("hw:cpu_policy", "dedicated"), ("hw:cpu_realtime", "yes")];
    let of = |specs: &[(&str, &str)], properties: &[(&str, &str)]| {
        let hardware = wished(4, &[pinned, specs].concat(), properties).unwrap().hardware;
        assert!(hardware.locked_memory);
        hardware.realtime.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(of(&[("hw:cpu_realtime_mask", "^0")], &[]), [1, 2, 3]);
    assert_eq!(of(&[("hw:cpu_realtime_mask", "^0")], &[("hw_cpu_realtime_mask", "2")]), [2]);
    assert_eq!(of(&[("hw:emulator_threads_policy", "isolate")], &[]), [0, 1, 2, 3]);
    let locked = wished(1, &[("hw:locked_memory", "yes"), ("hw:mem_page_size", "large")], &[]).unwrap().hardware;
    assert!(locked.locked_memory && locked.realtime.is_empty());
    assert!(!wished(1, &[], &[]).unwrap().hardware.locked_memory);
}
