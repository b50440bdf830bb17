//! Federation: identity providers, protocols, mappings, service providers.

::policy::rules! {
    /// Create identity provider.
    CREATE_IDENTITY_PROVIDER = "identity:create_identity_provider", "rule:admin_required", [System, Project],
        PUT "/v3/OS-FEDERATION/identity_providers/{idp_id}";
    /// List identity providers.
    LIST_IDENTITY_PROVIDERS = "identity:list_identity_providers",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/OS-FEDERATION/identity_providers",
        HEAD "/v3/OS-FEDERATION/identity_providers";
    /// Get identity provider.
    GET_IDENTITY_PROVIDER = "identity:get_identity_provider",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/OS-FEDERATION/identity_providers/{idp_id}",
        HEAD "/v3/OS-FEDERATION/identity_providers/{idp_id}";
    /// Update identity provider.
    UPDATE_IDENTITY_PROVIDER = "identity:update_identity_provider", "rule:admin_required", [System, Project],
        PATCH "/v3/OS-FEDERATION/identity_providers/{idp_id}";
    /// Delete identity provider.
    DELETE_IDENTITY_PROVIDER = "identity:delete_identity_provider", "rule:admin_required", [System, Project],
        DELETE "/v3/OS-FEDERATION/identity_providers/{idp_id}";
    /// Create federated protocol.
    CREATE_PROTOCOL = "identity:create_protocol", "rule:admin_required", [System, Project],
        PUT "/v3/OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}";
    /// Update federated protocol.
    UPDATE_PROTOCOL = "identity:update_protocol", "rule:admin_required", [System, Project],
        PATCH "/v3/OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}";
    /// Get federated protocol.
    GET_PROTOCOL = "identity:get_protocol",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}";
    /// List federated protocols.
    LIST_PROTOCOLS = "identity:list_protocols",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/OS-FEDERATION/identity_providers/{idp_id}/protocols";
    /// Delete federated protocol.
    DELETE_PROTOCOL = "identity:delete_protocol", "rule:admin_required", [System, Project],
        DELETE "/v3/OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}";
    /// Create a new federated mapping containing one or more sets of rules.
    CREATE_MAPPING = "identity:create_mapping", "rule:admin_required", [System, Project],
        PUT "/v3/OS-FEDERATION/mappings/{mapping_id}";
    /// Get a federated mapping.
    GET_MAPPING = "identity:get_mapping",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/OS-FEDERATION/mappings/{mapping_id}",
        HEAD "/v3/OS-FEDERATION/mappings/{mapping_id}";
    /// List federated mappings.
    LIST_MAPPINGS = "identity:list_mappings",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/OS-FEDERATION/mappings",
        HEAD "/v3/OS-FEDERATION/mappings";
    /// Delete a federated mapping.
    DELETE_MAPPING = "identity:delete_mapping", "rule:admin_required", [System, Project],
        DELETE "/v3/OS-FEDERATION/mappings/{mapping_id}";
    /// Update a federated mapping.
    UPDATE_MAPPING = "identity:update_mapping", "rule:admin_required", [System, Project],
        PATCH "/v3/OS-FEDERATION/mappings/{mapping_id}";
    /// Create federated service provider.
    CREATE_SERVICE_PROVIDER = "identity:create_service_provider", "rule:admin_required", [System, Project],
        PUT "/v3/OS-FEDERATION/service_providers/{service_provider_id}";
    /// List federated service providers.
    LIST_SERVICE_PROVIDERS = "identity:list_service_providers",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/OS-FEDERATION/service_providers",
        HEAD "/v3/OS-FEDERATION/service_providers";
    /// Get federated service provider.
    GET_SERVICE_PROVIDER = "identity:get_service_provider",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/OS-FEDERATION/service_providers/{service_provider_id}",
        HEAD "/v3/OS-FEDERATION/service_providers/{service_provider_id}";
    /// Update federated service provider.
    UPDATE_SERVICE_PROVIDER = "identity:update_service_provider", "rule:admin_required", [System, Project],
        PATCH "/v3/OS-FEDERATION/service_providers/{service_provider_id}";
    /// Delete federated service provider.
    DELETE_SERVICE_PROVIDER = "identity:delete_service_provider", "rule:admin_required", [System, Project],
        DELETE "/v3/OS-FEDERATION/service_providers/{service_provider_id}";
}
