//! Calls from members, by name: what is asked at once and is not a state.

use crate::{
    HostClaims,
    encrypted::{Making, Place},
    host::Shared,
    live, transfer,
};
use compute::driver::{ImageSource, Quiesce, Tail, VncEndpoint};
use kernel::{Error, ImageId, Result, ServerId, SnapshotId, VolumeId, error::Doing};
use network::traffic::FlowExport;
use ports::IoLimits;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use volume::{
    driver::{BackupPlace, BackupSpec, Fence, ImageFetch, VolumeBackend, VolumeSpec},
    encryptor::Luks,
};

pub(crate) struct Calls {
    shared: Arc<Shared>,
    fetch: Arc<dyn ImageFetch>,
}

#[derive(Deserialize)]
struct OfServer {
    server: ServerId,
}

#[derive(Deserialize)]
struct ConsoleLog {
    server: ServerId,
    lines: Option<usize>,
}

#[derive(Deserialize)]
struct Password {
    server: ServerId,
    user: String,
    password: String,
}

#[derive(Deserialize)]
struct Screen {
    server: ServerId,
    tunnel: u64,
}

#[derive(Deserialize)]
struct Snapshot {
    server: ServerId,
    disk: String,
    image: ImageId,
    #[serde(default)]
    quiesce: Quiesce,
}

#[derive(Deserialize)]
struct Freeze {
    server: ServerId,
    seconds: u64,
}

#[derive(Deserialize)]
struct ResizeDisk {
    server: ServerId,
    disk: String,
    size_bytes: u64,
}

/// Arguments of `volume.*`; each method takes those it needs.
#[derive(Deserialize)]
struct OfVolume {
    backend: String,
    #[serde(default)]
    id: VolumeId,
    #[serde(default)]
    generation: u64,
    spec: Option<VolumeSpec>,
    snapshot: Option<SnapshotId>,
    size_gib: Option<u64>,
    for_host: Option<String>,
    #[serde(default)]
    read_only: bool,
    image: Option<ImageId>,
    format: Option<String>,
    backup: Option<BackupSpec>,
    place: Option<BackupPlace>,
    reference: Option<String>,
    limits: Option<IoLimits>,
    /// The volume is to be encrypted while it is made.
    luks: Option<Luks>,
}

fn arguments<T: DeserializeOwned>(method: &str, params: Value) -> Result<T> {
    serde_json::from_value(params).map_err(|e| Error::bad_request(format!("the arguments of {method}: {e}")))
}

fn wanted<T>(method: &str, name: &str, value: Option<T>) -> Result<T> {
    value.ok_or_else(|| Error::bad_request(format!("{method} needs {name}")))
}

impl Calls {
    pub(crate) fn new(shared: Arc<Shared>, fetch: Arc<dyn ImageFetch>) -> Self {
        Self { shared, fetch }
    }

    pub(crate) async fn dispatch(&self, method: &str, params: Value) -> Result<Value> {
        let hypervisor = &self.shared.drivers.hypervisor;
        match method {
            "vm.console_log" => {
                let call: ConsoleLog = arguments(method, params)?;
                let tail = call.lines.map_or(Tail::All, Tail::Lines);
                Ok(json!({"log": hypervisor.console_log(&call.server, tail).await?}))
            }
            "vm.stats" => to_value(hypervisor.stats(&arguments::<OfServer>(method, params)?.server).await?),
            "vm.limits" => to_value(hypervisor.limits(&arguments::<OfServer>(method, params)?.server).await?),
            "vm.status" => to_value(hypervisor.status(&arguments::<OfServer>(method, params)?.server).await?),
            "vm.freeze" => {
                let call: Freeze = arguments(method, params)?;
                hypervisor.freeze(&call.server, Duration::from_secs(call.seconds)).await?;
                Ok(Value::Null)
            }
            "vm.thaw" => {
                let was_held = hypervisor.thaw(&arguments::<OfServer>(method, params)?.server).await?;
                Ok(json!({"was_held": was_held}))
            }
            "vm.set_password" => {
                let call: Password = arguments(method, params)?;
                hypervisor.set_password(&call.server, &call.user, &call.password).await?;
                Ok(Value::Null)
            }
            "vm.inject_nmi" => {
                hypervisor.inject_nmi(&arguments::<OfServer>(method, params)?.server).await?;
                Ok(Value::Null)
            }
            "vm.landing" => live::landing(&self.shared, arguments(method, params)?).await,
            "vm.progress" => live::progress(&self.shared, arguments(method, params)?).await,
            "vm.send" => live::send(&self.shared, arguments(method, params)?).await,
            "vm.hasten" => live::hasten(&self.shared, arguments(method, params)?).await,
            "vm.call_off" => live::call_off(&self.shared, arguments(method, params)?).await,
            "vm.mirror_disk" | "vm.move_disk" | "vm.keep_disk" => {
                live::disk(&self.shared, method, arguments(method, params)?).await
            }
            "vm.open_screen" => self.open_screen(arguments(method, params)?).await,
            "vm.snapshot" => self.snapshot(arguments(method, params)?).await,
            "vm.resize_disk" => {
                let call: ResizeDisk = arguments(method, params)?;
                hypervisor.resize_disk(&call.server, &call.disk, call.size_bytes).await?;
                Ok(Value::Null)
            }
            "image.cache" => {
                let image: ImageSource = arguments(method, params)?;
                self.shared.drivers.disks.cache(&image, self.shared.image_fetch()).await?;
                Ok(Value::Null)
            }
            "image.uncache" => {
                self.shared.drivers.disks.uncache(&arguments(method, params)?).await?;
                Ok(Value::Null)
            }
            "image.cached" => Ok(json!({"images": self.shared.drivers.disks.cached().await?})),
            "image.prune" => Ok(json!({"images": self.shared.drivers.disks.prune().await?})),
            "network.counters" => {
                let (network, question) = (&*self.shared.drivers.network, arguments(method, params)?);
                to_value(self.shared.ledger.answer(network, &question).await?)
            }
            "network.export_flows" => {
                let exports: Vec<FlowExport> = arguments(method, params)?;
                to_value(self.shared.drivers.network.export_flows(&exports).await?)
            }
            "disk.send" => transfer::send(&self.shared, arguments(method, params)?).await,
            "disk.receive" => transfer::receive(&self.shared, arguments(method, params)?).await,
            "host.inventory" => self.inventory().await,
            "host.audit" => self.audit(&arguments(method, params)?).await,
            "volume.pools" => self.pools().await,
            method if method.starts_with("volume.") => self.volume(method, arguments(method, params)?).await,
            other => Err(Error::not_implemented(format!("this host's agent does not know the call {other}"))),
        }
    }

    /// Connects a guest's screen to the member, for as long as both ends want.
    async fn open_screen(&self, call: Screen) -> Result<Value> {
        let none = || Error::conflict(format!("server {} has no screen to look at", call.server));
        let VncEndpoint::Unix(socket) = self.shared.drivers.hypervisor.vnc(&call.server).await? else {
            return Err(none());
        };
        let screen = tokio::net::UnixStream::connect(&socket).await.map_err(|e| none().with_source(e))?;
        let (link, host) = (Arc::clone(&self.shared.link), self.shared.host.clone());
        telemetry::spawn_caught("agent.screen", async move {
            if let Err(e) = link.tunnel(&host, call.tunnel, Box::new(screen)).await {
                tracing::warn!(server = %call.server, error = %e.internal_text(), "a screen could not be brought to the member");
            }
        });
        Ok(Value::Null)
    }

    /// Copies a disk as it is now and fills an image with it.
    async fn snapshot(&self, call: Snapshot) -> Result<Value> {
        let drivers = &self.shared.drivers;
        let aside = drivers.disks.scratch().join(format!("snapshot-{}.qcow2", call.image));
        let running = drivers.hypervisor.status(&call.server).await?;
        let copied = match running.state.is_on() {
            true => drivers.hypervisor.copy_disk(&call.server, &call.disk, &aside, call.quiesce).await,
            false => drivers.disks.export(&call.server, &call.disk, &aside).await,
        };
        let done = match copied {
            Ok(()) => self.shared.link.upload_image(&call.image, &aside).await,
            Err(e) => Err(e),
        };
        let _ = tokio::fs::remove_file(&aside).await; // absent when nothing was copied
        done.map(|()| Value::Null)
    }

    /// All that this host holds, for the audit.
    async fn inventory(&self) -> Result<Value> {
        let drivers = &self.shared.drivers;
        let mut pools = serde_json::Map::new();
        for (name, pool) in &drivers.pools {
            pools.insert(name.clone(), to_value(pool.inventory().await?)?);
        }
        Ok(json!({
            "vms": drivers.hypervisor.list().await?,
            "local_disks": drivers.disks.list().await?,
            "ports": drivers.network.plugged().await?,
            "metadata_networks": drivers.network.metadata_networks().await?,
            "strays": drivers.network.strays().await?,
            "pools": pools,
        }))
    }

    async fn audit(&self, claims: &HostClaims) -> Result<Value> {
        let mut findings = Vec::new();
        for audit in &self.shared.drivers.audits {
            findings.extend(audit.audit(claims).await?);
        }
        Ok(json!({"findings": findings}))
    }

    fn pool(&self, name: &str) -> Result<&Arc<dyn VolumeBackend>> {
        let pool = self.shared.drivers.pools.get(name);
        pool.ok_or_else(|| Error::not_found(format!("this host has no volume back end {name}")))
    }

    /// What this host has, as it would say if it connected now.
    async fn pools(&self) -> Result<Value> {
        let zone = &self.shared.availability_zone;
        let said = |p: crate::Pool| json!({"backend": p.backend, "availability_zone": zone, "stats": p.stats});
        Ok(self.shared.pools().await.into_iter().map(said).collect())
    }

    async fn volume(&self, method: &str, call: OfVolume) -> Result<Value> {
        let (pool, id, fence) = (self.pool(&call.backend)?, &call.id, Fence { generation: call.generation });
        match method {
            "volume.create" => {
                self.make(&**pool, &wanted(method, "spec", call.spec)?, fence, call.luks, Place::New).await?;
            }
            "volume.rewrite" => {
                self.make(&**pool, &wanted(method, "spec", call.spec)?, fence, call.luks, Place::Known).await?;
            }
            "volume.back_up" => {
                return to_value(pool.back_up(id, &wanted(method, "backup", call.backup)?).await?);
            }
            "volume.delete_backup" => pool.delete_backup(&wanted(method, "place", call.place)?).await?,
            "volume.backup_info" => {
                return to_value(pool.backup_info(&wanted(method, "place", call.place)?).await?);
            }
            "volume.delete" => pool.delete(id, fence).await?,
            "volume.extend" => pool.extend(id, wanted(method, "size_gib", call.size_gib)?, fence).await?,
            "volume.create_snapshot" => {
                pool.create_snapshot(id, &wanted(method, "snapshot", call.snapshot)?, fence).await?
            }
            "volume.delete_snapshot" => {
                pool.delete_snapshot(id, &wanted(method, "snapshot", call.snapshot)?, fence).await?
            }
            "volume.export" => {
                let host = wanted(method, "for_host", call.for_host)?;
                return to_value(pool.export(id, &host, call.read_only, fence).await?);
            }
            "volume.limit" => pool.limit(id, &wanted(method, "limits", call.limits)?, fence).await?,
            "volume.limits" => return to_value(pool.limits(id).await?),
            "volume.unexport" => pool.unexport(id, fence).await?,
            "volume.upload" => {
                let (image, format) = (wanted(method, "image", call.image)?, wanted(method, "format", call.format)?);
                self.upload(&**pool, id, &image, &format).await?;
            }
            "volume.candidates" => return to_value(pool.candidates().await?),
            "volume.adopt" => {
                return to_value(pool.adopt(&wanted(method, "reference", call.reference)?, id, fence).await?);
            }
            "volume.release" => pool.release(id, fence).await?,
            "volume.adopt_snapshot" => {
                let reference = wanted(method, "reference", call.reference)?;
                pool.adopt_snapshot(id, &reference, &wanted(method, "snapshot", call.snapshot)?, fence).await?;
            }
            "volume.release_snapshot" => {
                pool.release_snapshot(id, &wanted(method, "snapshot", call.snapshot)?, fence).await?
            }
            "volume.stats" => return to_value(pool.stats().await?),
            "volume.inventory" => return to_value(pool.inventory().await?),
            other => return Err(Error::not_implemented(format!("this host's agent does not know the call {other}"))),
        }
        Ok(Value::Null)
    }

    async fn make(
        &self,
        pool: &dyn VolumeBackend,
        spec: &VolumeSpec,
        fence: Fence,
        luks: Option<Luks>,
        place: Place,
    ) -> Result<()> {
        match (luks, place) {
            (Some(luks), place) => {
                Making { shared: &self.shared, pool, fetch: &self.fetch, fence, luks }.make(spec, place).await
            }
            (None, Place::New) => pool.create(spec, fence, Arc::clone(&self.fetch)).await,
            (None, Place::Known) => pool.rewrite(spec, fence, Arc::clone(&self.fetch)).await,
        }
    }

    async fn upload(&self, pool: &dyn VolumeBackend, id: &VolumeId, image: &ImageId, format: &str) -> Result<()> {
        let aside = self.shared.drivers.disks.scratch().join(format!("upload-{image}"));
        let done = match pool.copy_out(id, format, &aside).await {
            Ok(()) => self.shared.link.upload_image(image, &aside).await,
            Err(e) => Err(e),
        };
        let _ = tokio::fs::remove_file(&aside).await; // absent when nothing was copied
        done
    }
}

fn to_value(value: impl serde::Serialize) -> Result<Value> {
    serde_json::to_value(value).doing("encoding an answer")
}
