//! The order of a list: `sort_key` and `sort_dir`, each as often as wanted; newest first if nothing is said.

use crate::model::Server;
use http::Params;
use kernel::{Ctx, Error, Result};
use std::cmp::Ordering;

type Compare = fn(&Server, &Server) -> Ordering;

#[derive(Default)]
pub(super) struct Sort(Vec<(Compare, bool)>);

/// Nova's sort keys: columns of its table of instances.
fn by(key: &str) -> Option<Compare> {
    Some(match key {
        "created_at" => |a, b| a.created.cmp(&b.created),
        "updated_at" => |a, b| a.updated.cmp(&b.updated),
        "launched_at" => |a, b| a.launched.cmp(&b.launched),
        "uuid" => |a, b| a.id.cmp(&b.id),
        "display_name" => |a, b| a.name.cmp(&b.name),
        "display_description" => |a, b| a.description.cmp(&b.description),
        "hostname" => |a, b| a.hostname.cmp(&b.hostname),
        "project_id" => |a, b| a.project.cmp(&b.project),
        "user_id" => |a, b| a.user.cmp(&b.user),
        "host" | "node" => |a, b| a.host.cmp(&b.host),
        "image_ref" => |a, b| a.image.cmp(&b.image),
        "instance_type_id" => |a, b| a.flavor.id.cmp(&b.flavor.id),
        "key_name" => |a, b| a.key.as_ref().map(|k| &k.name).cmp(&b.key.as_ref().map(|k| &k.name)),
        "vm_state" => |a, b| a.state.cmp(&b.state),
        "task_state" => |a, b| a.task.cmp(&b.task),
        "power_state" => |a, b| a.power.number().cmp(&b.power.number()),
        "availability_zone" => |a, b| a.availability_zone.cmp(&b.availability_zone),
        "config_drive" => |a, b| a.config_drive.cmp(&b.config_drive),
        "launch_index" => |a, b| a.launch_index.cmp(&b.launch_index),
        "access_ip_v4" => |a, b| a.access_v4.cmp(&b.access_v4),
        "access_ip_v6" => |a, b| a.access_v6.cmp(&b.access_v6),
        "root_device_name" => |a, b| a.root_device_name().cmp(&b.root_device_name()),
        "locked" => |a, b| a.lock.is_some().cmp(&b.lock.is_some()),
        _ => return None,
    })
}

impl Sort {
    /// The query's schema has refused keys that there are not; those that no server has here do not sort.
    pub(super) fn read(params: &Params, cx: &Ctx) -> Result<Self> {
        let keys: Vec<&str> = params.all("sort_key").collect();
        let dirs: Vec<&str> = params.all("sort_dir").collect();
        if dirs.len() > keys.len().max(1) {
            return Err(Error::bad_request("Sort direction size exceeds sort key size"));
        }
        let descending = |at: usize| match dirs.get(at).or(dirs.first()) {
            None | Some(&"desc") => Ok(true),
            Some(&"asc") => Ok(false),
            Some(other) => Err(Error::bad_request(format!("Invalid sort direction: {other}"))),
        };
        let mut sort = Self::default();
        for (at, key) in keys.iter().enumerate() {
            if matches!(*key, "host" | "node") && !cx.is_admin() {
                return Err(Error::forbidden(format!("Only administrators can sort servers by {key}")));
            }
            if let Some(compare) = by(key) {
                sort.0.push((compare, descending(at)?));
            }
        }
        if keys.is_empty() && !descending(0)? {
            sort.0.push((|a, b| a.created.cmp(&b.created), false));
        }
        Ok(sort)
    }

    pub(super) fn is_default(&self) -> bool {
        self.0.is_empty()
    }

    /// What is equal by all keys: newest first.
    pub(super) fn compare(&self, a: &Server, b: &Server) -> Ordering {
        let by_keys = self.0.iter().map(|(compare, descending)| {
            let order = compare(a, b);
            if *descending { order.reverse() } else { order }
        });
        by_keys
            .fold(Ordering::Equal, Ordering::then)
            .then_with(|| b.created.cmp(&a.created))
            .then_with(|| a.id.cmp(&b.id))
    }
}
