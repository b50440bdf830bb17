//! What request bodies must look like: Keystone 30's schemas, built of the same parts.

mod catalog;
mod delegation;
mod federation;
mod limits;
mod table;

pub(super) use catalog::*;
pub(super) use delegation::*;
pub(super) use federation::*;
pub(super) use limits::*;
pub use table::bodies;

use crate::Refusal;
use kernel::Result;
use serde_json::{Value, json};

fn boolean() -> Value {
    json!({"type": "boolean"})
}
fn nullable_text() -> Value {
    json!({"type": ["string", "null"]})
}
/// At least one character that is not blank.
fn name(longest: u16) -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": longest, "pattern": "[\\S]+"})
}
fn id() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[a-zA-Z0-9-]+$"})
}
fn nullable_id() -> Value {
    json!({"type": ["string", "null"], "minLength": 1, "maxLength": 64, "pattern": "^[a-zA-Z0-9-]+$"})
}
fn tag() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[^,/]*$"})
}
fn tags() -> Value {
    json!({"type": "array", "items": tag(), "maxItems": 80, "uniqueItems": true})
}
fn immutable() -> Value {
    json!({
        "type": "object",
        "properties": {"immutable": {"type": ["boolean", "null"]}},
        "additionalProperties": false,
    })
}
fn user_options() -> Value {
    let flag = json!({"type": ["boolean", "null"]});
    let rule = json!({"type": "array", "items": {"type": "string"}, "minItems": 1, "uniqueItems": true});
    json!({
        "type": "object",
        "properties": {
            "ignore_change_password_upon_first_use": flag,
            "ignore_password_expiry": flag,
            "ignore_lockout_failure_attempts": flag,
            "lock_password": flag,
            "ignore_user_inactivity": flag,
            "multi_factor_auth_enabled": flag,
            "multi_factor_auth_rules": {"type": ["array", "null"], "items": rule, "uniqueItems": true},
        },
        "additionalProperties": false,
    })
}

/// `{key: resource}` and nothing beside it.
fn under(key: &str, resource: Value) -> Value {
    json!({"type": "object", "properties": {key: resource}, "required": [key], "additionalProperties": false})
}
fn create(key: &str, properties: Value, required: &[&str]) -> Value {
    under(key, json!({"type": "object", "properties": properties, "required": required}))
}
fn update(key: &str, properties: Value) -> Value {
    under(key, json!({"type": "object", "properties": properties, "minProperties": 1}))
}

fn user() -> Value {
    json!({
        "default_project_id": nullable_text(),
        "description": nullable_text(),
        "domain_id": id(),
        "enabled": boolean(),
        "name": name(255),
        "password": nullable_text(),
        "options": user_options(),
    })
}
fn group() -> Value {
    json!({"domain_id": id(), "description": nullable_text(), "name": name(255)})
}
fn project() -> Value {
    json!({
        "description": nullable_text(),
        "domain_id": nullable_id(),
        "enabled": boolean(),
        "is_domain": boolean(),
        "parent_id": nullable_id(),
        "name": name(64),
        "tags": tags(),
        "options": immutable(),
    })
}
fn domain() -> Value {
    json!({
        "description": nullable_text(),
        "enabled": boolean(),
        "name": name(64),
        "options": immutable(),
        "tags": tags(),
        "explicit_domain_id": id(),
    })
}
fn role() -> Value {
    json!({"name": name(255), "description": nullable_text(), "domain_id": nullable_id(), "options": immutable()})
}
fn region() -> Value {
    let id = json!({"type": ["string", "null"], "maxLength": 255});
    let parent = json!({"type": ["string", "null"], "minLength": 1, "maxLength": 255});
    json!({"description": nullable_text(), "id": id, "parent_region_id": parent})
}
fn service() -> Value {
    let text = json!({"type": "string", "minLength": 1, "maxLength": 255});
    json!({"enabled": boolean(), "type": text, "name": text})
}
fn endpoint() -> Value {
    json!({
        "enabled": boolean(),
        "interface": {"type": "string", "enum": ["admin", "internal", "public"]},
        "region_id": nullable_text(),
        "region": nullable_text(),
        "service_id": {"type": "string"},
        "url": {"type": "string", "minLength": 0, "maxLength": 225, "pattern": "^[a-zA-Z0-9+.-]+:.+"},
        "name": {"type": "string"},
        "description": nullable_text(),
    })
}
fn app_cred() -> Value {
    let role = json!({
        "type": "object",
        "properties": {"id": id(), "name": name(255)},
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": false,
    });
    let rule = json!({
        "type": "object",
        "properties": {
            "id": id(),
            "path": {"type": "string", "minLength": 0, "maxLength": 225, "pattern": "^/\\.*"},
            "service": id(),
            "method": {"type": "string", "enum": ["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"]},
        },
    });
    json!({
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "name": name(255),
            "secret": nullable_text(),
            "description": nullable_text(),
            "expires_at": nullable_text(),
            "project_id": {"type": "string"},
            "access_rules": {"type": "array", "items": rule},
            "unrestricted": {"type": ["boolean", "null"]},
            "system": nullable_text(),
            "roles": {"type": "array", "items": role},
        },
        "required": ["name"],
        "additionalProperties": false,
    })
}
fn credential() -> Value {
    json!({
        "blob": {"type": "string"},
        "project_id": nullable_text(),
        "type": {"type": "string"},
        "user_id": {"type": "string"},
    })
}

http::schema! {
    USER_CREATE = (create("user", user(), &["name"]));
    USER_UPDATE = (update("user", user()));
    /// The members of `user` in the request to change one's own password.
    PASSWORD_CHANGE = (under("user", json!({
        "type": "object",
        "properties": {"original_password": {"type": "string"}, "password": {"type": "string"}},
        "required": ["original_password", "password"],
        "additionalProperties": false,
    })));
    GROUP_CREATE = (create("group", group(), &["name"]));
    GROUP_UPDATE = (update("group", group()));
    PROJECT_CREATE = (create("project", project(), &["name"]));
    PROJECT_UPDATE = (under("project", json!({"type": "object", "properties": project()})));
    TAGS_REPLACE = (under("tags", tags()));
    TAG = (tag());
    DOMAIN_CREATE = (create("domain", domain(), &["name"]));
    DOMAIN_UPDATE = (update("domain", domain()));
    ROLE_CREATE = (create("role", role(), &["name"]));
    ROLE_UPDATE = (update("role", role()));
    REGION_CREATE = (json!({
        "type": "object", "properties": {"region": {"type": "object", "properties": region()}}, "required": ["region"],
    }));
    REGION_UPDATE = (update("region", region()));
    SERVICE_CREATE = (create("service", service(), &["type"]));
    SERVICE_UPDATE = (update("service", service()));
    ENDPOINT_CREATE = (create("endpoint", endpoint(), &["interface", "service_id", "url"]));
    ENDPOINT_UPDATE = (update("endpoint", endpoint()));
    APP_CRED_CREATE = (under("application_credential", app_cred()));
    CREDENTIAL_CREATE = (under("credential", json!({
        "type": "object",
        "properties": credential(),
        "required": ["blob", "type", "user_id"],
        "if": {"properties": {"type": {"const": "ec2"}}},
        "then": {"title": "ec2 credential requires project_id", "required": ["project_id"]},
    })));
    CREDENTIAL_UPDATE = (under("credential", json!({
        "type": "object",
        "properties": {"blob": {"type": "string"}},
        "required": ["blob"],
        "additionalProperties": false,
    })));
    DOMAIN_CONFIG = (under("config", json!({"type": "object"})));
    /// What is under `auth`.
    AUTH = (auth());
    TOKEN_CREATE = (json!({"type": "object", "properties": {"auth": auth()}, "required": ["auth"]}));
}

fn auth() -> Value {
    let text = json!({"type": "string"});
    let domain = json!({"type": "object", "properties": {"id": text, "name": text}});
    let user = json!({
        "type": "object",
        "properties": {"id": text, "name": text, "password": text, "passcode": text, "domain": domain},
    });
    let identity = json!({
        "type": "object",
        "properties": {
            "methods": {"type": "array", "items": text},
            "password": {"type": "object", "properties": {"user": user}},
            "token": {"type": "object", "properties": {"id": text}, "required": ["id"]},
            "application_credential": {
                "type": "object",
                "properties": {"id": text, "name": text, "secret": text, "user": user},
            },
            "totp": {"type": "object", "properties": {"user": user}},
            "oauth1": {"type": "object"},
        },
        "required": ["methods"],
    });
    let scope = json!({
        "type": ["object", "string"],
        "properties": {
            "project": {"type": "object", "properties": {"name": text, "id": text, "domain": domain}},
            "domain": domain,
            "OS-TRUST:trust": {"type": "object", "properties": {"id": text}},
            "system": {"type": "object", "properties": {"all": boolean()}},
        },
    });
    json!({"type": "object", "properties": {"identity": identity, "scope": scope}, "required": ["identity"]})
}

/// What the schema of `auth` cannot say: users, projects and domains are named by id or name.
pub(super) fn auth_names(auth: &Value) -> Result<()> {
    for path in [
        "identity/password/user",
        "identity/password/user/domain",
        "scope/project",
        "scope/project/domain",
        "scope/domain",
    ] {
        let named = |v: &Value| v.get("id").is_some() || v.get("name").is_some();
        if auth.pointer(&format!("/{path}")).is_some_and(|found| !named(found)) {
            let text = format!("Invalid input for field {path}: id or name must be present.");
            return Err(Refusal::Invalid(text).into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_compiles() {
        for (route, schema) in bodies() {
            schema.compile().unwrap_or_else(|e| panic!("{route}: {}", e.internal_text()));
        }
        for schema in [&AUTH, &TAG, &MAPPING_1, &MAPPING_2] {
            schema.compile().unwrap();
        }
    }

    #[test]
    fn refusals_name_the_field_as_keystone_does() {
        let error = USER_CREATE.check_keystone(&json!({"user": {"name": ""}})).unwrap_err();
        assert!(error.message().starts_with("Invalid input for field 'user/name': '' "), "{}", error.message());
        let error = auth_names(&json!({"scope": {"project": {"domain": {"id": "d"}}}})).unwrap_err();
        assert_eq!(error.message(), "Invalid input for field scope/project: id or name must be present.");
    }
}
