//! Counters for dashboards: atomics, rendered as Prometheus text. The names are part of the
//! outside surface.

mod work;

use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

pub use work::{Kept, Work};

/// Only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn increment(&self) {
        self.add(1);
    }

    /// `n` more.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Now.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// By `n`, which may be negative.
    pub fn add(&self, n: i64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// To `n`.
    pub fn set(&self, n: i64) {
        self.0.store(n, Ordering::Relaxed);
    }

    /// Now.
    pub fn value(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Upper bounds of the buckets of a part's delay, in seconds: the target is 40 ms.
const DELAY_BOUNDS_S: [f64; 12] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.04, 0.06, 0.1, 0.2, 0.5, 1.0];

/// How durations spread.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [AtomicU64; DELAY_BOUNDS_S.len()],
    count: AtomicU64,
    sum_us: AtomicU64,
}

impl Histogram {
    /// One measurement.
    pub fn observe(&self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        if let Some(index) = DELAY_BOUNDS_S.iter().position(|bound| seconds <= *bound) {
            self.buckets[index].fetch_add(1, Ordering::Relaxed);
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn render(&self, name: &str, out: &mut String) {
        let mut below = 0;
        for (bucket, bound) in self.buckets.iter().zip(DELAY_BOUNDS_S) {
            below += bucket.load(Ordering::Relaxed);
            let _ = writeln!(out, "{name}_bucket{{le=\"{bound}\"}} {below}");
        }
        let count = self.count.load(Ordering::Relaxed);
        let sum = self.sum_us.load(Ordering::Relaxed) as f64 / 1e6;
        let _ = writeln!(out, "{name}_bucket{{le=\"+Inf\"}} {count}\n{name}_sum {sum}\n{name}_count {count}");
    }
}

/// Everything that is counted.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Broadcasts that run, interrupted ones too.
    pub broadcasts: Gauge,
    /// Media bytes that publishers sent.
    pub ingest_bytes: Counter,
    /// Media bytes sent over HTTP: parts, segments, files.
    pub http_media_bytes: Counter,
    /// Playlists asked for.
    pub http_playlist_requests: Counter,
    /// Media bytes that players took over HTTP, as they report.
    pub viewer_http_bytes: Counter,
    /// Media bytes that players took from peers, as they report.
    pub viewer_p2p_bytes: Counter,
    /// From the last unit of a part in, to the part available.
    pub part_delay: Histogram,
    /// Groups of pictures thrown away because a reader lagged.
    pub dropped_groups: Counter,
    /// HTTP requests answered.
    pub http_requests: Counter,
    /// Requests to the API refused because their address asked too much.
    pub http_rate_limited: Counter,
    /// HTTP connections open.
    pub http_connections: Gauge,
    /// Page sockets open.
    pub page_sockets: Gauge,
    /// Jobs and storage.
    pub work: Work,
}

impl Metrics {
    /// As Prometheus text (version 0.0.4). `jobs` are states and their counts; of the tracker its peers, and its messages by kind.
    pub fn render(&self, jobs: &[(&str, i64)], peers: u64, messages: &[(&str, u64)]) -> String {
        let mut out = String::with_capacity(4096);
        let mut one = |name: &str, kind: &str, help: &str, lines: &[(&str, i128)]| {
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for (labels, value) in lines {
                let _ = writeln!(out, "{name}{labels} {value}");
            }
        };
        let gauge = |gauge: &Gauge| i128::from(gauge.value());
        let counter = |counter: &Counter| i128::from(counter.value());
        one("shoal_broadcasts", "gauge", "Broadcasts that run.", &[("", gauge(&self.broadcasts))]);
        one("shoal_ingest_bytes_total", "counter", "Media bytes from publishers.", &[("", counter(&self.ingest_bytes))]);
        one("shoal_http_media_bytes_total", "counter", "Media bytes sent over HTTP.", &[("", counter(&self.http_media_bytes))]);
        one("shoal_http_playlist_requests_total", "counter", "Playlists asked for.", &[("", counter(&self.http_playlist_requests))]);
        one("shoal_swarm_peers", "gauge", "Peers in all swarms.", &[("", i128::from(peers))]);
        let labels: Vec<_> = messages.iter().map(|(kind, _)| format!("{{kind=\"{kind}\"}}")).collect();
        let lines: Vec<_> = labels.iter().zip(messages).map(|(label, (_, n))| (label.as_str(), i128::from(*n))).collect();
        one("shoal_tracker_messages_total", "counter", "Messages at the tracker; sent ones begin with sent_.", &lines);
        one(
            "shoal_viewer_media_bytes_total",
            "counter",
            "Media bytes that players took, as they report.",
            &[("{source=\"http\"}", counter(&self.viewer_http_bytes)), ("{source=\"p2p\"}", counter(&self.viewer_p2p_bytes))],
        );
        one("shoal_dropped_groups_total", "counter", "Groups of pictures thrown away.", &[("", counter(&self.dropped_groups))]);
        one("shoal_http_requests_total", "counter", "HTTP requests answered.", &[("", counter(&self.http_requests))]);
        one("shoal_http_rate_limited_total", "counter", "Requests to the API above the limit.", &[("", counter(&self.http_rate_limited))]);
        one("shoal_http_connections", "gauge", "HTTP connections open.", &[("", gauge(&self.http_connections))]);
        one("shoal_page_sockets", "gauge", "Page sockets open.", &[("", gauge(&self.page_sockets))]);
        let labels: Vec<_> = jobs.iter().map(|(state, _)| format!("{{state=\"{state}\"}}")).collect();
        let lines: Vec<_> = labels.iter().zip(jobs).map(|(label, (_, n))| (label.as_str(), i128::from(*n))).collect();
        one("shoal_jobs", "gauge", "Durable work by state.", &lines);
        let name = "shoal_segmenter_part_delay_seconds";
        let _ = writeln!(out, "# HELP {name} Last unit of a part in, to part available.\n# TYPE {name} histogram");
        self.part_delay.render(name, &mut out);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_prometheus_text() {
        let metrics = Metrics::default();
        metrics.broadcasts.add(2);
        metrics.part_delay.observe(Duration::from_millis(15));
        metrics.part_delay.observe(Duration::from_secs(5));
        let text = metrics.render(&[("waiting", 3)], 7, &[("announce", 5)]);
        assert!(text.contains("\nshoal_broadcasts 2\n"), "{text}");
        assert!(text.contains("\nshoal_swarm_peers 7\n") && text.contains("shoal_tracker_messages_total{kind=\"announce\"} 5\n"));
        assert!(text.contains("shoal_jobs{state=\"waiting\"} 3\n"));
        assert!(text.contains("shoal_segmenter_part_delay_seconds_bucket{le=\"0.01\"} 0\n"));
        assert!(text.contains("shoal_segmenter_part_delay_seconds_bucket{le=\"0.02\"} 1\n"));
        assert!(text.contains("shoal_segmenter_part_delay_seconds_bucket{le=\"+Inf\"} 2\n"));
    }
}
