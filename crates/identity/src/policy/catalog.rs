//! Regions, services and endpoints.

::policy::rules! {
    /// Show region details.
    GET_REGION = "identity:get_region", "", [System, Domain, Project],
        GET "/v3/regions/{region_id}",
        HEAD "/v3/regions/{region_id}";
    /// List regions.
    LIST_REGIONS = "identity:list_regions", "", [System, Domain, Project],
        GET "/v3/regions",
        HEAD "/v3/regions";
    /// Create region.
    CREATE_REGION = "identity:create_region", "rule:admin_required", [System, Project],
        POST "/v3/regions",
        PUT "/v3/regions/{region_id}";
    /// Update region.
    UPDATE_REGION = "identity:update_region", "rule:admin_required", [System, Project],
        PATCH "/v3/regions/{region_id}";
    /// Delete region.
    DELETE_REGION = "identity:delete_region", "rule:admin_required", [System, Project],
        DELETE "/v3/regions/{region_id}";
    /// Show service details.
    GET_SERVICE = "identity:get_service",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/services/{service_id}";
    /// List services.
    LIST_SERVICES = "identity:list_services",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/services";
    /// Create service.
    CREATE_SERVICE = "identity:create_service", "rule:admin_required", [System, Project],
        POST "/v3/services";
    /// Update service.
    UPDATE_SERVICE = "identity:update_service", "rule:admin_required", [System, Project],
        PATCH "/v3/services/{service_id}";
    /// Delete service.
    DELETE_SERVICE = "identity:delete_service", "rule:admin_required", [System, Project],
        DELETE "/v3/services/{service_id}";
    /// Show endpoint details.
    GET_ENDPOINT = "identity:get_endpoint",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/endpoints/{endpoint_id}";
    /// List endpoints.
    LIST_ENDPOINTS = "identity:list_endpoints",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/endpoints";
    /// Create endpoint.
    CREATE_ENDPOINT = "identity:create_endpoint", "rule:admin_required", [System, Project],
        POST "/v3/endpoints";
    /// Update endpoint.
    UPDATE_ENDPOINT = "identity:update_endpoint", "rule:admin_required", [System, Project],
        PATCH "/v3/endpoints/{endpoint_id}";
    /// Delete endpoint.
    DELETE_ENDPOINT = "identity:delete_endpoint", "rule:admin_required", [System, Project],
        DELETE "/v3/endpoints/{endpoint_id}";
}
