use crate::{
    Identity, Refusal,
    model::{Consumer, Project, RequestToken, oauth1::RequestTokenId},
    ops::{
        audit::Note,
        consumers,
        oauth1::{REQUEST_LIFETIME, Signed, seal, verify},
        project_or_404,
    },
};
use kernel::{ProjectId, Result, Timestamp, ids::uuid_hex};
use std::time::Duration;

/// A token of OAuth as its owner gets it.
pub struct Created {
    pub id: String,
    pub secret: String,
    pub expires: Option<Timestamp>,
}

/// Whoever has a consumer's secret may ask; its signature is what is checked, not a token.
pub async fn create(id: &Identity, request: &Signed, project: Option<&str>, note: Note) -> Result<Created> {
    let missing = |attribute| Refusal::Missing { attribute, target: "request" };
    let key = request.param("oauth_consumer_key").ok_or_else(|| missing("oauth_consumer_key"))?;
    let project = project.filter(|p| !p.is_empty()).ok_or_else(|| missing("Requested-Project-Id"))?;
    let view = id.view();
    project_or_404(&view, project)?;
    let consumer = view.get::<Consumer>(key).ok_or_else(consumers::absent)?;
    let fresh = verify(id, request, &consumer, None)?;
    let secret = uuid_hex().to_string();
    let token = RequestToken {
        id: RequestTokenId::from(uuid_hex().as_str()),
        consumer: consumer.id.clone(),
        project: ProjectId::from(project),
        secret: seal(id, &secret)?,
        expires: Some(id.now().plus(Duration::from_secs(REQUEST_LIFETIME))),
        authorized: None,
    };
    let created = Created { id: token.id.to_string(), secret, expires: token.expires };
    id.store()
        .transact("identity.request_token.create", move |tx| {
            fresh.spend(tx)?;
            // Read here: neither is on its way out.
            if tx.get::<Project>(&token.project).is_none_or(|p| p.deleting) {
                return Err(Refusal::not_found("project", token.project.as_str()).into());
            }
            let consumer = tx.get::<Consumer>(&token.consumer).ok_or_else(consumers::absent)?;
            tx.put(Consumer::clone(&consumer));
            note.created(tx, "OS-OAUTH1:request_token", &token.id)?;
            tx.insert(token.clone())
        })
        .await?;
    Ok(created)
}
