//! A guest's disk and the guest that writes to it: patterned writes without a pause, each tried again until it is acknowledged, as
//! QEMU's client of NBD does when its server comes back.

use crate::support::{
    nbd::Nbd,
    pattern::{BLOCK, History, block, number_of},
};
use parking_lot::Mutex;
use rand::{Rng, rngs::StdRng};
use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// A server may be away for this long: it is started again by a watcher, or finds that a lock's holder has died.
const PATIENCE: Duration = Duration::from_secs(180);
/// Blocks that are written to: few enough to be written over and over.
const AREA: u64 = 8192;

/// When an acknowledged write is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safe {
    AtOnce,
    AfterFlush,
}

#[derive(Clone)]
pub struct Disk {
    pub socket: PathBuf,
    pub export: String,
    pub safe: Safe,
    pub history: Arc<Mutex<History>>,
    /// The connection is to be dropped in the midst of things.
    pub cut: Arc<AtomicBool>,
}

impl Disk {
    pub fn connect(&self) -> Nbd {
        let began = Instant::now();
        loop {
            match Nbd::connect(&self.socket, &self.export, Duration::from_secs(60)) {
                Ok(nbd) => return nbd,
                Err(e) => assert!(began.elapsed() < PATIENCE, "{} is not served: {e}", self.export),
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Does it, on a new connection whenever the old one breaks. What an earlier connection did not flush is written again first.
    fn surely<T>(&self, nbd: &mut Nbd, mut what: impl FnMut(&mut Nbd) -> io::Result<T>) -> T {
        let began = Instant::now();
        loop {
            if !self.cut.swap(false, Ordering::Relaxed)
                && let Ok(done) = what(nbd)
            {
                return done;
            }
            assert!(began.elapsed() < PATIENCE, "{} takes no request", self.export);
            *nbd = self.connect();
            let again = self.history.lock().unflushed();
            // Should that break, too, the next round begins with it.
            let _ = again.iter().try_for_each(|(index, write)| nbd.write(index * BLOCK, &block(*index, *write)));
        }
    }

    fn write(&self, nbd: &mut Nbd, from: u64, blocks: u64) {
        let write = self.history.lock().begin(from, blocks);
        let bytes: Vec<u8> = (from..from + blocks).flat_map(|index| block(index, write)).collect();
        self.surely(nbd, |nbd| nbd.write(from * BLOCK, &bytes));
        let mut history = self.history.lock();
        history.acknowledged(from, blocks, write);
        if self.safe == Safe::AtOnce {
            history.flushed();
        }
    }

    /// Writes at random until it is told to stop.
    pub fn writer(&self, mut rng: StdRng, stop: Arc<AtomicBool>) -> JoinHandle<u64> {
        let disk = self.clone();
        thread::spawn(move || {
            let (mut nbd, mut done) = (disk.connect(), 0);
            while !stop.load(Ordering::Relaxed) {
                let blocks = rng.random_range(1..=16);
                disk.write(&mut nbd, rng.random_range(0..AREA - blocks), blocks);
                done += 1;
                if rng.random_bool(0.1) {
                    disk.surely(&mut nbd, Nbd::flush);
                    disk.history.lock().flushed();
                }
            }
            disk.surely(&mut nbd, Nbd::flush);
            disk.history.lock().flushed();
            done
        })
    }

    /// The last block of the disk, which is as large as it should be.
    pub fn reaches_its_end(&self, size: u64) {
        let mut nbd = self.connect();
        assert_eq!(nbd.size, size, "{}", self.export);
        self.write(&mut nbd, size / BLOCK - 1, 1);
        self.surely(&mut nbd, Nbd::flush);
        self.history.lock().flushed();
    }

    /// Reads whatever was ever written to: of which write each block is. Panics on a byte that nobody wrote.
    pub fn shown(&self) -> BTreeMap<u64, u64> {
        let touched: Vec<u64> = self.history.lock().touched().collect();
        let mut nbd = self.connect();
        let mut shown = BTreeMap::new();
        for run in touched.chunk_by(|a, b| a + 1 == *b).flat_map(|run| run.chunks(256)) {
            let mut bytes = vec![0; run.len() * usize::try_from(BLOCK).unwrap()];
            self.surely(&mut nbd, |nbd| nbd.read(run[0] * BLOCK, &mut bytes));
            for (index, bytes) in run.iter().zip(bytes.chunks(usize::try_from(BLOCK).unwrap())) {
                let write = number_of(*index, bytes).unwrap_or_else(|e| panic!("{}: {e}", self.export));
                shown.insert(*index, write);
            }
        }
        shown
    }

    /// No acknowledged byte is wrong. How many blocks were looked at.
    pub fn verify(&self) -> usize {
        let shown = self.shown();
        let history = self.history.lock();
        for (index, write) in &shown {
            history.check(*index, *write).unwrap_or_else(|e| panic!("{}: {e}", self.export));
        }
        shown.len()
    }
}
