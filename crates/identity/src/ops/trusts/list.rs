use super::not_lent;
use crate::{
    Identity,
    model::{
        Trust,
        trust::{OF_TRUSTEE, OF_TRUSTOR},
    },
    ops::{
        on::On,
        query::{Listed, Query},
    },
    policy::{
        Authorize,
        trusts::{LIST_TRUSTS, LIST_TRUSTS_FOR_TRUSTEE, LIST_TRUSTS_FOR_TRUSTOR},
    },
};
use kernel::{Ctx, Result};

/// Whose trusts are asked for has a rule of its own.
pub fn list(
    id: &Identity,
    cx: &Ctx,
    trustor: Option<&str>,
    trustee: Option<&str>,
    query: &Query,
) -> Result<Listed<Trust>> {
    let (rule, name, value) = match (trustor, trustee) {
        (Some(trustor), _) => (&LIST_TRUSTS_FOR_TRUSTOR, "target.trust.trustor_user_id", Some(trustor)),
        (None, Some(trustee)) => (&LIST_TRUSTS_FOR_TRUSTEE, "target.trust.trustee_user_id", Some(trustee)),
        (None, None) => (&LIST_TRUSTS, "", None),
    };
    let _ = cx.authorize(rule, &On::default().maybe(name, value))?;
    not_lent(cx)?;
    let view = id.view();
    match (trustor, trustee) {
        (Some(trustor), _) => query.page(view.by(OF_TRUSTOR, trustor)),
        (None, Some(trustee)) => query.page(view.by(OF_TRUSTEE, trustee)),
        (None, None) => query.page(view.all::<Trust>()),
    }
}
