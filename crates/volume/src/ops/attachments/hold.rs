//! Pools that hold the users of a volume to its type's QoS specs, where these are for the back end.
//!
//! Nobody remembers in the pool's stead: whoever exports a volume tells its pool, and a reconciler tells it whenever the wish differs from
//! what was told ([`Held`]). Two that tell at once are told apart by the record: it was changed meanwhile, so the later one looks again at
//! what is wished, and tells that.

use crate::{
    VolumeService,
    flows::{QUICK, place},
    limits,
    model::{Attachment, Held, Volume},
};
use kernel::{Kind, Result, ServerId, VolumeId, error::Doing};
use ports::IoLimits;
use serde::Serialize;
use serde_json::json;
use store::{Snapshot as View, Tx};

/// A volume of a server that its pool holds to something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VolumeLimits {
    pub volume_id: VolumeId,
    pub asked: IoLimits,
    /// `None`: the pool does not say.
    pub in_force: Option<IoLimits>,
    /// Why it does not, or why it holds nobody to what is asked.
    pub why: Option<String>,
}

/// Whether the pool of a volume was told otherwise than its type says.
pub(crate) fn differs(view: &View, id: &VolumeId) -> bool {
    let wanted = limits::of_pool(view, id);
    let Some(held) = view.get::<Held>(id) else { return !wanted.is_none() };
    let at = view.get::<Volume>(id).and_then(|v| place(&v));
    held.limits != wanted || at != Some((held.host.clone(), held.backend.clone()))
}

/// Tells the pool of an exported volume what its type says.
pub(crate) async fn hold(service: &VolumeService, id: &VolumeId) -> Result<()> {
    let mut told_already = false;
    loop {
        let view = service.view();
        let (wanted, before) = (limits::of_pool(&view, id), view.get::<Held>(id));
        let Some((volume, (host, backend))) = view.get::<Volume>(id).and_then(|v| place(&v).map(|at| (v, at))) else {
            return Ok(());
        };
        if wanted.is_none() && before.is_none() && !told_already {
            return Ok(());
        }
        let params = json!({"backend": backend, "id": id, "generation": volume.generation, "limits": wanted});
        let why = match service.on_host(&host, "volume.limit", params, QUICK).await {
            Ok(_) => None,
            Err(e) if e.is(Kind::NotImplemented) => Some(e.message().to_owned()),
            Err(e) => return Err(e),
        };
        let told = before.map_or(0, |held| held.told);
        let held = Held { volume: id.clone(), host, backend, limits: wanted, why, told: told + 1 };
        let note = service.0.store.transact("volume.held", move |tx| Ok(note(tx, &held)));
        if note.await? {
            return Ok(());
        }
        told_already = true;
    }
}

/// False if somebody else has told the pool meanwhile.
fn note(tx: &mut Tx, held: &Held) -> bool {
    let now = tx.get::<Held>(&held.volume).map_or(0, |held| held.told);
    if now + 1 != held.told {
        return false;
    }
    match held.limits.is_none() {
        true => forget(tx, &held.volume),
        false => drop(tx.put(held.clone())),
    }
    true
}

/// The export has ended, and its limits with it.
pub(crate) fn forget(tx: &mut Tx, volume: &VolumeId) {
    if tx.get::<Held>(volume).is_some() {
        tx.delete::<Held>(volume);
    }
}

impl VolumeService {
    /// What pools hold the users of a server's volumes to, where they were asked to.
    pub async fn pool_limits(&self, view: &View, server: &ServerId) -> Result<Vec<VolumeLimits>> {
        let mut all = Vec::new();
        for attachment in view.by(Attachment::BY_SERVER, server) {
            let volume = view.get::<Volume>(&attachment.volume);
            let Some((host, backend)) = volume.as_deref().and_then(place) else { continue };
            let (asked, held) = (limits::of_pool(view, &attachment.volume), view.get::<Held>(&attachment.volume));
            if asked.is_none() && held.is_none() {
                continue;
            }
            let params = json!({"backend": backend, "id": attachment.volume});
            let said = self.on_host(&host, "volume.limits", params, QUICK).await;
            let silent = said.as_ref().err().map(|e| e.message().to_owned());
            let in_force = said.ok().map(serde_json::from_value).transpose().doing("reading what a pool holds to")?;
            let why = held.and_then(|held| held.why.clone()).or(silent);
            all.push(VolumeLimits { volume_id: attachment.volume.clone(), asked, in_force, why });
        }
        Ok(all)
    }
}
