//! Console logs: their tail, and QEMU's file of them.
//!
//! QEMU appends without end, and a guest can say as much as it likes. So a log over its limit is cut: its last half is kept as
//! `console.log.1`, then the file is emptied under QEMU's feet, which is sound because QEMU opened it with `O_APPEND`. What is
//! said between copy and cut is lost; it is the middle of a flood.

use compute::driver::Tail;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom},
    path::Path,
};

/// Cuts the file if it is longer than `limit`.
pub fn rotate(log: &Path, limit: u64) -> io::Result<()> {
    let length = match fs::metadata(log) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        metadata => metadata?.len(),
    };
    if length <= limit {
        return Ok(());
    }
    let mut file = OpenOptions::new().read(true).write(true).open(log)?;
    file.seek(SeekFrom::End(-i64::try_from(limit / 2).unwrap_or(0)))?;
    let mut kept = Vec::new();
    Read::by_ref(&mut file).take(limit / 2).read_to_end(&mut kept)?;
    let (old, aside) = (log.with_extension("log.1"), log.with_extension("log.new"));
    fs::write(&aside, kept)?;
    fs::rename(&aside, &old)?;
    file.set_len(0)
}

/// What the guest said, its end. `limit` bytes at most of each of the two files.
pub fn read(log: &Path, tail: Tail, limit: u64) -> io::Result<String> {
    let mut bytes = end_of(&log.with_extension("log.1"), limit)?;
    bytes.extend(end_of(log, limit)?);
    let text = String::from_utf8_lossy(&bytes);
    Ok(match tail {
        Tail::All => text.into_owned(),
        Tail::Lines(n) => last_lines(&text, n).to_owned(),
    })
}

fn end_of(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut file = match File::open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        file => file?,
    };
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(limit)))?;
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The last `n` lines; a line end at the very end begins no new line.
pub fn last_lines(text: &str, n: usize) -> &str {
    let body = text.strip_suffix('\n').unwrap_or(text);
    if n == 0 {
        return "";
    }
    match body.rmatch_indices('\n').nth(n - 1) {
        Some((at, _)) => &text[at + 1..],
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn tails() {
        let check = |text: &str, n: usize, expect: &str| assert_eq!(last_lines(text, n), expect, "{text:?} {n}");
        check("a\nb\nc\n", 2, "b\nc\n");
        check("a\nb\nc", 2, "b\nc");
        check("a\nb", 9, "a\nb");
        check("a\n", 1, "a\n");
        check("a\n\n", 1, "\n");
        check("a", 0, "");
        check("", 3, "");
    }

    #[test]
    fn a_flood_is_cut_and_its_end_kept() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("console.log");
        assert_eq!(read(&log, Tail::All, 1000).unwrap(), "");
        rotate(&log, 1000).unwrap();
        let mut guest = OpenOptions::new().append(true).create(true).open(&log).unwrap();
        for i in 0..500 {
            writeln!(guest, "line {i}").unwrap();
        }
        rotate(&log, 1000).unwrap();
        assert_eq!(fs::metadata(&log).unwrap().len(), 0);
        writeln!(guest, "after").unwrap();
        assert_eq!(fs::metadata(&log).unwrap().len(), 6, "QEMU's next write goes to the new end");
        assert_eq!(read(&log, Tail::Lines(3), 1000).unwrap(), "line 498\nline 499\nafter\n");
        rotate(&log, 1000).unwrap();
        assert!(read(&log, Tail::All, 1000).unwrap().len() <= 1000);
    }
}
