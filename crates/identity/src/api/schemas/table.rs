//! Which request has which body: what the documents and the tests that send anything know of the handlers. A test holds the
//! table against the router, by sending what is no JSON to every route.

use super::*;
use http::Schema;

/// `POST /v3/users` and the schema of its body, for every route that reads one.
#[rustfmt::skip]
pub fn bodies() -> Vec<(&'static str, &'static Schema)> {
    vec![
        ("POST /v3/auth/tokens", &TOKEN_CREATE),
        ("POST /v3/users", &USER_CREATE),
        ("PATCH /v3/users/{user_id}", &USER_UPDATE),
        ("POST /v3/users/{user_id}/password", &PASSWORD_CHANGE),
        ("POST /v3/groups", &GROUP_CREATE),
        ("PATCH /v3/groups/{group_id}", &GROUP_UPDATE),
        ("POST /v3/projects", &PROJECT_CREATE),
        ("PATCH /v3/projects/{project_id}", &PROJECT_UPDATE),
        ("PUT /v3/projects/{project_id}/tags", &TAGS_REPLACE),
        ("POST /v3/domains", &DOMAIN_CREATE),
        ("PATCH /v3/domains/{domain_id}", &DOMAIN_UPDATE),
        ("PUT /v3/domains/{domain_id}/config", &DOMAIN_CONFIG),
        ("PATCH /v3/domains/{domain_id}/config", &DOMAIN_CONFIG),
        ("PATCH /v3/domains/{domain_id}/config/{group}", &DOMAIN_CONFIG),
        ("PATCH /v3/domains/{domain_id}/config/{group}/{option}", &DOMAIN_CONFIG),
        ("POST /v3/roles", &ROLE_CREATE),
        ("PATCH /v3/roles/{role_id}", &ROLE_UPDATE),
        ("POST /v3/regions", &REGION_CREATE),
        ("PUT /v3/regions/{region_id}", &REGION_CREATE),
        ("PATCH /v3/regions/{region_id}", &REGION_UPDATE),
        ("POST /v3/services", &SERVICE_CREATE),
        ("PATCH /v3/services/{service_id}", &SERVICE_UPDATE),
        ("POST /v3/endpoints", &ENDPOINT_CREATE),
        ("PATCH /v3/endpoints/{endpoint_id}", &ENDPOINT_UPDATE),
        ("POST /v3/users/{user_id}/application_credentials", &APP_CRED_CREATE),
        ("POST /v3/credentials", &CREDENTIAL_CREATE),
        ("PATCH /v3/credentials/{credential_id}", &CREDENTIAL_UPDATE),
        ("POST /v3/OS-EP-FILTER/endpoint_groups", &ENDPOINT_GROUP_CREATE),
        ("PATCH /v3/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}", &ENDPOINT_GROUP_UPDATE),
        ("POST /v3/policies", &POLICY_CREATE),
        ("PATCH /v3/policies/{policy_id}", &POLICY_UPDATE),
        ("POST /v3/users/{user_id}/credentials/OS-EC2", &EC2_CREATE),
        ("POST /v3/ec2tokens", &EC2_SIGNED),
        ("POST /v3/s3tokens", &EC2_SIGNED),
        ("POST /v3/OS-OAUTH1/consumers", &CONSUMER_CREATE),
        ("PATCH /v3/OS-OAUTH1/consumers/{consumer_id}", &CONSUMER_UPDATE),
        ("PUT /v3/OS-OAUTH1/authorize/{request_token_id}", &REQUEST_TOKEN_AUTHORIZE),
        ("POST /v3/OS-TRUST/trusts", &TRUST_CREATE),
        ("PUT /v3/OS-FEDERATION/identity_providers/{idp_id}", &IDP_CREATE),
        ("PATCH /v3/OS-FEDERATION/identity_providers/{idp_id}", &IDP_UPDATE),
        ("PUT /v3/OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}", &PROTOCOL_CREATE),
        ("PATCH /v3/OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}", &PROTOCOL_UPDATE),
        ("PUT /v3/OS-FEDERATION/mappings/{mapping_id}", &MAPPING_3),
        ("PATCH /v3/OS-FEDERATION/mappings/{mapping_id}", &MAPPING_3),
        ("PUT /v3/OS-FEDERATION/service_providers/{sp_id}", &SP_CREATE),
        ("PATCH /v3/OS-FEDERATION/service_providers/{sp_id}", &SP_UPDATE),
        ("POST /v3/registered_limits", &REGISTERED_LIMITS_CREATE),
        ("PATCH /v3/registered_limits/{registered_limit_id}", &REGISTERED_LIMIT_UPDATE),
        ("POST /v3/limits", &LIMITS_CREATE),
        ("PATCH /v3/limits/{limit_id}", &LIMIT_UPDATE),
    ]
}
