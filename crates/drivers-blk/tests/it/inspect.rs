//! The inspector against what `qemu-img` makes: every format it can write is known by its content and passed with the size that
//! `qemu-img` sees; every image that leads to another file is refused.

use crate::rig::{run, text};
use drivers_blk::{
    image_store::FileStore,
    inspect::HeaderInspector,
    qemu_img::{Format, QemuImg},
};
use futures_util::{StreamExt, stream};
use image::driver::{ImageStore, Inspection, Inspector};
use std::{fs, path::Path};

struct Desk {
    dir: tempfile::TempDir,
    store: FileStore,
}

impl Desk {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = FileStore::open("s", dir.path().join("store")).unwrap();
        Self { dir, store }
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    async fn img(&self, args: &[&str]) {
        let out = run("qemu-img", args).await;
        assert!(out.status.success(), "{args:?}: {}", text(&out));
    }

    async fn inspect(&self, path: &str) -> Inspection {
        self.inspect_bytes(fs::read(path).unwrap()).await
    }

    async fn inspect_bytes(&self, bytes: Vec<u8>) -> Inspection {
        let written = self.store.write(stream::iter([Ok(bytes.into())]).boxed(), u64::MAX).await.unwrap();
        HeaderInspector.inspect(&self.store, &written.blob).await.unwrap()
    }
}

#[tokio::test]
async fn every_format_of_qemu_is_known() {
    let desk = Desk::new();
    let source = desk.path("source");
    fs::write(&source, [vec![1u8; 300_000], vec![0; 3 << 20], vec![2; 4096]].concat()).unwrap();
    for (name, format, options) in [
        ("raw", Format::Raw, ""),
        ("qcow2", Format::Qcow2, ""),
        ("qcow2", Format::Qcow2, "compat=0.10"),
        ("qcow2", Format::Qcow2, "compat=1.1,lazy_refcounts=on,cluster_size=512"),
        ("qcow2", Format::Qcow2, "extended_l2=on,cluster_size=2M"),
        ("qcow2", Format::Qcow2, "compression_type=zstd"),
        ("qcow2", Format::Qcow2, "preallocation=metadata"),
        ("vmdk", Format::Vmdk, ""),
        ("vmdk", Format::Vmdk, "subformat=streamOptimized"),
        ("vhd", Format::Vpc, ""),
        ("vhd", Format::Vpc, "subformat=fixed"),
        ("vhd", Format::Vpc, "force_size=on"),
        ("vhdx", Format::Vhdx, ""),
        ("vhdx", Format::Vhdx, "subformat=fixed"),
        ("vdi", Format::Vdi, ""),
        ("vdi", Format::Vdi, "static=on"),
    ] {
        let to = desk.path("image");
        let mut args = vec!["convert", "-f", "raw", "-O", format.name()];
        if !options.is_empty() {
            args.extend(["-o", options]);
        }
        args.extend([source.as_str(), to.as_str()]);
        desk.img(&args).await;
        let found = desk.inspect(&to).await;
        let size = QemuImg::default().info(Path::new(&to), format).await.unwrap().virtual_size;
        let expect = (name, size, Vec::<String>::new());
        assert_eq!((found.format.as_str(), found.virtual_size, found.refusals), expect, "{name} {options}");
    }
}

#[tokio::test]
async fn what_leads_to_other_files_is_refused() {
    let desk = Desk::new();
    let (base, over, data) = (desk.path("base"), desk.path("over"), desk.path("data"));
    fs::write(&base, vec![0; 1 << 20]).unwrap();
    let cases: [(&[&str], &str, &str); 7] = [
        (&["-f", "qcow2", "-F", "raw", "-b", &base, &over], "qcow2", "backing file"),
        (&["-f", "qcow2", "-o", "compat=0.10", "-F", "raw", "-b", &base, &over], "qcow2", "backing file"),
        (&["-f", "qcow2", "-o", &format!("data_file={data}"), &over, "1M"], "qcow2", "external data file"),
        (
            &["-f", "qcow2", "-o", &format!("data_file={data},data_file_raw=on"), &over, "1M"],
            "qcow2",
            "external data file",
        ),
        (&["-f", "vmdk", "-o", "subformat=monolithicFlat", &over, "1M"], "vmdk", "leads to other files"),
        (&["-f", "vmdk", "-o", "subformat=twoGbMaxExtentSparse", &over, "1M"], "vmdk", "leads to other files"),
        (&["-f", "qed", &over, "1M"], "qed", "not supported"),
    ];
    for (args, format, words) in cases {
        desk.img(&[&["create", "-q"], args].concat()).await;
        let found = desk.inspect(&over).await;
        assert_eq!(found.format, format, "{args:?}");
        assert!(found.refusals.iter().any(|r| r.contains(words)), "{args:?}: {:?}", found.refusals);
        let _ = fs::remove_file(&over);
    }
    desk.img(&["create", "-q", "-f", "vmdk", &desk.path("parent.vmdk"), "1M"]).await;
    desk.img(&["create", "-q", "-f", "vmdk", "-F", "vmdk", "-b", &desk.path("parent.vmdk"), &over]).await;
    assert!(desk.inspect(&over).await.refusals.contains(&"it has a parent file".to_owned()));
}

/// An upload that broke off is refused by its headers wherever they can tell.
#[tokio::test]
async fn half_an_image_is_refused() {
    let desk = Desk::new();
    let (source, image) = (desk.path("source"), desk.path("image"));
    fs::write(&source, vec![9u8; 4 << 20]).unwrap();
    for format in ["qcow2", "vmdk", "vhdx"] {
        desk.img(&["convert", "-f", "raw", "-O", format, &source, &image]).await;
        let whole = fs::read(&image).unwrap();
        let found = desk.inspect_bytes(whole[..40_000].to_vec()).await;
        assert_eq!(found.format, format);
        assert!(found.refusals.iter().any(|r| r.starts_with("damaged")), "{format}: {:?}", found.refusals);
    }
}
