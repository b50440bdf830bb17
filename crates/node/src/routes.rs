//! What is served, from the routers themselves.

use http::RouteInfo;

/// Every route of every service, sorted.
pub fn all() -> Vec<RouteInfo> {
    let mut routes = identity::routes();
    routes.extend(image::api::router().routes(&image::api::spec()));
    routes.extend(network::api::routes().routes(&network::api::service()));
    routes.extend(compute::api::route_list());
    routes.extend(placement::api::route_list());
    routes.extend(volume::api::router().routes(&volume::api::spec()));
    routes.extend(keymanager::api::router().routes(&keymanager::api::spec()));
    routes.extend(crate::cloud_api::route_list());
    routes.sort();
    routes
}
