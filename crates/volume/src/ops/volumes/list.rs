//! Lists volumes.

use crate::{
    VolumeService,
    model::{Snapshot, Volume},
    ops::listing::{Field, Listed, Query, Row, has_all},
    policy,
    service::authorize_own,
};
use kernel::{Ctx, Result};
use std::sync::Arc;

impl Row for Volume {
    const FILTERS: &'static [&'static str] = &[
        "name",
        "display_name",
        "status",
        "metadata",
        "bootable",
        "migration_status",
        "availability_zone",
        "group_id",
        "size",
        "created_at",
        "updated_at",
        "consumes_quota",
        "glance_metadata",
        "volume_type_id",
    ];
    const SORTS: &'static [&'static str] = &[
        "created_at",
        "updated_at",
        "id",
        "name",
        "display_name",
        "size",
        "status",
        "availability_zone",
        "bootable",
        "host",
        "attach_status",
        "volume_type_id",
    ];
    fn id(&self) -> &str {
        &self.id
    }
    fn field(&self, name: &str) -> Option<Field> {
        Some(match name {
            "id" => Field::text(self.id.as_str()),
            "name" | "display_name" => self.name.clone().into(),
            "status" => Field::text(self.status.as_str()),
            "size" => Field::number(self.size_gib),
            "availability_zone" => Field::text(&self.availability_zone),
            "bootable" => Field::text(self.bootable.to_string()),
            "migration_status" => self.migration.clone().into(),
            "group_id" => self.group.clone().into(),
            "host" => self.pool.clone().into(),
            "volume_type_id" => Field::text(&self.volume_type),
            "created_at" => Field::text(self.created_at.iso_micros()),
            "updated_at" => Field::text(self.updated_at.iso_micros()),
            _ => return None,
        })
    }
    fn special(&self, name: &str, wanted: &str) -> Option<bool> {
        match name {
            "metadata" => Some(has_all(&self.metadata, wanted)),
            "glance_metadata" => Some(has_all(&self.image_metadata, wanted)),
            "bootable" => Some(self.bootable == matches!(wanted.to_lowercase().as_str(), "true" | "1")),
            _ => None,
        }
    }
}

pub(crate) fn list_volumes(service: &VolumeService, cx: &Ctx, query: &Query<'_>) -> Result<Listed<Volume>> {
    let _read = authorize_own(cx, &policy::GET_ALL)?;
    let all = query.all_tenants(cx)?;
    let view = service.view();
    let project = match query.get("project_id").filter(|_| all) {
        Some(project) => Some(project.to_owned()),
        None if all => None,
        None => Some(cx.project()?.to_string()),
    };
    let found: Vec<Arc<Volume>> = match &project {
        Some(project) => view.by(Volume::BY_PROJECT, project).collect(),
        None => view.all::<Volume>().collect(),
    };
    query.run(cx, found)
}

impl Row for Snapshot {
    const FILTERS: &'static [&'static str] = &[
        "name",
        "display_name",
        "status",
        "volume_id",
        "metadata",
        "availability_zone",
        "consumes_quota",
        "size",
        "created_at",
        "updated_at",
    ];
    const SORTS: &'static [&'static str] =
        &["created_at", "updated_at", "id", "name", "display_name", "status", "volume_id", "size"];
    fn id(&self) -> &str {
        &self.id
    }
    fn field(&self, name: &str) -> Option<Field> {
        Some(match name {
            "id" => Field::text(self.id.as_str()),
            "name" | "display_name" => self.name.clone().into(),
            "status" => Field::text(self.status.as_str()),
            "volume_id" => Field::text(self.volume.as_str()),
            "size" => Field::number(self.size_gib),
            "created_at" => Field::text(self.created_at.iso_micros()),
            "updated_at" => Field::text(self.updated_at.iso_micros()),
            _ => return None,
        })
    }
    fn special(&self, name: &str, wanted: &str) -> Option<bool> {
        (name == "metadata").then(|| has_all(&self.metadata, wanted))
    }
}
