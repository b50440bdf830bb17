//! Whatever is sent as a token, as a body or in a path: an answer, never a 5xx.

use crate::cloud::{Cloud, PASSWORD, on_project};
use kernel::{Kind, TokenValidator};
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn tokens_that_were_not_sealed_here_are_refused() {
    let runtime = runtime();
    let (cloud, token) = runtime.block_on(async {
        let cloud = Cloud::new().await;
        let token = cloud.token("admin", PASSWORD, on_project("admin")).await;
        (cloud, token)
    });
    let refused =
        |text: &str| runtime.block_on(cloud.identity.validate(text)).is_err_and(|error| error.is(Kind::Unauthorized));
    let mut runner = TestRunner::default();
    let mut all_refused = |texts: BoxedStrategy<String>| {
        let judged = runner.run(&texts, |text| {
            prop_assert!(refused(&text), "{text}");
            Ok(())
        });
        judged.unwrap();
    };
    all_refused(any::<String>().boxed());
    all_refused("gAAAAA[A-Za-z0-9_-]{0,400}".boxed());
    let cut = token.clone();
    all_refused((0..token.len()).prop_map(move |end| cut[..end].to_owned()).boxed());
    let changed = (0..token.len(), proptest::char::range('!', '~'));
    let whole = token.clone();
    // The last character carries bits that base64 ignores.
    let changed = changed.prop_filter_map("a change", move |(at, with)| {
        let mut text: Vec<_> = whole.chars().collect();
        let differs = text[at] != with && at + 1 < text.len();
        text[at] = with;
        differs.then(|| text.into_iter().collect())
    });
    all_refused(changed.boxed());
    assert!(runtime.block_on(cloud.identity.validate(&token)).is_ok());
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[ -~]{0,12}".prop_map(Value::from),
        Just(json!("default")),
        Just(json!("admin")),
    ];
    let key = prop_oneof![
        Just("name".to_owned()),
        Just("id".to_owned()),
        Just("domain".to_owned()),
        Just("domain_id".to_owned()),
        Just("password".to_owned()),
        Just("user".to_owned()),
        Just("methods".to_owned()),
        Just("identity".to_owned()),
        Just("scope".to_owned()),
        Just("project".to_owned()),
        Just("token".to_owned()),
        Just("options".to_owned()),
        Just("enabled".to_owned()),
        Just("roles".to_owned()),
        Just("parent_id".to_owned()),
        "[a-z_-]{1,8}",
    ];
    leaf.prop_recursive(4, 24, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(key.clone(), inner, 0..6)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

#[test]
fn bodies_of_any_shape_get_an_answer() {
    let runtime = runtime();
    let (cloud, admin) = runtime.block_on(async {
        let cloud = Cloud::new().await;
        let admin = cloud.admin().await;
        (cloud, admin)
    });
    let writes: Vec<_> =
        identity::routes().into_iter().filter(|r| ["POST", "PUT", "PATCH"].contains(&r.method)).collect();
    let key = |path: &str| {
        let last = path.rsplit('/').find(|s| !s.starts_with('{')).unwrap_or_default();
        last.trim_end_matches('s').to_owned()
    };
    let mut runner = TestRunner::new(proptest::test_runner::Config { cases: 400, ..Default::default() });
    runner
        .run(&(0..writes.len(), any_json(), any::<bool>(), "[a-z0-9%._-]{1,8}"), |(at, body, wrapped, id)| {
            let route = &writes[at];
            let path: Vec<_> = route.path.split('/').map(|s| if s.starts_with('{') { "x" } else { s }).collect();
            let path = path.join("/").replace("/x", &format!("/{}", id.replace('%', "%25")));
            let body = match wrapped {
                true if path.ends_with("tokens") => json!({"auth": body}),
                true => json!({key(&route.path): body}),
                false => body,
            };
            let answer = runtime.block_on(admin.call(&format!("{} {path}", route.method), body.clone()));
            prop_assert!(answer.status < 500, "{} {path} {body}: {}", route.method, answer.text());
            Ok(())
        })
        .unwrap();
    drop(cloud);
}
