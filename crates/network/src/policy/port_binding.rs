//! Bindings of a port to further hosts.

use super::ADMIN_OR_SERVICE;

const SERVICE: &str = "rule:service_api";

policy::rules! {
    /// List and show the bindings of a port.
    GET = "get_port_binding", ADMIN_OR_SERVICE, [Project],
        GET "/v2.0/ports/{port_id}/bindings", GET "/v2.0/ports/{port_id}/bindings/{host}";
    /// Bind a port to a further host, or change such a binding.
    CREATE = "create_port_binding", SERVICE, [Project],
        POST "/v2.0/ports/{port_id}/bindings", PUT "/v2.0/ports/{port_id}/bindings/{host}";
    /// Delete a binding of a port.
    DELETE = "delete_port_binding", SERVICE, [Project], DELETE "/v2.0/ports/{port_id}/bindings/{host}";
    /// Make a binding the one that is active.
    ACTIVATE = "activate", SERVICE, [Project], PUT "/v2.0/ports/{port_id}/bindings/{host}/activate";
}
