//! Single routes of a router, added and removed: two clients who each change one of them at once both have what they asked for,
//! which setting the whole list does not give them.

use super::routes;
use crate::{
    Network as Service,
    model::{Router, subnet::Route},
    ops::{
        access::{Reach, Set, change},
        common::{Expect, expected, save},
    },
    policy::router as rules,
};
use kernel::{Ctx, Result};
use policy::Rule;
use std::sync::Arc;

/// Adds routes. One that the router has already stays as it is.
pub async fn add(net: &Service, cx: &Ctx, id: &str, routes: Vec<Route>, expect: Expect) -> Result<Arc<Router>> {
    let merged = move |old: &[Route]| {
        let new = routes.iter().filter(|route| !old.contains(route));
        old.iter().chain(new).cloned().collect()
    };
    apply(net, cx, id, &rules::ADD_EXTRAROUTES, expect, merged).await
}

/// Removes routes. One that the router has not is no error: it is not there afterwards.
pub async fn remove(net: &Service, cx: &Ctx, id: &str, routes: Vec<Route>, expect: Expect) -> Result<Arc<Router>> {
    let left = move |old: &[Route]| old.iter().filter(|route| !routes.contains(route)).cloned().collect();
    apply(net, cx, id, &rules::REMOVE_EXTRAROUTES, expect, left).await
}

/// The routes are read and written in one transaction; whoever else changes them meanwhile makes it run again.
async fn apply(
    net: &Service,
    cx: &Ctx,
    id: &str,
    rule: &'static Rule,
    expect: Expect,
    change_routes: impl Fn(&[Route]) -> Vec<Route> + Send + Sync + 'static,
) -> Result<Arc<Router>> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let (_, _permit) = change::<Router>(cx, &snapshot, &reach, id, rule, &Set::default())?;
    let (env, id) = (net.env(), id.to_owned());
    net.store()
        .transact("network.router.extra_routes", move |tx| {
            let old = expected::<Router>(tx, &id, expect)?;
            let wanted = change_routes(&old.routes);
            routes::check(tx, &old, &wanted, &env.settings)?;
            Ok(save(tx, &old, Router { routes: wanted, ..Router::clone(&old) }, env.now))
        })
        .await
}
