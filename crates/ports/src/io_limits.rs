//! What a guest may do with a disk in a second: the words of Cinder's QoS specs, which Nova's flavors have as well and libvirt, too.
//!
//! | name | means |
//! |---|---|
//! | `total_iops_sec`, `read_…`, `write_…`, `…_bytes_sec` | what it may do all the time |
//! | `…_max` | what it may do for a moment: a burst |
//! | `…_max_length` | for how many seconds; 1 if nothing says so |
//! | `size_iops_sec` | bytes above which a request counts as several |
//!
//! QEMU, in guests and in storage daemons, has words of its own for the same (`ThrottleLimits` in its qapi/block-core.json).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

macro_rules! io_limits {
    ($($name:ident)*) => {
        /// Bytes, operations, seconds; `None`: nothing is said.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct IoLimits {
            $(#[serde(skip_serializing_if = "Option::is_none")] pub $name: Option<u64>,)*
        }

        impl IoLimits {
            /// Made of what each name means.
            pub fn named(mut of: impl FnMut(&'static str) -> Option<u64>) -> Self {
                Self { $($name: of(stringify!($name)),)* }
            }

            fn map(self, change: impl Fn(u64) -> Option<u64>) -> Self {
                Self { $($name: self.$name.and_then(&change),)* }
            }

            /// All of them by name, those that say nothing too.
            pub fn each(&self) -> impl Iterator<Item = (&'static str, Option<u64>)> {
                [$((stringify!($name), self.$name),)*].into_iter()
            }
        }
    };
}

io_limits! {
    total_bytes_sec read_bytes_sec write_bytes_sec total_iops_sec read_iops_sec write_iops_sec
    total_bytes_sec_max read_bytes_sec_max write_bytes_sec_max total_iops_sec_max read_iops_sec_max write_iops_sec_max
    total_bytes_sec_max_length read_bytes_sec_max_length write_bytes_sec_max_length
    total_iops_sec_max_length read_iops_sec_max_length write_iops_sec_max_length
    size_iops_sec
}

/// A rate with its burst and how long that may last.
type Bucket<'a> = (&'a mut Option<u64>, &'a mut Option<u64>, &'a mut Option<u64>);

impl IoLimits {
    /// QEMU's largest number (`THROTTLE_VALUE_MAX`).
    const MOST: u64 = 1_000_000_000_000_000;

    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// What QEMU takes (`throttle_is_valid` in its util/throttle.c), as near as can be to what was wished. Zero says nothing; a total goes
    /// before its parts; a burst needs a rate and is not below it, a length needs a burst and is more than a second, the size of requests needs a rate of them.
    #[must_use]
    pub fn fitted(mut self) -> Self {
        self = self.map(|n| (n > 0).then_some(n.min(Self::MOST)));
        for [total, read, write] in self.buckets() {
            if total.0.is_some() {
                for part in [read, write] {
                    (*part.0, *part.1, *part.2) = (None, None, None);
                }
            }
        }
        for (rate, burst, length) in self.buckets().into_iter().flatten() {
            *burst = burst.filter(|burst| rate.is_some_and(|rate| rate <= *burst));
            let longest = |burst: u64| (Self::MOST / burst).min(u32::MAX.into());
            *length = length.and_then(|length| Some(length.min(longest((*burst)?)))).filter(|length| *length > 1);
        }
        let counted = [self.total_iops_sec, self.read_iops_sec, self.write_iops_sec];
        self.size_iops_sec = self.size_iops_sec.filter(|_| counted.iter().any(Option::is_some));
        self
    }

    /// In QEMU's words, for a group of disks that has none yet: only those that say something.
    pub fn to_qemu(&self) -> Map<String, Value> {
        self.each().filter_map(|(name, value)| Some((qemus(name), json!(value?)))).collect()
    }

    /// The same for a group that has some: QEMU keeps what is not named, so all of them are.
    pub fn to_qemu_anew(&self) -> Map<String, Value> {
        self.each().map(|(name, value)| (qemus(name), json!(value.unwrap_or(unlimited(name))))).collect()
    }

    /// What QEMU says is in force.
    pub fn of_qemu(told: &Value) -> Self {
        Self::named(|name| told[qemus(name)].as_u64().filter(|n| *n > unlimited(name)))
    }

    /// The total, what is read and what is written: of bytes, and of operations.
    fn buckets(&mut self) -> [[Bucket<'_>; 3]; 2] {
        [
            [
                (&mut self.total_bytes_sec, &mut self.total_bytes_sec_max, &mut self.total_bytes_sec_max_length),
                (&mut self.read_bytes_sec, &mut self.read_bytes_sec_max, &mut self.read_bytes_sec_max_length),
                (&mut self.write_bytes_sec, &mut self.write_bytes_sec_max, &mut self.write_bytes_sec_max_length),
            ],
            [
                (&mut self.total_iops_sec, &mut self.total_iops_sec_max, &mut self.total_iops_sec_max_length),
                (&mut self.read_iops_sec, &mut self.read_iops_sec_max, &mut self.read_iops_sec_max_length),
                (&mut self.write_iops_sec, &mut self.write_iops_sec_max, &mut self.write_iops_sec_max_length),
            ],
        ]
    }
}

/// QEMU's name of a limit: `total_bytes_sec_max_length` is `bps-total-max-length`.
fn qemus(name: &str) -> String {
    if name == "size_iops_sec" {
        return "iops-size".to_owned();
    }
    let (rate, burst) = name.split_once("_sec").unwrap_or((name, ""));
    let (which, what) = rate.split_once('_').unwrap_or((rate, ""));
    let what = if what == "bytes" { "bps" } else { what };
    format!("{what}-{which}{}", burst.replace('_', "-"))
}

/// What QEMU says where nothing is limited: a burst lasts for a second.
fn unlimited(name: &str) -> u64 {
    u64::from(name.ends_with("_max_length"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(list: &[(&str, u64)]) -> IoLimits {
        IoLimits::named(|name| list.iter().find(|(n, _)| *n == name).map(|(_, value)| *value))
    }

    #[test]
    fn what_is_wished_becomes_what_can_be() {
        let check = |wished: &[(&str, u64)], expect: &[(&str, u64)]| {
            let fitted = of(wished).fitted();
            assert_eq!(fitted, of(expect), "{wished:?}");
            assert_eq!(fitted.fitted(), fitted);
        };
        check(&[], &[]);
        check(&[("read_iops_sec", 0)], &[]);
        check(&[("read_iops_sec", u64::MAX)], &[("read_iops_sec", IoLimits::MOST)]);
        let parts = [("read_iops_sec", 5), ("write_iops_sec", 6), ("read_bytes_sec", 7)];
        check(&parts, &parts);
        let all = [("total_iops_sec", 9), ("read_iops_sec", 5), ("read_iops_sec_max", 8), ("read_bytes_sec", 7)];
        check(&all, &[("total_iops_sec", 9), ("read_bytes_sec", 7)]);
        let burst = [("total_iops_sec", 9), ("total_iops_sec_max", 90), ("total_iops_sec_max_length", 60)];
        check(&burst, &burst);
        check(&burst[1..], &[]);
        check(&[burst[0], burst[2]], &burst[..1]);
        check(&[("total_iops_sec", 9), ("total_iops_sec_max", 8)], &burst[..1]);
        let long = |seconds| ("total_iops_sec_max_length", seconds);
        check(&[burst[0], burst[1], long(1)], &burst[..2]);
        check(&[burst[0], burst[1], long(u64::MAX)], &[burst[0], burst[1], long(u32::MAX.into())]);
        let huge = ("total_iops_sec_max", IoLimits::MOST / 7);
        check(&[burst[0], huge, long(60)], &[burst[0], huge, long(7)]);
        let size = ("size_iops_sec", 4096);
        check(&[size, ("total_bytes_sec", 1)], &[("total_bytes_sec", 1)]);
        check(&[size, ("write_iops_sec", 1)], &[("write_iops_sec", 1), size]);
    }

    #[test]
    fn qemu_has_words_of_its_own() {
        let limits = of(&[("total_bytes_sec", 5), ("total_bytes_sec_max", 9), ("size_iops_sec", 7)]);
        assert_eq!(json!(limits.to_qemu()), json!({"bps-total": 5, "bps-total-max": 9, "iops-size": 7}));
        let anew = limits.to_qemu_anew();
        assert_eq!((anew.len(), &anew["bps-total-max-length"], &anew["iops-read-max"]), (19, &json!(1), &json!(0)));
        assert_eq!(IoLimits::of_qemu(&json!(anew)), limits);
    }

    #[test]
    fn it_is_written_without_what_says_nothing() {
        let limits = of(&[("read_iops_sec", 5)]);
        let text = serde_json::to_string(&limits).unwrap();
        assert_eq!(text, r#"{"read_iops_sec":5}"#);
        let old = r#"{"total_bytes_sec":null,"read_iops_sec":5}"#;
        assert_eq!(serde_json::from_str::<IoLimits>(old).unwrap(), limits);
    }
}
