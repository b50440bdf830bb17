//! The image service's converter.

use crate::rig::{run, text};
use drivers_blk::qemu_img::{INVALID_IMAGE, QemuImg};
use image::driver::Converter;
use kernel::Kind;
use std::fs;

#[tokio::test]
async fn converts_by_glances_names_and_whole() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let converter: Box<dyn Converter> = Box::new(QemuImg::default());
    let content = [vec![3u8; 1 << 20], vec![0; 1 << 20]].concat();
    fs::write(at("raw"), &content).unwrap();
    for format in ["qcow2", "vmdk", "vdi", "vhdx", "raw"] {
        converter.convert(&at("raw"), "raw", &at("there"), format).await.unwrap();
        converter.convert(&at("there"), format, &at("back"), "raw").await.unwrap();
        assert!(fs::read(at("back")).unwrap() == content, "{format}");
    }
    // A VHD knows sizes by cylinders only: what is more than the disk is zeros.
    converter.convert(&at("raw"), "raw", &at("there"), "vhd").await.unwrap();
    converter.convert(&at("there"), "vhd", &at("back"), "raw").await.unwrap();
    assert!(fs::read(at("back")).unwrap().starts_with(&content));
}

#[tokio::test]
async fn what_it_refuses_leaves_what_was_there() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("base"), vec![5u8; 65_536]).unwrap();
    fs::write(at("there"), b"from before").unwrap();
    let (base, over) = (at("base"), at("over"));
    let args = ["create", "-q", "-f", "qcow2", "-F", "raw", "-b", base.to_str().unwrap(), over.to_str().unwrap()];
    let out = run("qemu-img", &args).await;
    assert!(out.status.success(), "{}", text(&out));
    let converter = QemuImg::default();
    for (from, format) in [("over", "qcow2"), ("base", "qcow2"), ("base", "docker")] {
        let e = Converter::convert(&converter, &at(from), format, &at("there"), "raw").await.unwrap_err();
        assert_eq!((e.kind(), e.code()), (Kind::BadRequest, Some(INVALID_IMAGE)), "{from} {format}: {e:?}");
        assert_eq!(fs::read(at("there")).unwrap(), b"from before");
    }
    assert!(!at("there.part").exists());
}
