//! The requests of the matrix. `<NAME>` stands for an object that the world makes for the cell.

use crate::cloud::PASSWORD;
use serde_json::{Value, json};

/// A request with its body, and what is done before by an administrator.
pub struct Row {
    pub request: &'static str,
    pub body: Value,
    pub before: &'static str,
}

fn row(request: &'static str, body: Value) -> Row {
    Row { request, body, before: "" }
}

fn after(before: &'static str, request: &'static str) -> Row {
    Row { request, body: Value::Null, before }
}

fn get(request: &'static str) -> Row {
    row(request, Value::Null)
}

pub fn all() -> Vec<Row> {
    [of_old(), of_the_catalog(), of_domains_and_federation(), of_delegation()].into_iter().flatten().collect()
}

#[rustfmt::skip]
fn of_old() -> Vec<Row> {
    let name = |key: &str| json!({key: {"name": "n<N>"}});
    let in_own = |key: &str| json!({key: {"name": "n<N>", "domain_id": "<OWN>"}});
    vec![
        get("GET /"), get("GET /v3"),
        get("GET /v3/auth/catalog"), get("GET /v3/auth/projects"), get("GET /v3/auth/domains"), get("GET /v3/auth/system"),
        get("GET /v3/OS-FEDERATION/projects"), get("GET /v3/OS-FEDERATION/domains"), get("GET /v3/OS-REVOKE/events"),
        row("POST /v3/auth/tokens", json!({"auth": {"identity": {"methods": ["password"], "password": {"user": {"id": "<USER>", "password": PASSWORD}}}}})),
        get("GET /v3/auth/tokens"), get("HEAD /v3/auth/tokens"), get("DELETE /v3/auth/tokens"),
        get("GET /v3/users"), row("POST /v3/users", in_own("user")), get("GET /v3/users/<USER>"), get("GET /v3/users/<MEMBER>"),
        row("PATCH /v3/users/<USER>", name("user")), get("DELETE /v3/users/<USER>"), get("DELETE /v3/users/nobody"),
        row("POST /v3/users/<USER>/password", json!({"user": {"original_password": PASSWORD, "password": "new"}})),
        get("GET /v3/users/<USER>/groups"), get("GET /v3/users/<USER>/projects"), get("DELETE /v3/users/<USER>/tokens"),
        get("GET /v3/groups"), row("POST /v3/groups", in_own("group")), get("GET /v3/groups/<GROUP>"),
        row("PATCH /v3/groups/<GROUP>", name("group")), get("DELETE /v3/groups/<GROUP>"), get("DELETE /v3/groups/nowhere"),
        get("GET /v3/groups/<GROUP>/users"), get("PUT /v3/groups/<GROUP>/users/<USER>"),
        after("PUT /v3/groups/<GROUP>/users/<USER>", "GET /v3/groups/<GROUP>/users/<USER>"),
        after("PUT /v3/groups/<GROUP>/users/<USER>", "DELETE /v3/groups/<GROUP>/users/<USER>"),
        get("GET /v3/projects"), row("POST /v3/projects", in_own("project")), get("GET /v3/projects/<PROJECT>"), get("GET /v3/projects/nowhere"),
        row("PATCH /v3/projects/<PROJECT>", name("project")), get("DELETE /v3/projects/<PROJECT>"),
        get("GET /v3/projects/<PROJECT>/tags"), row("PUT /v3/projects/<PROJECT>/tags", json!({"tags": ["x"]})), get("DELETE /v3/projects/<PROJECT>/tags"),
        get("GET /v3/projects/<PROJECT>/tags/t"), get("PUT /v3/projects/<PROJECT>/tags/u"), get("DELETE /v3/projects/<PROJECT>/tags/t"),
        get("GET /v3/domains"), row("POST /v3/domains", name("domain")), get("GET /v3/domains/<OWN>"), get("GET /v3/domains/<DOMAIN>"),
        row("PATCH /v3/domains/<DOMAIN>", name("domain")), get("DELETE /v3/domains/<DOMAIN>"), row("PATCH /v3/domains/nowhere", name("domain")),
        get("GET /v3/roles"), get("GET /v3/roles?domain_id=<OWN>"), row("POST /v3/roles", name("role")), row("POST /v3/roles", in_own("role")),
        get("GET /v3/roles/<ROLE>"), get("GET /v3/roles/<OWNROLE>"),
        row("PATCH /v3/roles/<ROLE>", name("role")), row("PATCH /v3/roles/<OWNROLE>", name("role")),
        get("DELETE /v3/roles/<ROLE>"), get("DELETE /v3/roles/<OWNROLE>"),
        get("DELETE /v3/roles/nowhere"), get("GET /v3/role_inferences"), get("GET /v3/roles/<ROLE>/implies"), get("PUT /v3/roles/<ROLE>/implies/<READER>"),
        after("PUT /v3/roles/<ROLE>/implies/<READER>", "GET /v3/roles/<ROLE>/implies/<READER>"),
        after("PUT /v3/roles/<ROLE>/implies/<READER>", "HEAD /v3/roles/<ROLE>/implies/<READER>"),
        after("PUT /v3/roles/<ROLE>/implies/<READER>", "DELETE /v3/roles/<ROLE>/implies/<READER>"),
        get("GET /v3/projects/<PROJECT>/users/<USER>/roles"), get("PUT /v3/projects/<PROJECT>/users/<USER>/roles/<READER>"),
        get("PUT /v3/projects/<PROJECT>/users/<USER>/roles/<ROLE>"),
        after("PUT /v3/projects/<PROJECT>/users/<USER>/roles/<READER>", "GET /v3/projects/<PROJECT>/users/<USER>/roles/<READER>"),
        after("PUT /v3/projects/<PROJECT>/users/<USER>/roles/<READER>", "DELETE /v3/projects/<PROJECT>/users/<USER>/roles/<READER>"),
        get("GET /v3/projects/<PROJECT>/groups/<GROUP>/roles"), get("PUT /v3/projects/<PROJECT>/groups/<GROUP>/roles/<MANAGER>"),
        after("PUT /v3/projects/<PROJECT>/groups/<GROUP>/roles/<READER>", "GET /v3/projects/<PROJECT>/groups/<GROUP>/roles/<READER>"),
        after("PUT /v3/projects/<PROJECT>/groups/<GROUP>/roles/<READER>", "DELETE /v3/projects/<PROJECT>/groups/<GROUP>/roles/<READER>"),
        get("GET /v3/domains/<OWN>/users/<USER>/roles"), get("PUT /v3/domains/<OWN>/users/<USER>/roles/<READER>"),
        after("PUT /v3/domains/<OWN>/users/<USER>/roles/<READER>", "GET /v3/domains/<OWN>/users/<USER>/roles/<READER>"),
        after("PUT /v3/domains/<OWN>/users/<USER>/roles/<READER>", "DELETE /v3/domains/<OWN>/users/<USER>/roles/<READER>"),
        get("GET /v3/domains/<OWN>/groups/<GROUP>/roles"), get("PUT /v3/domains/<OWN>/groups/<GROUP>/roles/<READER>"),
        after("PUT /v3/domains/<OWN>/groups/<GROUP>/roles/<READER>", "GET /v3/domains/<OWN>/groups/<GROUP>/roles/<READER>"),
        after("PUT /v3/domains/<OWN>/groups/<GROUP>/roles/<READER>", "DELETE /v3/domains/<OWN>/groups/<GROUP>/roles/<READER>"),
        get("GET /v3/OS-INHERIT/projects/<PROJECT>/users/<USER>/roles/inherited_to_projects"),
        get("PUT /v3/OS-INHERIT/projects/<PROJECT>/users/<USER>/roles/<READER>/inherited_to_projects"),
        after("PUT /v3/OS-INHERIT/projects/<PROJECT>/users/<USER>/roles/<READER>/inherited_to_projects", "GET /v3/OS-INHERIT/projects/<PROJECT>/users/<USER>/roles/<READER>/inherited_to_projects"),
        after("PUT /v3/OS-INHERIT/projects/<PROJECT>/users/<USER>/roles/<READER>/inherited_to_projects", "DELETE /v3/OS-INHERIT/projects/<PROJECT>/users/<USER>/roles/<READER>/inherited_to_projects"),
        get("GET /v3/OS-INHERIT/projects/<PROJECT>/groups/<GROUP>/roles/inherited_to_projects"),
        get("PUT /v3/OS-INHERIT/projects/<PROJECT>/groups/<GROUP>/roles/<READER>/inherited_to_projects"),
        after("PUT /v3/OS-INHERIT/projects/<PROJECT>/groups/<GROUP>/roles/<READER>/inherited_to_projects", "GET /v3/OS-INHERIT/projects/<PROJECT>/groups/<GROUP>/roles/<READER>/inherited_to_projects"),
        after("PUT /v3/OS-INHERIT/projects/<PROJECT>/groups/<GROUP>/roles/<READER>/inherited_to_projects", "DELETE /v3/OS-INHERIT/projects/<PROJECT>/groups/<GROUP>/roles/<READER>/inherited_to_projects"),
        get("GET /v3/OS-INHERIT/domains/<OWN>/users/<USER>/roles/inherited_to_projects"),
        get("PUT /v3/OS-INHERIT/domains/<OWN>/users/<USER>/roles/<READER>/inherited_to_projects"),
        after("PUT /v3/OS-INHERIT/domains/<OWN>/users/<USER>/roles/<READER>/inherited_to_projects", "GET /v3/OS-INHERIT/domains/<OWN>/users/<USER>/roles/<READER>/inherited_to_projects"),
        after("PUT /v3/OS-INHERIT/domains/<OWN>/users/<USER>/roles/<READER>/inherited_to_projects", "DELETE /v3/OS-INHERIT/domains/<OWN>/users/<USER>/roles/<READER>/inherited_to_projects"),
        get("GET /v3/OS-INHERIT/domains/<OWN>/groups/<GROUP>/roles/inherited_to_projects"),
        get("PUT /v3/OS-INHERIT/domains/<OWN>/groups/<GROUP>/roles/<READER>/inherited_to_projects"),
        after("PUT /v3/OS-INHERIT/domains/<OWN>/groups/<GROUP>/roles/<READER>/inherited_to_projects", "GET /v3/OS-INHERIT/domains/<OWN>/groups/<GROUP>/roles/<READER>/inherited_to_projects"),
        after("PUT /v3/OS-INHERIT/domains/<OWN>/groups/<GROUP>/roles/<READER>/inherited_to_projects", "DELETE /v3/OS-INHERIT/domains/<OWN>/groups/<GROUP>/roles/<READER>/inherited_to_projects"),
        get("GET /v3/system/users/<USER>/roles"), get("PUT /v3/system/users/<USER>/roles/<READER>"),
        after("PUT /v3/system/users/<USER>/roles/<READER>", "GET /v3/system/users/<USER>/roles/<READER>"),
        after("PUT /v3/system/users/<USER>/roles/<READER>", "DELETE /v3/system/users/<USER>/roles/<READER>"),
        get("GET /v3/system/groups/<GROUP>/roles"), get("PUT /v3/system/groups/<GROUP>/roles/<READER>"),
        after("PUT /v3/system/groups/<GROUP>/roles/<READER>", "GET /v3/system/groups/<GROUP>/roles/<READER>"),
        after("PUT /v3/system/groups/<GROUP>/roles/<READER>", "DELETE /v3/system/groups/<GROUP>/roles/<READER>"),
        get("GET /v3/role_assignments"), get("GET /v3/role_assignments?include_subtree&scope.project.id=<PROJECT>"),
        get("GET /v3/regions"), row("POST /v3/regions", json!({"region": {}})), get("GET /v3/regions/<REGION>"),
        row("PUT /v3/regions/new<N>", json!({"region": {}})), row("PATCH /v3/regions/<REGION>", json!({"region": {"description": "d"}})), get("DELETE /v3/regions/<REGION>"),
        get("GET /v3/services"), row("POST /v3/services", json!({"service": {"type": "t"}})), get("GET /v3/services/<SERVICE>"),
        row("PATCH /v3/services/<SERVICE>", json!({"service": {"name": "n"}})), get("DELETE /v3/services/<SERVICE>"),
        get("GET /v3/endpoints"), row("POST /v3/endpoints", json!({"endpoint": {"interface": "public", "url": "http://x", "service_id": "<SERVICE>"}})),
        get("GET /v3/endpoints/<ENDPOINT>"), row("PATCH /v3/endpoints/<ENDPOINT>", json!({"endpoint": {"enabled": false}})), get("DELETE /v3/endpoints/<ENDPOINT>"),
        get("GET /v3/users/<USER>/application_credentials"), row("POST /v3/users/<USER>/application_credentials", json!({"application_credential": {"name": "n"}})),
        row("POST /v3/users/<MEMBER>/application_credentials", json!({"application_credential": {"name": "n<N>"}})),
        get("GET /v3/users/<USER>/application_credentials/<APPCRED>"), get("DELETE /v3/users/<USER>/application_credentials/<APPCRED>"),
        get("GET /v3/users/<USER>/access_rules"), get("GET /v3/users/<USER>/access_rules/<RULE>?<APPCRED>"), after("DELETE /v3/users/<USER>/application_credentials/<APPCRED>", "DELETE /v3/users/<USER>/access_rules/<RULE>"),
        get("GET /v3/credentials"), row("POST /v3/credentials", json!({"credential": {"blob": "b", "type": "t", "user_id": "<USER>"}})),
        get("GET /v3/credentials/<CREDENTIAL>"), row("PATCH /v3/credentials/<CREDENTIAL>", json!({"credential": {"blob": "c"}})), get("DELETE /v3/credentials/<CREDENTIAL>"),
    ]
}

#[rustfmt::skip]
fn of_the_catalog() -> Vec<Row> {
    let group = json!({"endpoint_group": {"name": "n<N>", "filters": {"interface": "public"}}});
    let policy = json!({"policy": {"blob": "b", "type": "t"}});
    let registered = json!({"registered_limits": [{"service_id": "<SERVICE>", "resource_name": "n<N>", "default_limit": 1}]});
    let limit = json!({"limits": [{"service_id": "<SERVICE>", "resource_name": "r", "resource_limit": 5, "project_id": "<PROJECT><REGISTERED>"}]});
    vec![
        get("GET /v3/OS-EP-FILTER/endpoint_groups"), row("POST /v3/OS-EP-FILTER/endpoint_groups", group),
        get("GET /v3/OS-EP-FILTER/endpoint_groups/<EPGROUP>"), get("DELETE /v3/OS-EP-FILTER/endpoint_groups/<EPGROUP>"),
        row("PATCH /v3/OS-EP-FILTER/endpoint_groups/<EPGROUP>", json!({"endpoint_group": {"name": "m"}})),
        get("GET /v3/OS-EP-FILTER/endpoint_groups/<EPGROUP>/projects"), get("GET /v3/OS-EP-FILTER/endpoint_groups/<EPGROUP>/endpoints"),
        get("GET /v3/OS-EP-FILTER/projects/<PROJECT>/endpoint_groups"),
        get("PUT /v3/OS-EP-FILTER/endpoint_groups/<EPGROUP>/projects/<PROJECT>"),
        after("PUT /v3/OS-EP-FILTER/endpoint_groups/<EPGROUP>/projects/<PROJECT>", "GET /v3/OS-EP-FILTER/endpoint_groups/<EPGROUP>/projects/<PROJECT>"),
        after("PUT /v3/OS-EP-FILTER/endpoint_groups/<EPGROUP>/projects/<PROJECT>", "DELETE /v3/OS-EP-FILTER/endpoint_groups/<EPGROUP>/projects/<PROJECT>"),
        get("GET /v3/OS-EP-FILTER/projects/<PROJECT>/endpoints"), get("GET /v3/OS-EP-FILTER/endpoints/<ENDPOINT>/projects"),
        get("PUT /v3/OS-EP-FILTER/projects/<PROJECT>/endpoints/<ENDPOINT>"),
        after("PUT /v3/OS-EP-FILTER/projects/<PROJECT>/endpoints/<ENDPOINT>", "GET /v3/OS-EP-FILTER/projects/<PROJECT>/endpoints/<ENDPOINT>"),
        after("PUT /v3/OS-EP-FILTER/projects/<PROJECT>/endpoints/<ENDPOINT>", "DELETE /v3/OS-EP-FILTER/projects/<PROJECT>/endpoints/<ENDPOINT>"),
        get("GET /v3/policies"), row("POST /v3/policies", policy), get("GET /v3/policies/<POLICY>"), get("DELETE /v3/policies/<POLICY>"),
        row("PATCH /v3/policies/<POLICY>", json!({"policy": {"blob": "c"}})), get("GET /v3/policies/<POLICY>/OS-ENDPOINT-POLICY/endpoints"),
        after("PUT /v3/policies/<POLICY>/OS-ENDPOINT-POLICY/endpoints/<ENDPOINT>", "GET /v3/endpoints/<ENDPOINT>/OS-ENDPOINT-POLICY/policy"),
        get("PUT /v3/policies/<POLICY>/OS-ENDPOINT-POLICY/endpoints/<ENDPOINT>"), get("PUT /v3/policies/<POLICY>/OS-ENDPOINT-POLICY/services/<SERVICE>"),
        get("PUT /v3/policies/<POLICY>/OS-ENDPOINT-POLICY/services/<SERVICE>/regions/<REGION>"),
        after("PUT /v3/policies/<POLICY>/OS-ENDPOINT-POLICY/endpoints/<ENDPOINT>", "GET /v3/policies/<POLICY>/OS-ENDPOINT-POLICY/endpoints/<ENDPOINT>"),
        after("PUT /v3/policies/<POLICY>/OS-ENDPOINT-POLICY/services/<SERVICE>", "GET /v3/policies/<POLICY>/OS-ENDPOINT-POLICY/services/<SERVICE>"),
        after("PUT /v3/policies/<POLICY>/OS-ENDPOINT-POLICY/services/<SERVICE>/regions/<REGION>", "GET /v3/policies/<POLICY>/OS-ENDPOINT-POLICY/services/<SERVICE>/regions/<REGION>"),
        after("PUT /v3/policies/<POLICY>/OS-ENDPOINT-POLICY/endpoints/<ENDPOINT>", "DELETE /v3/policies/<POLICY>/OS-ENDPOINT-POLICY/endpoints/<ENDPOINT>"),
        after("PUT /v3/policies/<POLICY>/OS-ENDPOINT-POLICY/services/<SERVICE>", "DELETE /v3/policies/<POLICY>/OS-ENDPOINT-POLICY/services/<SERVICE>"),
        after("PUT /v3/policies/<POLICY>/OS-ENDPOINT-POLICY/services/<SERVICE>/regions/<REGION>", "DELETE /v3/policies/<POLICY>/OS-ENDPOINT-POLICY/services/<SERVICE>/regions/<REGION>"),
        get("GET /v3/registered_limits"), row("POST /v3/registered_limits", registered), get("GET /v3/registered_limits/<REGISTERED>"),
        row("PATCH /v3/registered_limits/<REGISTERED>", json!({"registered_limit": {"default_limit": 2}})), get("DELETE /v3/registered_limits/<REGISTERED>"),
        get("GET /v3/limits/model"), get("GET /v3/limits"), row("POST /v3/limits", limit), get("GET /v3/limits/<LIMIT>"),
        row("PATCH /v3/limits/<LIMIT>", json!({"limit": {"resource_limit": 2}})), get("DELETE /v3/limits/<LIMIT>"),
    ]
}

#[rustfmt::skip]
fn of_domains_and_federation() -> Vec<Row> {
    let config = json!({"config": {"ldap": {"url": "ldap://x"}}});
    let option = json!({"config": {"url": "ldap://y"}});
    let rules = json!({"mapping": {"rules": [{"local": [{"user": {"name": "{0}"}}], "remote": [{"type": "U"}]}]}});
    let sp = json!({"service_provider": {"auth_url": "https://x", "sp_url": "https://y"}});
    vec![
        row("PUT /v3/domains/<DOMAIN>/config", config.clone()), get("GET /v3/domains/<CONFIGURED>/config"), row("PATCH /v3/domains/<CONFIGURED>/config", config.clone()),
        get("DELETE /v3/domains/<CONFIGURED>/config"), get("GET /v3/domains/<CONFIGURED>/config/ldap"), get("GET /v3/domains/default/config/security_compliance"),
        row("PATCH /v3/domains/<CONFIGURED>/config/ldap", config), get("DELETE /v3/domains/<CONFIGURED>/config/ldap"),
        get("GET /v3/domains/<CONFIGURED>/config/ldap/url"), get("GET /v3/domains/default/config/security_compliance/password_regex"),
        row("PATCH /v3/domains/<CONFIGURED>/config/ldap/url", option), get("DELETE /v3/domains/<CONFIGURED>/config/ldap/url"),
        get("GET /v3/domains/config/default"), get("GET /v3/domains/config/ldap/default"), get("GET /v3/domains/config/ldap/url/default"),
        get("GET /v3/OS-FEDERATION/identity_providers"), row("PUT /v3/OS-FEDERATION/identity_providers/i<N>", json!({"identity_provider": {}})),
        get("GET /v3/OS-FEDERATION/identity_providers/<IDP>"), row("PATCH /v3/OS-FEDERATION/identity_providers/<IDP>", json!({"identity_provider": {"enabled": true}})),
        get("DELETE /v3/OS-FEDERATION/identity_providers/<IDP>"), get("GET /v3/OS-FEDERATION/identity_providers/<IDP>/protocols"),
        row("PUT /v3/OS-FEDERATION/identity_providers/<IDP>/protocols/q", json!({"protocol": {"mapping_id": "<MAPPING>"}})),
        get("GET /v3/OS-FEDERATION/identity_providers/<IDP>/protocols/p"), get("DELETE /v3/OS-FEDERATION/identity_providers/<IDP>/protocols/p"),
        row("PATCH /v3/OS-FEDERATION/identity_providers/<IDP>/protocols/p", json!({"protocol": {"mapping_id": "<MAPPING>"}})),
        get("GET /v3/OS-FEDERATION/mappings"), row("PUT /v3/OS-FEDERATION/mappings/m<N>", rules.clone()), get("GET /v3/OS-FEDERATION/mappings/<MAPPING>"),
        row("PATCH /v3/OS-FEDERATION/mappings/<MAPPING>", rules), get("DELETE /v3/OS-FEDERATION/mappings/<MAPPING>"),
        get("GET /v3/OS-FEDERATION/service_providers"), row("PUT /v3/OS-FEDERATION/service_providers/s<N>", sp), get("GET /v3/OS-FEDERATION/service_providers/<PROVIDER>"),
        row("PATCH /v3/OS-FEDERATION/service_providers/<PROVIDER>", json!({"service_provider": {"enabled": false}})), get("DELETE /v3/OS-FEDERATION/service_providers/<PROVIDER>"),
    ]
}

#[rustfmt::skip]
fn of_delegation() -> Vec<Row> {
    let trust = json!({"trust": {"trustor_user_id": "<MEMBER>", "trustee_user_id": "<USER>", "impersonation": false}});
    let signed = json!({"credentials": {"access": "nobody's"}});
    vec![
        get("GET /v3/OS-TRUST/trusts"), get("GET /v3/OS-TRUST/trusts?trustor_user_id=<MEMBER>"), get("GET /v3/OS-TRUST/trusts?trustee_user_id=<MEMBER>"),
        row("POST /v3/OS-TRUST/trusts", trust), get("GET /v3/OS-TRUST/trusts/<TRUST>"), get("DELETE /v3/OS-TRUST/trusts/<TRUST>"),
        get("GET /v3/OS-TRUST/trusts/<TRUST>/roles"), get("GET /v3/OS-TRUST/trusts/<TRUST>/roles/<MEMBERROLE>"),
        get("GET /v3/OS-OAUTH1/consumers"), row("POST /v3/OS-OAUTH1/consumers", json!({"consumer": {}})), get("GET /v3/OS-OAUTH1/consumers/<CONSUMER>"),
        row("PATCH /v3/OS-OAUTH1/consumers/<CONSUMER>", json!({"consumer": {"description": "d"}})), get("DELETE /v3/OS-OAUTH1/consumers/<CONSUMER>"),
        get("POST /v3/OS-OAUTH1/request_token"), get("POST /v3/OS-OAUTH1/access_token"),
        row("PUT /v3/OS-OAUTH1/authorize/nothing", json!({"roles": []})),
        get("GET /v3/users/<USER>/OS-OAUTH1/access_tokens"), get("GET /v3/users/<USER>/OS-OAUTH1/access_tokens/none"), get("DELETE /v3/users/<USER>/OS-OAUTH1/access_tokens/none"),
        get("GET /v3/users/<USER>/OS-OAUTH1/access_tokens/none/roles"), get("GET /v3/users/<USER>/OS-OAUTH1/access_tokens/none/roles/<READER>"),
        get("GET /v3/users/<USER>/credentials/OS-EC2"), row("POST /v3/users/<USER>/credentials/OS-EC2", json!({"tenant_id": "<PROJECT>"})),
        row("POST /v3/users/<MEMBER>/credentials/OS-EC2", json!({"tenant_id": "<PROJECT>"})),
        get("GET /v3/users/<USER>/credentials/OS-EC2/<EC2KEY>"), get("DELETE /v3/users/<USER>/credentials/OS-EC2/<EC2KEY>"),
        row("POST /v3/ec2tokens", signed.clone()), row("POST /v3/s3tokens", signed),
    ]
}
