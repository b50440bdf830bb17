//! One task per VM: makes the host as the newest intent says, and reports.
//!
//! ```text
//!   new intent (generation > done) ──▶ carry out ──▶ record done ──▶ observe
//!   driver event (guest powered off) ─────────────────────────────▶ observe
//!   failure: definite ─▶ observe with the error, wait for a newer intent
//!            passing  ─▶ again, a few times, then as if definite
//! ```
//!
//! An intent that was carried out before the agent restarted is not carried out again: what happened to the guest since is
//! reported. The one exception is a guest of which the hypervisor knows nothing at all while it should run.

use crate::{
    convert,
    done::{Done, DoneFiles},
    host::Shared,
};
use compute::{
    driver::{Disk, DiskEncryption, DiskSource, Fence, RebootMode, StopMode, Then, VmSpec, VmState, VmStatus},
    model::vm::{Power, VmIntent, VmObserved},
};
use kernel::{Error, Kind, PortId, Result, ServerId, VolumeId};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// Tries of an intent whose failure may pass.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(300);

/// What carrying out an intent opens: at a start all of the guest's, else the disks that it does not have yet.
#[derive(Clone, Copy)]
enum Opens<'a> {
    All,
    NewDisks(&'a VmStatus),
}

impl<'a> Opens<'a> {
    fn of(intent: &VmIntent, status: &'a VmStatus, done: Done) -> Self {
        if status.state.is_on() && !is_reboot(intent, done) { Self::NewDisks(status) } else { Self::All }
    }

    fn disk(self, disk: &Disk) -> bool {
        match self {
            Self::All => true,
            Self::NewDisks(status) => !status.disks.contains(&disk.id),
        }
    }
}

pub(crate) enum VmMessage {
    Intent(Box<VmIntent>),
    /// The server is not this host's any more.
    Gone {
        generation: u64,
    },
    /// The driver saw a change by itself.
    Changed,
    /// Say how things are (a new connection to the member).
    Report,
}

/// One that was started anew before the guest was first carried out is no reboot.
fn is_reboot(intent: &VmIntent, done: Done) -> bool {
    intent.reboots > done.reboots && done.generation > 0
}

pub(crate) struct VmTask {
    pub(crate) server: ServerId,
    pub(crate) shared: Arc<Shared>,
    pub(crate) done: DoneFiles,
    intent: Option<Box<VmIntent>>,
    error: Option<String>,
}

impl VmTask {
    pub(crate) fn new(server: ServerId, shared: Arc<Shared>, done: DoneFiles) -> Self {
        Self { server, shared, done, intent: None, error: None }
    }

    /// Ends when nobody can send any more.
    pub(crate) async fn run(&mut self, inbox: &mut mpsc::UnboundedReceiver<VmMessage>) {
        if self.error.is_some() {
            self.observe().await; // what a panic left to be said
        }
        while let Some(message) = inbox.recv().await {
            match message {
                VmMessage::Intent(intent) => self.newest(intent, inbox).await,
                VmMessage::Gone { generation } => self.gone(generation).await,
                VmMessage::Changed | VmMessage::Report => self.observe().await,
            }
        }
    }

    /// A bug struck while a message was handled. Doing the same again would strike the same bug, so the intent counts as failed,
    /// with a reason, until a newer one comes.
    pub(crate) fn panicked(&mut self, panicked: &telemetry::Panicked) {
        tracing::error!(server = %self.server, "{panicked}");
        self.error = Some("the host's agent met a bug while it carried this out".to_owned());
    }

    async fn newest(&mut self, intent: Box<VmIntent>, inbox: &mut mpsc::UnboundedReceiver<VmMessage>) {
        if self.intent.as_ref().is_some_and(|known| known.generation > intent.generation) {
            return;
        }
        self.shared.remember(&intent);
        let done = self.done.read(&self.server);
        let status = self.shared.drivers.hypervisor.status(&self.server).await;
        let lost = intent.power.is_guest() && status.is_ok_and(|s| s.state == VmState::Absent);
        let carried_out = done.is_some_and(|d| d.generation >= intent.generation && d.reboots >= intent.reboots);
        self.intent = Some(intent);
        if !carried_out || lost {
            self.carry_out(done.unwrap_or_default(), inbox).await;
        }
        self.observe().await;
    }

    /// Tries until it is done, refused, or overtaken by the next message.
    async fn carry_out(&mut self, done: Done, inbox: &mpsc::UnboundedReceiver<VmMessage>) {
        let Some(intent) = self.intent.clone() else { return };
        self.error = None;
        for attempt in 1..=TRIES {
            match self.converge(&intent, done).await {
                Ok(()) => {
                    let now = Done { generation: intent.generation, reboots: intent.reboots };
                    if let Err(e) = self.done.write(&self.server, now) {
                        tracing::warn!(server = %self.server, error = %e.internal_text(), "what was done could not be recorded");
                    }
                    return;
                }
                Err(e) => {
                    let may_pass = matches!(e.kind(), Kind::Unavailable | Kind::Internal) && attempt < TRIES;
                    tracing::warn!(server = %self.server, generation = intent.generation, attempt, error = %e.internal_text(), "an intent could not be carried out");
                    self.error = Some(e.message().to_owned());
                    if !may_pass || !inbox.is_empty() {
                        return;
                    }
                    tokio::time::sleep(PAUSE * attempt).await;
                }
            }
        }
    }

    async fn converge(&self, intent: &VmIntent, done: Done) -> Result<()> {
        let drivers = &self.shared.drivers;
        let fence = Fence { generation: intent.generation };
        match intent.power {
            Power::Absent => self.destroy(intent, fence).await,
            Power::Stopped => {
                let timeout = Duration::from_secs(intent.graceful_seconds);
                let mode = if timeout.is_zero() { StopMode::Force } else { StopMode::Graceful { timeout } };
                drivers.hypervisor.stop(&self.server, mode, fence).await?;
                self.make_disks(intent).await?;
                self.keep_disks(intent).await
            }
            Power::Parked => self.park(intent, fence).await,
            Power::Arriving => self.receive(intent, fence).await,
            Power::Leaving => Ok(()),
            Power::Suspended => drivers.hypervisor.suspend(&self.server, fence).await,
            Power::Running | Power::Paused => {
                self.land(intent, fence).await?;
                let mut spec = self.prepare(intent).await?;
                let status = drivers.hypervisor.status(&self.server).await?;
                self.fetch_keys(&mut spec, Opens::of(intent, &status, done)).await?;
                match status.state {
                    VmState::Running | VmState::Paused => self.adjust(intent, &spec, &status, done, fence).await?,
                    VmState::Suspended if is_reboot(intent, done) => {
                        drivers.hypervisor.reboot(&spec, RebootMode::Hard, fence).await?
                    }
                    VmState::Absent | VmState::Shutdown | VmState::Crashed | VmState::Suspended | VmState::Arriving => {
                        drivers.hypervisor.start(&spec, fence).await?
                    }
                }
                match intent.power {
                    Power::Paused => drivers.hypervisor.pause(&self.server, fence).await?,
                    _ => drivers.hypervisor.resume(&self.server, fence).await?,
                }
                self.keep_disks(intent).await
            }
        }
    }

    /// Makes ready for a guest that runs on another host.
    async fn receive(&self, intent: &VmIntent, fence: Fence) -> Result<()> {
        let from = intent.from.as_ref().ok_or_else(|| Error::bad_request("a guest arrives from nowhere"))?;
        let mut spec = self.prepare(intent).await?;
        self.fetch_keys(&mut spec, Opens::All).await?;
        self.shared.drivers.hypervisor.receive(&spec, from, fence).await.map(drop)
    }

    /// A guest that has arrived stands still until here: nothing else comes first.
    async fn land(&self, intent: &VmIntent, fence: Fence) -> Result<()> {
        let hypervisor = &self.shared.drivers.hypervisor;
        if hypervisor.status(&self.server).await?.state != VmState::Arriving {
            return Ok(());
        }
        let then = if intent.power == Power::Running { Then::Run } else { Then::StandStill };
        hypervisor.land(&self.server, then, fence).await
    }

    async fn make_disks(&self, intent: &VmIntent) -> Result<BTreeMap<String, DiskSource>> {
        let mut local = BTreeMap::new();
        for disk in &intent.local_disks {
            let source = self.shared.drivers.disks.create(disk, self.shared.image_fetch()).await?;
            local.insert(disk.name.clone(), source);
        }
        Ok(local)
    }

    /// Disks that the guest had before, and has not any more, go.
    async fn keep_disks(&self, intent: &VmIntent) -> Result<()> {
        let own = intent.local_disks.iter().map(|d| &d.name);
        let names: Vec<String> = own.chain(&intent.kept_disks).cloned().collect();
        self.shared.drivers.disks.keep_only(&self.server, &names).await
    }

    /// Disks, taps and metadata: all that must be there before the guest.
    async fn prepare(&self, intent: &VmIntent) -> Result<VmSpec> {
        let local = self.make_disks(intent).await?;
        for port in &intent.ports {
            self.shared.drivers.network.plug(&convert::plug_of_port(&port.bound, &intent.spec.hardware)).await?;
        }
        self.shared.serve_metadata().await?;
        convert::full_spec(intent, &local, &*self.shared.drivers.hypervisor)
    }

    /// Keys of what will be opened, and of nothing else: a guest goes on whatever became of the key of a disk that it has.
    async fn fetch_keys(&self, spec: &mut VmSpec, opens: Opens<'_>) -> Result<()> {
        if let (Opens::All, Some(tpm)) = (opens, &mut spec.hardware.tpm) {
            tpm.key = Some(self.shared.link.tpm_key(&self.shared.host, &self.server).await?);
        }
        for disk in spec.disks.iter_mut().filter(|d| opens.disk(d)) {
            let (DiskEncryption::Luks { key }, Some(volume)) = (&mut disk.encryption, &disk.volume) else { continue };
            *key = Some(self.shared.link.volume_key(&self.shared.host, volume).await?);
        }
        Ok(())
    }

    /// A running guest: reboot it if asked, else plug and unplug what differs.
    async fn adjust(
        &self,
        intent: &VmIntent,
        spec: &VmSpec,
        status: &VmStatus,
        done: Done,
        fence: Fence,
    ) -> Result<()> {
        let drivers = &self.shared.drivers;
        if is_reboot(intent, done) {
            let timeout = Duration::from_secs(intent.graceful_seconds.max(1));
            let mode = if intent.reboot_hard { RebootMode::Hard } else { RebootMode::Soft { timeout } };
            return drivers.hypervisor.reboot(spec, mode, fence).await;
        }
        for disk in spec.disks.iter().filter(|d| !status.disks.contains(&d.id)) {
            drivers.hypervisor.attach_disk(&self.server, disk, fence).await?;
        }
        for disk in spec.disks.iter().filter(|d| status.disks.contains(&d.id)) {
            drivers.hypervisor.limit_disk(&self.server, disk, fence).await?;
        }
        drivers.hypervisor.reshape(spec, fence).await?;
        for gone in status.disks.iter().filter(|id| !spec.disks.iter().any(|d| d.id == **id)) {
            drivers.hypervisor.detach_disk(&self.server, gone, fence).await?;
        }
        for nic in spec.nics.iter().filter(|n| !status.ports.contains(&n.port)) {
            drivers.hypervisor.attach_nic(&self.server, nic, fence).await?;
        }
        for gone in status.ports.iter().filter(|id| !spec.nics.iter().any(|n| n.port == **id)) {
            drivers.hypervisor.detach_nic(&self.server, gone, fence).await?;
            self.shared.unplug(gone).await?;
        }
        Ok(())
    }

    async fn destroy(&self, intent: &VmIntent, fence: Fence) -> Result<()> {
        self.park(intent, fence).await?;
        self.shared.drivers.disks.remove(&self.server).await
    }

    /// Ends the guest and unplugs its ports; disks stay.
    async fn park(&self, intent: &VmIntent, fence: Fence) -> Result<()> {
        let drivers = &self.shared.drivers;
        let mut ports: Vec<PortId> = intent.ports.iter().map(|p| p.bound.port.clone()).collect();
        ports.extend(drivers.hypervisor.status(&self.server).await?.ports);
        drivers.hypervisor.destroy(&self.server, fence).await?;
        for port in &ports {
            self.shared.unplug(port).await?;
        }
        self.shared.serve_metadata().await
    }

    /// An explicit `Gone`: the record was removed, so whatever is left here goes, unless a newer intent has come since.
    async fn gone(&mut self, generation: u64) {
        if let Some(known) = self.intent.as_mut() {
            if known.generation > generation {
                return;
            }
            known.power = Power::Absent;
        }
        if let Some(intent) = self.intent.clone() {
            self.shared.remember(&intent);
            if let Err(e) = self.destroy(&intent, Fence { generation }).await {
                tracing::warn!(server = %self.server, error = %e.internal_text(), "a guest that is gone could not be removed");
                return;
            }
        }
        self.shared.forget(&self.server);
        self.done.remove(&self.server);
        self.intent = None;
    }

    async fn observe(&self) {
        let Some(intent) = &self.intent else { return };
        match self.shared.drivers.hypervisor.status(&self.server).await {
            Ok(status) => self.shared.reporter.send(self.observation(intent, status)),
            Err(e) => {
                tracing::warn!(server = %self.server, error = %e.internal_text(), "a guest's state could not be read");
            }
        }
    }

    fn observation(&self, intent: &VmIntent, status: VmStatus) -> VmObserved {
        let volumes = status.disks.iter().filter_map(|id| id.strip_prefix("vol-")).map(VolumeId::from).collect();
        let done = self.done.read(&self.server).unwrap_or_default();
        VmObserved {
            server: self.server.clone(),
            host: self.shared.host.clone(),
            generation: if self.error.is_some() { intent.generation } else { done.generation },
            sequence: self.shared.next_sequence(),
            state: status.state,
            reboots: done.reboots,
            error: self.error.clone(),
            volumes,
            ports: status.ports,
            at: self.shared.clock.now(),
            spare: false,
        }
    }
}
