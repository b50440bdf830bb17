use crate::{
    Identity, Refusal,
    model::{AccessToken, Consumer, Project, RequestToken, User, oauth1::AccessTokenId},
    ops::{
        audit::Note,
        consumers,
        oauth1::{ACCESS_LIFETIME, Signed, seal, verify},
        request_tokens::{Created, usable},
    },
};
use kernel::{Result, ids::uuid_hex};
use std::time::Duration;

/// Exchanges an authorized request token, once, for who has the consumer's secret, the token's, and what the user was told.
pub async fn create(id: &Identity, request: &Signed, note: Note) -> Result<Created> {
    let missing = |attribute| Refusal::Missing { attribute, target: "request" };
    let key = request.param("oauth_consumer_key").ok_or_else(|| missing("oauth_consumer_key"))?;
    let token = request.param("oauth_token").ok_or_else(|| missing("oauth_token"))?;
    let verifier = request.param("oauth_verifier").ok_or_else(|| missing("oauth_verifier"))?.to_owned();
    let view = id.view();
    let token = usable(view.get::<RequestToken>(token), id.now())?;
    let consumer = view.get::<Consumer>(key).filter(|c| c.id == token.consumer);
    let consumer = consumer.ok_or(Refusal::Unauthorized("the request token is of another consumer"))?;
    let fresh = verify(id, request, &consumer, Some(&token.secret))?;
    let secret = uuid_hex().to_string();
    let (access, sealed) = (AccessTokenId::from(uuid_hex().as_str()), seal(id, &secret)?);
    let expires = Some(id.now().plus(Duration::from_secs(ACCESS_LIFETIME)));
    let created = Created { id: access.to_string(), secret, expires };
    let (this, request_id) = (id.clone(), token.id.clone());
    id.store()
        .transact("identity.access_token.create", move |tx| {
            fresh.spend(tx)?;
            let token = usable(tx.get::<RequestToken>(&request_id), this.now())?;
            let agreed = token.authorized.as_ref().filter(|a| a.verifier == verifier);
            let agreed = agreed.ok_or(Refusal::Unauthorized("nobody authorized that, or the verifier is wrong"))?;
            let gone = || Refusal::Unauthorized("the user or the project is on its way out");
            tx.get::<User>(&agreed.user).filter(|u| !u.deleting).ok_or_else(gone)?;
            tx.get::<Project>(&token.project).filter(|p| !p.deleting).ok_or_else(gone)?;
            let consumer = tx.get::<Consumer>(&token.consumer).ok_or_else(consumers::absent)?;
            tx.put(Consumer::clone(&consumer));
            tx.delete::<RequestToken>(&request_id);
            note.created(tx, "OS-OAUTH1:access_token", &access)?;
            tx.insert(AccessToken {
                id: access.clone(),
                consumer: token.consumer.clone(),
                user: agreed.user.clone(),
                project: token.project.clone(),
                roles: agreed.roles.clone(),
                secret: sealed.clone(),
                expires,
            })
        })
        .await?;
    Ok(created)
}
