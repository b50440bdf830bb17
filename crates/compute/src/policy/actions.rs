//! What a server is told to do, and its sub-resources.

policy::rules! {
    /// Start a server.
    START = "os_compute_api:servers:start", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Stop a server.
    STOP = "os_compute_api:servers:stop", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Reboot a server.
    REBOOT = "os_compute_api:servers:reboot", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Pause a server.
    PAUSE = "os_compute_api:os-pause-server:pause", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Let a paused server go on.
    UNPAUSE = "os_compute_api:os-pause-server:unpause", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Save a server's memory and end its guest.
    SUSPEND = "os_compute_api:os-suspend-server:suspend", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Let a suspended server go on.
    RESUME = "os_compute_api:os-suspend-server:resume", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Make a server's own disks anew.
    REBUILD = "os_compute_api:servers:rebuild", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Rebuild a server with other trusted image certificates.
    REBUILD_TRUSTED_CERTS = "os_compute_api:servers:rebuild:trusted_certs", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Boot a server from another image.
    RESCUE = "os_compute_api:os-rescue", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Boot a rescued server from its own disk.
    UNRESCUE = "os_compute_api:os-unrescue", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Set the administrator's password in a server.
    ADMIN_PASSWORD = "os_compute_api:os-admin-password", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Have a server's kernel dump its memory.
    TRIGGER_CRASH_DUMP = "os_compute_api:servers:trigger_crash_dump", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Make a backup of a server and let the oldest go.
    CREATE_BACKUP = "os_compute_api:os-create-backup", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Tell a server's host of its networks anew.
    INJECT_NETWORK_INFO = "os_compute_api:os-admin-actions:inject_network_info", "rule:context_is_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Delete a server although deleting is put off.
    FORCE_DELETE = "os_compute_api:os-deferred-delete:force", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Restore a server whose deletion was put off.
    RESTORE = "os_compute_api:os-deferred-delete:restore", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Join a floating IP to a server.
    FLOATING_IPS_ADD = "os_compute_api:os-floating-ips:add", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Part a floating IP from a server.
    FLOATING_IPS_REMOVE = "os_compute_api:os-floating-ips:remove", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Give a server another address of a network.
    MULTINIC_ADD = "os_compute_api:os-multinic:add", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Take an address from a server.
    MULTINIC_REMOVE = "os_compute_api:os-multinic:remove", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/action";
    /// List a server's security groups.
    GROUP_LIST = "os_compute_api:os-security-groups:list", "rule:project_reader_or_admin", [Project],
        GET "/servers/{server_id}/os-security-groups";
    /// See what a server's host counts of it.
    DIAGNOSTICS = "os_compute_api:os-server-diagnostics", "rule:context_is_admin", [Project],
        GET "/servers/{server_id}/diagnostics";
    /// Show a server's NUMA topology.
    TOPOLOGY_SHOW = "compute:server:topology:index", "rule:project_reader_or_admin", [Project],
        GET "/servers/{server_id}/topology";
    /// Give a server another flavor.
    RESIZE = "os_compute_api:servers:resize", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Let a server keep its new flavor.
    CONFIRM_RESIZE = "os_compute_api:servers:confirm_resize", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Give a server its old flavor back.
    REVERT_RESIZE = "os_compute_api:servers:revert_resize", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Move a server to another host.
    MIGRATE = "os_compute_api:os-migrate-server:migrate", "rule:project_manager_or_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Name the host that a server moves to.
    MIGRATE_HOST = "os_compute_api:os-migrate-server:migrate:host", "rule:context_is_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Begin a server anew whose host is down.
    EVACUATE = "os_compute_api:os-evacuate", "rule:context_is_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Stop a server and keep what it needs to come back elsewhere.
    SHELVE = "os_compute_api:os-shelve:shelve", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Take a shelved server from its host.
    SHELVE_OFFLOAD = "os_compute_api:os-shelve:shelve_offload", "rule:context_is_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Bring a shelved server back.
    UNSHELVE = "os_compute_api:os-shelve:unshelve", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Name the host that a shelved server comes back on.
    UNSHELVE_TO_HOST = "os_compute_api:os-shelve:unshelve_to_host", "rule:context_is_admin", [Project],
        POST "/servers/{server_id}/action";
    /// List the live migrations that a server is in.
    SERVER_MIGRATIONS_INDEX = "os_compute_api:servers:migrations:index", "rule:project_manager_or_admin", [Project],
        GET "/servers/{server_id}/migrations";
    /// See between which hosts they are.
    SERVER_MIGRATIONS_HOST = "os_compute_api:servers:migrations:index:host", "rule:context_is_admin", [Project],
        GET "/servers/{server_id}/migrations";
    /// Show a live migration that a server is in.
    SERVER_MIGRATIONS_SHOW = "os_compute_api:servers:migrations:show", "rule:context_is_admin", [Project],
        GET "/servers/{server_id}/migrations/{migration_id}";
    /// Show which of its host's NUMA nodes and processors a server has.
    TOPOLOGY_HOST = "compute:server:topology:host:index", "rule:context_is_admin", [Project],
        GET "/servers/{server_id}/topology";
    /// Call off a live migration.
    SERVER_MIGRATIONS_ABORT = "os_compute_api:servers:migrations:delete", "rule:project_manager_or_admin", [Project],
        DELETE "/servers/{server_id}/migrations/{migration_id}";
    /// Have a live migration end soon.
    SERVER_MIGRATIONS_FORCE = "os_compute_api:servers:migrations:force_complete", "rule:project_manager_or_admin", [Project],
        POST "/servers/{server_id}/migrations/{migration_id}/action";
    /// Move a running server to another host.
    MIGRATE_LIVE = "os_compute_api:os-migrate-server:migrate_live", "rule:project_manager_or_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Name the host that a running server moves to.
    MIGRATE_LIVE_HOST = "os_compute_api:os-migrate-server:migrate_live:host", "rule:context_is_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Lock a server.
    LOCK = "os_compute_api:os-lock-server:lock", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Unlock a server.
    UNLOCK = "os_compute_api:os-lock-server:unlock", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Unlock a server that somebody else has locked.
    UNLOCK_OVERRIDE = "os_compute_api:os-lock-server:unlock:unlock_override", "rule:context_is_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Make an image of a server.
    CREATE_IMAGE = "os_compute_api:servers:create_image", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Make an image of a server that boots from a volume.
    CREATE_IMAGE_VOLUME = "os_compute_api:servers:create_image:allow_volume_backed", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Set a server's state by hand.
    RESET_STATE = "os_compute_api:os-admin-actions:reset_state", "rule:context_is_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Read a server's console log.
    CONSOLE_OUTPUT = "os_compute_api:os-console-output", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/action";
    /// List a server's shares.
    SHARES_INDEX = "os_compute_api:os-server-shares:index", "rule:project_reader_or_admin", [Project],
        GET "/servers/{server_id}/shares";
    /// Show a share of a server.
    SHARES_SHOW = "os_compute_api:os-server-shares:show", "rule:project_reader_or_admin", [Project],
        GET "/servers/{server_id}/shares/{share_id}";
    /// Give a server a share.
    SHARES_CREATE = "os_compute_api:os-server-shares:create", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/shares";
    /// Take a share from a server.
    SHARES_DELETE = "os_compute_api:os-server-shares:delete", "rule:project_member_or_admin", [Project],
        DELETE "/servers/{server_id}/shares/{share_id}";
    /// Get the address of a server's screen.
    REMOTE_CONSOLES = "os_compute_api:os-remote-consoles", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/action", POST "/servers/{server_id}/remote-consoles";
    /// Add a security group to a server.
    GROUP_ADD = "os_compute_api:os-security-groups:add", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/action";
    /// Remove a security group from a server.
    GROUP_REMOVE = "os_compute_api:os-security-groups:remove", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/action";
    /// List a server's metadata.
    METADATA_INDEX = "os_compute_api:server-metadata:index", "rule:project_reader_or_admin", [Project],
        GET "/servers/{server_id}/metadata";
    /// Show one item of a server's metadata.
    METADATA_SHOW = "os_compute_api:server-metadata:show", "rule:project_reader_or_admin", [Project],
        GET "/servers/{server_id}/metadata/{key}";
    /// Add to a server's metadata.
    METADATA_CREATE = "os_compute_api:server-metadata:create", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/metadata";
    /// Replace a server's metadata.
    METADATA_UPDATE_ALL = "os_compute_api:server-metadata:update_all", "rule:project_member_or_admin", [Project],
        PUT "/servers/{server_id}/metadata";
    /// Set one item of a server's metadata.
    METADATA_UPDATE = "os_compute_api:server-metadata:update", "rule:project_member_or_admin", [Project],
        PUT "/servers/{server_id}/metadata/{key}";
    /// Remove one item of a server's metadata.
    METADATA_DELETE = "os_compute_api:server-metadata:delete", "rule:project_member_or_admin", [Project],
        DELETE "/servers/{server_id}/metadata/{key}";
    /// List a server's tags.
    TAGS_INDEX = "os_compute_api:os-server-tags:index", "rule:project_reader_or_admin", [Project],
        GET "/servers/{server_id}/tags";
    /// See whether a server has a tag.
    TAGS_SHOW = "os_compute_api:os-server-tags:show", "rule:project_reader_or_admin", [Project],
        GET "/servers/{server_id}/tags/{tag}";
    /// Add a tag to a server.
    TAGS_UPDATE = "os_compute_api:os-server-tags:update", "rule:project_member_or_admin", [Project],
        PUT "/servers/{server_id}/tags/{tag}";
    /// Replace a server's tags.
    TAGS_UPDATE_ALL = "os_compute_api:os-server-tags:update_all", "rule:project_member_or_admin", [Project],
        PUT "/servers/{server_id}/tags";
    /// Remove a tag from a server.
    TAGS_DELETE = "os_compute_api:os-server-tags:delete", "rule:project_member_or_admin", [Project],
        DELETE "/servers/{server_id}/tags/{tag}";
    /// Remove all tags from a server.
    TAGS_DELETE_ALL = "os_compute_api:os-server-tags:delete_all", "rule:project_member_or_admin", [Project],
        DELETE "/servers/{server_id}/tags";
    /// List a server's addresses.
    IPS_INDEX = "os_compute_api:ips:index", "rule:project_reader_or_admin", [Project],
        GET "/servers/{server_id}/ips";
    /// List a server's addresses on a network.
    IPS_SHOW = "os_compute_api:ips:show", "rule:project_reader_or_admin", [Project],
        GET "/servers/{server_id}/ips/{network_label}";
    /// List the volumes of a server.
    ATTACHMENTS_INDEX = "os_compute_api:os-volumes-attachments:index", "rule:project_reader_or_admin", [Project],
        GET "/servers/{server_id}/os-volume_attachments";
    /// Show a volume of a server.
    ATTACHMENTS_SHOW = "os_compute_api:os-volumes-attachments:show", "rule:project_reader_or_admin", [Project],
        GET "/servers/{server_id}/os-volume_attachments/{volume_id}";
    /// Attach a volume to a server.
    ATTACHMENTS_CREATE = "os_compute_api:os-volumes-attachments:create", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/os-volume_attachments";
    /// Change whether a volume goes with its server.
    ATTACHMENTS_UPDATE = "os_compute_api:os-volumes-attachments:update", "rule:project_member_or_admin", [Project],
        PUT "/servers/{server_id}/os-volume_attachments/{volume_id}";
    /// Put another volume in the place of one.
    ATTACHMENTS_SWAP = "os_compute_api:os-volumes-attachments:swap", "rule:service_api", [Project],
        PUT "/servers/{server_id}/os-volume_attachments/{volume_id}";
    /// Detach a volume from a server.
    ATTACHMENTS_DELETE = "os_compute_api:os-volumes-attachments:delete", "rule:project_member_or_admin", [Project],
        DELETE "/servers/{server_id}/os-volume_attachments/{volume_id}";
    /// List the interfaces of a server.
    INTERFACES_LIST = "os_compute_api:os-attach-interfaces:list", "rule:project_reader_or_admin", [Project],
        GET "/servers/{server_id}/os-interface";
    /// Show an interface of a server.
    INTERFACES_SHOW = "os_compute_api:os-attach-interfaces:show", "rule:project_reader_or_admin", [Project],
        GET "/servers/{server_id}/os-interface/{port_id}";
    /// Attach an interface to a server.
    INTERFACES_CREATE = "os_compute_api:os-attach-interfaces:create", "rule:project_member_or_admin", [Project],
        POST "/servers/{server_id}/os-interface";
    /// Detach an interface from a server.
    INTERFACES_DELETE = "os_compute_api:os-attach-interfaces:delete", "rule:project_member_or_admin", [Project],
        DELETE "/servers/{server_id}/os-interface/{port_id}";
    /// List what was asked of a server.
    ACTIONS_LIST = "os_compute_api:os-instance-actions:list", "rule:project_reader_or_admin", [Project],
        GET "/servers/{server_id}/os-instance-actions";
    /// Show one thing that was asked of a server.
    ACTIONS_SHOW = "os_compute_api:os-instance-actions:show", "rule:project_reader_or_admin", [Project],
        GET "/servers/{server_id}/os-instance-actions/{request_id}";
    /// See the events of an action with their tracebacks, or before 2.51 at all.
    ACTIONS_EVENTS = "os_compute_api:os-instance-actions:events", "rule:context_is_admin", [Project],
        GET "/servers/{server_id}/os-instance-actions/{request_id}";
    /// See the details of an action's events.
    ACTIONS_EVENTS_DETAILS = "os_compute_api:os-instance-actions:events:details", "rule:context_is_admin", [Project],
        GET "/servers/{server_id}/os-instance-actions/{request_id}";
    /// Show the encrypted password that a server has posted.
    PASSWORD_SHOW = "os_compute_api:os-server-password:show", "rule:project_reader_or_admin", [Project],
        GET "/servers/{server_id}/os-server-password";
    /// Forget the password that a server has posted.
    PASSWORD_CLEAR = "os_compute_api:os-server-password:clear", "rule:project_member_or_admin", [Project],
        DELETE "/servers/{server_id}/os-server-password";
}
