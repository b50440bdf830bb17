//! Placement's query strings: `resources=VCPU:1,DISK_GB:5`, `required=T1,!T2,in:T3,T4`, `member_of=in:a,b`.

use crate::{
    PlacementError,
    model::{Provider, Resources},
};
use http::Params;
use kernel::{Microversion, Result};
use store::Snapshot;

/// Refuses keys that this version does not know.
pub(super) fn only(params: &Params, known: &[(&str, u16)], version: Microversion) -> Result<()> {
    let unknown = |key: &&str| !known.iter().any(|(name, since)| name == key && version.since(1, *since));
    match params.0.iter().map(|(key, _)| key.as_str()).find(unknown) {
        None => Ok(()),
        Some(key) => Err(bad(format!(
            "Invalid query string parameters: Additional properties are not allowed ('{key}' was unexpected)"
        ))),
    }
}

pub(super) fn bad(text: String) -> kernel::Error {
    PlacementError::BadQuery(text).into()
}

pub(super) fn resources(text: &str) -> Result<Resources> {
    let malformed = || {
        bad(format!(
            "Badly formed resources parameter. Expected resources query string parameter in form: ?resources=VCPU:2,MEMORY_MB:1024. Got: {text}."
        ))
    };
    let mut resources = Resources::new();
    for item in text.split(',') {
        let (class, amount) = item.split_once(':').ok_or_else(malformed)?;
        let amount: u64 = amount.parse().map_err(|_| malformed())?;
        if amount == 0 {
            return Err(bad(format!("Requested resource {class} requires amount >= 1.")));
        }
        if !crate::model::is_resource_class(class) {
            return Err(bad(format!("Invalid resource class in resources parameter: No such resource class {class}.")));
        }
        resources.insert(class.to_owned(), amount);
    }
    Ok(resources)
}

/// Traits a provider must have (any of each group) and must not have.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Traits {
    pub(super) any_of: Vec<Vec<String>>,
    pub(super) none_of: Vec<String>,
}

impl Traits {
    pub(super) fn parse(params: &Params, known: &dyn Fn(&str) -> bool) -> Result<Self> {
        let mut traits = Self::default();
        for text in params.all("required") {
            if let Some(list) = text.strip_prefix("in:") {
                traits.any_of.push(list.split(',').map(str::to_owned).collect());
                continue;
            }
            for item in text.split(',') {
                match item.strip_prefix('!') {
                    Some(forbidden) => traits.none_of.push(forbidden.into()),
                    None => traits.any_of.push(vec![item.into()]),
                }
            }
        }
        let named = traits.any_of.iter().flatten().chain(&traits.none_of);
        match named.into_iter().find(|name| !known(name)) {
            None => Ok(traits),
            Some(name) => Err(bad(format!("Invalid trait(s) in \"required\" parameter: No such trait(s): {name}."))),
        }
    }

    pub(super) fn allow(&self, provider: &Provider) -> bool {
        self.any_of.iter().all(|group| group.iter().any(|t| provider.traits.contains(t)))
            && !self.none_of.iter().any(|t| provider.traits.contains(t))
    }
}

/// Aggregates: a provider must be in one of each group, and in none of the forbidden.
pub(super) fn member_of(params: &Params, provider: &Provider) -> bool {
    params.all("member_of").all(|text| {
        let (wanted, text) = match text.strip_prefix('!') {
            Some(rest) => (false, rest),
            None => (true, text),
        };
        let mut list = text.strip_prefix("in:").unwrap_or(text).split(',');
        list.any(|aggregate| provider.aggregates.contains(aggregate)) == wanted
    })
}

/// Whether a trait is a standard one or some provider has it.
pub(super) fn known_trait(snapshot: &Snapshot) -> impl Fn(&str) -> bool + '_ {
    move |name| {
        crate::model::STANDARD_TRAITS.contains(&name) || snapshot.all::<Provider>().any(|p| p.traits.contains(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_read_or_refused() {
        assert_eq!(resources("VCPU:2,DISK_GB:5").unwrap(), [("VCPU".into(), 2), ("DISK_GB".into(), 5)].into());
        for malformed in ["", "VCPU", "VCPU:", "VCPU:x", "VCPU:-1", "VCPU:0", "APPLES:1", "VCPU:1,"] {
            assert!(resources(malformed).is_err(), "{malformed}");
        }
    }

    #[test]
    fn required_traits_in_all_forms() {
        let known = |name: &str| name.starts_with('T');
        let read = |query: &str| Traits::parse(&Params::parse(query), &known);
        let traits = read("required=T1,!T2&required=in:T3,T4").unwrap();
        assert_eq!(traits.any_of, [vec!["T1".to_owned()], vec!["T3".into(), "T4".into()]]);
        assert_eq!(traits.none_of, ["T2"]);
        assert!(read("required=X").is_err() && read("required=!X").is_err());
    }

    #[test]
    fn keys_have_versions() {
        let check = |query: &str, minor, ok: bool| {
            let known = [("name", 0), ("resources", 4)];
            assert_eq!(only(&Params::parse(query), &known, Microversion::new(1, minor)).is_ok(), ok, "{query} {minor}");
        };
        check("name=a", 0, true);
        check("resources=VCPU:1", 3, false);
        check("resources=VCPU:1", 4, true);
        check("nothing=1", 39, false);
    }
}
