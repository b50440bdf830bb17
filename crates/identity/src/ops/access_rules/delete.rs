use crate::{
    Identity, Refusal,
    model::{AccessRule, app_cred::OF_USER, user},
    ops::{app_creds::not_delegated, audit::Note, on::On},
    policy::{Authorize, app_creds::DELETE_ACCESS_RULE},
};
use kernel::{Ctx, Result};

pub async fn delete(id: &Identity, cx: &Ctx, user_id: &str, rule_id: &str) -> Result<()> {
    let view = id.view();
    let user = user::find(&view, user_id);
    let on = On::default().with("user_id", user_id).user(user.as_deref());
    let permit = cx.authorize(&DELETE_ACCESS_RULE, &on)?;
    not_delegated(cx)?;
    let found = view.get::<AccessRule>(rule_id).filter(|r| *r.user == *user_id);
    let rule = found.ok_or_else(|| Refusal::not_found("Access Rule", rule_id))?;
    let note = Note::of(cx);
    id.write(permit, "identity.access_rule.delete", move |tx| {
        let uses = |rules: &Option<Vec<_>>| rules.as_ref().is_some_and(|ids| ids.contains(&rule.id));
        if tx.view().by(OF_USER, &rule.user).any(|a| uses(&a.access_rules)) {
            return Err(Refusal::forbidden("May not delete access rule in use").into());
        }
        if !tx.delete::<AccessRule>(&rule.id) {
            return Err(Refusal::not_found("Access Rule", rule.id.as_str()).into());
        }
        note.deleted(tx, "access_rule", &rule.id)
    })
    .await
}
