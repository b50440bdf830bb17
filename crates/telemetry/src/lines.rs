//! Where log lines leave the process: standard error, access lines in batches.
//!
//! A line per request, written by itself, costs a tenth of a cheap request. Access lines therefore wait for company, 50 ms at
//! most; any other line is written at once, with those that waited before it, so the order is the order of events. What a
//! `kill -9` can lose is the last access lines. A terminal gets every line at once.

use parking_lot::{Condvar, Mutex};
use std::{
    io::{self, IsTerminal, Write},
    sync::OnceLock,
    time::Duration,
};
use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

/// The target of access lines.
const ACCESS: &str = "http::access";
const WAIT: Duration = Duration::from_millis(50);
/// Bytes that wait at most.
const FULL: usize = 64 << 10;

static WAITING: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static SOME: Condvar = Condvar::new();

/// Makes writers for `tracing_subscriber::fmt`.
pub struct Stderr {
    batches: bool,
}

impl Stderr {
    pub fn new() -> Self {
        let batches = !io::stderr().is_terminal() && starts_writer();
        Self { batches }
    }
}

/// One line's way.
pub struct Line {
    waits: bool,
}

impl<'a> MakeWriter<'a> for Stderr {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { waits: false }
    }

    fn make_writer_for(&'a self, about: &Metadata<'_>) -> Line {
        Line { waits: self.batches && about.target() == ACCESS }
    }
}

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waiting = WAITING.lock();
        let first = waiting.is_empty();
        waiting.extend_from_slice(line);
        if !self.waits || waiting.len() >= FULL {
            write_out(&mut waiting)?;
        } else if first {
            SOME.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        write_out(&mut WAITING.lock())
    }
}

/// Writes what waits. For the end of the process.
pub fn flush_log() {
    // There is nobody left to tell.
    let _ = write_out(&mut WAITING.lock());
}

/// Lines are gone from the buffer even if standard error does not take them: logging never stops the work.
fn write_out(waiting: &mut Vec<u8>) -> io::Result<()> {
    let written = io::stderr().write_all(waiting);
    waiting.clear();
    written
}

/// The thread that lets no line wait longer; it sleeps while there is none.
fn starts_writer() -> bool {
    static STARTED: OnceLock<bool> = OnceLock::new();
    *STARTED.get_or_init(|| {
        let body = || loop {
            let mut waiting = WAITING.lock();
            SOME.wait_while(&mut waiting, |lines| lines.is_empty());
            drop(waiting);
            std::thread::sleep(WAIT);
            flush_log();
        };
        std::thread::Builder::new().name("log".into()).spawn(body).is_ok()
    })
}
