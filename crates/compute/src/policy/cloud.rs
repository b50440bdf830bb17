//! What servers are made of and run on: flavors, keys, hosts, groups, quotas.

policy::rules! {
    /// List the pools of floating IPs.
    FLOATING_IP_POOLS = "os_compute_api:os-floating-ip-pools", "@", [Project],
        GET "/os-floating-ip-pools";
    /// List floating IPs.
    FLOATING_IPS_LIST = "os_compute_api:os-floating-ips:list", "rule:project_reader_or_admin", [Project],
        GET "/os-floating-ips";
    /// Allocate a floating IP.
    FLOATING_IPS_CREATE = "os_compute_api:os-floating-ips:create", "rule:project_member_or_admin", [Project],
        POST "/os-floating-ips";
    /// Show a floating IP.
    FLOATING_IPS_SHOW = "os_compute_api:os-floating-ips:show", "rule:project_reader_or_admin", [Project],
        GET "/os-floating-ips/{floating_ip_id}";
    /// Give a floating IP back.
    FLOATING_IPS_DELETE = "os_compute_api:os-floating-ips:delete", "rule:project_member_or_admin", [Project],
        DELETE "/os-floating-ips/{floating_ip_id}";
    /// List networks.
    NETWORKS_LIST = "os_compute_api:os-networks:list", "rule:project_reader_or_admin", [Project],
        GET "/os-networks";
    /// Show a network.
    NETWORKS_SHOW = "os_compute_api:os-networks:show", "rule:project_reader_or_admin", [Project],
        GET "/os-networks/{network_id}";
    /// List a project's networks.
    TENANT_NETWORKS_LIST = "os_compute_api:os-tenant-networks:list", "rule:project_reader_or_admin", [Project],
        GET "/os-tenant-networks";
    /// Show a project's network.
    TENANT_NETWORKS_SHOW = "os_compute_api:os-tenant-networks:show", "rule:project_reader_or_admin", [Project],
        GET "/os-tenant-networks/{network_id}";
    /// List security groups.
    SECURITY_GROUPS_GET = "os_compute_api:os-security-groups:get", "rule:project_reader_or_admin", [Project],
        GET "/os-security-groups";
    /// Show a security group.
    SECURITY_GROUPS_SHOW = "os_compute_api:os-security-groups:show", "rule:project_reader_or_admin", [Project],
        GET "/os-security-groups/{security_group_id}";
    /// Make a security group.
    SECURITY_GROUPS_CREATE = "os_compute_api:os-security-groups:create", "rule:project_member_or_admin", [Project],
        POST "/os-security-groups";
    /// Change a security group.
    SECURITY_GROUPS_UPDATE = "os_compute_api:os-security-groups:update", "rule:project_member_or_admin", [Project],
        PUT "/os-security-groups/{security_group_id}";
    /// Remove a security group.
    SECURITY_GROUPS_DELETE = "os_compute_api:os-security-groups:delete", "rule:project_member_or_admin", [Project],
        DELETE "/os-security-groups/{security_group_id}";
    /// Make a rule of a security group.
    SECURITY_GROUPS_RULE_CREATE = "os_compute_api:os-security-groups:rule:create", "rule:project_member_or_admin", [Project],
        POST "/os-security-group-rules";
    /// Remove a rule of a security group.
    SECURITY_GROUPS_RULE_DELETE = "os_compute_api:os-security-groups:rule:delete", "rule:project_member_or_admin", [Project],
        DELETE "/os-security-group-rules/{security_group_rule_id}";
    /// List volumes.
    VOLUMES_LIST = "os_compute_api:os-volumes:list", "rule:project_reader_or_admin", [Project],
        GET "/os-volumes";
    /// List volumes with details.
    VOLUMES_DETAIL = "os_compute_api:os-volumes:detail", "rule:project_reader_or_admin", [Project],
        GET "/os-volumes/detail";
    /// Make a volume.
    VOLUMES_CREATE = "os_compute_api:os-volumes:create", "rule:project_member_or_admin", [Project],
        POST "/os-volumes";
    /// Show a volume.
    VOLUMES_SHOW = "os_compute_api:os-volumes:show", "rule:project_reader_or_admin", [Project],
        GET "/os-volumes/{volume_id}";
    /// Delete a volume.
    VOLUMES_DELETE = "os_compute_api:os-volumes:delete", "rule:project_member_or_admin", [Project],
        DELETE "/os-volumes/{volume_id}";
    /// List snapshots.
    VOLUMES_SNAPSHOTS_LIST = "os_compute_api:os-volumes:snapshots:list", "rule:project_reader_or_admin", [Project],
        GET "/os-snapshots";
    /// List snapshots with details.
    VOLUMES_SNAPSHOTS_DETAIL = "os_compute_api:os-volumes:snapshots:detail", "rule:project_reader_or_admin", [Project],
        GET "/os-snapshots/detail";
    /// Make a snapshot.
    VOLUMES_SNAPSHOTS_CREATE = "os_compute_api:os-volumes:snapshots:create", "rule:project_member_or_admin", [Project],
        POST "/os-snapshots";
    /// Show a snapshot.
    VOLUMES_SNAPSHOTS_SHOW = "os_compute_api:os-volumes:snapshots:show", "rule:project_reader_or_admin", [Project],
        GET "/os-snapshots/{snapshot_id}";
    /// Delete a snapshot.
    VOLUMES_SNAPSHOTS_DELETE = "os_compute_api:os-volumes:snapshots:delete", "rule:project_member_or_admin", [Project],
        DELETE "/os-snapshots/{snapshot_id}";
    /// List hosts.
    HOSTS_LIST = "os_compute_api:os-hosts:list", "rule:context_is_admin", [Project],
        GET "/os-hosts";
    /// Show what a host has and who uses it.
    HOSTS_SHOW = "os_compute_api:os-hosts:show", "rule:context_is_admin", [Project],
        GET "/os-hosts/{host_name}";
    /// Enable or disable a host.
    HOSTS_UPDATE = "os_compute_api:os-hosts:update", "rule:context_is_admin", [Project],
        PUT "/os-hosts/{host_name}";
    /// Reboot a host.
    HOSTS_REBOOT = "os_compute_api:os-hosts:reboot", "rule:context_is_admin", [Project],
        GET "/os-hosts/{host_name}/reboot";
    /// Shut a host down.
    HOSTS_SHUTDOWN = "os_compute_api:os-hosts:shutdown", "rule:context_is_admin", [Project],
        GET "/os-hosts/{host_name}/shutdown";
    /// Start a host.
    HOSTS_START = "os_compute_api:os-hosts:start", "rule:context_is_admin", [Project],
        GET "/os-hosts/{host_name}/startup";
    /// See the usage audits of all hosts.
    USAGE_LOG_LIST = "os_compute_api:os-instance-usage-audit-log:list", "rule:context_is_admin", [Project],
        GET "/os-instance_usage_audit_log";
    /// See the usage audits before some time.
    USAGE_LOG_SHOW = "os_compute_api:os-instance-usage-audit-log:show", "rule:context_is_admin", [Project],
        GET "/os-instance_usage_audit_log/{before_timestamp}";
    /// Create a flavor.
    FLAVOR_CREATE = "os_compute_api:os-flavor-manage:create", "rule:context_is_admin", [Project],
        POST "/flavors";
    /// Change the description of a flavor.
    FLAVOR_UPDATE = "os_compute_api:os-flavor-manage:update", "rule:context_is_admin", [Project],
        PUT "/flavors/{flavor_id}";
    /// Delete a flavor.
    FLAVOR_DELETE = "os_compute_api:os-flavor-manage:delete", "rule:context_is_admin", [Project],
        DELETE "/flavors/{flavor_id}";
    /// List who may use a flavor.
    FLAVOR_ACCESS = "os_compute_api:os-flavor-access", "rule:context_is_admin", [Project],
        GET "/flavors/{flavor_id}/os-flavor-access";
    /// Let a project use a flavor.
    FLAVOR_ACCESS_ADD = "os_compute_api:os-flavor-access:add_tenant_access", "rule:context_is_admin", [Project],
        POST "/flavors/{flavor_id}/action";
    /// No longer let a project use a flavor.
    FLAVOR_ACCESS_REMOVE = "os_compute_api:os-flavor-access:remove_tenant_access", "rule:context_is_admin", [Project],
        POST "/flavors/{flavor_id}/action";
    /// List the extra specs of a flavor.
    SPECS_INDEX = "os_compute_api:os-flavor-extra-specs:index", "rule:project_reader_or_admin", [Project],
        GET "/flavors/{flavor_id}/os-extra_specs/", POST "/flavors", GET "/flavors/detail", GET "/flavors/{flavor_id}", PUT "/flavors/{flavor_id}";
    /// Show an extra spec of a flavor.
    SPECS_SHOW = "os_compute_api:os-flavor-extra-specs:show", "rule:project_reader_or_admin", [Project],
        GET "/flavors/{flavor_id}/os-extra_specs/{flavor_extra_spec_key}";
    /// Add extra specs to a flavor.
    SPECS_CREATE = "os_compute_api:os-flavor-extra-specs:create", "rule:context_is_admin", [Project],
        POST "/flavors/{flavor_id}/os-extra_specs/";
    /// Set an extra spec of a flavor.
    SPECS_UPDATE = "os_compute_api:os-flavor-extra-specs:update", "rule:context_is_admin", [Project],
        PUT "/flavors/{flavor_id}/os-extra_specs/{flavor_extra_spec_key}";
    /// Remove an extra spec from a flavor.
    SPECS_DELETE = "os_compute_api:os-flavor-extra-specs:delete", "rule:context_is_admin", [Project],
        DELETE "/flavors/{flavor_id}/os-extra_specs/{flavor_extra_spec_key}";
    /// List key pairs.
    KEYPAIRS_INDEX = "os_compute_api:os-keypairs:index", "(rule:context_is_admin) or user_id:%(user_id)s", [Project],
        GET "/os-keypairs";
    /// Show a key pair.
    KEYPAIRS_SHOW = "os_compute_api:os-keypairs:show", "(rule:context_is_admin) or user_id:%(user_id)s", [Project],
        GET "/os-keypairs/{keypair_name}";
    /// Create or import a key pair.
    KEYPAIRS_CREATE = "os_compute_api:os-keypairs:create", "(rule:context_is_admin) or user_id:%(user_id)s", [Project],
        POST "/os-keypairs";
    /// Delete a key pair.
    KEYPAIRS_DELETE = "os_compute_api:os-keypairs:delete", "(rule:context_is_admin) or user_id:%(user_id)s", [Project],
        DELETE "/os-keypairs/{keypair_name}";
    /// List availability zones.
    ZONES_LIST = "os_compute_api:os-availability-zone:list", "@", [Project],
        GET "/os-availability-zone";
    /// List availability zones with their hosts.
    ZONES_DETAIL = "os_compute_api:os-availability-zone:detail", "rule:context_is_admin", [Project],
        GET "/os-availability-zone/detail";
    /// List services.
    SERVICES_LIST = "os_compute_api:os-services:list", "rule:context_is_admin", [Project],
        GET "/os-services";
    /// Disable, enable or force down a service.
    SERVICES_UPDATE = "os_compute_api:os-services:update", "rule:context_is_admin", [Project],
        PUT "/os-services/{service_id}";
    /// Forget a service.
    SERVICES_DELETE = "os_compute_api:os-services:delete", "rule:context_is_admin", [Project],
        DELETE "/os-services/{service_id}";
    /// List hypervisors.
    HYPERVISORS_LIST = "os_compute_api:os-hypervisors:list", "rule:context_is_admin", [Project],
        GET "/os-hypervisors";
    /// List hypervisors with their details.
    HYPERVISORS_DETAIL = "os_compute_api:os-hypervisors:list-detail", "rule:context_is_admin", [Project],
        GET "/os-hypervisors/detail";
    /// Sum up all hypervisors.
    HYPERVISORS_STATISTICS = "os_compute_api:os-hypervisors:statistics", "rule:context_is_admin", [Project],
        GET "/os-hypervisors/statistics";
    /// Show a hypervisor.
    HYPERVISORS_SHOW = "os_compute_api:os-hypervisors:show", "rule:context_is_admin", [Project],
        GET "/os-hypervisors/{hypervisor_id}";
    /// Show how long a hypervisor has been up.
    HYPERVISORS_UPTIME = "os_compute_api:os-hypervisors:uptime", "rule:context_is_admin", [Project],
        GET "/os-hypervisors/{hypervisor_id}/uptime";
    /// Search hypervisors by name.
    HYPERVISORS_SEARCH = "os_compute_api:os-hypervisors:search", "rule:context_is_admin", [Project],
        GET "/os-hypervisors/{hypervisor_hostname_pattern}/search";
    /// List the servers of hypervisors.
    HYPERVISORS_SERVERS = "os_compute_api:os-hypervisors:servers", "rule:context_is_admin", [Project],
        GET "/os-hypervisors/{hypervisor_hostname_pattern}/servers";
    /// List host aggregates.
    AGGREGATES_INDEX = "os_compute_api:os-aggregates:index", "rule:context_is_admin", [Project],
        GET "/os-aggregates";
    /// Show a host aggregate.
    AGGREGATES_SHOW = "os_compute_api:os-aggregates:show", "rule:context_is_admin", [Project],
        GET "/os-aggregates/{aggregate_id}";
    /// Create a host aggregate.
    AGGREGATES_CREATE = "os_compute_api:os-aggregates:create", "rule:context_is_admin", [Project],
        POST "/os-aggregates";
    /// Change name or zone of a host aggregate.
    AGGREGATES_UPDATE = "os_compute_api:os-aggregates:update", "rule:context_is_admin", [Project],
        PUT "/os-aggregates/{aggregate_id}";
    /// Delete a host aggregate.
    AGGREGATES_DELETE = "os_compute_api:os-aggregates:delete", "rule:context_is_admin", [Project],
        DELETE "/os-aggregates/{aggregate_id}";
    /// Add a host to an aggregate.
    AGGREGATES_ADD_HOST = "os_compute_api:os-aggregates:add_host", "rule:context_is_admin", [Project],
        POST "/os-aggregates/{aggregate_id}/action";
    /// Remove a host from an aggregate.
    AGGREGATES_REMOVE_HOST = "os_compute_api:os-aggregates:remove_host", "rule:context_is_admin", [Project],
        POST "/os-aggregates/{aggregate_id}/action";
    /// Set the metadata of a host aggregate.
    AGGREGATES_METADATA = "os_compute_api:os-aggregates:set_metadata", "rule:context_is_admin", [Project],
        POST "/os-aggregates/{aggregate_id}/action";
    /// Have the hosts of an aggregate keep images ready.
    AGGREGATES_IMAGES = "compute:aggregates:images", "rule:context_is_admin", [Project],
        POST "/os-aggregates/{aggregate_id}/images";
    /// See what a console's token is good for.
    CONSOLE_AUTH_TOKENS = "os_compute_api:os-console-auth-tokens", "rule:context_is_admin", [Project],
        GET "/os-console-auth-tokens/{console_token}";
    /// Make a snapshot of a volume with the hypervisor's help.
    ASSISTED_CREATE = "os_compute_api:os-assisted-volume-snapshots:create", "rule:service_api", [Project],
        POST "/os-assisted-volume-snapshots";
    /// Delete a snapshot of a volume with the hypervisor's help.
    ASSISTED_DELETE = "os_compute_api:os-assisted-volume-snapshots:delete", "rule:service_api", [Project],
        DELETE "/os-assisted-volume-snapshots/{snapshot_id}";
    /// List bare metal nodes.
    BAREMETAL_LIST = "os_compute_api:os-baremetal-nodes:list", "rule:context_is_admin", [Project],
        GET "/os-baremetal-nodes";
    /// Show a bare metal node.
    BAREMETAL_SHOW = "os_compute_api:os-baremetal-nodes:show", "rule:context_is_admin", [Project],
        GET "/os-baremetal-nodes/{node_id}";
    /// List server groups.
    GROUPS_INDEX = "os_compute_api:os-server-groups:index", "rule:project_reader_or_admin", [Project],
        GET "/os-server-groups";
    /// List server groups of all projects.
    GROUPS_INDEX_ALL = "os_compute_api:os-server-groups:index:all_projects", "rule:context_is_admin", [Project],
        GET "/os-server-groups";
    /// Show a server group.
    GROUPS_SHOW = "os_compute_api:os-server-groups:show", "rule:project_reader_or_admin", [Project],
        GET "/os-server-groups/{server_group_id}";
    /// Create a server group.
    GROUPS_CREATE = "os_compute_api:os-server-groups:create", "rule:project_member_or_admin", [Project],
        POST "/os-server-groups";
    /// Delete a server group.
    GROUPS_DELETE = "os_compute_api:os-server-groups:delete", "rule:project_member_or_admin", [Project],
        DELETE "/os-server-groups/{server_group_id}";
    /// Show the limits of a project.
    LIMITS = "os_compute_api:limits", "@", [Project],
        GET "/limits";
    /// Show the limits of another project.
    LIMITS_OTHER = "os_compute_api:limits:other_project", "rule:context_is_admin", [Project],
        GET "/limits";
    /// Show a project's quotas.
    QUOTA_SHOW = "os_compute_api:os-quota-sets:show", "rule:project_reader_or_admin", [Project],
        GET "/os-quota-sets/{tenant_id}";
    /// Show a project's quotas with what is used.
    QUOTA_DETAIL = "os_compute_api:os-quota-sets:detail", "rule:project_reader_or_admin", [Project],
        GET "/os-quota-sets/{tenant_id}/detail";
    /// Show the default quotas.
    QUOTA_DEFAULTS = "os_compute_api:os-quota-sets:defaults", "@", [Project],
        GET "/os-quota-sets/{tenant_id}/defaults";
    /// Change a project's quotas.
    QUOTA_UPDATE = "os_compute_api:os-quota-sets:update", "rule:context_is_admin", [Project],
        PUT "/os-quota-sets/{tenant_id}";
    /// Give a project the default quotas again.
    QUOTA_DELETE = "os_compute_api:os-quota-sets:delete", "rule:context_is_admin", [Project],
        DELETE "/os-quota-sets/{tenant_id}";
    /// Show a class of quotas.
    QUOTA_CLASS_SHOW = "os_compute_api:os-quota-class-sets:show", "rule:context_is_admin", [Project],
        GET "/os-quota-class-sets/{quota_class}";
    /// Change a class of quotas.
    QUOTA_CLASS_UPDATE = "os_compute_api:os-quota-class-sets:update", "rule:context_is_admin", [Project],
        PUT "/os-quota-class-sets/{quota_class}";
    /// Show the usage of all projects.
    USAGE_LIST = "os_compute_api:os-simple-tenant-usage:list", "rule:context_is_admin", [Project],
        GET "/os-simple-tenant-usage";
    /// Show the usage of a project.
    USAGE_SHOW = "os_compute_api:os-simple-tenant-usage:show", "rule:project_reader_or_admin", [Project],
        GET "/os-simple-tenant-usage/{tenant_id}";
    /// List migrations.
    MIGRATIONS_INDEX = "os_compute_api:os-migrations:index", "rule:project_manager_or_admin", [Project],
        GET "/os-migrations";
    /// List migrations of all projects.
    MIGRATIONS_ALL = "os_compute_api:os-migrations:index:all_projects", "rule:context_is_admin", [Project],
        GET "/os-migrations";
    /// See between which hosts migrations are.
    MIGRATIONS_HOST = "os_compute_api:os-migrations:index:host", "rule:context_is_admin", [Project],
        GET "/os-migrations";
    /// List extensions.
    EXTENSIONS = "os_compute_api:extensions", "@", [Project],
        GET "/extensions", GET "/extensions/{alias}";
    /// Tell compute of events in other services.
    EXTERNAL_EVENTS = "os_compute_api:os-server-external-events:create", "rule:service_or_admin", [Project],
        POST "/os-server-external-events";
}
