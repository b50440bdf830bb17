//! Lists images by Glance's filters, sorted and paged.

use crate::policy::GET_IMAGES;
use crate::{Image, ImageService, MemberStatus, Visibility};
use ::policy::Authorize;
use kernel::{
    Ctx, Error, Page, Result, Timestamp,
    paging::{Direction, Paged},
};
use std::{cmp::Ordering, sync::Arc};

/// Filters, as `(name, value)` of the query; paging and sorting in `page`.
pub(crate) fn list_images(
    service: &ImageService,
    cx: &Ctx,
    filters: &[(String, String)],
    page: &Page,
) -> Result<Paged<Arc<Image>>> {
    let project = cx.credentials.project().map_or("", |p| p.as_str());
    let _read = cx.authorize(&GET_IMAGES, &::policy::target! { "project_id" => project })?;
    let may_read = |name: &str| service.may_read(cx, name);
    let tests = filters.iter().map(|(name, value)| read_filter(name, value, &may_read)).collect::<Result<Vec<_>>>()?;
    let wants = Wanted::of(filters)?;
    let snapshot = service.0.store.snapshot();
    let mut found: Vec<_> = snapshot
        .all::<Image>()
        .filter(|image| wants.lists(cx, image) && tests.iter().all(|test| test(image)))
        .collect();
    let order = read_order(page)?;
    found.sort_by(|a, b| {
        order.iter().map(|(key, dir)| compare(a, b, key, *dir)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
    });
    page.cut(found, |image| &image.id).ok_or_else(|| Error::bad_request("Invalid marker. Image could not be found."))
}

/// Which images a list is about before any filter.
struct Wanted {
    visibility: Option<Visibility>,
    member_status: Option<MemberStatus>,
    hidden: bool,
}

impl Wanted {
    fn of(filters: &[(String, String)]) -> Result<Self> {
        let get = |name: &str| filters.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        let bad = |name: &str, value: &str| Error::bad_request(format!("Invalid {name} value: {value}"));
        let visibility = match get("visibility") {
            None | Some("all") => None,
            Some(v) => Some(Visibility::parse(v).ok_or_else(|| bad("visibility", v))?),
        };
        let member_status = match get("member_status") {
            None => Some(MemberStatus::Accepted),
            Some("all") => None,
            Some(s) => Some(MemberStatus::parse(s).ok_or_else(|| bad("member_status", s))?),
        };
        let hidden = get("os_hidden").is_some_and(|v| v.eq_ignore_ascii_case("true"));
        Ok(Self { visibility, member_status, hidden })
    }

    /// One's own, public ones, accepted offers; community images of others only when asked for.
    fn lists(&self, cx: &Ctx, image: &Image) -> bool {
        if image.hidden != self.hidden || self.visibility.is_some_and(|v| v != image.visibility) {
            return false;
        }
        let project = cx.credentials.project();
        if cx.is_admin() || project == Some(&image.owner) {
            return true;
        }
        let offered = || project.and_then(|p| image.members.get(p.as_str()));
        match image.visibility {
            Visibility::Public => true,
            Visibility::Community => self.visibility == Some(Visibility::Community),
            Visibility::Private => false,
            Visibility::Shared => offered().is_some_and(|m| self.member_status.is_none_or(|s| s == m.status)),
        }
    }
}

type Test = Box<dyn Fn(&Image) -> bool>;

fn read_filter(name: &str, value: &str, may_read: &dyn Fn(&str) -> bool) -> Result<Test> {
    let value = value.to_owned();
    Ok(match name {
        "visibility" | "member_status" | "os_hidden" => Box::new(|_| true),
        "name" | "status" | "id" | "container_format" | "disk_format" | "owner" | "checksum" | "os_hash_value" => {
            let name = name.to_owned();
            let wanted: Vec<String> = match value.strip_prefix("in:") {
                Some(list) => list.split(',').map(|s| s.trim().trim_matches('"').to_owned()).collect(),
                None => vec![value.strip_prefix("eq:").unwrap_or(&value).to_owned()],
            };
            Box::new(move |image| attribute(image, &name).is_some_and(|have| wanted.contains(&have)))
        }
        "protected" => {
            let wanted = match value.to_lowercase().as_str() {
                "true" => true,
                "false" => false,
                _ => return Err(Error::bad_request(format!("Invalid value '{value}' for 'protected' filter."))),
            };
            Box::new(move |image| image.protected == wanted)
        }
        "size_min" | "size_max" => {
            let at: u64 = value.parse().map_err(|_| Error::bad_request(format!("{name} must be an integer")))?;
            let least = name == "size_min";
            Box::new(move |image| if least { image.size.unwrap_or(0) >= at } else { image.size.unwrap_or(0) <= at })
        }
        "size" | "virtual_size" | "min_disk" | "min_ram" => {
            let at: u64 = value.parse().map_err(|_| Error::bad_request(format!("{name} must be an integer")))?;
            let have: fn(&Image) -> Option<u64> = match name {
                "size" => |image| image.size,
                "virtual_size" => |image| image.virtual_size,
                "min_disk" => |image| Some(image.min_disk),
                _ => |image| Some(image.min_ram),
            };
            Box::new(move |image| have(image) == Some(at))
        }
        "tag" => Box::new(move |image| image.tags.contains(&value)),
        "created_at" | "updated_at" => read_time_filter(name == "created_at", &value)?,
        property if !may_read(property) => Box::new(|_| false),
        property => {
            let property = property.to_owned();
            Box::new(move |image| image.properties.get(&property) == Some(&value))
        }
    })
}

/// `gt:2026-01-01T00:00:00Z` and its like.
fn read_time_filter(created: bool, value: &str) -> Result<Test> {
    let bad = || Error::bad_request(format!("Invalid time filter: {value}"));
    let (op, time) =
        value.split_once(':').filter(|(op, _)| op.chars().all(char::is_alphabetic)).unwrap_or(("eq", value));
    let at = Timestamp::parse(time).ok_or_else(bad)?.secs();
    let holds: fn(i64, i64) -> bool = match op {
        "gt" => |a, b| a > b,
        "gte" => |a, b| a >= b,
        "lt" => |a, b| a < b,
        "lte" => |a, b| a <= b,
        "eq" => |a, b| a == b,
        "neq" => |a, b| a != b,
        _ => return Err(bad()),
    };
    Ok(Box::new(move |image| holds(if created { image.created_at } else { image.updated_at }.secs(), at)))
}

fn attribute(image: &Image, name: &str) -> Option<String> {
    match name {
        "name" => image.name.clone(),
        "status" => Some(image.status.as_str().to_owned()),
        "id" => Some(image.id.to_string()),
        "container_format" => image.container_format.clone(),
        "disk_format" => image.disk_format.clone(),
        "owner" => Some(image.owner.to_string()),
        "checksum" => image.checksum.clone(),
        "os_hash_value" => image.hash.clone(),
        _ => None,
    }
}

const SORT_KEYS: &[&str] =
    &["name", "status", "container_format", "disk_format", "size", "id", "created_at", "updated_at"];

/// Newest first unless asked otherwise; the id settles ties.
fn read_order(page: &Page) -> Result<Vec<(String, Direction)>> {
    if let Some((bad, _)) = page.sort.iter().find(|(key, _)| !SORT_KEYS.contains(&key.as_str())) {
        return Err(Error::bad_request(format!("Invalid sort key: {bad}")));
    }
    let mut order = page.sort.clone();
    let last = order.last().map_or(Direction::Desc, |(_, dir)| *dir);
    for key in ["created_at", "id"] {
        if !order.iter().any(|(k, _)| k == key) {
            order.push((key.to_owned(), last));
        }
    }
    Ok(order)
}

fn compare(a: &Image, b: &Image, key: &str, dir: Direction) -> Ordering {
    let order = match key {
        "size" => a.size.cmp(&b.size),
        "created_at" => a.created_at.cmp(&b.created_at),
        "updated_at" => a.updated_at.cmp(&b.updated_at),
        key => attribute(a, key).cmp(&attribute(b, key)),
    };
    if dir == Direction::Desc { order.reverse() } else { order }
}
