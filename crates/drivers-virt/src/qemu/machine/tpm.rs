//! A guest's TPM: QEMU's device, and the words for the emulator beside it (swtpm(8)), which keeps the state.
//!
//! ```text
//!   QEMU ── tpm.sock ──▶ swtpm ──▶ the directory of the state, encrypted
//! ```
//!
//! The emulator ends with the connection that QEMU has to it, so also with a QEMU that was killed. What QEMU takes of the state when the
//! guest is suspended, or goes to another host, is encrypted as what lies in the directory.

use super::{Line, escaped_path};
use crate::qemu::{process::Part, record::VmDir};
use compute::{
    driver::{Tpm, TpmModel, TpmVersion, VmSpec},
    model::wishes::needs,
};
use kernel::{Error, Result};
use serde_json::json;
use std::{collections::BTreeSet, path::Path};

pub fn check(spec: &VmSpec, traits: &BTreeSet<String>) -> Result<()> {
    let Some(tpm) = &spec.hardware.tpm else { return Ok(()) };
    if (tpm.version, tpm.model) == (TpmVersion::V1_2, TpmModel::Crb) {
        return Err(Error::bad_request("TPM model CRB is only valid with TPM version 2.0."));
    }
    for needed in [needs::tpm_version(tpm.version), needs::tpm_model(tpm.model)] {
        if !traits.contains(needed) {
            return Err(Error::conflict("this host makes no such TPMs").with_internal(needed));
        }
    }
    if !tpm.state.is_absolute() {
        return Err(Error::bad_request("a TPM's state has no place"));
    }
    Ok(())
}

pub fn device(line: &mut Line, spec: &VmSpec, dir: &VmDir) {
    let Some(tpm) = &spec.hardware.tpm else { return };
    let driver = match tpm.model {
        TpmModel::Tis => "tpm-tis",
        TpmModel::Crb => "tpm-crb",
    };
    line.opt("-chardev", format!("socket,id=tpm-control,path={}", escaped_path(&dir.tpm())));
    line.opt("-tpmdev", "emulator,id=tpm-emulator,chardev=tpm-control");
    line.json("-device", &json!({"driver": driver, "id": "tpm", "tpmdev": "tpm-emulator"}));
}

/// The emulator's words after the binary. `key` is where it reads the passphrase while it starts.
pub fn emulator(tpm: &Tpm, dir: &VmDir, key: &Path) -> Vec<String> {
    let key = format!("pwdfile={},mode=aes-256-cbc,kdf=pbkdf2", key.display());
    let mut words = vec!["socket".to_owned()];
    if tpm.version == TpmVersion::V2_0 {
        words.push("--tpm2".to_owned());
    }
    words.extend(Part::Tpm.words(dir).map(|word| word.to_string_lossy().into_owned()));
    for (option, value) in [
        ("--tpmstate", format!("dir={},mode=0600", tpm.state.display())),
        ("--ctrl", format!("type=unixio,path={},mode=0600", dir.tpm().display())),
        ("--key", key.clone()),
        ("--migration-key", key),
    ] {
        words.extend([option.to_owned(), value]);
    }
    words.push("--terminate".to_owned());
    words
}
