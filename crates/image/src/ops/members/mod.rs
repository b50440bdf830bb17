//! Offers of a shared image to other projects.

use crate::{Image, ImageService, Member, MemberStatus, Visibility, error, policy, service::authorize};
use ::policy::Permit;
use kernel::{Ctx, Error, Result};
use std::sync::Arc;

/// A member with the id of its project.
pub(crate) type Named = (String, Member);

/// At most this many (Glance's `image_member_quota`).
const LIMIT: usize = 128;

/// Members that the caller may see: the owner sees all, a member itself.
pub(crate) fn list_members(service: &ImageService, cx: &Ctx, id: &str) -> Result<(Arc<Image>, Vec<Named>)> {
    let image = service.find(cx, &service.0.store.snapshot(), id)?;
    authorize(cx, &policy::GET_MEMBERS, &image).map(drop).map_err(|_| error::not_found(id))?;
    if image.visibility != Visibility::Shared {
        return Err(Error::forbidden("Only shared images have members."));
    }
    let project = cx.credentials.project().map_or("", |p| p.as_str());
    let all = cx.is_admin() || image.owner == *project;
    let seen =
        image.members.iter().filter(|(p, _)| all || *p == project).map(|(p, m)| (p.clone(), m.clone())).collect();
    Ok((image, seen))
}

pub(crate) fn show_member(service: &ImageService, cx: &Ctx, id: &str, project: &str) -> Result<(Arc<Image>, Named)> {
    let image = service.find(cx, &service.0.store.snapshot(), id)?;
    authorize(cx, &policy::GET_MEMBER, &image).map(drop).map_err(|_| error::not_found(id))?;
    let own = cx.credentials.project().is_some_and(|p| *p == image.owner || p.as_str() == project);
    let member = image.members.get(project).filter(|_| own || cx.is_admin()).cloned();
    let member = member.ok_or_else(|| no_member(project))?;
    Ok((image, (project.to_owned(), member)))
}

fn no_member(project: &str) -> Error {
    Error::not_found(format!("Member {project} could not be found."))
}

pub(crate) async fn add_member(service: &ImageService, cx: &Ctx, id: &str, project: String) -> Result<Named> {
    let image = service.find(cx, &service.0.store.snapshot(), id)?;
    let permit = authorize(cx, &policy::ADD_MEMBER, &image)?;
    if image.visibility != Visibility::Shared {
        return Err(Error::forbidden("Only shared images have members."));
    }
    if project.is_empty() || project.chars().count() > 255 {
        return Err(Error::bad_request("Member can't be empty"));
    }
    let now = cx.now();
    change(service, permit, &image.id, move |image| {
        if image.members.contains_key(&project) {
            return Err(Error::conflict(format!("Image member {project} already exists for image {}", image.id)));
        }
        if image.members.len() >= LIMIT {
            return Err(Error::too_large(format!(
                "The limit has been exceeded on the number of allowed image members: {LIMIT}"
            )));
        }
        let member = Member { status: MemberStatus::Pending, created_at: now, updated_at: now };
        image.members.insert(project.clone(), member.clone());
        Ok((project.clone(), member))
    })
    .await
}

/// Only the member itself accepts or rejects.
pub(crate) async fn update_member(
    service: &ImageService,
    cx: &Ctx,
    id: &str,
    project: &str,
    status: &str,
) -> Result<Named> {
    let image = service.find(cx, &service.0.store.snapshot(), id)?;
    let own = cx.credentials.project().is_some_and(|p| p.as_str() == project);
    if !own && !cx.is_admin() {
        return Err(if image.members.contains_key(project) {
            Error::forbidden("You are not permitted to modify this member.")
        } else {
            no_member(project)
        });
    }
    let permit = authorize(cx, &policy::MODIFY_MEMBER, &image)?;
    let status = MemberStatus::parse(status)
        .ok_or_else(|| Error::bad_request("Status should be \"accepted\", \"rejected\" or \"pending\""))?;
    let (project, now) = (project.to_owned(), cx.now());
    change(service, permit, &image.id, move |image| {
        let member = image.members.get_mut(&project).ok_or_else(|| no_member(&project))?;
        (member.status, member.updated_at) = (status, now);
        Ok((project.clone(), member.clone()))
    })
    .await
}

pub(crate) async fn delete_member(service: &ImageService, cx: &Ctx, id: &str, project: &str) -> Result<()> {
    let image = service.find(cx, &service.0.store.snapshot(), id)?;
    let permit = authorize(cx, &policy::DELETE_MEMBER, &image)?;
    let project = project.to_owned();
    change(service, permit, &image.id, move |image| {
        image.members.remove(&project).map(drop).ok_or_else(|| no_member(&project))
    })
    .await
}

async fn change<R: Send + 'static>(
    service: &ImageService,
    permit: Permit,
    id: &str,
    mut edit: impl FnMut(&mut Image) -> Result<R> + Send + 'static,
) -> Result<R> {
    let id = id.to_owned();
    let write = move |tx: &mut store::Tx| {
        let mut image = Image::clone(&*tx.get::<Image>(&id).ok_or_else(|| error::not_found(&id))?);
        let result = edit(&mut image)?;
        tx.put(image);
        Ok(result)
    };
    service.write(permit, "image.member.change", write).await
}
