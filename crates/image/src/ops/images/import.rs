//! Starts imports: the image, its task and the flow change in one transaction, so an image is never `importing` without a flow.

use crate::{
    Image, ImageService, Status, error,
    flows::import_image::{ImportImage, Source, State},
    model::{Task, TaskKind, TaskStatus},
    ops::usage,
    policy,
    service::authorize,
};
use flow::Start;
use kernel::{Ctx, Error, ImageId, Result};
use serde_json::{Value, json};
use store::Tx;

/// The ways to import, by Glance's names.
pub(crate) const METHODS: &[&str] = &["glance-direct", "web-download", "copy-image", "glance-download"];

/// What was asked for, its shape judged.
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) stores: Vec<String>,
    pub(crate) all_stores: bool,
    pub(crate) all_must_succeed: bool,
    /// The body as it came: tasks show it.
    pub(crate) body: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Method {
    Direct,
    Web { uri: String },
    Copy,
    Download { region: Option<String>, image: Option<String> },
}

impl Method {
    fn name(&self) -> &'static str {
        METHODS[match self {
            Self::Direct => 0,
            Self::Web { .. } => 1,
            Self::Copy => 2,
            Self::Download { .. } => 3,
        }]
    }
}

/// `POST /v2/images/{id}/import`
pub(crate) async fn import_image(service: &ImageService, cx: &Ctx, id: &str, request: Request) -> Result<()> {
    let snapshot = service.0.store.snapshot();
    let image = service.find(cx, &snapshot, id)?;
    usage::may_grow(service, &snapshot, &image.owner)?;
    ready(&image, &request.method)?;
    let source = source(service, cx, &request.method)?;
    let copying = request.method == Method::Copy;
    let permit = authorize(cx, if copying { &policy::COPY_IMAGE } else { &policy::MODIFY_IMAGE }, &image)?;
    let Some(stores) = targets(service, &image, &request)? else { return Ok(()) };
    let input = json!({"image_id": image.id, "import_req": request.body, "backend": stores});
    let task = new_task(cx, TaskKind::ApiImageImport, &image.id, input);
    let state = State {
        image: image.id.clone(),
        task: task.id.clone(),
        source,
        stores,
        all_must_succeed: request.all_must_succeed,
        staged: None,
        original: None,
        converted: None,
        inspection: None,
        copied: Vec::new(),
        failed: Vec::new(),
    };
    let (service_, method, cx_) = (service.clone(), request.method, cx.clone());
    let write = move |tx: &mut Tx| {
        let image = tx.get::<Image>(&state.image).ok_or_else(|| error::not_found(&state.image))?;
        ready(&image, &method)?;
        start(&service_, &cx_, tx, Image::clone(&image), task.clone(), state.clone())
    };
    service.write(permit, "image.image.import", write).await
}

pub(crate) fn new_task(cx: &Ctx, kind: TaskKind, image: &ImageId, input: Value) -> Task {
    Task {
        id: uuid::Uuid::new_v4().to_string(),
        kind,
        status: TaskStatus::Pending,
        owner: cx.credentials.project().cloned().unwrap_or_else(|| "".into()),
        user: cx.credentials.user.clone(),
        request_id: cx.request_id.to_string(),
        image: image.clone(),
        input,
        message: String::new(),
        created_at: cx.now(),
        updated_at: cx.now(),
        expires_at: None,
    }
}

/// Writes the task, takes the image's lock and starts the flow. Tasks that have had their time go.
pub(crate) fn start(
    service: &ImageService,
    cx: &Ctx,
    tx: &mut Tx,
    mut image: Image,
    task: Task,
    mut state: State,
) -> Result<()> {
    let over: Vec<String> = tx
        .view()
        .all::<Task>()
        .filter(|t| t.expires_at.is_some_and(|at| at < cx.now()))
        .map(|t| t.id.clone())
        .collect();
    for id in &over {
        tx.delete::<Task>(id);
    }
    state.staged = image.staged.as_ref().map(|s| s.location.clone());
    if state.source != Source::Own {
        image.status = Status::Importing;
    }
    image.import_task = Some(task.id.clone());
    (image.importing_to, image.failed_import) = (Some(state.stores.clone()), Some(Vec::new()));
    let object = format!("image.image/{}", image.id);
    tx.put(image);
    tx.put(task);
    let start = Start { object, state, request_id: &cx.request_id, now: cx.now() };
    service.0.starter.start::<ImportImage>(tx, start)?;
    Ok(())
}

/// Whether an image can be the target of a method now; the order of the refusals is Glance's.
fn ready(image: &Image, method: &Method) -> Result<()> {
    let refuse = |text: &str| Err(Error::conflict(text));
    match (image.status, method) {
        (Status::Active, Method::Copy) => {}
        (Status::Active, _) => return refuse("Image with status active cannot be target for import"),
        (_, Method::Copy) => return refuse("Only images with status active can be targeted for copying"),
        (Status::Queued, Method::Web { .. } | Method::Download { .. }) => {}
        (_, Method::Web { .. } | Method::Download { .. }) => {
            return refuse(&format!("Image needs to be in 'queued' state to use '{}' method", method.name()));
        }
        (Status::Uploading, Method::Direct) if image.staged.is_some() => {}
        (_, Method::Direct) => return refuse("Image needs to be staged before 'glance-direct' method can be used"),
    }
    for (value, name) in [(&image.container_format, "container_format"), (&image.disk_format, "disk_format")] {
        if value.is_none() {
            return refuse(&format!("'{name}' needs to be set before import"));
        }
    }
    if image.import_task.is_some() {
        let text =
            format!("New operation on image '{}' is not permitted as prior operation is still in progress", image.id);
        return Err(Error::conflict(text));
    }
    Ok(())
}

/// Where the bytes will come from. What another cloud's image service would refuse fails the task, as there.
fn source(service: &ImageService, cx: &Ctx, method: &Method) -> Result<Source> {
    Ok(match method {
        Method::Direct => Source::Staged,
        Method::Copy => Source::Own,
        Method::Web { uri } => {
            service.0.fetcher.rules().check(uri).map(drop)?;
            Source::Web { uri: uri.clone() }
        }
        Method::Download { region, image } => {
            let needed =
                |name: &str| Error::bad_request(format!("'{name}' needs to be set for glance-download import method"));
            let region = region.as_ref().ok_or_else(|| needed("glance_region"))?;
            let id = image.as_ref().ok_or_else(|| needed("glance_image_id"))?;
            if uuid::Uuid::try_parse(id).is_err() {
                return Err(Error::bad_request(format!("Remote image id does not look like a UUID: {id}")));
            }
            Source::Image { id: elsewhere(service, cx, region, id).map_err(|e| e.message().to_owned()) }
        }
    })
}

/// The image of a region that the caller may read there. The only region that this cloud's catalog has is its own.
fn elsewhere(service: &ImageService, cx: &Ctx, region: &str, id: &str) -> Result<ImageId> {
    if region != service.0.region {
        return Err(Error::not_found(format!("The catalog has no image service in region {region}")));
    }
    let image = service.find(cx, &service.0.store.snapshot(), id)?;
    authorize(cx, &policy::DOWNLOAD_IMAGE, &image).map(drop)?;
    match image.status {
        Status::Active => Ok(image.id.clone()),
        _ => Err(Error::conflict(format!("Image {id} is not active"))),
    }
}

/// The stores to write to; `None` if the image is in all of them already.
fn targets(service: &ImageService, image: &Image, request: &Request) -> Result<Option<Vec<String>>> {
    let mut stores: Vec<String> = match (request.all_stores, request.stores.is_empty()) {
        (true, _) => service.0.stores.iter().map(|s| s.id().to_owned()).collect(),
        (false, true) => vec![service.default_store().id().to_owned()],
        (false, false) => request.stores.clone(),
    };
    stores.sort();
    stores.dedup();
    if let Some(unknown) = stores.iter().find(|id| !service.0.stores.iter().any(|s| s.id() == id.as_str())) {
        return Err(Error::conflict(format!("Unknown store identifier '{unknown}'")));
    }
    if request.method == Method::Copy {
        let there = |id: &String| image.locations.iter().any(|l| l.store == *id);
        if request.all_stores {
            stores.retain(|id| !there(id));
        } else if let Some(id) = stores.iter().find(|id| there(id)) {
            return Err(Error::bad_request(format!("Image is already present at store '{id}'")));
        }
    }
    Ok((!stores.is_empty()).then_some(stores))
}
