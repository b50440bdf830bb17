//! What has left Nova: nova-network's own resources, cells of the first kind, agents in guests of XenAPI, certificates. Nova still
//! knows their addresses and answers 410 in every version, so that who asks learns that nothing is wrong with the request.

use crate::Compute;
use http::{ApiResult, ApiRouter, Cx, Method};
use kernel::Error;

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const DELETE: Method = Method::DELETE;

/// A path and its methods.
static ROWS: &[(&str, &[Method])] = &[
    ("/v2.1/os-agents", &[GET, POST]),
    ("/v2.1/os-agents/{id}", &[PUT, DELETE]),
    ("/v2.1/os-cells", &[GET, POST]),
    ("/v2.1/os-cells/capacities", &[GET]),
    ("/v2.1/os-cells/detail", &[GET]),
    ("/v2.1/os-cells/info", &[GET]),
    ("/v2.1/os-cells/sync_instances", &[POST]),
    ("/v2.1/os-cells/{id}", &[GET, PUT, DELETE]),
    ("/v2.1/os-cells/{id}/capacities", &[GET]),
    ("/v2.1/os-certificates", &[POST]),
    ("/v2.1/os-certificates/{id}", &[GET]),
    ("/v2.1/os-cloudpipe", &[GET, POST]),
    ("/v2.1/os-cloudpipe/{id}", &[PUT]),
    ("/v2.1/os-fixed-ips/{id}", &[GET]),
    ("/v2.1/os-floating-ip-dns", &[GET]),
    ("/v2.1/os-floating-ip-dns/{id}", &[PUT, DELETE]),
    ("/v2.1/os-floating-ip-dns/{id}/entries/{entry_id}", &[GET, PUT, DELETE]),
    ("/v2.1/os-floating-ips-bulk", &[GET, POST]),
    ("/v2.1/os-floating-ips-bulk/{id}", &[GET, PUT]),
    ("/v2.1/os-fping", &[GET]),
    ("/v2.1/os-fping/{id}", &[GET]),
    ("/v2.1/os-networks", &[POST]),
    ("/v2.1/os-networks/add", &[POST]),
    ("/v2.1/os-networks/{id}", &[DELETE]),
    ("/v2.1/os-security-group-default-rules", &[GET, POST]),
    ("/v2.1/os-security-group-default-rules/{id}", &[GET, DELETE]),
    ("/v2.1/os-tenant-networks", &[POST]),
    ("/v2.1/os-tenant-networks/{id}", &[DELETE]),
    ("/v2.1/servers/{server_id}/consoles", &[GET, POST]),
    ("/v2.1/servers/{server_id}/consoles/{console_id}", &[GET, DELETE]),
    ("/v2.1/servers/{server_id}/os-virtual-interfaces", &[GET]),
];

/// A path and the actions that it took.
const ACTIONS: &[(&str, &[&str])] = &[
    ("/v2.1/os-fixed-ips/{id}/action", &["reserve", "unreserve"]),
    ("/v2.1/os-networks/{id}/action", &["associate_host", "disassociate", "disassociate_host", "disassociate_project"]),
];

pub(super) fn routes() -> ApiRouter<Compute> {
    let plain = ROWS.iter().flat_map(|(path, methods)| methods.iter().map(move |method| (*path, method)));
    let routes = plain.fold(ApiRouter::new(), |routes, (path, method)| routes.on(method, path, gone));
    ACTIONS.iter().fold(routes, |routes, (path, names)| {
        names.iter().fold(routes.post(path, gone), |routes, name| routes.action(path, name))
    })
}

/// To whoever has a token.
async fn gone(Cx(_): Cx) -> ApiResult {
    Err(refusal().into())
}

/// Nova's words for it.
pub(super) fn refusal() -> Error {
    Error::gone("This resource is no longer available.  No forwarding address is given.")
}
