//! Lists of processors as people and the kernel write them: `0-3,^2,7`.

use std::collections::BTreeSet;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CpuList {
    named: BTreeSet<u32>,
    excluded: BTreeSet<u32>,
}

/// More than any machine has.
const MOST: u32 = 65_536;

/// `None`: it cannot be read.
pub fn parse(text: &str) -> Option<CpuList> {
    let mut list = CpuList::default();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (part, into) = match part.strip_prefix('^') {
            Some(part) => (part, &mut list.excluded),
            None => (part, &mut list.named),
        };
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        if first > last || last >= MOST {
            return None;
        }
        into.extend(first..=last);
    }
    Some(list)
}

impl CpuList {
    /// The processors meant, where there are `all`: with nothing but exclusions, all others.
    pub fn of(self, all: BTreeSet<u32>) -> BTreeSet<u32> {
        let named = if self.named.is_empty() && !self.excluded.is_empty() { all } else { self.named };
        named.difference(&self.excluded).copied().collect()
    }

    pub fn named(self) -> BTreeSet<u32> {
        self.of(BTreeSet::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        let of = |text: &str| parse(text).map(|list| list.of((0..4).collect()).into_iter().collect::<Vec<_>>());
        for (text, expect) in [
            ("", Some(vec![])),
            ("0-3,^2,7\n", Some(vec![0, 1, 3, 7])),
            (" 1 , 5 - 6 ", Some(vec![1, 5, 6])),
            ("^0", Some(vec![1, 2, 3])),
            ("3-1", None),
            ("a", None),
            ("0-99999999", None),
        ] {
            assert_eq!(of(text), expect, "{text:?}");
        }
    }
}
