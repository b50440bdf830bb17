//! Topologies that are made for projects.

use super::{ADMIN_OR_MEMBER, ADMIN_OR_READER};

policy::rules! {
    /// Get a project's automatic topology, making it first if it has none.
    GET = "get_auto_allocated_topology", ADMIN_OR_READER, [Project], GET "/v2.0/auto-allocated-topology/{project_id}";
    /// Delete a project's automatic topology.
    DELETE = "delete_auto_allocated_topology", ADMIN_OR_MEMBER, [Project],
        DELETE "/v2.0/auto-allocated-topology/{project_id}";
}
