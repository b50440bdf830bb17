//! Passphrases of TPMs: made in the transaction that gives a server a TPM, told to the host that the server is on, and removed in the
//! transaction that takes the TPM away.

use crate::{
    Compute,
    model::{
        Server,
        vm::VmIntent,
        vtpm::{OCTETS, Vtpm, wanted},
    },
};
use kernel::{Error, HostName, Result, ServerId};
use ports::KeyBytes;
use store::Tx;

/// Of a server that is being made.
pub(crate) fn begin(c: &Compute, tx: &mut Tx, server: &mut Server) -> Result<()> {
    if wanted(&server.flavor, &server.properties).is_none() {
        return Ok(());
    }
    let tpm = Vtpm::first();
    c.keys.create_passphrase(tx, &tpm.key(server), OCTETS)?;
    server.tpm = Some(tpm);
    Ok(())
}

/// Of one that has none, and will have one in its new shape.
pub(crate) fn prepare(c: &Compute, tx: &mut Tx, server: &mut Server) -> Result<()> {
    let Some(resize) = server.resize.as_ref().filter(|_| server.tpm.is_none()) else { return Ok(()) };
    if wanted(&resize.new.flavor, &server.properties).is_none() {
        return Ok(());
    }
    let tpm = Vtpm::to_come();
    c.keys.create_passphrase(tx, &tpm.key(server), OCTETS)?;
    server.tpm = Some(tpm);
    Ok(())
}

/// A server that has none in the shape that it stays in needs no passphrase any more. To be called when that is decided.
pub(crate) fn settle(c: &Compute, tx: &mut Tx, id: &ServerId) {
    let Some(tpm) = tx.get::<Server>(id).and_then(|s| s.tpm.clone()).filter(|tpm| tpm.state.is_none()) else { return };
    c.keys.delete(tx, &tpm.secret);
    tx.update::<Server>(id, |s| s.tpm = None);
}

/// Of a server that is gone.
pub(crate) fn forget(c: &Compute, tx: &mut Tx, server: &Server) {
    if let Some(tpm) = &server.tpm {
        c.keys.delete(tx, &tpm.secret);
    }
}

impl Compute {
    /// The passphrase of a server's TPM, for a host that has its guest or is about to: `Forbidden` for others, `Conflict` if the key
    /// manager has it no more. It is for this one use, and never written down.
    pub fn tpm_key(&self, host: &HostName, id: &ServerId) -> Result<KeyBytes> {
        let view = self.store.snapshot();
        if VmIntent::on(&view, id, host).is_none() {
            return Err(Error::forbidden(format!("host {host} has nothing to do with server {id}")));
        }
        let tpm = view.get::<Server>(id).and_then(|server| server.tpm.clone());
        let tpm = tpm.ok_or_else(|| Error::conflict(format!("server {id} has no TPM")))?;
        self.keys.open(&view, &tpm.secret)?.ok_or_else(|| {
            let secret = tpm.secret;
            Error::conflict(format!(
                "Secret {secret} is not in the key manager any more: the TPM's state cannot be read."
            ))
        })
    }
}
