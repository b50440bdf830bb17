//! Logs.

use super::ADMIN_OR_MANAGER;

policy::rules! {
    /// List what can be logged.
    LOGGABLE_GET = "get_loggable_resource", ADMIN_OR_MANAGER, [Project], GET "/v2.0/log/loggable-resources";
    /// Create a log.
    CREATE = "create_log", ADMIN_OR_MANAGER, [Project], POST "/v2.0/log/logs";
    /// List and show logs.
    GET = "get_log", ADMIN_OR_MANAGER, [Project], GET "/v2.0/log/logs", GET "/v2.0/log/logs/{id}";
    /// Change a log.
    UPDATE = "update_log", ADMIN_OR_MANAGER, [Project], PUT "/v2.0/log/logs/{id}";
    /// Delete a log.
    DELETE = "delete_log", ADMIN_OR_MANAGER, [Project], DELETE "/v2.0/log/logs/{id}";
}
