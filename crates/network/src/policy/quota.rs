//! Quotas.

use super::{ADMIN, ADMIN_OR_MANAGER};

policy::rules! {
    /// List and show quotas.
    GET = "get_quota", ADMIN_OR_MANAGER, [Project], GET "/v2.0/quotas", GET "/v2.0/quotas/{id}";
    /// Change a quota.
    UPDATE = "update_quota", ADMIN, [Project], PUT "/v2.0/quotas/{id}";
    /// Delete a quota.
    DELETE = "delete_quota", ADMIN, [Project], DELETE "/v2.0/quotas/{id}";
}
