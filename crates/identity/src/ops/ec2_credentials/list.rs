use super::{Ec2, KIND, open};
use crate::{
    Identity, Refusal,
    model::{credential::OF_USER, user},
    ops::{credentials::primary, on::On},
    policy::{Authorize, ec2::EC2_LIST_CREDENTIALS},
};
use kernel::{Ctx, Result};

pub fn list(id: &Identity, cx: &Ctx, user_id: &str) -> Result<Vec<Ec2>> {
    let _ = cx.authorize(&EC2_LIST_CREDENTIALS, &On::default().with("user_id", user_id))?;
    primary(cx)?;
    let view = id.view();
    user::find(&view, user_id).ok_or_else(|| Refusal::not_found("user", user_id))?;
    let own = view.by(OF_USER, user_id).filter(|c| c.kind.eq_ignore_ascii_case(KIND));
    own.map(|credential| open(id, &view, credential)).collect()
}
