//! Metering labels and their rules.

use super::{ADMIN_OR_MANAGER, ADMIN_OR_READER};

policy::rules! {
    /// Create a metering label.
    CREATE = "create_metering_label", ADMIN_OR_MANAGER, [Project], POST "/v2.0/metering/metering-labels";
    /// List and show metering labels.
    GET = "get_metering_label", ADMIN_OR_READER, [Project],
        GET "/v2.0/metering/metering-labels", GET "/v2.0/metering/metering-labels/{id}";
    /// Delete a metering label.
    DELETE = "delete_metering_label", ADMIN_OR_MANAGER, [Project], DELETE "/v2.0/metering/metering-labels/{id}";
    /// Create a rule of a metering label.
    RULE_CREATE = "create_metering_label_rule", ADMIN_OR_MANAGER, [Project],
        POST "/v2.0/metering/metering-label-rules";
    /// List and show rules of metering labels.
    RULE_GET = "get_metering_label_rule", ADMIN_OR_READER, [Project],
        GET "/v2.0/metering/metering-label-rules", GET "/v2.0/metering/metering-label-rules/{id}";
    /// Delete a rule of a metering label.
    RULE_DELETE = "delete_metering_label_rule", ADMIN_OR_MANAGER, [Project],
        DELETE "/v2.0/metering/metering-label-rules/{id}";
}
