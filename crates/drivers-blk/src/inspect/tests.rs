//! Headers made by hand: good ones, and each way in which one can be bad. What `qemu-img` makes is looked at in `tests/it`.

use super::*;
use proptest::prelude::*;

struct Memory(Vec<u8>);

#[async_trait]
impl ReadAt for Memory {
    async fn read_at(&self, offset: u64, length: usize) -> Result<Vec<u8>> {
        let start = (offset as usize).min(self.0.len());
        let end = start.saturating_add(length).min(self.0.len());
        Ok(self.0[start..end].to_vec())
    }
}

fn inspect(bytes: Vec<u8>) -> Inspection {
    let size = bytes.len() as u64;
    futures_util::FutureExt::now_or_never(look(&Memory(bytes), size)).expect("memory is at hand").unwrap()
}

fn put(bytes: &mut Vec<u8>, at: usize, what: &[u8]) {
    if bytes.len() < at + what.len() {
        bytes.resize(at + what.len(), 0);
    }
    bytes[at..at + what.len()].copy_from_slice(what);
}

type Change = fn(&mut Vec<u8>);

/// Each change makes the good image one that is still recognised, and refused with these words.
fn check_refusals(good: &[u8], format: &str, cases: &[(&str, Change)]) {
    let inspection = inspect(good.to_vec());
    assert_eq!((inspection.format.as_str(), &inspection.refusals), (format, &vec![]));
    for (words, change) in cases {
        let mut bytes = good.to_vec();
        change(&mut bytes);
        let inspection = inspect(bytes);
        assert_eq!(inspection.format, format, "{words}");
        assert!(inspection.refusals.iter().any(|r| r.contains(words)), "{words}: {:?}", inspection.refusals);
    }
}

const CLUSTER: usize = 1 << 16;

/// 1 GiB, one table of the second level, version 3.
fn qcow2() -> Vec<u8> {
    let mut b = vec![0; 5 * CLUSTER];
    put(&mut b, 0, b"QFI\xfb\0\0\0\x03");
    put(&mut b, 20, &16u32.to_be_bytes());
    put(&mut b, 24, &(1u64 << 30).to_be_bytes());
    put(&mut b, 36, &2u32.to_be_bytes());
    put(&mut b, 40, &(3 * CLUSTER as u64).to_be_bytes());
    put(&mut b, 48, &(CLUSTER as u64).to_be_bytes());
    put(&mut b, 56, &1u32.to_be_bytes());
    put(&mut b, 96, &4u32.to_be_bytes());
    put(&mut b, 100, &112u32.to_be_bytes());
    put(&mut b, 3 * CLUSTER, &((4 * CLUSTER as u64) | 1 << 63).to_be_bytes());
    b
}

#[test]
fn qcow2_headers() {
    let found = inspect(qcow2());
    assert_eq!((found.virtual_size, found.details["cluster_size"].as_str()), (1 << 30, "65536"));
    check_refusals(
        &qcow2(),
        "qcow2",
        &[
            ("backing file", |b| put(b, 8, &600u64.to_be_bytes())),
            ("external data file", |b| put(b, 72, &4u64.to_be_bytes())),
            // Named but not switched on: QEMU would ignore it today.
            ("external data file", |b| put(b, 112, b"DATA\0\0\0\x0b/etc/passwd")),
            ("encrypted", |b| put(b, 32, &1u32.to_be_bytes())),
            ("encrypted", |b| put(b, 112, b"\x05\x37\xbe\x77\0\0\0\x10")),
            ("marked as corrupt", |b| put(b, 72, &2u64.to_be_bytes())),
            ("unknown incompatible", |b| put(b, 72, &32u64.to_be_bytes())),
            ("unknown incompatible", |b| put(b, 72, &(1u64 << 63).to_be_bytes())),
            ("unknown compression", |b| put(b, 104, &[2])),
            ("unsupported qcow2 version 1", |b| put(b, 4, &1u32.to_be_bytes())),
            ("unsupported qcow2 version 4", |b| put(b, 4, &4u32.to_be_bytes())),
            ("cluster size", |b| put(b, 20, &8u32.to_be_bytes())),
            ("cluster size", |b| put(b, 20, &u32::MAX.to_be_bytes())),
            ("impossible size", |b| put(b, 24, &u64::MAX.to_be_bytes())),
            ("does not fit the disk's size", |b| put(b, 24, &(1u64 << 40).to_be_bytes())),
            ("does not fit the disk's size", |b| put(b, 36, &u32::MAX.to_be_bytes())),
            ("beyond the file's end", |b| put(b, 40, &(1u64 << 50).to_be_bytes())),
            ("beyond the file's end", |b| put(b, 40, &1000u64.to_be_bytes())),
            ("table of reference counts", |b| put(b, 48, &0u64.to_be_bytes())),
            ("table of reference counts", |b| put(b, 48, &77u64.to_be_bytes())),
            ("table of reference counts", |b| put(b, 56, &u32::MAX.to_be_bytes())),
            ("reference counts lies beyond", |b| put(b, 48, &(1u64 << 40).to_be_bytes())),
            ("table of snapshots", |b| put(b, 60, &[0, 0, 0, 1, 0xff])),
            ("table of snapshots", |b| put(b, 60, &u32::MAX.to_be_bytes())),
            ("width of reference counts", |b| put(b, 96, &7u32.to_be_bytes())),
            ("header length", |b| put(b, 100, &72u32.to_be_bytes())),
            ("header length", |b| put(b, 100, &113u32.to_be_bytes())),
            ("header extension", |b| put(b, 112, &[0x11; 8])),
            ("clusters lie beyond", |b| put(b, 3 * CLUSTER + 8, &(1u64 << 40).to_be_bytes())),
            ("clusters lie beyond", |b| b.truncate(4 * CLUSTER)),
            ("beyond the file's end", |b| b.truncate(2 * CLUSTER)),
            ("cut short", |b| b.truncate(60)),
            ("cut short", |b| b.truncate(4)),
        ],
    );
    // Version 2 ends before the feature bits, and bits there are not features.
    let mut old = qcow2();
    put(&mut old, 4, &2u32.to_be_bytes());
    put(&mut old, 72, &[0; 40]);
    assert_eq!(inspect(old).refusals, Vec::<String>::new());
}

const DESCRIPTOR: &str = "# Disk DescriptorFile\nversion=1\nCID=11111111\nparentCID=ffffffff\ncreateType=\"monolithicSparse\"\n\n\
    # Extent description\nRW 20480 SPARSE \"disk.vmdk\"\n\n# The Disk Data Base\n#DDB\nddb.virtualHWVersion = \"4\"\n";

fn vmdk_with(descriptor: &str) -> Vec<u8> {
    let mut b = vec![0; 70_000];
    put(&mut b, 0, b"KDMV\x01\0\0\0\x03\0\0\0");
    for (at, value) in [(12, 20_480u64), (20, 128), (28, 1), (36, 20), (48, 21), (56, 26)] {
        put(&mut b, at, &value.to_le_bytes());
    }
    put(&mut b, 44, &512u32.to_le_bytes());
    put(&mut b, 512, &[0; 20 * 512]);
    put(&mut b, 512, descriptor.as_bytes());
    b
}

#[test]
fn vmdk_headers() {
    let found = inspect(vmdk_with(DESCRIPTOR));
    assert_eq!((found.virtual_size, found.details["create_type"].as_str()), (20_480 * 512, "monolithicsparse"));
    check_refusals(
        &vmdk_with(DESCRIPTOR),
        "vmdk",
        &[
            ("leads to other files", |b| put(b, 12, &0u64.to_le_bytes())),
            ("impossible size", |b| put(b, 12, &u64::MAX.to_le_bytes())),
            ("unsupported vmdk version", |b| put(b, 4, &9u32.to_le_bytes())),
            ("grain size", |b| put(b, 20, &3u64.to_le_bytes())),
            ("grain size", |b| put(b, 44, &4096u32.to_le_bytes())),
            ("tables lie beyond", |b| put(b, 64, &(1u64 << 40).to_le_bytes())),
            ("grain directory", |b| put(b, 56, &(1u64 << 50).to_le_bytes())),
            ("descriptor is not where", |b| put(b, 28, &2u64.to_le_bytes())),
            ("descriptor is not where", |b| put(b, 36, &u64::MAX.to_le_bytes())),
            ("descriptor is not where", |b| b.truncate(600)),
            ("footer", |b| put(b, 56, &u64::MAX.to_le_bytes())),
            ("not text", |b| put(b, 520, &[0xff, 0xfe])),
            ("cut short", |b| b.truncate(50)),
        ],
    );
    for (words, from, to) in [
        ("other files", "monolithicSparse", "monolithicFlat"),
        ("other files", "monolithicSparse", "twoGbMaxExtentSparse"),
        ("other files", "monolithicSparse", "vmfs"),
        ("has no type", "createType", "createKind"),
        ("several types", "CID=1", "createType=\"monolithicSparse\"\nCID=1"),
        ("parent file", "CID=11111111", "parentFileNameHint=\"/etc/passwd\""),
        ("parent file", "#DDB", "#DDB parentFileNameHint=\"/etc/passwd\""),
        ("extents are other files", "\"disk.vmdk\"", "\"/etc/passwd\""),
        ("extents are other files", "SPARSE", "FLAT"),
        ("extents are other files", "RW 20480 SPARSE \"disk.vmdk\"", "# none"),
        ("extents are other files", "# Extent", "RW 1 SPARSE \"x.vmdk\"\n# Extent"),
        ("not understood", "# Extent", "CHANGED 20480 SPARSE \"x.vmdk\"\n# Extent"),
    ] {
        assert!(DESCRIPTOR.contains(from));
        let found = inspect(vmdk_with(&DESCRIPTOR.replace(from, to)));
        assert!(found.refusals.iter().any(|r| r.contains(words)), "{to}: {:?}", found.refusals);
    }
}

#[test]
fn text_that_qemu_takes_for_a_vmdk() {
    for text in [
        DESCRIPTOR,
        "version=1\n",
        "# x\n\n# y\nVersion=3\nRW 1 FLAT \"/etc/passwd\" 0\n",
        "\n\n# DISK DESCRIPTORFILE\n",
    ] {
        let found = inspect(text.into());
        assert_eq!((found.format.as_str(), found.refusals.len()), ("vmdk", 1), "{text}");
    }
    assert_eq!(inspect(b"COWD\x01\0\0\0".to_vec()).refusals.len(), 1);
    for text in ["#!/bin/sh\necho\n", "version=4\n", "Version 1\n", "#cloud-config\n"] {
        assert_eq!(inspect(text.into()), raw(text.len() as u64), "{text}");
    }
}

fn raw(size: u64) -> Inspection {
    Inspection { format: "raw".into(), virtual_size: size, refusals: vec![], details: BTreeMap::new() }
}

#[test]
fn stream_optimised_footers() {
    let mut b = vmdk_with(&DESCRIPTOR.replace("monolithicSparse", "streamOptimized"));
    put(&mut b, 56, &u64::MAX.to_le_bytes());
    let header = b[..512].to_vec();
    let (end, marker) = (b.len(), |kind: u32| [&[0; 12][..], &kind.to_le_bytes(), &[0; 496]].concat());
    put(&mut b, end, &marker(3));
    put(&mut b, end + 512, &header);
    put(&mut b, end + 512 + 56, &26u64.to_le_bytes());
    put(&mut b, end + 1024, &marker(0));
    assert_eq!(inspect(b.clone()).refusals, Vec::<String>::new());
    let cases: [(usize, &[u8]); 5] =
        [(512 + 28, &[9]), (512 + 12, &[0; 8]), (512 + 56, &[0xff; 8]), (12, &[0]), (1024 + 100, &[1])];
    for (at, what) in cases {
        let mut bad = b.clone();
        put(&mut bad, end + at, what);
        assert!(inspect(bad).refusals.iter().any(|r| r.contains("footer")), "{at}");
    }
}

fn vhd_footer(kind: u32, size: u64, header_at: u64) -> Vec<u8> {
    let mut b = vec![0; 512];
    put(&mut b, 0, b"conectix");
    put(&mut b, 16, &header_at.to_be_bytes());
    put(&mut b, 48, &size.to_be_bytes());
    put(&mut b, 60, &kind.to_be_bytes());
    let sum: u32 = b.iter().map(|b| u32::from(*b)).sum();
    put(&mut b, 64, &(!sum).to_be_bytes());
    b
}

fn dynamic_vhd(kind: u32) -> Vec<u8> {
    let mut b = vhd_footer(kind, 8 << 20, 512);
    put(&mut b, 512, b"cxsparse");
    put(&mut b, 512 + 16, &1536u64.to_be_bytes());
    put(&mut b, 512 + 28, &4u32.to_be_bytes());
    put(&mut b, 512 + 32, &(2u32 << 20).to_be_bytes());
    put(&mut b, 1536, &[0xff; 512]);
    put(&mut b, 2048, &vhd_footer(kind, 8 << 20, 512));
    b
}

#[test]
fn vhd_headers() {
    assert_eq!(inspect(dynamic_vhd(3)).virtual_size, 8 << 20);
    check_refusals(
        &dynamic_vhd(3),
        "vhd",
        &[
            ("parent file", |b| *b = dynamic_vhd(4)),
            ("impossible vhd type", |b| *b = dynamic_vhd(9)),
            ("checksum", |b| put(b, 50, &[1])),
            ("no dynamic header", |b| put(b, 512, b"x")),
            ("dynamic header lies beyond", |b| *b = vhd_footer(3, 1 << 20, 1 << 50)),
            ("block table lies beyond", |b| put(b, 512 + 16, &(1u64 << 50).to_be_bytes())),
            ("does not fit", |b| put(b, 512 + 28, &1u32.to_be_bytes())),
            ("does not fit", |b| put(b, 512 + 32, &3u32.to_be_bytes())),
            ("cut short", |b| b.truncate(100)),
        ],
    );
}

#[test]
fn fixed_vhds_are_a_disk_and_a_footer() {
    let disk = gpt_disk(1 << 20);
    let whole = [disk.clone(), vhd_footer(2, 1 << 20, u64::MAX)].concat();
    let found = inspect(whole);
    assert_eq!((found.format.as_str(), found.virtual_size, found.refusals), ("vhd", 1 << 20, vec![]));
    let short = [disk.clone(), vhd_footer(2, 1 << 21, u64::MAX)].concat();
    assert!(inspect(short).refusals[0].contains("larger than the file"));
    // Without a right checksum it is only bytes at the end of a raw disk.
    let mut broken = [disk, vhd_footer(2, 1 << 20, u64::MAX)].concat();
    let at = broken.len() - 512 + 20;
    put(&mut broken, at, &[1]);
    assert_eq!(inspect(broken).format, "gpt");
    let inside = [qcow2(), vhd_footer(2, 1 << 10, u64::MAX)].concat();
    assert!(inspect(inside).refusals.iter().any(|r| r.contains("several formats at once: qcow2, vhd")));
}

fn vhdx() -> Vec<u8> {
    let guid = |text: &str| {
        let bytes: Vec<u8> = (0..16).map(|i| u8::from_str_radix(&text[i * 2..i * 2 + 2], 16).unwrap()).collect();
        [&[bytes[3], bytes[2], bytes[1], bytes[0], bytes[5], bytes[4], bytes[7], bytes[6]], &bytes[8..]].concat()
    };
    let mut b = vec![0; 3 << 20];
    put(&mut b, 0, b"vhdxfile");
    put(&mut b, 192 << 10, b"regi");
    put(&mut b, (192 << 10) + 8, &2u32.to_le_bytes());
    for (n, (id, at)) in
        [("2dc27766f62342009d64115e9bfd4a08", 1u64 << 20), ("8b7ca20647904b9ab8fe575f050f886e", 2 << 20)]
            .into_iter()
            .enumerate()
    {
        let entry = (192 << 10) + 16 + n * 32;
        put(&mut b, entry, &guid(id));
        put(&mut b, entry + 16, &at.to_le_bytes());
        put(&mut b, entry + 24, &(1u32 << 20).to_le_bytes());
        put(&mut b, entry + 28, &1u32.to_le_bytes());
    }
    let table = 2 << 20;
    put(&mut b, table, b"metadata");
    put(&mut b, table + 10, &2u16.to_le_bytes());
    for (n, id) in ["caa16737fa364d43b3b633f0aa44e76b", "2fa54224cd1b4876b2115dbed83bf4b8"].into_iter().enumerate() {
        let entry = table + 32 + n * 32;
        put(&mut b, entry, &guid(id));
        put(&mut b, entry + 16, &(65_536 + 16 * n as u32).to_le_bytes());
        put(&mut b, entry + 20, &8u32.to_le_bytes());
        put(&mut b, entry + 24, &4u32.to_le_bytes());
    }
    put(&mut b, table + 65_536, &(1u32 << 25).to_le_bytes());
    put(&mut b, table + 65_536 + 16, &(7u64 << 30).to_le_bytes());
    b
}

#[test]
fn vhdx_headers() {
    assert_eq!(inspect(vhdx()).virtual_size, 7 << 30);
    check_refusals(
        &vhdx(),
        "vhdx",
        &[
            ("parent file", |b| put(b, (2 << 20) + 65_540, &2u32.to_le_bytes())),
            ("unknown required", |b| put(b, (192 << 10) + 16, &[9])),
            ("unknown required", |b| {
                put(b, (2 << 20) + 10, &3u16.to_le_bytes());
                put(b, (2 << 20) + 32 + 64, &[7; 32]);
            }),
            ("no metadata", |b| put(b, 192 << 10, b"x")),
            ("no metadata", |b| put(b, (192 << 10) + 8, &u32::MAX.to_le_bytes())),
            ("no metadata", |b| b.truncate(100 << 10)),
            ("region lies beyond", |b| put(b, (192 << 10) + 32, &(1u64 << 60).to_le_bytes())),
            ("region lies beyond", |b| b.truncate((2 << 20) + 70_000)),
            ("not where it belongs", |b| put(b, 2 << 20, b"x")),
            ("not where it belongs", |b| put(b, (2 << 20) + 10, &[0xff, 0xff])),
            ("no size", |b| put(b, (2 << 20) + 10, &1u16.to_le_bytes())),
            ("cut short", |b| put(b, (2 << 20) + 32 + 16, &u32::MAX.to_le_bytes())),
            ("impossible size", |b| put(b, (2 << 20) + 65_552, &[0; 8])),
            ("impossible size", |b| put(b, (2 << 20) + 65_552, &[0xff; 8])),
        ],
    );
}

fn vdi() -> Vec<u8> {
    let mut b = vec![0; 2 << 20];
    put(&mut b, 64, &0xbeda_107fu32.to_le_bytes());
    put(&mut b, 68, &0x0001_0001u32.to_le_bytes());
    for (at, value) in [(72, 400u32), (76, 1), (340, 512), (344, 1024), (376, 1 << 20), (384, 10)] {
        put(&mut b, at, &value.to_le_bytes());
    }
    put(&mut b, 368, &(10u64 << 20).to_le_bytes());
    b
}

#[test]
fn vdi_headers() {
    assert_eq!(inspect(vdi()).virtual_size, 10 << 20);
    check_refusals(
        &vdi(),
        "vdi",
        &[
            ("unsupported vdi version", |b| put(b, 68, &[2])),
            ("parent file", |b| put(b, 76, &[4])),
            ("parent file", |b| put(b, 424, &[1])),
            ("parent file", |b| put(b, 440, &[1])),
            ("does not fit", |b| put(b, 376, &[1])),
            ("does not fit", |b| put(b, 368, &[0xff; 8])),
            ("beyond the file's end", |b| put(b, 340, &u32::MAX.to_le_bytes())),
            ("beyond the file's end", |b| put(b, 344, &u32::MAX.to_le_bytes())),
            ("cut short", |b| b.truncate(70)),
        ],
    );
}

#[test]
fn luks_and_qed() {
    let mut luks = vec![0; 3 << 20];
    put(&mut luks, 0, b"LUKS\xba\xbe\0\x01");
    put(&mut luks, 104, &4096u32.to_be_bytes());
    assert_eq!(inspect(luks.clone()).virtual_size, 1 << 20);
    check_refusals(
        &luks,
        "luks",
        &[
            ("version 1", |b| put(b, 6, &[0, 2])),
            ("beyond the file's end", |b| put(b, 104, &u32::MAX.to_be_bytes())),
            ("cut short", |b| b.truncate(50)),
        ],
    );
    let qed = inspect(b"QED\0 and whatever".to_vec());
    assert_eq!((qed.format.as_str(), qed.refusals.len()), ("qed", 1));
}

fn mbr_disk(size: usize, kind: u8) -> Vec<u8> {
    let mut b = vec![0; size];
    put(&mut b, 446 + 4, &[kind]);
    put(&mut b, 510, &[0x55, 0xaa]);
    b
}

fn gpt_disk(size: usize) -> Vec<u8> {
    let mut b = mbr_disk(size, 0xee);
    put(&mut b, 512, b"EFI PART");
    b
}

fn iso_over(mut b: Vec<u8>) -> Vec<u8> {
    put(&mut b, 32_768, b"\x01CD001");
    let size = b.len().max(40_000);
    b.resize(size, 0);
    b
}

#[test]
fn plain_disks() {
    assert_eq!(inspect(vec![]), raw(0));
    assert_eq!(inspect(vec![7; 100]), raw(100));
    assert_eq!(inspect(mbr_disk(1 << 20, 0x83)), raw(1 << 20));
    assert_eq!(inspect(mbr_disk(1 << 20, 0xee)), raw(1 << 20), "a protective MBR protects nothing here");
    let gpt = inspect(gpt_disk(1 << 20));
    assert_eq!((gpt.format.as_str(), gpt.virtual_size, gpt.refusals), ("gpt", 1 << 20, vec![]));
    let mut large_sectors = mbr_disk(1 << 20, 0xee);
    put(&mut large_sectors, 4096, b"EFI PART");
    assert_eq!(inspect(large_sectors).format, "gpt");
    for disk in [vec![], mbr_disk(60_000, 0x17), gpt_disk(60_000)] {
        let size = disk.len().max(40_000) as u64;
        let found = inspect(iso_over(disk));
        assert_eq!((found.format.as_str(), found.virtual_size, found.refusals), ("iso", size, vec![]));
    }
}

#[test]
fn several_formats_at_once() {
    // One that is checked as an ISO and opened as a qcow2 was CVE-2024-44082.
    for (name, bytes) in [
        ("qcow2", qcow2()),
        ("vmdk", vmdk_with(DESCRIPTOR)),
        ("vhdx", vhdx()),
        ("vdi", vdi()),
        ("luks", [&b"LUKS\xba\xbe\0\x01"[..], &[0; 50_000]].concat()),
        ("qed", [&b"QED\0"[..], &[0; 50_000]].concat()),
    ] {
        let found = inspect(iso_over(bytes));
        let words = format!("several formats at once: {name}, iso");
        assert!(found.refusals.iter().any(|r| r.contains(&words)), "{name}: {:?}", found.refusals);
    }
    let mut both = qcow2();
    put(&mut both, 64, &0xbeda_107fu32.to_le_bytes());
    assert!(inspect(both).refusals.iter().any(|r| r.contains("several formats at once: qcow2, vdi")));
}

fn seeds() -> impl Strategy<Value = Vec<u8>> {
    let footer = vhd_footer(2, 1 << 16, 0);
    prop::sample::select(vec![
        qcow2(),
        vmdk_with(DESCRIPTOR),
        dynamic_vhd(3),
        [gpt_disk(1 << 16), footer].concat(),
        vhdx(),
        vdi(),
        iso_over(gpt_disk(40_000)),
        b"LUKS\xba\xbe\0\x01".to_vec(),
        DESCRIPTOR.into(),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the bytes, there is an answer.
    #[test]
    fn any_bytes_have_an_answer(head in prop::collection::vec(any::<u8>(), 0..4096)) {
        prop_assert!(!inspect(head).format.is_empty());
    }

    /// Headers with a few fields overwritten, where numbers are at their most telling, and files cut anywhere.
    #[test]
    fn mangled_headers_have_an_answer(
        seed in seeds(),
        blows in prop::collection::vec((0usize..700, prop::sample::select(vec![0u64, 1, 3, 0xff, 1 << 31, u64::from(u32::MAX), 1 << 63, u64::MAX, u64::MAX - 511])), 0..6),
        deep in any::<prop::sample::Index>(),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = seed;
        for (at, value) in blows {
            put(&mut bytes, at, &value.to_be_bytes());
            put(&mut bytes, at / 2, &value.to_le_bytes());
        }
        let at = deep.index(bytes.len());
        put(&mut bytes, at, &u64::MAX.to_le_bytes());
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let found = inspect(bytes.clone());
        prop_assert!(!found.format.is_empty());
        if found.format == "raw" {
            prop_assert_eq!(found.virtual_size, bytes.len() as u64);
        }
    }
}
