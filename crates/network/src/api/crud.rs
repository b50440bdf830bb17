//! The five usual operations of a stored resource, written once: what differs from resource to resource is its table
//! ([`super::spec`]), how it is shown ([`Fields`]) and what is done ([`crate::ops`]). [`Verbs`] names the latter, and
//! `verbs!` finds them by the names that all folders of `ops` share.

use super::{
    body,
    resource::{Fields, IfMatch, made, one},
};
use crate::{
    Network as Service,
    ops::{
        access::Set,
        common::{Asked, Expect},
    },
};
use http::{ApiResult, Cx, JsonBody, Path, State};
use kernel::{Ctx, Result};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;

/// What creates, changes and deletes a resource. Every one of these authorizes, validates and transacts.
pub trait Verbs: Fields {
    type New: DeserializeOwned + Send + 'static;
    type Changes: DeserializeOwned + Send + 'static;

    fn create(
        net: &Service,
        cx: &Ctx,
        asked: Vec<Asked<Self::New>>,
    ) -> impl Future<Output = Result<Vec<Arc<Self>>>> + Send;

    fn update(
        net: &Service,
        cx: &Ctx,
        id: &str,
        set: &Set,
        changes: Self::Changes,
        expect: Expect,
    ) -> impl Future<Output = Result<Arc<Self>>> + Send;

    fn delete(net: &Service, cx: &Ctx, id: &str, expect: Expect) -> impl Future<Output = Result<()>> + Send;
}

/// Says which functions of a folder of `ops` are a resource's [`Verbs`]: those of its files `create`, `update` and `delete`, or,
/// where the folder is one file, those of that names (`in`).
macro_rules! verbs {
    ($type:ty, $new:ty, $changes:ty, $ops:ident) => {
        $crate::api::crud::verbs!(
            $type,
            $new,
            $changes,
            $ops::create::create,
            $ops::update::update,
            $ops::delete::delete
        );
    };
    ($type:ty, $new:ty, $changes:ty, in $ops:ident) => {
        $crate::api::crud::verbs!($type, $new, $changes, $ops::create, $ops::update, $ops::delete);
    };
    ($type:ty, $new:ty, $changes:ty, $create:path, $update:path, $delete:path) => {
        impl $crate::api::crud::Verbs for $type {
            type New = $new;
            type Changes = $changes;

            async fn create(
                net: &$crate::Network,
                cx: &::kernel::Ctx,
                asked: Vec<$crate::ops::common::Asked<$new>>,
            ) -> ::kernel::Result<Vec<::std::sync::Arc<Self>>> {
                $create(net, cx, asked).await
            }

            async fn update(
                net: &$crate::Network,
                cx: &::kernel::Ctx,
                id: &str,
                set: &$crate::ops::access::Set,
                changes: $changes,
                expect: $crate::ops::common::Expect,
            ) -> ::kernel::Result<::std::sync::Arc<Self>> {
                $update(net, cx, id, set, changes, expect).await
            }

            async fn delete(
                net: &$crate::Network,
                cx: &::kernel::Ctx,
                id: &str,
                expect: $crate::ops::common::Expect,
            ) -> ::kernel::Result<()> {
                $delete(net, cx, id, expect).await
            }
        }
    };
}
pub(crate) use verbs;

/// Handlers of actions that change one object by what their body gives, as `NAME: OPERATION`. `read` reads the body, `answer` is what
/// of the object the client gets: [`whole`], unless Neutron does it otherwise.
macro_rules! actions {
    ($read:path, $answer:path; $($name:ident: $operation:path),+ $(,)?) => {$(
        async fn $name(
            ::http::State(net): ::http::State<$crate::Network>,
            ::http::Cx(cx): ::http::Cx,
            ::http::Path(id): ::http::Path<String>,
            $crate::api::resource::IfMatch(expect): $crate::api::resource::IfMatch,
            ::http::JsonBody(body): ::http::JsonBody,
        ) -> ::http::ApiResult {
            let object = $operation(&net, &cx, &id, $read(&body)?, expect).await?;
            Ok(::http::ok(&$answer(&net, &cx, object.as_ref())))
        }
    )+};
}
pub(crate) use actions;

/// The object with all its fields.
pub fn whole<R: Fields>(net: &Service, cx: &Ctx, object: &R) -> Value {
    one(net, cx, object, &[])
}

/// `POST /v2.0/<collection>`: one, or several at once.
pub async fn create<R: Verbs>(State(net): State<Service>, Cx(cx): Cx, JsonBody(body): JsonBody) -> ApiResult {
    let created = body::create::<R::New>(<R as Fields>::spec(), &cx, body)?;
    let objects = R::create(&net, &cx, created.asked).await?;
    Ok(made(&net, &cx, &objects, created.bulk))
}

/// `PUT /v2.0/<collection>/{id}`
pub async fn update<R: Verbs>(
    State(net): State<Service>,
    Cx(cx): Cx,
    Path(id): Path<String>,
    IfMatch(expect): IfMatch,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let (set, changes) = body::update::<R::Changes>(<R as Fields>::spec(), &cx, body)?;
    let object = R::update(&net, &cx, &id, &set, changes, expect).await?;
    Ok(http::ok(&one(&net, &cx, object.as_ref(), &[])))
}

/// `DELETE /v2.0/<collection>/{id}`
pub async fn delete<R: Verbs>(
    State(net): State<Service>,
    Cx(cx): Cx,
    Path(id): Path<String>,
    IfMatch(expect): IfMatch,
) -> ApiResult {
    R::delete(&net, &cx, &id, expect).await?;
    Ok(http::no_content())
}
