//! Wall-clock time for what people read, and a monotonic reading for what decides.

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};
use time::{OffsetDateTime, UtcOffset, format_description::BorrowedFormatItem, macros::format_description};

const SECONDS: &[BorrowedFormatItem] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
const MICROS: &[BorrowedFormatItem] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]");

/// A wall-clock instant in UTC, microseconds since 1970. Stored as that number; each API prints it its own way.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs * 1_000_000)
    }
    pub const fn micros(self) -> i64 {
        self.0
    }
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }
    pub fn plus(self, d: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(d.as_micros()).unwrap_or(i64::MAX)))
    }
    pub fn minus(self, d: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(d.as_micros()).unwrap_or(i64::MAX)))
    }
    /// Time from `earlier` to here; zero if the clock went back.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
    fn datetime(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
    fn print(self, format: &[BorrowedFormatItem<'_>]) -> String {
        self.datetime().format(format).unwrap_or_default()
    }
    /// `2026-11-22T01:35:17Z`: Nova's, Neutron's and Glance's form.
    pub fn iso_z(self) -> String {
        self.print(SECONDS) + "Z"
    }
    /// `2026-11-22T01:35:17.000000Z`: Keystone's form.
    pub fn iso_micros_z(self) -> String {
        self.print(MICROS) + "Z"
    }
    /// `2026-11-22T01:35:17.000000`: Cinder's form and Nova's extended attributes.
    pub fn iso_micros(self) -> String {
        self.print(MICROS)
    }
    /// Reads ISO 8601 with or without fraction and zone (no zone means UTC), also `date time` with a blank.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().replacen(' ', "T", 1);
        let text = if text.len() == 10 { format!("{text}T00:00:00") } else { text };
        let rfc3339 = &time::format_description::well_known::Rfc3339;
        let zoned = OffsetDateTime::parse(&text, rfc3339)
            .or_else(|_| OffsetDateTime::parse(&format!("{text}Z"), rfc3339))
            .or_else(|_| OffsetDateTime::parse(&text, &time::format_description::well_known::Iso8601::DEFAULT))
            .ok()?;
        let utc = zoned.to_offset(UtcOffset::UTC);
        i64::try_from(utc.unix_timestamp_nanos() / 1000).ok().map(Self)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iso_micros_z())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iso_z())
    }
}

/// Where code gets the time. Decisions (leases, deadlines) use [`Clock::monotonic`] alone.
pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> Timestamp;
    /// Time since an arbitrary start; never goes back, does not follow changes of the wall clock.
    fn monotonic(&self) -> Duration;
}

#[derive(Debug)]
pub struct SystemClock(Instant);

impl SystemClock {
    pub fn shared() -> Arc<dyn Clock> {
        Arc::new(Self(Instant::now()))
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let nanos = OffsetDateTime::now_utc().unix_timestamp_nanos();
        Timestamp(i64::try_from(nanos / 1000).unwrap_or(i64::MAX))
    }
    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A clock that a test moves by hand.
#[derive(Debug)]
pub struct ManualClock(Mutex<(Timestamp, Duration)>);

impl ManualClock {
    pub fn at(now: Timestamp) -> Arc<Self> {
        Arc::new(Self(Mutex::new((now, Duration::ZERO))))
    }
    pub fn advance(&self, d: Duration) {
        let mut at = self.0.lock();
        *at = (at.0.plus(d), at.1 + d);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.0.lock().0
    }
    fn monotonic(&self) -> Duration {
        self.0.lock().1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_each_services_form_and_reads_all() {
        let t = Timestamp::from_micros(1_795_311_317_000_042);
        assert_eq!(t.iso_z(), "2026-11-22T01:35:17Z");
        assert_eq!(t.iso_micros_z(), "2026-11-22T01:35:17.000042Z");
        assert_eq!(t.iso_micros(), "2026-11-22T01:35:17.000042");
        for text in [
            t.iso_micros_z(),
            t.iso_micros(),
            "2026-11-22 01:35:17.000042".into(),
            "2026-11-22T03:35:17.000042+02:00".into(),
        ] {
            assert_eq!(Timestamp::parse(&text), Some(t), "{text}");
        }
        assert_eq!(Timestamp::parse("2026-11-22").map(Timestamp::iso_z).as_deref(), Some("2026-11-22T00:00:00Z"));
        assert_eq!(Timestamp::parse("yesterday"), None);
    }

    #[test]
    fn since_never_goes_negative() {
        let (a, b) = (Timestamp::from_secs(5), Timestamp::from_secs(7));
        assert_eq!(b.since(a), Duration::from_secs(2));
        assert_eq!(a.since(b), Duration::ZERO);
    }
}
