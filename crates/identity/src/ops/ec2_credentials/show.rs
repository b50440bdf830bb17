use super::{Ec2, find};
use crate::{Identity, policy::ec2::EC2_GET_CREDENTIAL};
use kernel::{Ctx, Result};

pub fn show(id: &Identity, cx: &Ctx, user_id: &str, access: &str) -> Result<Ec2> {
    find(id, cx, &EC2_GET_CREDENTIAL, user_id, access).map(|(found, _)| found)
}
