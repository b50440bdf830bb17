//! What a domain sets for itself, over the cloud's defaults: where its users would be kept. Kept for who reads it; users of all
//! domains are here, and no directory is asked.

use kernel::DomainId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use store::{Key, Object};

/// Options by group.
pub type Groups = BTreeMap<String, BTreeMap<String, Value>>;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DomainConfig {
    pub domain: DomainId,
    pub options: Groups,
    /// Of the group `ldap`, sealed by the ring `Purpose::Credentials`; never shown.
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
}

impl Object for DomainConfig {
    const KIND: &'static str = "identity.domain_config";
    fn key(&self) -> Key {
        self.domain.as_str().into()
    }
}

impl DomainConfig {
    pub fn empty(domain: DomainId) -> Self {
        Self { domain, options: Groups::new(), secrets: BTreeMap::new() }
    }

    pub fn is_empty(&self) -> bool {
        self.options.is_empty() && self.secrets.is_empty()
    }

    /// Whether a group, or an option of it, is set, secret ones included.
    pub fn has(&self, group: &str, option: Option<&str>) -> bool {
        let (open, secret) = (self.options.get(group), group == LDAP);
        match option {
            None => open.is_some() || (secret && !self.secrets.is_empty()),
            Some(option) => {
                open.is_some_and(|o| o.contains_key(option)) || (secret && self.secrets.contains_key(option))
            }
        }
    }

    pub fn remove(&mut self, group: &str, option: Option<&str>) {
        let Some(option) = option else {
            self.options.remove(group);
            if group == LDAP {
                self.secrets.clear();
            }
            return;
        };
        if let Some(options) = self.options.get_mut(group) {
            options.remove(option);
        }
        self.options.retain(|_, options| !options.is_empty());
        if group == LDAP {
            self.secrets.remove(option);
        }
    }
}

const IDENTITY: &str = "identity";
pub const LDAP: &str = "ldap";

/// Options that are written and never read.
pub fn is_secret(group: &str, option: &str) -> bool {
    group == LDAP && option == "password"
}

/// What may be set, with Keystone's defaults. `None`: there is no such group.
pub fn defaults(group: &str, list_limit: Option<usize>) -> Option<BTreeMap<&'static str, Value>> {
    match group {
        IDENTITY => Some(BTreeMap::from([("driver", json!("sql")), ("list_limit", json!(list_limit))])),
        LDAP => Some(ldap().into_iter().collect()),
        _ => None,
    }
}

pub const GROUPS: [&str; 2] = [IDENTITY, LDAP];

fn ldap() -> Vec<(&'static str, Value)> {
    [directory(), users(), groups(), connections()].concat()
}

fn directory() -> Vec<(&'static str, Value)> {
    vec![
        ("url", json!("ldap://localhost")),
        ("user", Value::Null),
        ("suffix", json!("cn=example,cn=com")),
        ("query_scope", json!("one")),
        ("page_size", json!(0)),
        ("alias_dereferencing", json!("default")),
        ("debug_level", Value::Null),
        ("chase_referrals", Value::Null),
        ("tls_cacertfile", Value::Null),
        ("tls_cacertdir", Value::Null),
        ("use_tls", json!(false)),
        ("tls_req_cert", json!("demand")),
    ]
}

fn users() -> Vec<(&'static str, Value)> {
    vec![
        ("user_tree_dn", Value::Null),
        ("user_filter", Value::Null),
        ("user_objectclass", json!("inetOrgPerson")),
        ("user_id_attribute", json!("cn")),
        ("user_name_attribute", json!("sn")),
        ("user_mail_attribute", json!("mail")),
        ("user_description_attribute", json!("description")),
        ("user_pass_attribute", json!("userPassword")),
        ("user_enabled_attribute", json!("enabled")),
        ("user_enabled_invert", json!(false)),
        ("user_enabled_mask", json!(0)),
        ("user_enabled_default", json!("True")),
        ("user_attribute_ignore", json!(["default_project_id"])),
        ("user_default_project_id_attribute", Value::Null),
        ("user_enabled_emulation", json!(false)),
        ("user_enabled_emulation_dn", Value::Null),
        ("user_enabled_emulation_use_group_config", json!(false)),
        ("user_additional_attribute_mapping", json!([])),
    ]
}

fn groups() -> Vec<(&'static str, Value)> {
    vec![
        ("group_tree_dn", Value::Null),
        ("group_filter", Value::Null),
        ("group_objectclass", json!("groupOfNames")),
        ("group_id_attribute", json!("cn")),
        ("group_name_attribute", json!("ou")),
        ("group_members_are_ids", json!(false)),
        ("group_member_attribute", json!("member")),
        ("group_desc_attribute", json!("description")),
        ("group_attribute_ignore", json!([])),
        ("group_additional_attribute_mapping", json!([])),
    ]
}

fn connections() -> Vec<(&'static str, Value)> {
    vec![
        ("use_pool", json!(true)),
        ("pool_size", json!(10)),
        ("pool_retry_max", json!(3)),
        ("pool_retry_delay", json!(0.1)),
        ("pool_connection_timeout", json!(-1)),
        ("pool_connection_lifetime", json!(600)),
        ("use_auth_pool", json!(true)),
        ("auth_pool_size", json!(100)),
        ("auth_pool_connection_lifetime", json!(60)),
    ]
}
