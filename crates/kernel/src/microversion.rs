//! Microversions: `major.minor`, compared as numbers (2.10 is after 2.9).

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Microversion {
    pub major: u16,
    pub minor: u16,
}

impl Microversion {
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }
    /// True from `major.minor` on.
    pub fn since(self, major: u16, minor: u16) -> bool {
        self >= Self::new(major, minor)
    }
    /// True up to and including `major.minor`.
    pub fn until(self, major: u16, minor: u16) -> bool {
        self <= Self::new(major, minor)
    }
}

impl fmt::Display for Microversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The text is not `digits.digits`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAVersion;

impl FromStr for Microversion {
    type Err = NotAVersion;
    fn from_str(s: &str) -> Result<Self, NotAVersion> {
        // Nova's pattern: ^([1-9]\d*)\.([1-9]\d*|0)$
        let part = |p: &str| {
            let plain = p.bytes().all(|b| b.is_ascii_digit()) && (p == "0" || !p.starts_with('0'));
            if plain { p.parse().map_err(|_| NotAVersion) } else { Err(NotAVersion) }
        };
        let (major, minor) = s.split_once('.').ok_or(NotAVersion)?;
        Ok(Self { major: part(major)?, minor: part(minor)? })
    }
}

impl Serialize for Microversion {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Microversion {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        text.parse().map_err(|_| serde::de::Error::custom("expected a version such as 2.1"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_not_text() {
        let v: Microversion = "2.10".parse().unwrap();
        assert!(v > Microversion::new(2, 9) && v.since(2, 10) && v.until(2, 10) && !v.until(2, 9));
        for bad in ["", "2", "2.", ".1", "2.01", "2.1.1", "2.-1", "a.b", "2.99999"] {
            assert!(bad.parse::<Microversion>().is_err(), "{bad}");
        }
    }
}
