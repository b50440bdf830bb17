//! Metering labels, and the rules that say which traffic of a project's routers a label stands for.

use super::{MeteringLabelId, MeteringRuleId, Standard, standard::resource, standard::stored};
use crate::driver::Direction;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeteringLabel {
    pub id: MeteringLabelId,
    pub standard: Standard,
    pub name: String,
    /// For the routers of all projects.
    pub shared: bool,
    /// Kept here so that adding one conflicts with removing the label.
    pub rules: BTreeSet<MeteringRuleId>,
}

resource!(MeteringLabel, "metering_label", MeteringLabelNotFound);
stored!(MeteringLabel, "network.metering_label");

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeteringRule {
    pub id: MeteringRuleId,
    pub standard: Standard,
    pub label: MeteringLabelId,
    pub direction: Direction,
    /// What it matches is not counted.
    pub excluded: bool,
    /// Older than the two below, and never with them.
    pub remote: Option<IpNet>,
    pub source: Option<IpNet>,
    pub destination: Option<IpNet>,
}

resource!(MeteringRule, "metering_label_rule", MeteringLabelRuleNotFound);
stored!(MeteringRule, "network.metering_rule");
