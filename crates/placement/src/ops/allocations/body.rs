use crate::model::{ProviderId, Resources};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// One consumer's allocations as any version writes them.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Body {
    allocations: Allocations,
    project_id: Option<String>,
    user_id: Option<String>,
    /// From 1.28 on: `null` says that the consumer is new.
    #[serde(default, deserialize_with = "given")]
    consumer_generation: Option<Option<i64>>,
    consumer_type: Option<String>,
}

fn given<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<i64>>, D::Error> {
    Option::deserialize(value).map(Some)
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Allocations {
    Keyed(BTreeMap<ProviderId, Part>),
    Listed(Vec<Item>),
}

#[derive(Clone, Debug, Deserialize)]
struct Part {
    resources: Resources,
}

#[derive(Clone, Debug, Deserialize)]
struct Item {
    resource_provider: Named,
    resources: Resources,
}

#[derive(Clone, Debug, Deserialize)]
struct Named {
    uuid: ProviderId,
}

/// The same, of whatever version.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) consumer: String,
    pub(crate) providers: BTreeMap<ProviderId, Resources>,
    pub(crate) project: String,
    pub(crate) user: String,
    /// What the client saw, if its version demands that.
    pub(crate) seen: Option<Option<i64>>,
    pub(crate) kind: Option<String>,
}

/// Who owns what was allocated by a client of before 1.8, which names nobody: placement's own default.
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

impl Body {
    pub(crate) fn of(self, consumer: &str) -> Wanted {
        let providers = match self.allocations {
            Allocations::Keyed(map) => map.into_iter().map(|(id, part)| (id, part.resources)).collect(),
            Allocations::Listed(list) => list.into_iter().map(|i| (i.resource_provider.uuid, i.resources)).collect(),
        };
        let nobody = || NOBODY.to_owned();
        Wanted {
            consumer: consumer.to_owned(),
            providers,
            project: self.project_id.unwrap_or_else(nobody),
            user: self.user_id.unwrap_or_else(nobody),
            seen: self.consumer_generation,
            kind: self.consumer_type,
        }
    }
}
