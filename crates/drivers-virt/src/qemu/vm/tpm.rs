//! The emulator of a guest's TPM: there before QEMU, and gone after it.
//!
//! ```text
//!   start   lock ▶ swtpm, passphrase from memory ▶ its pidfile says that it listens ▶ QEMU connects
//!   end     QEMU is gone ▶ the connection ends ▶ swtpm ends by itself, or is killed ▶ the lock is free
//! ```
//!
//! An emulator without a QEMU (the driver was killed between both) has nobody to end it: the next start, or the next look at what is on
//! disk, does.

use super::Vm;
use crate::{
    key_file::{KeyFile, key_of_tpm},
    qemu::{
        machine::tpm::emulator,
        process::{self, Lock, Part},
    },
};
use compute::driver::VmSpec;
use kernel::{Error, Result};
use std::{fs, time::Duration};
use tokio::time::{Instant, sleep};

/// An emulator that hears of QEMU's end writes what it has, and goes.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(5);

impl Vm {
    pub(super) async fn start_tpm(&self, spec: &VmSpec) -> Result<()> {
        let Some(tpm) = &spec.hardware.tpm else { return Ok(()) };
        process::sweep_part(&self.dir, Part::Tpm, self.shared.config.quit_patience).await?;
        let Lock::Free(lock) = process::try_lock(&self.dir, Part::Tpm)? else {
            return Err(Error::unavailable("another emulator of the server's TPM is still there"));
        };
        // Read while it starts; gone when it has.
        let key = KeyFile::of_text(key_of_tpm(tpm)?)?;
        let words = emulator(tpm, &self.dir, &key.path());
        let said = process::log_length(&self.dir, Part::Tpm);
        let emulator = process::launch(&self.dir, Part::Tpm, &self.shared.config.swtpm, &words, lock)?;
        let (pidfile, deadline) = (self.dir.file("tpm.pid"), Instant::now() + self.shared.config.start_patience);
        loop {
            if fs::metadata(&pidfile).is_ok_and(|file| file.len() > 0) {
                return Ok(());
            }
            if emulator.exits_within(LOOK).await || Instant::now() > deadline {
                let why = process::log_since(&self.dir, Part::Tpm, said);
                return Err(Error::internal(format!("starting the emulator of a TPM: it said: {why}")));
            }
        }
    }

    /// Returns when there is no emulator any more. To be called after QEMU has gone.
    pub(super) async fn end_tpm(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.dir.file("tpm.lock").exists() && Instant::now() < deadline {
            if let Lock::Free(_) = process::try_lock(&self.dir, Part::Tpm)? {
                break;
            }
            sleep(LOOK).await;
        }
        process::sweep_part(&self.dir, Part::Tpm, self.shared.config.quit_patience).await
    }
}
