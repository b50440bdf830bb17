//! `/v2.0/qos`

mod policy;
mod rule;
mod rule_type;

use crate::Network as Service;
use http::ApiRouter;

pub fn routes() -> ApiRouter<Service> {
    policy::routes().merge(rule::routes()).merge(rule_type::routes())
}
