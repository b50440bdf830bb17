//! The people of the tests.

use kernel::{Credentials, Scope, Timestamp};

pub fn person(user: &str, roles: &[&str], scope: Scope) -> Credentials {
    Credentials {
        user: user.into(),
        user_name: format!("{user}-name"),
        user_domain: "default".into(),
        user_domain_name: "Default".into(),
        scope,
        roles: roles.iter().map(|r| (*r).to_owned()).collect(),
        methods: vec!["password".into()],
        expires: Timestamp::default(),
        ..(*Credentials::internal()).clone()
    }
}

pub fn project(id: &str) -> Scope {
    Scope::Project {
        id: id.into(),
        name: format!("{id}-name"),
        domain: "default".into(),
        domain_name: "Default".into(),
        is_domain: false,
    }
}

pub fn domain(id: &str) -> Scope {
    Scope::Domain { id: id.into(), name: format!("{id}-name") }
}

pub fn ann() -> Credentials {
    person("ann", &["admin", "manager", "member", "reader"], project("p1"))
}
pub fn bob() -> Credentials {
    person("bob", &["member", "reader"], project("p1"))
}
pub fn cat() -> Credentials {
    person("cat", &["reader"], project("p2"))
}
pub fn dora() -> Credentials {
    person("dora", &["manager", "member", "reader"], domain("d1"))
}
pub fn sid() -> Credentials {
    person("sid", &["Admin", "manager", "member", "reader"], Scope::System)
}
pub fn una() -> Credentials {
    person("una", &[], Scope::Unscoped)
}
