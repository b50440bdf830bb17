//! Another tenant's objects: who may not see one cannot tell it from one that is not there.
//!
//! Keystone mostly says 403 to both, since a rule is asked before anything is looked up; so do we. The manager of another domain
//! is the one who asks here, being allowed all of this in a domain of its own.

use super::{PERSONAS, filled, rows, world::World};
use serde_json::Value;

/// What belongs to somebody, by its name in a row.
const TENANTS: &[&str] =
    &["USER", "MEMBER", "GROUP", "PROJECT", "CREDENTIAL", "APPCRED", "RULE", "TRUST", "LIMIT", "EC2KEY"];

/// Where Keystone looks for the object first and asks the rule about it then: 404 to what is not there, 403 to what is. Ids are
/// random, so who gets a 404 has learnt nothing. Grants, trusts, EC2 keys, and the removal of groups.
const LOOKED_UP_FIRST: &[&str] = &["/roles", "/OS-TRUST/trusts/", "/OS-EC2/<EC2KEY>", "DELETE /v3/groups/<GROUP>"];

/// Whoever knows the password may change it, whoever asks.
const ANYBODYS: &[&str] = &["POST /v3/users/<USER>/password"];

#[tokio::test]
async fn another_tenants_object_is_like_none() {
    let mut world = World::new().await;
    let other = PERSONAS.iter().position(|(name, ..)| *name == "oth-manager").unwrap();
    let mut wrong = Vec::new();
    for row in rows::all() {
        let path = row.request.split('?').next().unwrap();
        let Some(named) = TENANTS.iter().rev().find(|name| path.contains(&format!("<{name}>"))) else { continue };
        let objects = world.objects(&format!("{} {} {}", row.request, row.body, row.before)).await;
        let body: Value = serde_json::from_str(&filled(&row.body.to_string(), &objects)).unwrap();
        let none = row.request.replace(&format!("<{named}>"), "0123456789abcdef0123456789abcdef");
        let mut statuses = Vec::new();
        for request in [row.request, &none] {
            let request = filled(request, &objects).replacen(" /", " /identity/", 1);
            let answer = world.apis[other].call(&request, (!body.is_null()).then(|| body.clone())).await;
            statuses.push(answer.status);
        }
        let looked_up = LOOKED_UP_FIRST.iter().any(|part| row.request.contains(part));
        let fine = match statuses[..] {
            [403, 403] | [404, 404] => true,
            [403, 404] => looked_up,
            _ => ANYBODYS.contains(&row.request),
        };
        if !fine {
            wrong.push(format!("{statuses:?} {}", row.request));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
