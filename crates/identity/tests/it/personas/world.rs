//! The objects that the cells of the matrix are about.

use super::PERSONAS;
use crate::cloud::{Calls, Cloud, PASSWORD, on_domain, on_project_id, on_system, token_of};
use http::testkit::Api;
use serde_json::{Value, json};

pub struct World {
    pub cloud: Cloud,
    pub admin: Api,
    own: String,
    pub apis: Vec<Api>,
    /// The persona `member`, who asks about itself in some rows.
    pub member: String,
    serial: usize,
}

impl World {
    pub async fn new() -> Self {
        let cloud = Cloud::new().await;
        let admin = cloud.admin().await;
        let own = admin.create("domain", json!({"name": "own"})).await;
        let other = admin.create("domain", json!({"name": "other"})).await;
        let home = admin.create("project", json!({"name": "home", "domain_id": own})).await;
        let (mut apis, mut member) = (Vec::new(), String::new());
        for (name, role, scope) in PERSONAS {
            if scope == "no token" {
                apis.push(cloud.api.clone());
                continue;
            }
            let domain = if scope == "other domain" { &other } else { &own };
            let user = admin.create("user", json!({"name": name, "domain_id": domain, "password": PASSWORD})).await;
            let (place, scope) = match scope {
                "project" => (format!("projects/{home}/users/{user}"), on_project_id(&home)),
                "system" => (format!("system/users/{user}"), on_system()),
                "" => (String::new(), json!("unscoped")),
                _ => (format!("domains/{domain}/users/{user}"), on_domain(domain)),
            };
            if !place.is_empty() {
                admin.grant(&place, role).await;
            }
            let who = json!({"user": {"id": user, "password": PASSWORD}});
            let auth = json!({"identity": {"methods": ["password"], "password": who}, "scope": scope});
            apis.push(cloud.api.token(&token_of(&cloud.authenticate(auth).await)));
            if name == "member" {
                member = user;
            }
        }
        Self { cloud, admin, own, apis, member, serial: 0 }
    }

    /// Fresh objects for one cell, by the names that paths and bodies below use.
    pub async fn objects(&mut self, of: &str) -> Vec<(&'static str, String)> {
        self.serial += 1;
        let n = self.serial;
        let (admin, own) = (&self.admin, &self.own);
        let mut made = vec![("OWN", own.clone()), ("N", n.to_string()), ("MEMBER", self.member.clone())];
        let needs = |name: &str| of.contains(name);
        if needs("USER") || needs("CRED") {
            let new = json!({"name": format!("u{n}"), "domain_id": own, "password": PASSWORD});
            made.push(("USER", admin.create("user", new).await));
        }
        if needs("GROUP") {
            made.push(("GROUP", admin.create("group", json!({"name": format!("g{n}"), "domain_id": own})).await));
        }
        if needs("PROJECT") {
            let new = json!({"name": format!("p{n}"), "domain_id": own, "tags": ["t"]});
            made.push(("PROJECT", admin.create("project", new).await));
        }
        if needs("DOMAIN") {
            let new = json!({"name": format!("d{n}"), "enabled": false});
            made.push(("DOMAIN", admin.create("domain", new).await));
        }
        if needs("ROLE") {
            made.push(("ROLE", admin.create("role", json!({"name": format!("r{n}")})).await));
        }
        if needs("OWNROLE") {
            made.push(("OWNROLE", admin.create("role", json!({"name": format!("or{n}"), "domain_id": own})).await));
        }
        for name in ["READER", "MANAGER"] {
            if needs(name) {
                made.push((name, admin.role(&name.to_lowercase()).await));
            }
        }
        if needs("REGION") {
            made.push(("REGION", admin.create("region", json!({})).await));
        }
        if needs("SERVICE") || needs("ENDPOINT") {
            made.push(("SERVICE", admin.create("service", json!({"type": "t"})).await));
        }
        if needs("ENDPOINT") {
            let service = &made.last().unwrap().1;
            let new = json!({"interface": "public", "url": "http://x", "service_id": service});
            made.push(("ENDPOINT", admin.create("endpoint", new).await));
        }
        if needs("CREDENTIAL") {
            let user = &made.iter().find(|(name, _)| *name == "USER").unwrap().1;
            let new = json!({"blob": "b", "type": "t", "user_id": user});
            made.push(("CREDENTIAL", admin.create("credential", new).await));
        }
        if needs("APPCRED") {
            self.app_cred(&mut made).await;
        }
        self.more(of, &mut made).await;
        made
    }

    /// What does not have an address of the usual sort.
    async fn more(&self, of: &str, made: &mut Vec<(&'static str, String)>) {
        let (admin, n) = (&self.admin, self.serial);
        let text = |v: &Value| v.as_str().unwrap().to_owned();
        let find = |made: &[(&str, String)], name: &str| made.iter().find(|(x, _)| *x == name).unwrap().1.clone();
        let needs = |name: &str| of.contains(&format!("<{name}>"));
        if needs("EPGROUP") {
            let new = json!({"endpoint_group": {"name": format!("e{n}"), "filters": {"interface": "public"}}});
            let group = admin.expect(201, "POST /OS-EP-FILTER/endpoint_groups", new).await;
            made.push(("EPGROUP", text(&group["endpoint_group"]["id"])));
        }
        if needs("POLICY") {
            let policy = admin.expect(201, "POST /policies", json!({"policy": {"blob": "b", "type": "t"}})).await;
            made.push(("POLICY", text(&policy["policy"]["id"])));
        }
        if needs("REGISTERED") || needs("LIMIT") {
            if !made.iter().any(|(name, _)| *name == "SERVICE") {
                made.push(("SERVICE", admin.create("service", json!({"type": "t"})).await));
            }
            let new = json!([{"service_id": find(made, "SERVICE"), "resource_name": "r", "default_limit": 9}]);
            let limits = admin.expect(201, "POST /registered_limits", json!({"registered_limits": new})).await;
            // In the body of a limit it only says that one is registered.
            let shown = if of.contains("<PROJECT><REGISTERED>") {
                String::new()
            } else {
                text(&limits["registered_limits"][0]["id"])
            };
            made.push(("REGISTERED", shown));
        }
        if needs("LIMIT") {
            let project = admin.create("project", json!({"name": format!("l{n}"), "domain_id": self.own})).await;
            let new = json!([{"service_id": find(made, "SERVICE"), "resource_name": "r", "resource_limit": 1, "project_id": project}]);
            let limits = admin.expect(201, "POST /limits", json!({"limits": new})).await;
            made.push(("LIMIT", text(&limits["limits"][0]["id"])));
        }
        if needs("CONFIGURED") {
            let domain = admin.create("domain", json!({"name": format!("c{n}")})).await;
            let config = json!({"config": {"ldap": {"url": "ldap://x"}}});
            admin.expect(201, &format!("PUT /domains/{domain}/config"), config).await;
            made.push(("CONFIGURED", domain));
        }
        if needs("MAPPING") || needs("IDP") {
            let rules = json!({"mapping": {"rules": [{"local": [], "remote": [{"type": "U"}]}]}});
            admin.expect(201, &format!("PUT /OS-FEDERATION/mappings/map{n}"), rules).await;
            made.push(("MAPPING", format!("map{n}")));
        }
        if needs("IDP") {
            let idp = format!("idp{n}");
            let path = format!("PUT /OS-FEDERATION/identity_providers/{idp}");
            admin.expect(201, &path, json!({"identity_provider": {"domain_id": self.own}})).await;
            let protocol = json!({"protocol": {"mapping_id": format!("map{n}")}});
            admin.expect(201, &format!("{path}/protocols/p"), protocol).await;
            made.push(("IDP", idp));
        }
        if needs("PROVIDER") {
            let new = json!({"service_provider": {"auth_url": "https://x", "sp_url": "https://y"}});
            admin.expect(201, &format!("PUT /OS-FEDERATION/service_providers/sp{n}"), new).await;
            made.push(("PROVIDER", format!("sp{n}")));
        }
        if needs("CONSUMER") {
            let made_now = admin.expect(201, "POST /OS-OAUTH1/consumers", json!({"consumer": {}})).await;
            made.push(("CONSUMER", text(&made_now["consumer"]["id"])));
        }
        if needs("EC2KEY") {
            let project = admin.create("project", json!({"name": format!("k{n}"), "domain_id": self.own})).await;
            let path = format!("POST /users/{}/credentials/OS-EC2", find(made, "USER"));
            let key = admin.expect(201, &path, json!({"tenant_id": project})).await;
            made.push(("EC2KEY", text(&key["credential"]["access"])));
        }
        if needs("TRUST") {
            self.trust(made).await;
        }
    }

    /// A trust that the persona `member` is the trustee of.
    async fn trust(&self, made: &mut Vec<(&'static str, String)>) {
        let n = self.serial;
        let new = json!({"name": format!("t{n}"), "domain_id": self.own, "password": PASSWORD});
        let trustor = self.admin.create("user", new).await;
        let project = self.admin.create("project", json!({"name": format!("t{n}"), "domain_id": self.own})).await;
        self.admin.grant(&format!("projects/{project}/users/{trustor}"), "member").await;
        let who = json!({"user": {"id": trustor, "password": PASSWORD}});
        let auth = json!({"identity": {"methods": ["password"], "password": who}, "scope": on_project_id(&project)});
        let own = self.cloud.api.token(&token_of(&self.cloud.authenticate(auth).await));
        let role = self.admin.role("member").await;
        let trust = json!({"trustor_user_id": trustor, "trustee_user_id": self.member, "project_id": project,
            "impersonation": false, "roles": [{"id": role}]});
        let trust = own.expect(201, "POST /OS-TRUST/trusts", json!({"trust": trust})).await;
        made.push(("TRUST", trust["trust"]["id"].as_str().unwrap().to_owned()));
        made.push(("MEMBERROLE", role));
    }

    /// An application credential with a rule, of a user of its own.
    async fn app_cred(&self, made: &mut Vec<(&'static str, String)>) {
        let user = made.iter().find(|(name, _)| *name == "USER").unwrap().1.clone();
        let project =
            self.admin.create("project", json!({"name": format!("a{}", self.serial), "domain_id": self.own})).await;
        self.admin.grant(&format!("projects/{project}/users/{user}"), "member").await;
        let who = json!({"user": {"id": user, "password": PASSWORD}});
        let auth = json!({"identity": {"methods": ["password"], "password": who}, "scope": on_project_id(&project)});
        let owner = self.cloud.api.token(&token_of(&self.cloud.authenticate(auth).await));
        let rules = json!([{"service": "identity", "method": "GET", "path": "/v3"}]);
        let new = json!({"application_credential": {"name": "a", "access_rules": rules}});
        let full = owner.expect(201, &format!("POST /users/{user}/application_credentials"), new).await;
        let full = &full["application_credential"];
        let text = |v: &Value| v.as_str().unwrap().to_owned();
        made.push(("RULE", text(&full["access_rules"][0]["id"])));
        made.push(("APPCRED", text(&full["id"])));
    }
}
