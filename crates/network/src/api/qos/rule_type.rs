//! `/v2.0/qos/rule-types`: which rules the back end enforces. A rule of another type can be written down, but a policy that has
//! one cannot be given to a port.

use crate::{
    Network as Service,
    api::{
        kind::Kind,
        resource::{Look, View},
        spec::{Attr, Spec},
    },
    error::NetError,
    model::qos::RuleType,
    ops::access::Reach,
    policy::qos as rules,
};
use http::{ApiResult, ApiRouter, BaseUrl, Cx, Params, Path, State};
use kernel::Error;
use policy::Authorize;
use serde_json::{Value, json};
use std::sync::Arc;

static SPEC: Spec = Spec {
    resource: "rule_type",
    collection: "rule_types",
    path: "/v2.0/qos/rule-types",
    attrs: &[&[
        Attr::shown("type").filtered(),
        Attr::shown("all_rules").of(Kind::Bool).hidden().filtered(),
        Attr::shown("all_supported").of(Kind::Bool).hidden().filtered(),
    ]],
};

impl View for RuleType {
    fn spec() -> &'static Spec {
        &SPEC
    }
    fn key(&self) -> &str {
        self.as_str()
    }
    fn find(look: &Look<'_>, id: &str) -> Option<Arc<Self>> {
        Self::candidates(look).into_iter().find(|t| t.as_str() == id)
    }
    fn not_found(_: &str) -> NetError {
        NetError::HTTPNotFound
    }
    fn candidates(_: &Look<'_>) -> Vec<Arc<Self>> {
        Self::EVERY.into_iter().map(Arc::new).collect()
    }
    fn is_seen(&self, look: &Look<'_>) -> bool {
        look.cx.allows(&rules::GET_RULE_TYPE, &())
    }
    fn field(&self, name: &str, look: &Look<'_>) -> Value {
        match name {
            "type" => self.as_str().into(),
            "all_rules" => true.into(),
            "all_supported" => look.net.backend().enforces().contains(self).into(),
            _ => Value::Null,
        }
    }
}

pub fn routes() -> ApiRouter<Service> {
    ApiRouter::new().get("/v2.0/qos/rule-types", list).get("/v2.0/qos/rule-types/{rule_type}", show)
}

/// What is enforced, unless the caller asks for all.
async fn list(State(net): State<Service>, Cx(cx): Cx, mut params: Params, base: BaseUrl) -> ApiResult {
    if params.get("all_rules").is_none() && params.get("all_supported").is_none() {
        params.0.push(("all_supported".to_owned(), "true".to_owned()));
    }
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(&cx));
    let look = Look::new(&net, &cx, &snapshot, &reach);
    Ok(http::ok(&crate::api::listing::list::<RuleType>(&look, &params, &base)?))
}

/// Neutron shows details to administrators only, whatever policy says.
async fn show(State(net): State<Service>, Cx(cx): Cx, Path(name): Path<String>) -> ApiResult {
    let _permit = cx.authorize(&rules::GET_RULE_TYPE, &())?;
    if !Reach::of(&cx).admin {
        return Err(Error::forbidden("Not authorized.").with_code("NotAuthorized").into());
    }
    let found = RuleType::parse(&name).ok_or_else(|| Error::from(NetError::HTTPNotFound))?;
    let driver = json!({"name": net.backend().name(), "supported_parameters": parameters(found)});
    let drivers: Vec<_> = net.backend().enforces().contains(&found).then_some(driver).into_iter().collect();
    Ok(http::ok(&json!({"rule_type": {"type": name, "drivers": drivers}})))
}

fn parameters(of: RuleType) -> Vec<Value> {
    let range = |name: &str| {
        let values = json!({"start": 0, "end": i32::MAX});
        json!({"parameter_name": name, "parameter_type": "range", "parameter_values": values})
    };
    let choice = |name: &str, values: Value| json!({"parameter_name": name, "parameter_type": "choices", "parameter_values": values});
    let direction = || choice("direction", json!(["egress", "ingress"]));
    match of {
        RuleType::BandwidthLimit => vec![range("max_kbps"), range("max_burst_kbps"), direction()],
        RuleType::PacketRateLimit => vec![range("max_kpps"), range("max_burst_kpps"), direction()],
        RuleType::DscpMarking => vec![choice("dscp_mark", json!(crate::api::kind::DSCP_MARKS))],
        RuleType::MinimumBandwidth => vec![range("min_kbps"), direction()],
        RuleType::MinimumPacketRate => {
            vec![range("min_kpps"), choice("direction", json!(["egress", "ingress", "any"]))]
        }
    }
}
