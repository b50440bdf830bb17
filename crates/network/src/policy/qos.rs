//! QoS policies and their rules.

use super::{ADMIN_OR_MANAGER, READER};
use crate::model::qos::RuleType;

const SEEN: &str = "(rule:admin_only) or (role:reader and project_id:%(project_id)s) or rule:shared_qos_policy";
const PARENT_READER: &str = "(rule:admin_only) or (role:reader and rule:ext_parent_owner)";
const PARENT_MANAGER: &str = "(rule:admin_only) or (role:manager and rule:ext_parent_owner)";

policy::rules! {
    /// List and show QoS policies.
    GET = "get_policy", SEEN, [Project], GET "/v2.0/qos/policies", GET "/v2.0/qos/policies/{id}";
    /// List and look up tags of a QoS policy.
    GET_TAGS = "get_policy:tags", SEEN, [Project],
        GET "/v2.0/qos/policies/{id}/tags", GET "/v2.0/qos/policies/{id}/tags/{tag_id}",
        GET "/v2.0/policies/{id}/tags", GET "/v2.0/policies/{id}/tags/{tag_id}";
    /// Create a QoS policy.
    CREATE = "create_policy", ADMIN_OR_MANAGER, [Project], POST "/v2.0/qos/policies";
    /// Add tags to a QoS policy.
    CREATE_TAGS = "create_policy:tags", ADMIN_OR_MANAGER, [Project],
        POST "/v2.0/qos/policies/{id}/tags", POST "/v2.0/policies/{id}/tags";
    /// Change a QoS policy.
    UPDATE = "update_policy", ADMIN_OR_MANAGER, [Project], PUT "/v2.0/qos/policies/{id}";
    /// Set tags of a QoS policy.
    UPDATE_TAGS = "update_policy:tags", ADMIN_OR_MANAGER, [Project],
        PUT "/v2.0/qos/policies/{id}/tags", PUT "/v2.0/qos/policies/{id}/tags/{tag_id}",
        PUT "/v2.0/policies/{id}/tags", PUT "/v2.0/policies/{id}/tags/{tag_id}";
    /// Delete a QoS policy.
    DELETE = "delete_policy", ADMIN_OR_MANAGER, [Project], DELETE "/v2.0/qos/policies/{id}";
    /// Remove tags from a QoS policy.
    DELETE_TAGS = "delete_policy:tags", ADMIN_OR_MANAGER, [Project],
        DELETE "/v2.0/qos/policies/{id}/tags", DELETE "/v2.0/qos/policies/{id}/tags/{tag_id}",
        DELETE "/v2.0/policies/{id}/tags", DELETE "/v2.0/policies/{id}/tags/{tag_id}";
    /// List the types of QoS rules.
    GET_RULE_TYPE = "get_rule_type", READER, [Project],
        GET "/v2.0/qos/rule-types", GET "/v2.0/qos/rule-types/{rule_type}";
    /// List and show bandwidth limit rules.
    GET_BANDWIDTH_LIMIT = "get_policy_bandwidth_limit_rule", PARENT_READER, [Project],
        GET "/v2.0/qos/policies/{policy_id}/bandwidth_limit_rules", GET "/v2.0/qos/policies/{policy_id}/bandwidth_limit_rules/{rule_id}";
    /// Create a bandwidth limit rule.
    CREATE_BANDWIDTH_LIMIT = "create_policy_bandwidth_limit_rule", PARENT_MANAGER, [Project],
        POST "/v2.0/qos/policies/{policy_id}/bandwidth_limit_rules";
    /// Change a bandwidth limit rule.
    UPDATE_BANDWIDTH_LIMIT = "update_policy_bandwidth_limit_rule", PARENT_MANAGER, [Project],
        PUT "/v2.0/qos/policies/{policy_id}/bandwidth_limit_rules/{rule_id}";
    /// Delete a bandwidth limit rule.
    DELETE_BANDWIDTH_LIMIT = "delete_policy_bandwidth_limit_rule", PARENT_MANAGER, [Project],
        DELETE "/v2.0/qos/policies/{policy_id}/bandwidth_limit_rules/{rule_id}";
    /// Show a bandwidth limit rule without naming its policy.
    GET_ALIAS_BANDWIDTH_LIMIT = "get_alias_bandwidth_limit_rule", PARENT_READER, [Project],
        GET "/v2.0/qos/alias-bandwidth-limit-rules/{rule_id}";
    /// Change a bandwidth limit rule without naming its policy.
    UPDATE_ALIAS_BANDWIDTH_LIMIT = "update_alias_bandwidth_limit_rule", PARENT_MANAGER, [Project],
        PUT "/v2.0/qos/alias-bandwidth-limit-rules/{rule_id}";
    /// Delete a bandwidth limit rule without naming its policy.
    DELETE_ALIAS_BANDWIDTH_LIMIT = "delete_alias_bandwidth_limit_rule", PARENT_MANAGER, [Project],
        DELETE "/v2.0/qos/alias-bandwidth-limit-rules/{rule_id}";
    /// List and show packet rate limit rules.
    GET_PACKET_RATE_LIMIT = "get_policy_packet_rate_limit_rule", PARENT_READER, [Project],
        GET "/v2.0/qos/policies/{policy_id}/packet_rate_limit_rules", GET "/v2.0/qos/policies/{policy_id}/packet_rate_limit_rules/{rule_id}",
        GET "/v2.0/policies/{policy_id}/packet_rate_limit_rules", GET "/v2.0/policies/{policy_id}/packet_rate_limit_rules/{rule_id}";
    /// Create a packet rate limit rule.
    CREATE_PACKET_RATE_LIMIT = "create_policy_packet_rate_limit_rule", PARENT_MANAGER, [Project],
        POST "/v2.0/qos/policies/{policy_id}/packet_rate_limit_rules",
        POST "/v2.0/policies/{policy_id}/packet_rate_limit_rules";
    /// Change a packet rate limit rule.
    UPDATE_PACKET_RATE_LIMIT = "update_policy_packet_rate_limit_rule", PARENT_MANAGER, [Project],
        PUT "/v2.0/qos/policies/{policy_id}/packet_rate_limit_rules/{rule_id}",
        PUT "/v2.0/policies/{policy_id}/packet_rate_limit_rules/{rule_id}";
    /// Delete a packet rate limit rule.
    DELETE_PACKET_RATE_LIMIT = "delete_policy_packet_rate_limit_rule", PARENT_MANAGER, [Project],
        DELETE "/v2.0/qos/policies/{policy_id}/packet_rate_limit_rules/{rule_id}",
        DELETE "/v2.0/policies/{policy_id}/packet_rate_limit_rules/{rule_id}";
    /// List and show DSCP marking rules.
    GET_DSCP_MARKING = "get_policy_dscp_marking_rule", PARENT_READER, [Project],
        GET "/v2.0/qos/policies/{policy_id}/dscp_marking_rules", GET "/v2.0/qos/policies/{policy_id}/dscp_marking_rules/{rule_id}";
    /// Create a DSCP marking rule.
    CREATE_DSCP_MARKING = "create_policy_dscp_marking_rule", PARENT_MANAGER, [Project],
        POST "/v2.0/qos/policies/{policy_id}/dscp_marking_rules";
    /// Change a DSCP marking rule.
    UPDATE_DSCP_MARKING = "update_policy_dscp_marking_rule", PARENT_MANAGER, [Project],
        PUT "/v2.0/qos/policies/{policy_id}/dscp_marking_rules/{rule_id}";
    /// Delete a DSCP marking rule.
    DELETE_DSCP_MARKING = "delete_policy_dscp_marking_rule", PARENT_MANAGER, [Project],
        DELETE "/v2.0/qos/policies/{policy_id}/dscp_marking_rules/{rule_id}";
    /// Show a DSCP marking rule without naming its policy.
    GET_ALIAS_DSCP_MARKING = "get_alias_dscp_marking_rule", PARENT_READER, [Project],
        GET "/v2.0/qos/alias-dscp-marking-rules/{rule_id}";
    /// Change a DSCP marking rule without naming its policy.
    UPDATE_ALIAS_DSCP_MARKING = "update_alias_dscp_marking_rule", PARENT_MANAGER, [Project],
        PUT "/v2.0/qos/alias-dscp-marking-rules/{rule_id}";
    /// Delete a DSCP marking rule without naming its policy.
    DELETE_ALIAS_DSCP_MARKING = "delete_alias_dscp_marking_rule", PARENT_MANAGER, [Project],
        DELETE "/v2.0/qos/alias-dscp-marking-rules/{rule_id}";
    /// List and show minimum bandwidth rules.
    GET_MINIMUM_BANDWIDTH = "get_policy_minimum_bandwidth_rule", PARENT_READER, [Project],
        GET "/v2.0/qos/policies/{policy_id}/minimum_bandwidth_rules", GET "/v2.0/qos/policies/{policy_id}/minimum_bandwidth_rules/{rule_id}";
    /// Create a minimum bandwidth rule.
    CREATE_MINIMUM_BANDWIDTH = "create_policy_minimum_bandwidth_rule", PARENT_MANAGER, [Project],
        POST "/v2.0/qos/policies/{policy_id}/minimum_bandwidth_rules";
    /// Change a minimum bandwidth rule.
    UPDATE_MINIMUM_BANDWIDTH = "update_policy_minimum_bandwidth_rule", PARENT_MANAGER, [Project],
        PUT "/v2.0/qos/policies/{policy_id}/minimum_bandwidth_rules/{rule_id}";
    /// Delete a minimum bandwidth rule.
    DELETE_MINIMUM_BANDWIDTH = "delete_policy_minimum_bandwidth_rule", PARENT_MANAGER, [Project],
        DELETE "/v2.0/qos/policies/{policy_id}/minimum_bandwidth_rules/{rule_id}";
    /// Show a minimum bandwidth rule without naming its policy.
    GET_ALIAS_MINIMUM_BANDWIDTH = "get_alias_minimum_bandwidth_rule", PARENT_READER, [Project],
        GET "/v2.0/qos/alias-minimum-bandwidth-rules/{rule_id}";
    /// Change a minimum bandwidth rule without naming its policy.
    UPDATE_ALIAS_MINIMUM_BANDWIDTH = "update_alias_minimum_bandwidth_rule", PARENT_MANAGER, [Project],
        PUT "/v2.0/qos/alias-minimum-bandwidth-rules/{rule_id}";
    /// Delete a minimum bandwidth rule without naming its policy.
    DELETE_ALIAS_MINIMUM_BANDWIDTH = "delete_alias_minimum_bandwidth_rule", PARENT_MANAGER, [Project],
        DELETE "/v2.0/qos/alias-minimum-bandwidth-rules/{rule_id}";
    /// List and show minimum packet rate rules.
    GET_MINIMUM_PACKET_RATE = "get_policy_minimum_packet_rate_rule", PARENT_READER, [Project],
        GET "/v2.0/qos/policies/{policy_id}/minimum_packet_rate_rules", GET "/v2.0/qos/policies/{policy_id}/minimum_packet_rate_rules/{rule_id}";
    /// Create a minimum packet rate rule.
    CREATE_MINIMUM_PACKET_RATE = "create_policy_minimum_packet_rate_rule", PARENT_MANAGER, [Project],
        POST "/v2.0/qos/policies/{policy_id}/minimum_packet_rate_rules";
    /// Change a minimum packet rate rule.
    UPDATE_MINIMUM_PACKET_RATE = "update_policy_minimum_packet_rate_rule", PARENT_MANAGER, [Project],
        PUT "/v2.0/qos/policies/{policy_id}/minimum_packet_rate_rules/{rule_id}";
    /// Delete a minimum packet rate rule.
    DELETE_MINIMUM_PACKET_RATE = "delete_policy_minimum_packet_rate_rule", PARENT_MANAGER, [Project],
        DELETE "/v2.0/qos/policies/{policy_id}/minimum_packet_rate_rules/{rule_id}";
    /// Show a minimum packet rate rule without naming its policy.
    GET_ALIAS_MINIMUM_PACKET_RATE = "get_alias_minimum_packet_rate_rule", "rule:get_policy_minimum_packet_rate_rule", [Project],
        GET "/v2.0/qos/alias-minimum-packet-rate-rules/{rule_id}";
    /// Change a minimum packet rate rule without naming its policy.
    UPDATE_ALIAS_MINIMUM_PACKET_RATE = "update_alias_minimum_packet_rate_rule", "rule:update_policy_minimum_packet_rate_rule", [Project],
        PUT "/v2.0/qos/alias-minimum-packet-rate-rules/{rule_id}";
    /// Delete a minimum packet rate rule without naming its policy.
    DELETE_ALIAS_MINIMUM_PACKET_RATE = "delete_alias_minimum_packet_rate_rule", "rule:delete_policy_minimum_packet_rate_rule", [Project],
        DELETE "/v2.0/qos/alias-minimum-packet-rate-rules/{rule_id}";
}

/// The rules that guard one type of QoS rule.
pub struct Guards {
    pub get: &'static policy::Rule,
    pub create: &'static policy::Rule,
    pub update: &'static policy::Rule,
    pub delete: &'static policy::Rule,
    /// The same without naming the policy: get, update, delete.
    pub alias: Option<[&'static policy::Rule; 3]>,
}

static OF_BANDWIDTH_LIMIT: Guards = Guards {
    get: &GET_BANDWIDTH_LIMIT,
    create: &CREATE_BANDWIDTH_LIMIT,
    update: &UPDATE_BANDWIDTH_LIMIT,
    delete: &DELETE_BANDWIDTH_LIMIT,
    alias: Some([&GET_ALIAS_BANDWIDTH_LIMIT, &UPDATE_ALIAS_BANDWIDTH_LIMIT, &DELETE_ALIAS_BANDWIDTH_LIMIT]),
};
static OF_PACKET_RATE_LIMIT: Guards = Guards {
    get: &GET_PACKET_RATE_LIMIT,
    create: &CREATE_PACKET_RATE_LIMIT,
    update: &UPDATE_PACKET_RATE_LIMIT,
    delete: &DELETE_PACKET_RATE_LIMIT,
    alias: None,
};
static OF_DSCP_MARKING: Guards = Guards {
    get: &GET_DSCP_MARKING,
    create: &CREATE_DSCP_MARKING,
    update: &UPDATE_DSCP_MARKING,
    delete: &DELETE_DSCP_MARKING,
    alias: Some([&GET_ALIAS_DSCP_MARKING, &UPDATE_ALIAS_DSCP_MARKING, &DELETE_ALIAS_DSCP_MARKING]),
};
static OF_MINIMUM_BANDWIDTH: Guards = Guards {
    get: &GET_MINIMUM_BANDWIDTH,
    create: &CREATE_MINIMUM_BANDWIDTH,
    update: &UPDATE_MINIMUM_BANDWIDTH,
    delete: &DELETE_MINIMUM_BANDWIDTH,
    alias: Some([&GET_ALIAS_MINIMUM_BANDWIDTH, &UPDATE_ALIAS_MINIMUM_BANDWIDTH, &DELETE_ALIAS_MINIMUM_BANDWIDTH]),
};
static OF_MINIMUM_PACKET_RATE: Guards = Guards {
    get: &GET_MINIMUM_PACKET_RATE,
    create: &CREATE_MINIMUM_PACKET_RATE,
    update: &UPDATE_MINIMUM_PACKET_RATE,
    delete: &DELETE_MINIMUM_PACKET_RATE,
    alias: Some([&GET_ALIAS_MINIMUM_PACKET_RATE, &UPDATE_ALIAS_MINIMUM_PACKET_RATE, &DELETE_ALIAS_MINIMUM_PACKET_RATE]),
};

pub fn guards(of: RuleType) -> &'static Guards {
    match of {
        RuleType::BandwidthLimit => &OF_BANDWIDTH_LIMIT,
        RuleType::PacketRateLimit => &OF_PACKET_RATE_LIMIT,
        RuleType::DscpMarking => &OF_DSCP_MARKING,
        RuleType::MinimumBandwidth => &OF_MINIMUM_BANDWIDTH,
        RuleType::MinimumPacketRate => &OF_MINIMUM_PACKET_RATE,
    }
}
