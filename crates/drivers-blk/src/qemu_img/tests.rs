use super::*;
use kernel::Kind;
use std::fs;

#[tokio::test]
async fn converts_overlays_and_grows() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let img = QemuImg::default();
    fs::write(at("src"), vec![7u8; 100 * 1024]).unwrap();
    img.convert((&at("src"), Format::Raw), (&at("small"), Format::Qcow2), Compress::Zstd).await.unwrap();
    assert!(fs::metadata(at("small")).unwrap().len() < 350 * 1024);
    img.convert((&at("small"), Format::Qcow2), (&at("base"), Format::Raw), Compress::No).await.unwrap();
    assert_eq!(fs::read(at("base")).unwrap(), vec![7u8; 100 * 1024]);
    img.create_overlay(&at("over"), (&at("base"), Format::Raw), 1 << 20).await.unwrap();
    img.grow(&at("over"), Format::Qcow2, 2 << 20).await.unwrap();
    img.grow(&at("over"), Format::Qcow2, 1 << 20).await.unwrap();
    let info = img.info(&at("over"), Format::Qcow2).await.unwrap();
    assert_eq!((info.virtual_size, info.backing_filename_format.as_deref()), (2 << 20, Some("raw")));
    assert!(info.refusal().unwrap().contains("backing file"), "an overlay from outside would be refused");
    assert!(img.info_untrusted(&at("over"), Format::Qcow2).await.unwrap_err().is(Kind::BadRequest));
}

#[tokio::test]
async fn a_wrong_format_is_the_images_fault() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    fs::write(&path, b"not a qcow2 at all").unwrap();
    let e = QemuImg::default().info(&path, Format::Qcow2).await.unwrap_err();
    assert_eq!((e.kind(), e.code()), (Kind::BadRequest, Some(INVALID_IMAGE)), "{e:?}");
    assert!(!e.message().contains(dir.path().to_str().unwrap()), "{}", e.message());
}

#[tokio::test]
async fn limits_hold() {
    // A "qemu-img" that wants memory, one that spins, one that sleeps.
    let dir = tempfile::tempdir().unwrap();
    let script = |name: &str, body: &str| {
        use std::os::unix::fs::PermissionsExt;
        let path = dir.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        QemuImg::new(path, 1)
    };
    let limits = Limits { address_space: 64 << 20, cpu: Duration::from_secs(1), wall: Duration::from_secs(60) };
    let hungry = script("hungry", "head -c 200m /dev/zero | tail >/dev/null || exit 1; exit 1");
    assert!(hungry.run("eating", vec![], limits).await.unwrap_err().internal_text().contains("memory"));
    let spins = script("spins", "while :; do :; done");
    assert!(spins.run("spinning", vec![], limits).await.unwrap_err().is(Kind::Internal));
    let sleeps = script("sleeps", "exec sleep 600");
    let short = Limits { wall: Duration::from_millis(50), ..limits };
    assert!(sleeps.run("sleeping", vec![], short).await.unwrap_err().is(Kind::Unavailable));
    let chatty = script("chatty", "yes | head -c 3000000");
    assert_eq!(chatty.run("talking", vec![], limits).await.unwrap().len() as u64, OUTPUT_LIMIT);
}

#[test]
fn the_doctor_says_how_to_mend() {
    assert!(doctor(&QemuImg::default()).iter().all(|f| f.ok));
    let sick = doctor(&QemuImg::new("qemu-img-of-mars", 1));
    assert_eq!((sick[0].ok, sick[0].mend.as_str()), (false, "apt install qemu-utils"));
}

#[test]
fn full_disks_are_told_apart() {
    let e = failure("converting an image", "exit status: 1", "qemu-img: /x: error: No space left on device");
    assert_eq!((e.kind(), e.code()), (Kind::TooLarge, Some(NO_SPACE)));
    let busy =
        "qemu-img: Could not open 'x': Failed to get shared \"write\" lock\nIs another process using the image [x]?";
    assert!(failure("converting an image", "exit status: 1", busy).is(Kind::Conflict));
    assert_eq!(Format::of_image("vhd").unwrap(), Format::Vpc);
    assert!(Format::of_image("luks").unwrap_err().is(Kind::BadRequest));
}
