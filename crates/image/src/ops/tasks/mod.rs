//! Tasks: read by those who may see their image, and (administrators) made and listed through the tasks API of old.

use crate::{
    ImageService, error,
    flows::import_image::{Source, State},
    model::{Task, TaskKind, TaskStatus},
    ops::{
        images::{create, import},
        usage,
    },
    policy,
    service::authorize,
};
use ::policy::Authorize;
use kernel::{
    Ctx, Error, Page, Result,
    paging::{Direction, Paged},
};
use serde_json::{Map, Value};
use std::sync::Arc;

/// `GET /v2/images/{id}/tasks`, oldest first.
pub(crate) fn list_of_image(service: &ImageService, cx: &Ctx, id: &str) -> Result<Vec<Arc<Task>>> {
    let snapshot = service.0.store.snapshot();
    let image = service.find(cx, &snapshot, id)?;
    authorize(cx, &policy::GET_IMAGE, &image).map(drop).map_err(|_| error::not_found(id))?;
    let mut tasks: Vec<_> = snapshot.by(Task::BY_IMAGE, id).collect();
    tasks.sort_by_key(|t| t.created_at);
    Ok(tasks)
}

/// What a list of tasks may be narrowed to.
#[derive(Default)]
pub(crate) struct Filter {
    pub(crate) status: Option<TaskStatus>,
    pub(crate) kind: Option<String>,
}

/// Who may not use the tasks API learns so before what was sent is judged.
pub(crate) fn may_use(cx: &Ctx) -> Result<()> {
    cx.authorize(&policy::TASKS_API_ACCESS, &()).map(drop)
}

pub(crate) fn list_tasks(service: &ImageService, cx: &Ctx, filter: &Filter, page: &Page) -> Result<Paged<Arc<Task>>> {
    may_use(cx)?;
    cx.authorize(&policy::GET_TASKS, &()).map(drop)?;
    let wanted = |t: &Task| {
        filter.status.is_none_or(|s| s == t.status) && filter.kind.as_ref().is_none_or(|k| k == t.kind.as_str())
    };
    let mut found: Vec<_> = service.0.store.snapshot().all::<Task>().filter(|t| wanted(t)).collect();
    let (key, dir) = match page.sort.as_slice() {
        [] => ("created_at", Direction::Desc),
        [(key, dir), ..] => (key.as_str(), *dir),
    };
    match key {
        "created_at" => found.sort_by_key(|t| t.created_at),
        "updated_at" => found.sort_by_key(|t| t.updated_at),
        "id" => found.sort_by(|a, b| a.id.cmp(&b.id)),
        "status" => found.sort_by_key(|t| t.status.as_str()),
        "type" => found.sort_by_key(|t| t.kind.as_str()),
        other => return Err(Error::bad_request(format!("Invalid sort key: {other}"))),
    }
    if dir == Direction::Desc {
        found.reverse();
    }
    page.cut(found, |t| &t.id).ok_or_else(|| Error::bad_request("Invalid marker. Task could not be found."))
}

pub(crate) fn show_task(service: &ImageService, cx: &Ctx, id: &str) -> Result<Arc<Task>> {
    may_use(cx)?;
    cx.authorize(&policy::GET_TASK, &()).map(drop)?;
    let found = service.0.store.snapshot().get::<Task>(id);
    found.ok_or_else(|| Error::not_found(format!("No task found with ID {id}")))
}

/// Glance keeps tasks, and says so.
pub(crate) fn delete_task(service: &ImageService, cx: &Ctx, id: &str) -> Result<()> {
    show_task(service, cx, id)?;
    Err(Error::of(
        kernel::Kind::MethodNotAllowed,
        "This operation is not supported on Glance Tasks. They are auto deleted after reaching the time based on their \
         expires_at property.",
    ))
}

/// The input of an `import` task.
pub(crate) struct ImportTask {
    pub(crate) from: String,
    pub(crate) properties: Map<String, Value>,
    /// The input as it came.
    pub(crate) input: Value,
}

/// Makes an image and fills it from the web.
pub(crate) async fn create_task(service: &ImageService, cx: &Ctx, asked: ImportTask) -> Result<Arc<Task>> {
    may_use(cx)?;
    cx.authorize(&policy::ADD_TASK, &()).map(drop)?;
    service.0.fetcher.rules().check(&asked.from).map(drop)?;
    let image = create::read_body(cx, asked.properties)?;
    let permit = authorize(cx, &policy::ADD_IMAGE, &image)?;
    let task = import::new_task(cx, TaskKind::Import, &image.id, asked.input);
    let state = State {
        image: image.id.clone(),
        task: task.id.clone(),
        source: Source::Web { uri: asked.from },
        stores: vec![service.default_store().id().to_owned()],
        all_must_succeed: true,
        staged: None,
        original: None,
        converted: None,
        inspection: None,
        copied: Vec::new(),
        failed: Vec::new(),
    };
    let (service_, cx_) = (service.clone(), cx.clone());
    let write = move |tx: &mut store::Tx| {
        usage::may_add(&service_, tx.view(), &image.owner)?;
        import::start(&service_, &cx_, tx, image.clone(), task.clone(), state.clone())?;
        Ok(Arc::new(task.clone()))
    };
    service.write(permit, "image.task.create", write).await
}
