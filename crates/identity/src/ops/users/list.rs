use crate::{
    Identity, Refusal,
    model::{User, user::BY_DOMAIN},
    ops::{
        on::On,
        query::{Listed, Query},
    },
    policy::{Authorize, users::LIST_USERS},
};
use kernel::{Ctx, Result, Timestamp};
use std::{cmp::Ordering, sync::Arc};

pub const FILTERS: &[&str] = &["domain_id", "enabled", "idp_id", "name", "protocol_id", "unique_id"];

pub fn list(id: &Identity, cx: &Ctx, query: &Query, expires: Option<&str>) -> Result<Listed<User>> {
    let scope = cx.credentials.domain();
    let _ = cx.authorize(&LIST_USERS, &On::default().maybe("target.domain_id", scope.map(|d| d.as_str())))?;
    let expires = expires.map(Expires::parse).transpose()?;
    let view = id.view();
    let wanted = |u: &Arc<User>| !u.deleting && expires.as_ref().is_none_or(|e| e.holds(u));
    match scope.map(|d| d.as_str()).or(query.exact("domain_id")) {
        Some(domain) => query.page(view.by(BY_DOMAIN, domain).filter(wanted)),
        None => query.page(view.all::<User>().filter(wanted)),
    }
}

/// `password_expires_at=lt:2016-12-08T22:02:00Z`.
pub(crate) struct Expires {
    operator: String,
    at: Timestamp,
}

impl Expires {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let (operator, at) = match text.split_once(':').filter(|(word, _)| (2..=3).contains(&word.len())) {
            Some((operator, at)) => (operator, at),
            None => ("eq", text),
        };
        let at = Timestamp::parse(at).ok_or_else(|| {
            Refusal::invalid(
                "Timestamp not in expected format. The server could not comply with the request since it is either \
                 malformed or otherwise incorrect. The client is assumed to be in error.",
            )
        })?;
        if !["eq", "neq", "lt", "lte", "gt", "gte"].contains(&operator) {
            return Err(Refusal::invalid(format!(
                "The given operator {operator} is not valid. It must be one of the following: 'eq', 'neq', 'lt', \
                 'lte', 'gt', or 'gte'."
            ))
            .into());
        }
        Ok(Self { operator: operator.to_owned(), at })
    }

    pub(crate) fn holds(&self, user: &User) -> bool {
        let Some(order) = user.password_expires().map(|expires| expires.cmp(&self.at)) else { return false };
        match self.operator.as_str() {
            "eq" => order == Ordering::Equal,
            "neq" => order != Ordering::Equal,
            "lt" => order == Ordering::Less,
            "lte" => order != Ordering::Greater,
            "gt" => order == Ordering::Greater,
            _ => order != Ordering::Less,
        }
    }
}
