//! Files of raw rows, for backups and for segments of history: JSON lines, readable with any tool.
//!
//! ```text
//!   {"tstack":"backup","version":1, …}                 what it is
//!   {"key":"o/compute.server/…","value":"1 5f3c… {…}"}  rows; every value carries its own checksum
//!   {"end":1234,"crc":"9a0b…"}                         how many rows, and CRC-32C of all lines before
//! ```
//!
//! A file is written beside its place, synced and renamed into it, so that one without an end was damaged later.

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RowLine {
    pub(crate) key: String,
    pub(crate) value: String,
}

impl RowLine {
    pub(crate) fn new(key: &str, value: &Bytes) -> io::Result<Self> {
        let value = std::str::from_utf8(value).map_err(|e| invalid(format!("{key} is not text: {e}")))?;
        Ok(Self { key: key.to_owned(), value: value.to_owned() })
    }
}

#[derive(Serialize, Deserialize)]
struct EndLine {
    end: u64,
    crc: String,
}

fn invalid(text: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text.into())
}

/// A file being written.
pub(crate) struct RowWriter {
    place: PathBuf,
    beside: PathBuf,
    out: BufWriter<File>,
    crc: u32,
    rows: u64,
}

impl RowWriter {
    pub(crate) fn create(place: &Path, head: &impl Serialize) -> io::Result<Self> {
        let mut beside = place.as_os_str().to_owned();
        beside.push(".part");
        let beside = PathBuf::from(beside);
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        let mut writer = Self { place: place.to_owned(), beside, out: BufWriter::new(file), crc: 0, rows: 0 };
        writer.line(head)?;
        Ok(writer)
    }

    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.crc = crc32c::crc32c_append(self.crc, &text);
        self.out.write_all(&text)
    }

    pub(crate) fn row(&mut self, row: &RowLine) -> io::Result<()> {
        self.rows += 1;
        self.line(row)
    }

    /// Ends the file and makes it and its name durable.
    pub(crate) fn finish(mut self) -> io::Result<u64> {
        let end = EndLine { end: self.rows, crc: format!("{:08x}", self.crc) };
        self.line(&end)?;
        self.out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        std::fs::rename(&self.beside, &self.place)?;
        let parent = self.place.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(parent)?.sync_all()?;
        Ok(self.rows)
    }
}

/// Reads a file from its beginning. The rows end where the file says they do, or with an error.
pub(crate) struct RowReader<H> {
    pub(crate) head: H,
    lines: io::Lines<BufReader<File>>,
    crc: u32,
    rows: u64,
    ended: bool,
}

impl<H: DeserializeOwned> RowReader<H> {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut lines = BufReader::new(File::open(path)?).lines();
        let first = lines.next().ok_or_else(|| invalid("it is empty"))??;
        let head = serde_json::from_str(&first)
            .map_err(|e| invalid(format!("its first line is not that of such a file: {e}")))?;
        let crc = crc32c::crc32c_append(crc32c::crc32c(first.as_bytes()), b"\n");
        Ok(Self { head, lines, crc, rows: 0, ended: false })
    }

    fn read(&mut self) -> io::Result<Option<RowLine>> {
        let cut_off = || invalid(format!("it ends after {} rows, without its last line", self.rows));
        let line = self.lines.next().ok_or_else(cut_off)??;
        if let Ok(end) = serde_json::from_str::<EndLine>(&line) {
            if end.end != self.rows || end.crc != format!("{:08x}", self.crc) {
                return Err(invalid(format!(
                    "{} rows were written to it, {} are there or were changed",
                    end.end, self.rows
                )));
            }
            return Ok(None);
        }
        self.crc = crc32c::crc32c_append(crc32c::crc32c_append(self.crc, line.as_bytes()), b"\n");
        self.rows += 1;
        serde_json::from_str(&line).map(Some).map_err(|e| invalid(format!("line {} is damaged: {e}", self.rows + 1)))
    }
}

impl<H: DeserializeOwned> Iterator for RowReader<H> {
    type Item = io::Result<RowLine>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let item = self.read().transpose();
        self.ended = !matches!(item, Some(Ok(_)));
        item
    }
}

/// Rows of a file that is sorted by key, found without reading all of it.
pub(crate) struct SortedRows {
    file: File,
    len: u64,
}

const CHUNK: u64 = 64 << 10;

impl SortedRows {
    /// Refuses a file without an end.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        let mut rows = Self { file, len };
        match rows.line_before(len)? {
            Some((_, last)) if serde_json::from_str::<EndLine>(&last).is_ok() => Ok(rows),
            _ => Err(invalid(format!("{} was cut off", path.display()))),
        }
    }

    /// At most `limit` rows from `from` (inclusive) to `to` (exclusive), ascending.
    pub(crate) fn ascending(&mut self, from: &str, to: &str, limit: usize) -> io::Result<Vec<RowLine>> {
        let start = self.first_at_least(from)?;
        self.file.seek(SeekFrom::Start(start))?;
        let mut found = Vec::new();
        for line in BufReader::new(&self.file).lines() {
            let Some(row) = row(&line?)? else { break };
            if row.key.as_str() >= to || found.len() == limit {
                break;
            }
            found.push(row);
        }
        Ok(found)
    }

    /// The same from the other end, descending.
    pub(crate) fn descending(&mut self, from: &str, to: &str, limit: usize) -> io::Result<Vec<RowLine>> {
        let mut end = self.first_at_least(to)?;
        let mut found = Vec::new();
        while found.len() < limit
            && let Some((start, line)) = self.line_before(end)?
            && let Some(row) = row(&line)?
            && row.key.as_str() >= from
        {
            found.push(row);
            end = start;
        }
        Ok(found)
    }

    /// Where the first row begins whose key is not less than `key`; the end line counts as greater than all, the head as less.
    fn first_at_least(&mut self, key: &str) -> io::Result<u64> {
        // The row wanted begins after `low` and not after `high`; both are beginnings of lines.
        let (mut low, mut high) = (0, self.line_before(self.len)?.map_or(0, |(start, _)| start));
        while let Some((start, line)) = self.line_in_the_middle(low, high)? {
            match row(&line)? {
                Some(row) if row.key.as_str() < key => low = start,
                _ => high = start,
            }
        }
        Ok(high)
    }

    /// A line that begins between two beginnings of lines, as near to the middle as there is.
    fn line_in_the_middle(&mut self, low: u64, high: u64) -> io::Result<Option<(u64, String)>> {
        let middle = low + (high - low) / 2;
        let from_middle = match self.line_before(middle)? {
            Some((start, line)) => start + line.len() as u64 + 1,
            None => 0,
        };
        for start in [from_middle, self.line_at(low)?.len() as u64 + 1 + low] {
            if low < start && start < high {
                return Ok(Some((start, self.line_at(start)?)));
            }
        }
        Ok(None)
    }

    fn line_at(&mut self, start: u64) -> io::Result<String> {
        self.file.seek(SeekFrom::Start(start))?;
        let mut line = String::new();
        BufReader::new(&self.file).read_line(&mut line)?;
        line.truncate(line.trim_end_matches('\n').len());
        Ok(line)
    }

    /// The last whole line that ends at `end` or before, and where it begins.
    fn line_before(&mut self, end: u64) -> io::Result<Option<(u64, String)>> {
        let mut tail: Vec<u8> = Vec::new();
        let mut from = end;
        loop {
            let newline = tail.iter().rposition(|b| *b == b'\n');
            let begin = newline.and_then(|n| tail[..n].iter().rposition(|b| *b == b'\n').map(|b| b + 1));
            let begin = begin.or((from == 0 && newline.is_some()).then_some(0));
            if let (Some(begin), Some(newline)) = (begin, newline) {
                let line = String::from_utf8(tail[begin..newline].to_vec()).map_err(|e| invalid(e.to_string()))?;
                return Ok(Some((from + begin as u64, line)));
            }
            if from == 0 {
                return Ok(None);
            }
            let step = CHUNK.min(from);
            from -= step;
            let mut chunk = vec![0; usize::try_from(step).unwrap_or_default()];
            self.file.seek(SeekFrom::Start(from))?;
            self.file.read_exact(&mut chunk)?;
            chunk.append(&mut tail);
            tail = chunk;
        }
    }
}

/// A row, or nothing for the head and the end.
fn row(line: &str) -> io::Result<Option<RowLine>> {
    if line.starts_with("{\"key\":") {
        return serde_json::from_str(line).map(Some).map_err(|e| invalid(format!("a row is damaged: {e}")));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(dir: &Path, rows: usize) -> PathBuf {
        let path = dir.join(format!("rows-{rows}"));
        let mut writer = RowWriter::create(&path, &"a test").unwrap();
        for n in 0..rows {
            let value = "x".repeat(n * 37 % 300 + if n == 3 { 70_000 } else { 0 });
            writer.row(&RowLine { key: format!("k{:04}", n * 2), value }).unwrap();
        }
        assert_eq!(writer.finish().unwrap(), rows as u64);
        path
    }

    #[test]
    fn any_range_of_a_sorted_file_is_found_from_either_end() {
        let dir = tempfile::tempdir().unwrap();
        for count in [0, 1, 2, 7, 30] {
            let path = written(dir.path(), count);
            let all: Vec<_> = RowReader::<String>::open(&path).unwrap().map(Result::unwrap).collect();
            let mut sorted = SortedRows::open(&path).unwrap();
            for (from, to) in (0..2 * count + 2).flat_map(|f| [0, 1, 2, 5, 300].map(|w| (f, f + w))) {
                let (from, to) = (format!("k{from:04}"), format!("k{to:04}"));
                let within = |r: &&RowLine| (from.as_str()..to.as_str()).contains(&r.key.as_str());
                let mut expected: Vec<_> = all.iter().filter(within).take(4).cloned().collect();
                assert_eq!(sorted.ascending(&from, &to, 4).unwrap(), expected, "{count} {from} {to}");
                expected = all.iter().rev().filter(within).take(4).cloned().collect();
                assert_eq!(sorted.descending(&from, &to, 4).unwrap(), expected, "{count} {from} {to}");
            }
        }
    }

    #[test]
    fn a_file_that_was_cut_off_or_changed_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let whole = std::fs::read(written(dir.path(), 20)).unwrap();
        let path = dir.path().join("damaged");
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            RowReader::<String>::open(&path).and_then(|r| r.collect::<io::Result<Vec<_>>>())
        };
        assert_eq!(read(&whole).unwrap().len(), 20);
        for cut in [whole.len() - 2, whole.len() / 2, 5, 0] {
            assert!(read(&whole[..cut]).is_err(), "cut at {cut}");
            assert!(SortedRows::open(&path).is_err(), "cut at {cut}");
        }
        let changed = String::from_utf8(whole).unwrap().replacen("xxx", "xyx", 1);
        assert!(read(changed.as_bytes()).unwrap_err().to_string().contains("changed"));
    }
}
