//! Imports an image: its bytes are staged, fetched, or there already; they are inspected, and copied to the stores asked for.
//!
//! ```text
//!   begin ──▶ fetch ──▶ inspect ──▶ convert ──▶ copy ──▶ clean ──▶ finish
//!     task      web or     refused    if the op-   to each   staged    image active,
//!   processing  another    → undone   erator says   store    bytes go   task success
//!               image → staging       so: staged anew
//! ```
//!
//! Until `finish` the image does not name the bytes that were copied: the journal does, and they are collected by it
//! ([`super::claimed`]). So no reader meets them before all is done, and undoing is removing them. A copy to further stores leaves
//! the image active all the while.

use crate::{
    Image, ImageService, Status,
    driver::{ByteStream, Inspection, Written},
    error,
    model::{Location, Task, TaskStatus},
    ops::images::{download, upload},
    port::read_file,
};
use flow::{Commit, Flow, Step, StepCx, StepError, StepResult};
use kernel::{Error, ImageId, Result, Timestamp};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};
use store::Tx;

/// One run of what moves bytes, and all its runs.
const COPYING: (Duration, Duration) = (Duration::from_secs(6 * 3600), Duration::from_secs(12 * 3600));
/// How long an ended task is remembered (Glance's `task_time_to_live`).
const REMEMBERED: Duration = Duration::from_secs(48 * 3600);

pub(crate) struct ImportImage(pub(crate) ImageService);

/// Where the bytes come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub(crate) enum Source {
    /// They are staged (`glance-direct`).
    Staged,
    /// `web-download`
    Web { uri: String },
    /// The image's own (`copy-image`).
    Own,
    /// Another image's (`glance-download`), or why there is none.
    Image { id: Result<ImageId, String> },
}

/// A store that has the bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Copied {
    pub(crate) location: Location,
    pub(crate) written: Written,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) image: ImageId,
    pub(crate) task: String,
    pub(crate) source: Source,
    pub(crate) stores: Vec<String>,
    pub(crate) all_must_succeed: bool,
    pub(crate) staged: Option<Location>,
    /// What was staged before it was converted, and the format it has now.
    #[serde(default)]
    pub(crate) original: Option<Location>,
    #[serde(default)]
    pub(crate) converted: Option<String>,
    pub(crate) inspection: Option<Inspection>,
    pub(crate) copied: Vec<Copied>,
    pub(crate) failed: Vec<String>,
}

impl State {
    /// The image's bytes move into it for the first time.
    fn fills(&self) -> bool {
        self.source != Source::Own
    }
}

/// What another image passes on with its bytes: Glance's `extra_properties` of `glance-download`.
const PASSED_ON: &[&str] = &["hw_", "trait:", "os_distro", "os_secure_boot", "os_type"];

/// Formats of what is not converted.
const KEPT: &[&str] = &["iso", "ami", "aki", "ari"];

/// A file that goes with this.
struct Aside(PathBuf);

impl Drop for Aside {
    fn drop(&mut self) {
        // Never made, if the conversion failed.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn definite(error: Error) -> StepError {
    StepError::Failed(error)
}

impl ImportImage {
    fn image(&self, id: &ImageId) -> Result<Arc<Image>, StepError> {
        self.0.0.store.snapshot().get::<Image>(id).ok_or_else(|| definite(error::not_found(id)))
    }

    fn image_hash(&self, id: &ImageId) -> Option<String> {
        self.0.0.store.snapshot().get::<Image>(id).and_then(|i| i.hash.clone())
    }

    async fn begin(self: Arc<Self>, cx: StepCx, _: State) -> StepResult<Self> {
        let now = cx.now();
        Ok(Commit::with(move |tx, state: &mut State| {
            tx.update::<Task>(&state.task, |t| (t.status, t.updated_at) = (TaskStatus::Processing, now));
            Ok(())
        }))
    }

    /// Removes staged bytes, whoever staged them.
    async fn unstage(self: Arc<Self>, _: StepCx, state: State) -> StepResult<Self> {
        for location in state.staged.iter().chain(&state.original) {
            self.0.store_named(&location.store)?.remove(&location.blob).await?;
        }
        Ok(Commit::with(|tx, state: &mut State| {
            for location in [state.staged.take(), state.original.take()].into_iter().flatten() {
                tx.update::<Image>(&state.image, |i| {
                    if i.staged.as_ref().is_some_and(|s| s.location == location) {
                        i.staged = None;
                    }
                });
            }
            Ok(())
        }))
    }

    async fn fetch(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let data: ByteStream = match &state.source {
            Source::Staged | Source::Own => return Ok(Commit::nothing()),
            Source::Web { uri } => self.0.0.fetcher.open(uri).await.map_err(definite)?,
            Source::Image { id: Err(why) } => return Err(definite(Error::bad_request(why.clone()))),
            Source::Image { id: Ok(id) } => {
                let source = self.image(id)?;
                download::open(&self.0, &source, 0, None).await.map_err(definite)?
            }
        };
        let staging = &self.0.0.staging;
        let written = staging.write(data, self.0.0.size_limit).await.map_err(definite)?;
        let location = Location { store: staging.id().to_owned(), blob: written.blob };
        self.0.0.loose.lock().push((cx.flow.clone(), location.clone()));
        Ok(Commit::with(move |_, state: &mut State| {
            state.staged = Some(location.clone());
            Ok(())
        }))
    }

    async fn inspect(self: Arc<Self>, _: StepCx, state: State) -> StepResult<Self> {
        let Some(staged) = &state.staged else { return Ok(Commit::nothing()) }; // inspected when they were taken in
        let declared = self.declared(&state)?;
        let store = self.0.store_named(&staged.store)?;
        let found = upload::inspect(&self.0, &**store, &staged.blob, declared.as_deref()).await?;
        Ok(Commit::with(move |_, state: &mut State| {
            state.inspection = Some(found.clone());
            Ok(())
        }))
    }

    /// The format that the bytes are said to be in.
    fn declared(&self, state: &State) -> Result<Option<String>, StepError> {
        let of = match &state.source {
            Source::Image { id: Ok(id) } => id,
            _ => &state.image,
        };
        Ok(self.image(of)?.disk_format.clone())
    }

    /// Brings staged bytes into the operator's format. What is no disk (`iso`, the Amazon parts) stays as it is.
    async fn convert(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let declared = self.declared(&state)?.unwrap_or_default();
        let (Some(conversion), Some(staged)) = (&self.0.0.conversion, &state.staged) else {
            return Ok(Commit::nothing());
        };
        if declared == conversion.to || KEPT.contains(&declared.as_str()) || state.converted.is_some() {
            return Ok(Commit::nothing());
        }
        let from = self.0.store_named(&staged.store)?.path(&staged.blob);
        let from = from.ok_or_else(|| Error::internal(format!("staged bytes of {} lie in no file", state.image)))?;
        let aside = Aside(conversion.dir.join(format!("convert-{}", kernel::ids::uuid_hex())));
        conversion.converter.convert(&from, &declared, &aside.0, &conversion.to).await.map_err(definite)?;
        let staging = &self.0.0.staging;
        let written = staging.write(read_file(&aside.0).await?, self.0.0.size_limit).await.map_err(definite)?;
        let location = Location { store: staging.id().to_owned(), blob: written.blob.clone() };
        self.0.0.loose.lock().push((cx.flow.clone(), location.clone()));
        let found = upload::inspect(&self.0, &**staging, &written.blob, Some(&conversion.to)).await?;
        let to = conversion.to.clone();
        Ok(Commit::with(move |_, state: &mut State| {
            state.original = state.staged.replace(location.clone());
            (state.inspection, state.converted) = (Some(found.clone()), Some(to.clone()));
            Ok(())
        }))
    }

    /// Writes the bytes to one more store.
    async fn copy_to(&self, cx: &StepCx, state: &State, id: &str) -> Result<Copied> {
        let store = self.0.store_named(id)?;
        let data = match &state.staged {
            Some(staged) => self.0.store_named(&staged.store)?.read(&staged.blob, 0, None).await?,
            None => {
                let image = self.0.0.store.snapshot().get::<Image>(&state.image);
                let image = image.ok_or_else(|| error::not_found(&state.image))?;
                download::open(&self.0, &image, 0, None).await?
            }
        };
        let written = store.write(data, self.0.0.size_limit).await?;
        let location = Location { store: store.id().to_owned(), blob: written.blob.clone() };
        self.0.0.loose.lock().push((cx.flow.clone(), location.clone()));
        if !state.fills() && self.image_hash(&state.image).is_some_and(|hash| hash != written.sha512) {
            return Err(Error::internal(format!("image {}: its bytes are not what they were", state.image)));
        }
        Ok(Copied { location, written })
    }

    async fn copy(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let (mut copied, mut failed) = (Vec::new(), Vec::new());
        let mut why = None;
        for id in &state.stores {
            match self.copy_to(&cx, &state, id).await {
                Ok(done) => copied.push(done),
                Err(e) => {
                    tracing::warn!(image = %state.image, store = id, error = %e.internal_text(), "a store did not take an image");
                    failed.push(id.clone());
                    why = Some(e);
                }
            }
            if why.is_some() && state.all_must_succeed {
                break;
            }
        }
        if let Some(why) = why.filter(|_| state.all_must_succeed || copied.is_empty()) {
            for done in &copied {
                self.0.store_named(&done.location.store)?.remove(&done.location.blob).await?;
            }
            return Err(definite(Error::of(why.kind(), format!("the image could not be stored: {}", why.message()))));
        }
        Ok(Commit::with(move |_, state: &mut State| {
            (state.copied, state.failed) = (copied.clone(), failed.clone());
            Ok(())
        }))
    }

    async fn uncopy(self: Arc<Self>, _: StepCx, state: State) -> StepResult<Self> {
        for done in &state.copied {
            self.0.store_named(&done.location.store)?.remove(&done.location.blob).await?;
        }
        Ok(Commit::with(|_, state: &mut State| {
            state.copied.clear();
            Ok(())
        }))
    }

    async fn finish(self: Arc<Self>, cx: StepCx, _: State) -> StepResult<Self> {
        let now = cx.now();
        Ok(Commit::with(move |tx, state: &mut State| {
            let adopted = match &state.source {
                Source::Image { id: Ok(id) } => tx.get::<Image>(id),
                _ => None,
            };
            let mut image =
                Image::clone(&*tx.get::<Image>(&state.image).ok_or_else(|| error::not_found(&state.image))?);
            if image.import_task.as_ref() != Some(&state.task) {
                return Err(error::wrong_status(&image.id, image.status.as_str(), Status::Active.as_str()));
            }
            if state.fills() {
                fill(&mut image, state)?;
            }
            if let Some(source) = adopted {
                adopt(&mut image, &source);
            }
            if let Some(format) = &state.converted {
                image.disk_format = Some(format.clone());
            }
            image.locations.extend(state.copied.iter().map(|c| c.location.clone()));
            (image.staged, image.import_task, image.updated_at) = (None, None, now);
            (image.importing_to, image.failed_import) = (Some(Vec::new()), Some(state.failed.clone()));
            tx.put(image);
            end_task(tx, &state.task, TaskStatus::Success, "", now);
            Ok(())
        }))
    }
}

/// The image gets what was learned of its bytes.
fn fill(image: &mut Image, state: &State) -> Result<()> {
    let first = state.copied.first().ok_or_else(|| Error::internal("finishing an import that copied nothing"))?;
    image.status = Status::Active;
    image.size = Some(first.written.size);
    image.checksum = Some(first.written.md5.clone());
    image.hash = Some(first.written.sha512.clone());
    image.virtual_size = state.inspection.as_ref().map(|i| i.virtual_size);
    Ok(())
}

fn adopt(image: &mut Image, source: &Image) {
    image.disk_format.clone_from(&source.disk_format);
    image.container_format.clone_from(&source.container_format);
    let passed = |name: &&String| PASSED_ON.iter().any(|prefix| name.starts_with(prefix));
    let own: BTreeMap<_, _> =
        source.properties.iter().filter(|(k, _)| passed(k)).map(|(k, v)| (k.clone(), v.clone())).collect();
    image.properties.extend(own);
}

pub(crate) fn end_task(tx: &mut Tx, id: &str, status: TaskStatus, message: &str, now: Timestamp) {
    tx.update::<Task>(id, |t| {
        (t.status, t.updated_at, t.message) = (status, now, message.to_owned());
        t.expires_at = Some(now.plus(REMEMBERED));
    });
}

impl Flow for ImportImage {
    const KIND: &'static str = "image.import_image";
    type State = State;

    fn steps() -> Vec<Step<Self>> {
        let (once, all) = COPYING;
        vec![
            Step::new("begin", Self::begin).undo(Self::unstage),
            Step::new("fetch", Self::fetch).undo(Self::unstage).within(once, all),
            Step::new("inspect", Self::inspect),
            Step::new("convert", Self::convert).within(once, all),
            Step::new("copy", Self::copy).undo(Self::uncopy).within(once, all),
            Step::new("clean", Self::unstage),
            Step::new("finish", Self::finish),
        ]
    }

    /// Free for another try: queued, or still staged if nothing was begun. A copy that failed changes nothing else.
    fn failed(&self, tx: &mut Tx, state: &State, why: &str, now: Timestamp) -> Result<()> {
        tx.update::<Image>(&state.image, |image| {
            if image.import_task.as_ref() != Some(&state.task) {
                return;
            }
            if image.status == Status::Importing {
                match image.staged {
                    Some(_) => image.status = Status::Uploading,
                    None => (image.status, image.size) = (Status::Queued, None),
                }
            }
            image.import_task = None;
            (image.importing_to, image.failed_import) = (Some(Vec::new()), Some(state.stores.clone()));
            image.updated_at = now;
        });
        end_task(tx, &state.task, TaskStatus::Failure, why, now);
        Ok(())
    }
}
