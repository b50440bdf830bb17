//! A disk that remembers what was done to it, and can lose what was not synced.

use parking_lot::Mutex;
use rand::{Rng, rngs::StdRng, seq::SliceRandom};
use redb::StorageBackend;
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

#[derive(Clone, Debug)]
pub enum Event {
    Write(u64, Vec<u8>),
    SetLen(u64),
    Sync,
    /// The caller was told that this commit is durable.
    Acknowledged(usize),
}

#[derive(Debug, Default)]
struct State {
    image: Mutex<Vec<u8>>,
    events: Mutex<Vec<Event>>,
    /// Of a full disk: it grows no further.
    full: AtomicBool,
    /// Syncs that will fail.
    failing_syncs: AtomicU64,
}

/// Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct Disk(Arc<State>);

impl Disk {
    pub fn holding(image: Vec<u8>) -> Self {
        let disk = Self::default();
        *disk.0.image.lock() = image;
        disk
    }

    pub fn note(&self, event: Event) {
        self.0.events.lock().push(event);
    }

    pub fn take_events(&self) -> Vec<Event> {
        std::mem::take(&mut self.0.events.lock())
    }

    pub fn set_full(&self, full: bool) {
        self.0.full.store(full, Ordering::Relaxed);
    }

    pub fn fail_syncs(&self, count: u64) {
        self.0.failing_syncs.store(count, Ordering::Relaxed);
    }
}

fn no_space() -> io::Error {
    io::Error::from_raw_os_error(28) // ENOSPC
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.image.lock().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let (image, from) = (self.0.image.lock(), offset as usize);
        let found = image.get(from..from + out.len()).ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        out.copy_from_slice(found);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut image = self.0.image.lock();
        if self.0.full.load(Ordering::Relaxed) && len > image.len() as u64 {
            return Err(no_space());
        }
        image.resize(len as usize, 0);
        self.note(Event::SetLen(len));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let fails = self.0.failing_syncs.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
        if fails.is_ok() {
            return Err(io::Error::from_raw_os_error(5)); // EIO
        }
        self.note(Event::Sync);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        if self.0.full.load(Ordering::Relaxed) {
            return Err(no_space());
        }
        apply(&mut self.0.image.lock(), &Event::Write(offset, data.to_vec()));
        self.note(Event::Write(offset, data.to_vec()));
        Ok(())
    }
}

pub fn apply(image: &mut Vec<u8>, event: &Event) {
    match event {
        Event::Write(offset, data) => {
            let from = *offset as usize;
            if image.len() < from + data.len() {
                image.resize(from + data.len(), 0);
            }
            image[from..from + data.len()].copy_from_slice(data);
        }
        Event::SetLen(len) => image.resize(*len as usize, 0),
        Event::Sync | Event::Acknowledged(_) => {}
    }
}

/// What a disk writes at once or not at all.
const SECTOR: u64 = 512;

/// What may be left of writes that were not synced: some of them, in any order, some of them in part.
pub fn survivors(unsynced: &[Event], random: &mut StdRng) -> Vec<Event> {
    let kept = [0.0, 0.1, 0.5, 0.9, 1.0][random.random_range(0..5)];
    let torn = [0.0, 0.0, 0.3, 1.0][random.random_range(0..4)];
    let mut left = Vec::new();
    for event in unsynced.iter().filter(|e| !matches!(e, Event::Acknowledged(_))) {
        if !random.random_bool(kept) {
            continue;
        }
        match event {
            Event::Write(offset, data) if random.random_bool(torn) => tear(*offset, data, random, &mut left),
            event => left.push(event.clone()),
        }
    }
    if random.random_bool(0.7) {
        left.shuffle(random);
    }
    left
}

/// Keeps some sectors of a write.
fn tear(offset: u64, data: &[u8], random: &mut StdRng, left: &mut Vec<Event>) {
    let mut at = 0;
    while at < data.len() {
        let to_border = (SECTOR - (offset + at as u64) % SECTOR) as usize;
        let end = data.len().min(at + to_border);
        if random.random_bool(0.5) {
            left.push(Event::Write(offset + at as u64, data[at..end].to_vec()));
        }
        at = end;
    }
}
