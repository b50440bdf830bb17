//! Servers: what may be asked of `/servers` itself.

policy::rules! {
    /// List servers.
    SERVERS_INDEX = "os_compute_api:servers:index", "rule:project_reader_or_admin", [Project],
        GET "/servers";
    /// List servers with their details.
    SERVERS_DETAIL = "os_compute_api:servers:detail", "rule:project_reader_or_admin", [Project],
        GET "/servers/detail";
    /// List servers of all projects.
    SERVERS_INDEX_ALL = "os_compute_api:servers:index:get_all_tenants", "rule:context_is_admin", [Project],
        GET "/servers";
    /// List servers of all projects with their details.
    SERVERS_DETAIL_ALL = "os_compute_api:servers:detail:get_all_tenants", "rule:context_is_admin", [Project],
        GET "/servers/detail";
    /// Filter lists of servers by anything.
    SERVERS_ALL_FILTERS = "os_compute_api:servers:allow_all_filters", "rule:context_is_admin", [Project],
        GET "/servers", GET "/servers/detail";
    /// Show a server.
    SERVERS_SHOW = "os_compute_api:servers:show", "rule:project_reader_or_admin", [Project],
        GET "/servers/{server_id}";
    /// See the extra specs of a server's flavor.
    SHOW_EXTRA_SPECS = "os_compute_api:servers:show:flavor-extra-specs", "rule:project_reader_or_admin", [Project],
        GET "/servers/detail", GET "/servers/{server_id}", PUT "/servers/{server_id}", POST "/servers/{server_id}/action";
    /// See how a server's host is.
    SHOW_HOST_STATUS = "os_compute_api:servers:show:host_status", "rule:context_is_admin", [Project],
        GET "/servers/{server_id}", GET "/servers/detail", PUT "/servers/{server_id}", POST "/servers/{server_id}/action";
    /// See that a server's host is not heard from.
    SHOW_HOST_STATUS_UNKNOWN = "os_compute_api:servers:show:host_status:unknown-only", "rule:context_is_admin", [Project],
        GET "/servers/{server_id}", GET "/servers/detail", PUT "/servers/{server_id}", POST "/servers/{server_id}/action";
    /// See host, instance name and the like of a server.
    EXTENDED_ATTRIBUTES = "os_compute_api:os-extended-server-attributes", "rule:context_is_admin", [Project],
        GET "/servers/{id}", GET "/servers/detail", PUT "/servers/{server_id}", POST "/servers/{server_id}/action";
    /// Create a server.
    SERVERS_CREATE = "os_compute_api:servers:create", "rule:project_member_or_admin", [Project],
        POST "/servers";
    /// Create a server on a named host, by zone.
    CREATE_FORCED_HOST = "os_compute_api:servers:create:forced_host", "rule:context_is_admin", [Project],
        POST "/servers";
    /// Create a server on a named host.
    CREATE_REQUESTED_DESTINATION = "compute:servers:create:requested_destination", "rule:context_is_admin", [Project],
        POST "/servers";
    /// Create a server with volumes.
    CREATE_ATTACH_VOLUME = "os_compute_api:servers:create:attach_volume", "rule:project_member_or_admin", [Project],
        POST "/servers";
    /// Create a server on chosen networks.
    CREATE_ATTACH_NETWORK = "os_compute_api:servers:create:attach_network", "rule:project_member_or_admin", [Project],
        POST "/servers";
    /// Create a server with trusted image certificates.
    CREATE_TRUSTED_CERTS = "os_compute_api:servers:create:trusted_certs", "rule:project_member_or_admin", [Project],
        POST "/servers";
    /// Create a server with a local disk although its flavor has none.
    CREATE_ZERO_DISK = "os_compute_api:servers:create:zero_disk_flavor", "rule:context_is_admin", [Project],
        POST "/servers";
    /// Delete a server.
    SERVERS_DELETE = "os_compute_api:servers:delete", "rule:project_member_or_admin", [Project],
        DELETE "/servers/{server_id}";
    /// Change name, description and the like of a server.
    SERVERS_UPDATE = "os_compute_api:servers:update", "rule:project_member_or_admin", [Project],
        PUT "/servers/{server_id}";
}
