//! `/v2.0/qos/policies/{policy}/<type>_rules`, and the same rules without naming their policy: `/v2.0/qos/alias-<type>-rules`.
//! The types differ in their tables alone.

use crate::{
    Network as Service,
    api::{
        body,
        kind::Kind,
        resource::{Look, View, list_in, show_in, shown_in},
        spec::{Attr, Default, ID, Spec},
    },
    error::NetError,
    model::{QosPolicy, QosRule, qos::RuleType},
    ops::qos::rule::{self, In, RuleAsked},
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Params, Path, State};
use serde_json::{Map, Value, json};
use std::{marker::PhantomData, sync::Arc};

/// One type of rule, as it is reached one way.
trait Sort: Send + Sync + 'static {
    const TYPE: RuleType;
    fn spec() -> &'static Spec;
}

const WAYS: Kind = Kind::OneOf(&["egress", "ingress"]);
const ALL_WAYS: Kind = Kind::OneOf(&["egress", "ingress", "any"]);
const EGRESS: Default = Default::Text("egress");

const fn number(name: &'static str, default: Default) -> Attr {
    Attr::new(name, Kind::NonNegative, default).mutable().sorted()
}

const fn direction(kind: Kind) -> Attr {
    Attr::new("direction", kind, EGRESS).mutable().sorted()
}

const BANDWIDTH_LIMIT: &[Attr] =
    &[ID, number("max_kbps", Default::Required), number("max_burst_kbps", Default::Unset), direction(WAYS)];
const PACKET_RATE_LIMIT: &[Attr] =
    &[ID, number("max_kpps", Default::Required), number("max_burst_kpps", Default::Unset), direction(WAYS)];
const DSCP_MARKING: &[Attr] = &[ID, Attr::new("dscp_mark", Kind::DscpMark, Default::Required).mutable().sorted()];
const MINIMUM_BANDWIDTH: &[Attr] = &[ID, number("min_kbps", Default::Required), direction(WAYS)];
const MINIMUM_PACKET_RATE: &[Attr] = &[ID, number("min_kpps", Default::Required), direction(ALL_WAYS)];

macro_rules! sorts {
    ($($sort:ident $type:ident $resource:literal $collection:literal $path:literal $attrs:ident;)+) => {$(
        struct $sort;

        impl Sort for $sort {
            const TYPE: RuleType = RuleType::$type;
            fn spec() -> &'static Spec {
                static SPEC: Spec = Spec { resource: $resource, collection: $collection, path: $path, attrs: &[$attrs] };
                &SPEC
            }
        }
    )+};
}
sorts! {
    BandwidthLimit BandwidthLimit "bandwidth_limit_rule" "bandwidth_limit_rules" "/v2.0/qos/policies" BANDWIDTH_LIMIT;
    PacketRateLimit PacketRateLimit "packet_rate_limit_rule" "packet_rate_limit_rules" "/v2.0/qos/policies" PACKET_RATE_LIMIT;
    DscpMarking DscpMarking "dscp_marking_rule" "dscp_marking_rules" "/v2.0/qos/policies" DSCP_MARKING;
    MinimumBandwidth MinimumBandwidth "minimum_bandwidth_rule" "minimum_bandwidth_rules" "/v2.0/qos/policies" MINIMUM_BANDWIDTH;
    MinimumPacketRate MinimumPacketRate "minimum_packet_rate_rule" "minimum_packet_rate_rules" "/v2.0/qos/policies" MINIMUM_PACKET_RATE;
    AnyBandwidthLimit BandwidthLimit "alias_bandwidth_limit_rule" "alias_bandwidth_limit_rules" "/v2.0/qos" BANDWIDTH_LIMIT;
    AnyDscpMarking DscpMarking "alias_dscp_marking_rule" "alias_dscp_marking_rules" "/v2.0/qos" DSCP_MARKING;
    AnyMinimumBandwidth MinimumBandwidth "alias_minimum_bandwidth_rule" "alias_minimum_bandwidth_rules" "/v2.0/qos" MINIMUM_BANDWIDTH;
    AnyMinimumPacketRate MinimumPacketRate "alias_minimum_packet_rate_rule" "alias_minimum_packet_rate_rules" "/v2.0/qos" MINIMUM_PACKET_RATE;
}

/// A rule in its policy.
struct Rule<S> {
    policy: Arc<QosPolicy>,
    rule: QosRule,
    sort: PhantomData<S>,
}

impl<S: Sort> Rule<S> {
    fn new(policy: &Arc<QosPolicy>, rule: &QosRule) -> Self {
        Self { policy: Arc::clone(policy), rule: rule.clone(), sort: PhantomData }
    }
}

fn place<'a>(look: &Look<'a>) -> In<'a> {
    look.parent.map_or(In::Any, In::Policy)
}

fn field(rule: &QosRule, name: &str) -> Value {
    if name == "id" {
        return rule.id.as_str().into();
    }
    json!(rule.limit).get(name).cloned().unwrap_or_default()
}

/// As a policy shows its rules.
pub(super) fn in_policy(policy: &QosPolicy, rule: &QosRule) -> Value {
    let mut view = json!(rule.limit);
    if let Some(map) = view.as_object_mut() {
        map.extend([("id".to_owned(), json!(rule.id)), ("qos_policy_id".to_owned(), json!(policy.id))]);
    }
    view
}

impl<S: Sort> View for Rule<S> {
    fn spec() -> &'static Spec {
        S::spec()
    }
    fn key(&self) -> &str {
        &self.rule.id
    }
    fn find(look: &Look<'_>, id: &str) -> Option<Arc<Self>> {
        let policy = rule::policy_of(look.snapshot, place(look), S::TYPE, id).ok()?;
        let rule = policy.rules.iter().find(|r| *r.id == *id)?;
        Some(Arc::new(Self::new(&policy, rule)))
    }
    fn not_found(id: &str) -> NetError {
        NetError::QosRuleNotFound { rule: id.to_owned(), policy: String::new() }
    }
    fn candidates(look: &Look<'_>) -> Vec<Arc<Self>> {
        let policy = look.parent.and_then(|id| look.snapshot.get::<QosPolicy>(id));
        let Some(policy) = policy else { return Vec::new() };
        let of_sort = policy.rules.iter().filter(|r| r.limit.rule_type() == S::TYPE);
        let mut rules: Vec<_> = of_sort.map(|r| Arc::new(Self::new(&policy, r))).collect();
        rules.sort_by(|a, b| a.rule.id.cmp(&b.rule.id));
        rules
    }
    fn is_seen(&self, look: &Look<'_>) -> bool {
        rule::is_seen(look.cx, look.snapshot, look.reach, &self.policy, place(look), S::TYPE)
    }
    fn field(&self, name: &str, _: &Look<'_>) -> Value {
        field(&self.rule, name)
    }
}

pub fn routes() -> ApiRouter<Service> {
    of::<BandwidthLimit>(
        "/v2.0/qos/policies/{policy}/bandwidth_limit_rules",
        "/v2.0/qos/policies/{policy}/bandwidth_limit_rules/{id}",
    )
    .merge(of::<PacketRateLimit>(
        "/v2.0/qos/policies/{policy}/packet_rate_limit_rules",
        "/v2.0/qos/policies/{policy}/packet_rate_limit_rules/{id}",
    ))
    // Neutron's own table of routes has this one without the prefix.
    .merge(of::<PacketRateLimit>(
        "/v2.0/policies/{policy}/packet_rate_limit_rules",
        "/v2.0/policies/{policy}/packet_rate_limit_rules/{id}",
    ))
    .merge(of::<DscpMarking>(
        "/v2.0/qos/policies/{policy}/dscp_marking_rules",
        "/v2.0/qos/policies/{policy}/dscp_marking_rules/{id}",
    ))
    .merge(of::<MinimumBandwidth>(
        "/v2.0/qos/policies/{policy}/minimum_bandwidth_rules",
        "/v2.0/qos/policies/{policy}/minimum_bandwidth_rules/{id}",
    ))
    // Clients write this one with underscores, Neutron's own table of routes with hyphens.
    .merge(of::<MinimumPacketRate>(
        "/v2.0/qos/policies/{policy}/minimum_packet_rate_rules",
        "/v2.0/qos/policies/{policy}/minimum_packet_rate_rules/{id}",
    ))
    .merge(of::<MinimumPacketRate>(
        "/v2.0/qos/policies/{policy}/minimum-packet-rate-rules",
        "/v2.0/qos/policies/{policy}/minimum-packet-rate-rules/{id}",
    ))
    .merge(alone::<AnyBandwidthLimit>("/v2.0/qos/alias-bandwidth-limit-rules/{id}"))
    .merge(alone::<AnyDscpMarking>("/v2.0/qos/alias-dscp-marking-rules/{id}"))
    .merge(alone::<AnyMinimumBandwidth>("/v2.0/qos/alias-minimum-bandwidth-rules/{id}"))
    .merge(alone::<AnyMinimumPacketRate>("/v2.0/qos/alias-minimum-packet-rate-rules/{id}"))
}

fn of<S: Sort>(all: &'static str, single: &'static str) -> ApiRouter<Service> {
    ApiRouter::new()
        .get(all, list_in::<QosPolicy, Rule<S>>)
        .post(all, create::<S>)
        .get(single, show_in::<QosPolicy, Rule<S>>)
        .put(single, update::<S>)
        .delete(single, delete::<S>)
}

fn alone<S: Sort>(single: &'static str) -> ApiRouter<Service> {
    ApiRouter::new().get(single, show_alone::<S>).put(single, update_alone::<S>).delete(single, delete_alone::<S>)
}

/// `{"<type>_rule": {…}}`
fn one<S: Sort>(rule: &QosRule) -> Value {
    let fields = S::spec().attrs().map(|a| (a.name.to_owned(), field(rule, a.name)));
    json!({ S::spec().resource: fields.collect::<Map<_, _>>() })
}

async fn create<S: Sort>(
    State(net): State<Service>,
    Cx(cx): Cx,
    Path(policy): Path<String>,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let created = body::create::<RuleAsked>(S::spec(), &cx, body)?;
    let (_, rules) = rule::create::create(&net, &cx, &policy, S::TYPE, created.asked).await?;
    let mut views: Vec<_> = rules.iter().map(|r| one::<S>(r)).collect();
    if created.bulk {
        let bare: Vec<_> = views.iter_mut().map(|v| v[S::spec().resource].take()).collect();
        return Ok(http::created(&json!({ S::spec().collection: bare })));
    }
    Ok(http::created(&views.pop().unwrap_or_default()))
}

type InPolicy = Path<(String, String)>;

async fn update<S: Sort>(
    State(net): State<Service>,
    Cx(cx): Cx,
    Path((policy, id)): InPolicy,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let (_, changes) = body::update::<RuleAsked>(S::spec(), &cx, body)?;
    let (_, rule) = rule::update::update(&net, &cx, In::Policy(&policy), S::TYPE, &id, changes).await?;
    Ok(http::ok(&one::<S>(&rule)))
}

async fn delete<S: Sort>(State(net): State<Service>, Cx(cx): Cx, Path((policy, id)): InPolicy) -> ApiResult {
    rule::delete::delete(&net, &cx, In::Policy(&policy), S::TYPE, &id).await?;
    Ok(http::no_content())
}

async fn show_alone<S: Sort>(
    State(net): State<Service>,
    Cx(cx): Cx,
    Path(id): Path<String>,
    params: Params,
) -> ApiResult {
    shown_in::<Rule<S>>(&net, &cx, None, &id, &params)
}

async fn update_alone<S: Sort>(
    State(net): State<Service>,
    Cx(cx): Cx,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let (_, changes) = body::update::<RuleAsked>(S::spec(), &cx, body)?;
    let (_, rule) = rule::update::update(&net, &cx, In::Any, S::TYPE, &id, changes).await?;
    Ok(http::ok(&one::<S>(&rule)))
}

async fn delete_alone<S: Sort>(State(net): State<Service>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    rule::delete::delete(&net, &cx, In::Any, S::TYPE, &id).await?;
    Ok(http::no_content())
}
