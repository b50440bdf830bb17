//! The numbers behind `/metrics`.
//!
//! What is counted where it happens (requests, panics, flows) are fields here. What another crate counts already (the
//! store's statistics, queue lengths) is read when somebody asks: [`Metrics::collect`] takes a closure for that.

use parking_lot::RwLock;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, NoLabelSet, text::encode},
    metrics::{MetricType, counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};
use std::{fmt, sync::OnceLock, time::Duration};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    service: &'static str,
    method: &'static str,
    /// `2xx` … `5xx`
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ServiceLabel {
    service: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TaskLabel {
    task: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FlowLabels {
    flow: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FlowLabel {
    flow: &'static str,
}

const REQUEST_BUCKETS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];
const FLOW_BUCKETS: [f64; 11] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0];

pub struct Metrics {
    registry: RwLock<Registry>,
    requests: Family<RequestLabels, Counter>,
    request_seconds: Family<ServiceLabel, Histogram, fn() -> Histogram>,
    connections: Gauge,
    panics: Family<TaskLabel, Counter>,
    flows: Family<FlowLabels, Counter>,
    flows_adopted: Counter,
    flow_seconds: Family<FlowLabel, Histogram, fn() -> Histogram>,
}

/// The registry of this process.
pub fn metrics() -> &'static Metrics {
    static METRICS: OnceLock<Metrics> = OnceLock::new();
    METRICS.get_or_init(Metrics::new)
}

/// The text of `/metrics`.
pub fn render() -> String {
    metrics().render()
}

impl Metrics {
    fn new() -> Self {
        let request_histogram: fn() -> Histogram = || Histogram::new(REQUEST_BUCKETS);
        let flow_histogram: fn() -> Histogram = || Histogram::new(FLOW_BUCKETS);
        let new = Self {
            registry: RwLock::new(Registry::with_prefix("tstack")),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(request_histogram),
            connections: Gauge::default(),
            panics: Family::default(),
            flows: Family::default(),
            flows_adopted: Counter::default(),
            flow_seconds: Family::new_with_constructor(flow_histogram),
        };
        let mut r = new.registry.write();
        r.register("http_requests", "Requests answered", new.requests.clone());
        r.register_with_unit(
            "http_request",
            "Time to the head of the answer",
            Unit::Seconds,
            new.request_seconds.clone(),
        );
        r.register("http_connections", "Connections open", new.connections.clone());
        r.register("panics", "Panics caught, by task", new.panics.clone());
        r.register("flows", "Flows ended, by outcome", new.flows.clone());
        r.register("flows_adopted", "Flows taken over from processes that died", new.flows_adopted.clone());
        r.register_with_unit("flow", "Time from a flow's creation to its end", Unit::Seconds, new.flow_seconds.clone());
        drop(r);
        new
    }

    pub fn request(&self, service: &'static str, method: &'static str, status: u16, took: Duration) {
        let status = match status / 100 {
            1 => "1xx",
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            _ => "5xx",
        };
        self.requests.get_or_create(&RequestLabels { service, method, status }).inc();
        self.request_seconds.get_or_create(&ServiceLabel { service }).observe(took.as_secs_f64());
    }

    pub fn connection_opened(&self) {
        self.connections.inc();
    }

    pub fn connection_closed(&self) {
        self.connections.dec();
    }

    pub(crate) fn panicked(&self, task: &'static str) {
        self.panics.get_or_create(&TaskLabel { task }).inc();
    }

    /// A flow came to an end; `outcome` as crates/flow names it (`done`, `undone`, `needs_operator`).
    pub fn flow_ended(&self, flow: &'static str, outcome: &'static str, took: Duration) {
        self.flows.get_or_create(&FlowLabels { flow, outcome }).inc();
        self.flow_seconds.get_or_create(&FlowLabel { flow }).observe(took.as_secs_f64());
    }

    /// This process goes on with a flow of another one, or of its own former life.
    pub fn flow_adopted(&self) {
        self.flows_adopted.inc();
    }

    /// Asks `read` for its numbers whenever the metrics are read. It must be quick and take no lock that waits.
    pub fn collect(&self, read: impl Fn(&mut Samples<'_>) + Send + Sync + 'static) {
        self.registry.write().register_collector(Box::new(Read(read)));
    }

    pub fn render(&self) -> String {
        let mut text = String::with_capacity(8192);
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry.read());
        text
    }
}

struct Read<F>(F);

impl<F> fmt::Debug for Read<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Read")
    }
}

impl<F: Fn(&mut Samples<'_>) + Send + Sync + 'static> Collector for Read<F> {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        let mut samples = Samples { encoder, result: Ok(()) };
        (self.0)(&mut samples);
        samples.result
    }
}

/// Where a collecting closure puts its numbers. Names get the prefix `tstack_`, counters the suffix `_total`.
pub struct Samples<'a> {
    encoder: DescriptorEncoder<'a>,
    result: fmt::Result,
}

impl Samples<'_> {
    pub fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.counters(name, help, "", [("", value)]);
    }

    pub fn gauge(&mut self, name: &str, help: &str, value: i64) {
        self.gauges(name, help, "", [("", value)]);
    }

    /// One counter per value of `label`.
    pub fn counters<'r>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        rows: impl IntoIterator<Item = (&'r str, u64)>,
    ) {
        self.result = self.result.and_then(|()| {
            let mut metric = self.encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for (value, n) in rows {
                if label.is_empty() {
                    metric.encode_counter::<NoLabelSet, _, u64>(&n, None)?;
                } else {
                    metric.encode_family(&[(label, value)])?.encode_counter::<NoLabelSet, _, u64>(&n, None)?;
                }
            }
            Ok(())
        });
    }

    /// One gauge per value of `label`.
    pub fn gauges<'r>(&mut self, name: &str, help: &str, label: &str, rows: impl IntoIterator<Item = (&'r str, i64)>) {
        self.result = self.result.and_then(|()| {
            let mut metric = self.encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (value, n) in rows {
                if label.is_empty() {
                    metric.encode_gauge(&n)?;
                } else {
                    metric.encode_family(&[(label, value)])?.encode_gauge(&n)?;
                }
            }
            Ok(())
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_shows() {
        let m = Metrics::new();
        m.request("compute", "GET", 200, Duration::from_millis(2));
        m.request("compute", "GET", 404, Duration::from_millis(1));
        m.flow_ended("create_server", "done", Duration::from_millis(40));
        m.flow_adopted();
        m.collect(|out| {
            out.counter("store_commits", "Commits", 12);
            out.counters("store_conflicts", "Conflicts", "transaction", [("a", 1), ("b", 2)]);
            out.gauge("agents", "Agents", -1);
        });
        let text = m.render();
        for line in [
            r#"tstack_http_requests_total{service="compute",method="GET",status="2xx"} 1"#,
            r#"tstack_http_requests_total{service="compute",method="GET",status="4xx"} 1"#,
            r#"tstack_http_request_seconds_count{service="compute"} 2"#,
            r#"tstack_http_request_seconds_bucket{le="0.001",service="compute"} 1"#,
            r#"tstack_flows_total{flow="create_server",outcome="done"} 1"#,
            "tstack_flows_adopted_total 1",
            "tstack_store_commits_total 12",
            r#"tstack_store_conflicts_total{transaction="b"} 2"#,
            "tstack_agents -1",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} not in\n{text}");
        }
    }
}
