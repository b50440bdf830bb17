//! Logs go to standard error ([`crate::lines`]), one line per event, with UTC times; systemd, a container runtime or a shell stores them.

use crate::lines::Stderr;
use kernel::{Clock, SystemClock};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fmt,
    io::IsTerminal,
    sync::{Arc, Once},
};
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    fmt::{format::Writer, time::FormatTime},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// The `[log]` table of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    pub format: LogFormat,
    pub level: LogLevel,
    /// Level by module path, the longest matching prefix wins: `{"http::access": "warn", "store": "debug"}`.
    pub targets: BTreeMap<String, LogLevel>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    Off,
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Off => Self::OFF,
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Trace => Self::TRACE,
        }
    }
}

struct Utc(Arc<dyn Clock>);

impl FormatTime for Utc {
    fn format_time(&self, w: &mut Writer<'_>) -> fmt::Result {
        w.write_str(&self.0.now().iso_micros_z())
    }
}

fn filter(config: &LogConfig) -> Targets {
    let targets = config.targets.iter().map(|(name, level)| (name.clone(), LevelFilter::from(*level)));
    Targets::new().with_default(LevelFilter::from(config.level)).with_targets(targets)
}

/// Turns logging on for the process, panics included. The first call decides; later ones (tests) change nothing.
pub fn init_logging(config: &LogConfig) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let lines = tracing_subscriber::fmt::layer()
            .with_writer(Stderr::new())
            .with_timer(Utc(SystemClock::shared()))
            .with_ansi(std::io::stderr().is_terminal());
        let lines = match config.format {
            LogFormat::Text => lines.boxed(),
            LogFormat::Json => lines.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed(),
        };
        // Somebody else's subscriber is as good; there is nobody to tell.
        let _ = tracing_subscriber::registry().with(lines.with_filter(filter(config))).try_init();
        log_panics();
    });
}

/// Panics become log lines with their place instead of bare text on standard error.
fn log_panics() {
    std::panic::set_hook(Box::new(|info| {
        let text = crate::panics::text(info.payload());
        let at = info.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(target: "panic", at, "{text}");
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn longest_target_wins() {
        let targets = [("http", LogLevel::Warn), ("http::access", LogLevel::Off), ("store", LogLevel::Debug)];
        let targets = targets.map(|(name, level)| (name.to_owned(), level)).into();
        let filter = filter(&LogConfig { targets, ..LogConfig::default() });
        for (target, level, on) in [
            ("compute", Level::INFO, true),
            ("compute", Level::DEBUG, false),
            ("http", Level::INFO, false),
            ("http::server", Level::WARN, true),
            ("http::access", Level::ERROR, false),
            ("store::runner", Level::DEBUG, true),
        ] {
            assert_eq!(filter.would_enable(target, &level), on, "{target} {level}");
        }
    }

    #[test]
    fn unknown_keys_and_levels_are_refused() {
        let read = |text| serde_json::from_str::<LogConfig>(text);
        assert_eq!(read("{}").unwrap(), LogConfig::default());
        assert_eq!(read(r#"{"format":"json","level":"debug"}"#).unwrap().format, LogFormat::Json);
        assert!(read(r#"{"levle":"debug"}"#).is_err());
        assert!(read(r#"{"level":"loud"}"#).is_err());
    }
}
