//! `/v3/services`

use super::{
    crud::{handlers, post},
    schemas, views,
};
use crate::{Identity, ops::services};
use http::ApiRouter;

pub(super) fn routes() -> ApiRouter<Identity> {
    let service = "/v3/services/{service_id}";
    ApiRouter::new()
        .get("/v3/services", list)
        .post("/v3/services", create)
        .get(service, show)
        .patch(service, update)
        .delete(service, delete)
}

handlers!(services, "service" in "services", views::service, |body| &schemas::SERVICE_UPDATE);
post!(services, "service", views::service, &schemas::SERVICE_CREATE);
