//! NDP proxies.

use super::{ADMIN_OR_MEMBER, ADMIN_OR_READER};

policy::rules! {
    /// Create an NDP proxy.
    CREATE = "create_ndp_proxy", ADMIN_OR_MEMBER, [Project], POST "/v2.0/ndp-proxies";
    /// List and show NDP proxies.
    GET = "get_ndp_proxy", ADMIN_OR_READER, [Project], GET "/v2.0/ndp-proxies", GET "/v2.0/ndp-proxies/{id}";
    /// Change an NDP proxy.
    UPDATE = "update_ndp_proxy", ADMIN_OR_MEMBER, [Project], PUT "/v2.0/ndp-proxies/{id}";
    /// Delete an NDP proxy.
    DELETE = "delete_ndp_proxy", ADMIN_OR_MEMBER, [Project], DELETE "/v2.0/ndp-proxies/{id}";
}
