//! Backups of images: only what changed since the parent is read, if the snapshot that was taken for it is still there.
//!
//! `rbd export-diff` writes a stream of records ("rbd diff v1", doc/dev/rbd-diff.rst of Ceph): `f` and `t` name snapshots, `s` is
//! the size, `w` bytes at an offset, `z` zeros at an offset, `e` the end. A backup of now leaves its snapshot behind for the next.

use super::{Inner, cli, cli::Failed, make, volume_image};
use crate::{
    backups as store,
    backups::{Ground, Patch, Writer},
    names::plain,
};
use kernel::{Error, Result, VolumeId, error::Doing};
use std::{
    io::{BufReader, Read},
    path::Path,
    process::Stdio,
};
use tokio::task::spawn_blocking;
use volume::driver::{BackupInfo, BackupPlace, BackupSpec};

const DOING: &str = "backing up a volume";

fn failed(e: Failed) -> Error {
    e.while_doing(DOING)
}

fn mark(place: &BackupPlace) -> Result<String> {
    Ok(format!("backup-{}", plain(&place.backup)?))
}

/// With the volume's turn in hand.
pub(super) async fn back_up(inner: &Inner, volume: &VolumeId, spec: &BackupSpec) -> Result<BackupInfo> {
    inner.ready().await?;
    let (dir, place) = (inner.config.backups.clone(), spec.place.clone());
    let there = spawn_blocking(move || store::info(&dir, &place)).await.doing(DOING)?;
    if let Ok(there) = there {
        return Ok(there);
    }
    inner.existing(volume).await?;
    if let Some(parent) = spec.parent.clone() {
        let dir = inner.config.backups.clone();
        spawn_blocking(move || store::info(&dir, &parent)).await.doing(DOING)??;
    }
    if let Some(snapshot) = &spec.snapshot {
        let from = make::snapshot_of(inner, volume, snapshot).await?;
        return copy(inner, spec, None, &from).await;
    }
    let image = volume_image(volume)?;
    let before = inner.images.snapshots(&image).await.map_err(failed)?;
    let now = mark(&spec.place)?;
    if before.contains(&now) {
        // Of a try that was broken off: an older moment than the one that is asked for.
        inner.images.unsnap(&format!("{image}@{now}")).await.map_err(failed)?;
    }
    let at = format!("{image}@{now}");
    inner.images.snap(&at).await.map_err(failed)?;
    let since = spec.parent.as_ref().map(mark).transpose()?.filter(|parent| before.contains(parent));
    let done = copy(inner, spec, since.as_deref(), &at).await?;
    for old in before.iter().filter(|s| s.starts_with("backup-") && **s != now) {
        inner.images.unsnap(&format!("{image}@{old}")).await.map_err(failed)?;
    }
    Ok(done)
}

/// Keeps what `snapshot` shows; `since`: the snapshot of the parent, of which only the differences are read.
async fn copy(inner: &Inner, spec: &BackupSpec, since: Option<&str>, snapshot: &str) -> Result<BackupInfo> {
    let mut child = inner.images.differences(since, snapshot);
    let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().doing("starting rbd")?;
    let stdout = child.stdout.take().ok_or_else(|| Error::internal(DOING))?;
    let stdout = std::fs::File::from(stdout.into_owned_fd().doing(DOING)?);
    rustix::io::ioctl_fionbio(&stdout, false).doing(DOING)?;
    let (dir, spec, base) =
        (inner.config.backups.clone(), spec.clone(), if since.is_some() { Ground::Parent } else { Ground::Zeros });
    let kept = spawn_blocking(move || keep(&dir, &spec, base, BufReader::with_capacity(1 << 20, stdout)));
    let (kept, ended) = tokio::join!(kept, child.wait_with_output());
    match cli::ended("rbd export-diff".into(), ended.doing(DOING)?) {
        // It had nobody to tell it to: the reason is ours.
        Err(e) if !e.is(rustix::io::Errno::PIPE) => Err(failed(e)),
        _ => kept.doing(DOING)??.finish(),
    }
}

/// Reads the stream to its end. Nothing is finished yet: the stream's maker may still have failed.
fn keep(dir: &Path, spec: &BackupSpec, base: Ground, mut stream: impl Read) -> Result<Writer> {
    let bad = |what: &str| Error::internal(format!("{DOING}: rbd's differences cannot be read: {what}"));
    let mut head = [0; 12];
    stream.read_exact(&mut head).doing(DOING)?;
    if head != *b"rbd diff v1\n" {
        return Err(bad("an unknown version"));
    }
    let mut writer = None;
    let mut piece = vec![0; 4 << 20];
    loop {
        let mut kind = [0];
        stream.read_exact(&mut kind).doing(DOING)?;
        match kind[0] {
            b'e' => return writer.ok_or_else(|| bad("no size")),
            b'f' | b't' => {
                let length = number::<4>(&mut stream)?;
                std::io::copy(&mut (&mut stream).take(length), &mut std::io::sink()).doing(DOING)?;
            }
            b's' => {
                let size = number::<8>(&mut stream)?;
                writer = Some(Writer::new(dir, &spec.place, spec.parent.as_ref(), base, size)?);
            }
            kind @ (b'w' | b'z') => {
                let (mut at, mut length) = (number::<8>(&mut stream)?, number::<8>(&mut stream)?);
                let writer = writer.as_mut().ok_or_else(|| bad("bytes before the size"))?;
                if kind == b'z' {
                    writer.patch(dir, at, Patch::Zeros(length))?;
                    continue;
                }
                while length > 0 {
                    let n = usize::try_from(length).unwrap_or(usize::MAX).min(piece.len());
                    stream.read_exact(&mut piece[..n]).doing(DOING)?;
                    writer.patch(dir, at, Patch::Bytes(&piece[..n]))?;
                    (at, length) = (at + n as u64, length - n as u64);
                }
            }
            other => return Err(bad(&format!("a record of kind {other}"))),
        }
    }
}

/// The next number, little end first.
fn number<const BYTES: usize>(stream: &mut impl Read) -> Result<u64> {
    let mut bytes = [0; 8];
    stream.read_exact(&mut bytes[..BYTES]).doing(DOING)?;
    Ok(u64::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, numbers: &[u64], bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![kind];
        out.extend(numbers.iter().flat_map(|n| n.to_le_bytes()));
        out.extend(bytes);
        out
    }

    fn place(name: &str) -> BackupPlace {
        BackupPlace { backup: name.into(), container: "c".into() }
    }

    #[test]
    fn differences_are_put_over_the_parent() {
        let dir = tempfile::tempdir().unwrap();
        let stream = |records: &[Vec<u8>]| [b"rbd diff v1\n".to_vec(), records.concat()].concat();
        let made = |name: &str, parent: Option<&str>, base, records: &[Vec<u8>]| {
            let spec = BackupSpec { place: place(name), snapshot: None, parent: parent.map(place) };
            keep(dir.path(), &spec, base, &stream(records)[..]).and_then(Writer::finish)
        };
        let end = || record(b'e', &[], &[]);
        let full = [
            record(b't', &[], &[3, 0, 0, 0, b'o', b'n', b'e']),
            record(b's', &[9 << 20], &[]),
            record(b'w', &[(4 << 20) - 2, 4], b"abcd"),
            record(b'w', &[(9 << 20) - 1, 1], b"!"),
            end(),
        ];
        assert_eq!(
            made("one", None, Ground::Zeros, &full).unwrap().object_count,
            4,
            "three chunks and what lists them"
        );
        let more = [
            record(b's', &[10 << 20], &[]),
            record(b'z', &[4 << 20, 1], &[]),
            record(b'w', &[(10 << 20) - 1, 1], b"?"),
            end(),
        ];
        assert_eq!(made("two", Some("one"), Ground::Parent, &more).unwrap().object_count, 3);
        let raw = dir.path().join("raw");
        store::read(dir.path(), &place("two"), &raw).unwrap();
        let bytes = std::fs::read(&raw).unwrap();
        let mut expect = vec![0; 10 << 20];
        expect[(4 << 20) - 2..(4 << 20) + 2].copy_from_slice(b"ab\0d");
        expect[(9 << 20) - 1] = b'!';
        expect[(10 << 20) - 1] = b'?';
        assert!(bytes == expect, "every byte is that of its moment");
        for broken in [
            &full[..3],
            &[record(b'q', &[], &[])],
            &[end()],
            &[record(b's', &[1], &[]), record(b'w', &[1, 1], b"x"), end()],
        ] {
            assert!(made("three", None, Ground::Zeros, broken).is_err());
        }
        assert!(store::info(dir.path(), &place("three")).is_err());
    }
}
