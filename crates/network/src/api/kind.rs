//! What an attribute's value must look like. Reading puts a value into the one form that operations take; a refusal says why in
//! the words that Neutron's clients know.

mod hints;
mod lists;
mod names;
mod scalars;

use crate::{error::NetError, model::agent::AgentKind};
pub use scalars::DSCP_MARKS;
use serde_json::Value;

/// The kinds of values. `…OrNull`: null says "none".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text(usize),
    TextOrNull(usize),
    /// Text without control characters.
    Name(usize),
    NotEmptyName(usize),
    /// A security group's name: any but `default`.
    GroupName(usize),
    Bool,
    BoolOrNull,
    Int,
    NonNegative,
    IpVersion,
    OneOf(&'static [&'static str]),
    OneOfOrNull(&'static [&'static str]),
    Uuid,
    UuidOrNull,
    UuidList,
    /// Null: one is made.
    Mac,
    IpOrNull,
    CidrOrNull,
    CidrList,
    Pools,
    Addresses,
    Routes,
    FixedIps,
    AddressPairs,
    DhcpOptions,
    /// What a port tells a back end about its tuning, or null.
    PortHints,
    SubPorts,
    DscpMark,
    /// A port of a transport protocol, or null.
    TransportPort,
    /// `80:90`, or `80` for one.
    PortRange,
    Gateway,
    DictOrNull,
    TextList,
    Tags,
    DnsName,
    DnsDomain,
    Protocol,
    EtherType,
    /// A port, or an ICMP type or code.
    PortNumber,
    /// A prefix, or an address that stands for itself; empty or null for none.
    RemotePrefix,
    /// A project's id, or `*`.
    TargetProject,
    /// A network's, when it has several.
    Segments,
    /// A kind of agents; filters take it in any case.
    AgentType,
}

/// Why a value is refused: by what it looks like, or with a refusal of its own.
pub enum Refusal {
    Reason(String),
    Error(NetError),
}

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Self::Reason(reason)
    }
}

impl From<NetError> for Refusal {
    fn from(error: NetError) -> Self {
        Self::Error(error)
    }
}

pub type Read<T = Value> = Result<T, Refusal>;

impl Kind {
    /// The value in its one form.
    pub fn read(self, attr: &str, value: &Value) -> Result<Value, NetError> {
        self.form(value).map_err(|refusal| match refusal {
            Refusal::Reason(reason) => NetError::request(format!("Invalid input for {attr}. Reason: {reason}.")),
            Refusal::Error(error) => error,
        })
    }

    fn form(self, value: &Value) -> Read {
        match self {
            Self::TextOrNull(_)
            | Self::OneOfOrNull(_)
            | Self::BoolOrNull
            | Self::UuidOrNull
            | Self::IpOrNull
            | Self::CidrOrNull
            | Self::DictOrNull
            | Self::PortHints
            | Self::Mac
            | Self::Gateway
            | Self::Protocol
            | Self::PortNumber
            | Self::TransportPort
            | Self::PortRange
            | Self::RemotePrefix
                if value.is_null() =>
            {
                Ok(Value::Null)
            }
            Self::Text(max) | Self::TextOrNull(max) => names::text(value, max),
            Self::Name(max) => names::name(value, max),
            Self::NotEmptyName(max) => names::not_empty(value, max),
            Self::GroupName(max) => names::group(value, max),
            Self::DnsName => names::dns_name(value),
            Self::DnsDomain => names::dns_domain(value),
            Self::Bool | Self::BoolOrNull => scalars::boolean(value),
            Self::Int => scalars::integer(value).map(Value::from),
            Self::NonNegative => scalars::non_negative(value),
            Self::IpVersion => scalars::ip_version(value),
            Self::OneOf(values) | Self::OneOfOrNull(values) => scalars::one_of(value, values),
            Self::Uuid | Self::UuidOrNull => scalars::uuid(value),
            Self::Mac => scalars::mac(value),
            Self::IpOrNull => scalars::ip(value),
            Self::CidrOrNull => scalars::cidr(value),
            Self::Protocol => scalars::protocol(value),
            Self::EtherType => scalars::ether_type(value),
            Self::PortNumber => scalars::port(value),
            Self::RemotePrefix => scalars::remote_prefix(value),
            Self::TargetProject => scalars::target_project(value),
            Self::AgentType => names::text(value, 255),
            Self::DictOrNull => scalars::dict(value),
            Self::UuidList => lists::unique(value, scalars::uuid),
            Self::CidrList => lists::unique(value, scalars::cidr),
            Self::TextList => lists::unique(value, |v| names::text(v, 255)),
            Self::Tags => lists::unique(value, |v| names::text(v, 255)),
            Self::Pools => lists::pools(value),
            Self::Addresses => lists::addresses(value),
            Self::Routes => lists::routes(value),
            Self::FixedIps => lists::fixed_ips(value),
            Self::AddressPairs => lists::address_pairs(value),
            Self::DhcpOptions => lists::dhcp_options(value),
            Self::PortHints => hints::port(value),
            Self::TransportPort => scalars::transport_port(value),
            Self::PortRange => scalars::port_range(value),
            Self::DscpMark => scalars::dscp_mark(value),
            Self::SubPorts => lists::sub_ports(value),
            Self::Gateway => lists::gateway(value),
            Self::Segments => lists::segments(value),
        }
    }

    /// A filter's value, which comes as text. Text that cannot be one of this kind is refused as Neutron's converters do.
    pub fn filter_value(self, text: &str) -> Result<Value, NetError> {
        let refused = |r: Refusal| match r {
            Refusal::Reason(reason) => NetError::input(reason),
            Refusal::Error(error) => error,
        };
        match self {
            Self::Bool => scalars::boolean(&Value::from(text)).map_err(refused),
            Self::Int
            | Self::NonNegative
            | Self::DscpMark
            | Self::TransportPort
            | Self::IpVersion
            | Self::PortNumber => scalars::integer(&Value::from(text)).map(Value::from).map_err(refused),
            Self::AgentType => Ok(AgentKind::parse(text).map_or_else(|| text.into(), |kind| kind.name().into())),
            Self::Mac => Ok(Value::from(text.to_ascii_lowercase().replace('-', ":"))),
            Self::IpOrNull => Ok(text.parse::<std::net::IpAddr>().map_or(Value::from(text), |a| a.to_string().into())),
            _ => Ok(Value::from(text)),
        }
    }
}

/// Subports of a request that is not read against a table.
pub fn sub_ports(value: &Value) -> Result<Value, NetError> {
    lists::sub_ports(value).map_err(|refusal| match refusal {
        Refusal::Reason(reason) => NetError::input(reason),
        Refusal::Error(error) => error,
    })
}

/// A value as Python would print it: what Neutron's messages quote.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        other => other.to_string(),
    }
}
