//! `/v3/endpoints`

use super::{
    crud::{handlers, post},
    schemas, views,
};
use crate::{Identity, ops::endpoints};
use http::ApiRouter;

pub(super) fn routes() -> ApiRouter<Identity> {
    let endpoint = "/v3/endpoints/{endpoint_id}";
    ApiRouter::new()
        .get("/v3/endpoints", list)
        .post("/v3/endpoints", create)
        .get(endpoint, show)
        .patch(endpoint, update)
        .delete(endpoint, delete)
}

handlers!(endpoints, "endpoint" in "endpoints", views::endpoint, |body| &schemas::ENDPOINT_UPDATE);
post!(endpoints, "endpoint", views::endpoint, &schemas::ENDPOINT_CREATE);
