//! A generic container's secrets, one by one.

use super::create::{MemberRef, has};
use crate::{
    KeyManager, error,
    model::{Container, ContainerKind, Member},
    policy,
    service::authorize_container,
};
use kernel::{Ctx, Error, Result};
use std::sync::Arc;
use store::Tx;

/// Secrets of one container; more is refused.
const MOST: usize = 1000;

pub(crate) async fn add(service: &KeyManager, cx: &Ctx, id: &str, given: MemberRef) -> Result<Arc<Container>> {
    let found = service.container(id)?;
    let creation = "Container Secret creation";
    let permit = authorize_container(cx, &policy::CONTAINER_SECRET_POST, creation, &found)?;
    if found.kind != ContainerKind::Generic {
        return Err(Error::bad_request("Only 'generic' containers can be modified."));
    }
    let (id, project, now) = (found.id.clone(), cx.project()?.clone(), cx.now());
    let member = Member { name: given.name.clone(), secret: given.secret().to_owned() };
    let write = move |tx: &mut Tx| {
        if !has(tx, &project, &member.secret, now) {
            return Err(Error::not_found("Secret provided doesn't exist."));
        }
        let found = tx.get::<Container>(&id).ok_or_else(error::no_container)?;
        if found.members.contains(&member) {
            return Err(Error::conflict(
                "Conflict. A secret with that name and ID is already stored in this container. The same secret can exist \
                 in a container as long as the name is unique.",
            ));
        }
        if found.members.len() >= MOST {
            return Err(Error::bad_request(format!("a container holds at most {MOST} secrets")));
        }
        let mut new = Container::clone(&found);
        new.members.push(member.clone());
        new.updated_at = now;
        Ok(tx.put(new))
    };
    service.write(permit, "keymanager.container.add_secret", write).await
}

pub(crate) async fn remove(service: &KeyManager, cx: &Ctx, id: &str, given: MemberRef) -> Result<()> {
    let found = service.container(id)?;
    let deletion = "Container Secret deletion";
    let permit = authorize_container(cx, &policy::CONTAINER_SECRET_DELETE, deletion, &found)?;
    let (id, project, now) = (found.id.clone(), cx.project()?.clone(), cx.now());
    let member = Member { name: given.name.clone(), secret: given.secret().to_owned() };
    let write = move |tx: &mut Tx| {
        if !has(tx, &project, &member.secret, now) {
            let name = given.name.as_deref().unwrap_or("None");
            let text = format!("Secret '{name}' with reference '{}' doesn't exist.", given.secret_ref);
            return Err(Error::not_found(text));
        }
        let found = tx.get::<Container>(&id).ok_or_else(error::no_container)?;
        if !found.members.contains(&member) {
            return Err(Error::not_found("Secret provided is not in the container"));
        }
        let mut new = Container::clone(&found);
        new.members.retain(|m| *m != member);
        new.updated_at = now;
        tx.put(new);
        Ok(())
    };
    service.write(permit, "keymanager.container.remove_secret", write).await
}
