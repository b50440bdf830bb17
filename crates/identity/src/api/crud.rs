//! The handlers that most resources share, written once: what differs is the folder of `ops`, whose functions have the same
//! names everywhere, the word and the schemas of its bodies, and how one is shown.

/// `list`, `show`, `update` and `delete` of a resource that its id names. The schema of an update may depend on the body.
macro_rules! handlers {
    ($ops:ident, $key:literal in $list:literal, $view:path, |$body:ident| $schema:expr) => {
        pub(super) async fn list(
            ::http::State(id): ::http::State<$crate::Identity>,
            ::http::Cx(cx): ::http::Cx,
            at: $crate::api::at::At,
        ) -> ::http::ApiResult {
            let found = $ops::list(&id, &cx, &at.query($ops::FILTERS, id.config().list_limit)?)?;
            Ok($crate::api::views::listed(&at, $list, &found, |one| $view(&at, one)))
        }

        pub(super) async fn show(
            ::http::State(id): ::http::State<$crate::Identity>,
            ::http::Cx(cx): ::http::Cx,
            at: $crate::api::at::At,
            ::http::Path(one): ::http::Path<String>,
        ) -> ::http::ApiResult {
            let found = $ops::show(&id, &cx, &one)?;
            Ok($crate::api::views::member($key, $view(&at, &found)))
        }

        pub(super) async fn update(
            ::http::State(id): ::http::State<$crate::Identity>,
            ::http::Cx(cx): ::http::Cx,
            at: $crate::api::at::At,
            ::http::Path(one): ::http::Path<String>,
            $body: ::http::JsonBody,
        ) -> ::http::ApiResult {
            let schema = $schema;
            let update = $crate::api::read::member($body, schema, $key)?;
            let updated = $ops::update(&id, &cx, &one, update).await?;
            Ok($crate::api::views::member($key, $view(&at, &updated)))
        }

        pub(super) async fn delete(
            ::http::State(id): ::http::State<$crate::Identity>,
            ::http::Cx(cx): ::http::Cx,
            ::http::Path(one): ::http::Path<String>,
        ) -> ::http::ApiResult {
            $ops::delete(&id, &cx, &one).await?;
            Ok(::http::no_content())
        }
    };
}

/// `create` by POST: the resource gets an id.
macro_rules! post {
    ($ops:ident, $key:literal, $view:path, $schema:expr) => {
        pub(super) async fn create(
            ::http::State(id): ::http::State<$crate::Identity>,
            ::http::Cx(cx): ::http::Cx,
            at: $crate::api::at::At,
            body: ::http::JsonBody,
        ) -> ::http::ApiResult {
            let made = $ops::create(&id, &cx, $crate::api::read::new_member(body, $schema, $key)?).await?;
            Ok($crate::api::views::created($key, $view(&at, &made)))
        }
    };
}

/// `create` by PUT: the client has chosen the id.
macro_rules! put {
    ($ops:ident, $key:literal, $view:path, |$body:ident| $schema:expr) => {
        pub(super) async fn create(
            ::http::State(id): ::http::State<$crate::Identity>,
            ::http::Cx(cx): ::http::Cx,
            at: $crate::api::at::At,
            ::http::Path(one): ::http::Path<String>,
            $body: ::http::JsonBody,
        ) -> ::http::ApiResult {
            let schema = $schema;
            let made = $ops::create(&id, &cx, &one, $crate::api::read::member($body, schema, $key)?).await?;
            Ok($crate::api::views::created($key, $view(&at, &made)))
        }
    };
}

pub(super) use {handlers, post, put};
