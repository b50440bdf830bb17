//! What users are told of flows that failed; forgotten after a month.

use crate::{
    VolumeService,
    model::{Message, MessageEvent, MessageResource},
    ops::listing::{Field, Listed, Query, Row},
    policy,
    service::{authorize, authorize_own, may_see},
};
use kernel::{Ctx, Error, ProjectId, Result, Timestamp};
use std::sync::Arc;
use store::Tx;

/// How long a message is promised to stay.
pub(crate) const KEPT: std::time::Duration = std::time::Duration::from_secs(30 * 24 * 3600);

impl Row for Message {
    const FILTERS: &'static [&'static str] =
        &["resource_uuid", "resource_type", "event_id", "request_id", "message_level"];
    const SORTS: &'static [&'static str] =
        &["id", "event_id", "resource_uuid", "resource_type", "created_at", "request_id"];
    fn id(&self) -> &str {
        &self.id
    }
    fn field(&self, name: &str) -> Option<Field> {
        Some(match name {
            "id" => Field::text(&self.id),
            "event_id" => Field::text(self.event.id(self.resource)),
            "resource_uuid" => Field::text(&self.resource_id),
            "resource_type" => Field::text(self.resource.as_str()),
            "request_id" => Field::text(&self.request_id),
            "message_level" => Field::text("ERROR"),
            "created_at" => Field::text(self.created_at.iso_micros()),
            _ => return None,
        })
    }
}

/// Of whom and of what a message is.
pub(crate) struct About<'a> {
    pub(crate) project: &'a ProjectId,
    pub(crate) resource: MessageResource,
    pub(crate) id: &'a str,
    pub(crate) request: &'a str,
}

/// Told in the transaction that ends the flow. The oldest of the project beyond a hundred go.
pub(crate) fn tell(tx: &mut Tx, about: &About<'_>, event: MessageEvent, now: Timestamp) {
    const KEPT: usize = 100;
    let mut there = tx.by(Message::BY_PROJECT, about.project);
    there.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    for old in there.iter().take((there.len() + 1).saturating_sub(KEPT)) {
        tx.delete::<Message>(&old.id);
    }
    tx.put(Message {
        id: kernel::ids::uuid_dashed().to_string(),
        project: about.project.clone(),
        request_id: about.request.to_owned(),
        event,
        resource: about.resource,
        resource_id: about.id.to_owned(),
        created_at: now,
    });
}

fn find(service: &VolumeService, cx: &Ctx, id: &str) -> Result<Arc<Message>> {
    let found = service.view().get::<Message>(id).filter(|m| may_see(cx, &m.project));
    found.ok_or_else(|| Error::not_found(format!("Message {id} could not be found.")))
}

pub(crate) fn list(service: &VolumeService, cx: &Ctx, query: &Query<'_>) -> Result<Listed<Message>> {
    let _read = authorize_own(cx, &policy::MESSAGE_GET_ALL)?;
    let view = service.view();
    query.run(cx, view.by(Message::BY_PROJECT, cx.project()?).collect())
}

pub(crate) fn show(service: &VolumeService, cx: &Ctx, id: &str) -> Result<Arc<Message>> {
    let found = find(service, cx, id)?;
    let _read = authorize(cx, &policy::MESSAGE_GET, &found.project)?;
    Ok(found)
}

pub(crate) async fn delete(service: &VolumeService, cx: &Ctx, id: &str) -> Result<()> {
    let found = find(service, cx, id)?;
    let permit = authorize(cx, &policy::MESSAGE_DELETE, &found.project)?;
    let write = move |tx: &mut Tx| {
        tx.delete::<Message>(&found.id);
        Ok(())
    };
    service.write(permit, "volume.message.delete", write).await
}
