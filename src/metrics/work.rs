//! Jobs and storage: what was done, how long it took, and what is kept where.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::Counter;
use crate::store::Stored;

/// What jobs and object storage count.
#[derive(Debug, Default)]
pub struct Work {
    /// By kind of job; kinds are those of the registry.
    jobs: Mutex<BTreeMap<&'static str, Done>>,
    /// Requests to object storage that were answered.
    pub storage_requests: Counter,
    /// Requests to object storage that failed.
    pub storage_failures: Counter,
    /// Bytes put into object storage.
    pub storage_bytes_in: Counter,
    /// Bytes taken out of object storage by this server: for jobs, and for viewers where it is a proxy.
    pub storage_bytes_out: Counter,
    /// Requests for media that were sent on to object storage.
    pub storage_redirects: Counter,
}

#[derive(Clone, Copy, Debug, Default)]
struct Done {
    succeeded: u64,
    failed: u64,
    seconds: f64,
}

/// What is kept where, at this moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kept {
    /// In the data folder.
    pub disk: Stored,
    /// In the bucket.
    pub object_storage: Stored,
    /// That may still be written to the data folder; `None` if it does not say.
    pub free_bytes: Option<u64>,
}

impl Work {
    /// An attempt of a job of this kind has ended.
    pub fn job_done(&self, kind: &'static str, succeeded: bool, duration: Duration) {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let done = jobs.entry(kind).or_default();
        if succeeded {
            done.succeeded += 1;
        } else {
            done.failed += 1;
        }
        done.seconds += duration.as_secs_f64();
    }

    /// Appends Prometheus text (version 0.0.4).
    pub fn render(&self, kept: &Kept, out: &mut String) {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // Writing to a `String` cannot fail.
        let _ = writeln!(out, "# HELP shoal_job_attempts_total Attempts of jobs that ended.\n# TYPE shoal_job_attempts_total counter");
        for (kind, done) in &jobs {
            let Done { succeeded, failed, .. } = done;
            let _ = writeln!(out, "shoal_job_attempts_total{{type=\"{kind}\",result=\"success\"}} {succeeded}");
            let _ = writeln!(out, "shoal_job_attempts_total{{type=\"{kind}\",result=\"failure\"}} {failed}");
        }
        let _ = writeln!(out, "# HELP shoal_job_seconds_total Time that jobs took.\n# TYPE shoal_job_seconds_total counter");
        for (kind, done) in &jobs {
            let _ = writeln!(out, "shoal_job_seconds_total{{type=\"{kind}\"}} {}", done.seconds);
        }
        let places = [("disk", kept.disk), ("s3", kept.object_storage)];
        let _ = writeln!(out, "# HELP shoal_storage_files Files of videos.\n# TYPE shoal_storage_files gauge");
        for (place, stored) in places {
            let _ = writeln!(out, "shoal_storage_files{{place=\"{place}\"}} {}", stored.files);
        }
        let _ = writeln!(out, "# HELP shoal_storage_bytes Bytes in files of videos.\n# TYPE shoal_storage_bytes gauge");
        for (place, stored) in places {
            let _ = writeln!(out, "shoal_storage_bytes{{place=\"{place}\"}} {}", stored.bytes);
        }
        if let Some(free) = kept.free_bytes {
            let _ = writeln!(out, "# HELP shoal_disk_free_bytes Room in the data folder.\n# TYPE shoal_disk_free_bytes gauge");
            let _ = writeln!(out, "shoal_disk_free_bytes {free}");
        }
        let counters = [
            ("shoal_object_storage_requests_total", "Requests to object storage that were answered.", &self.storage_requests),
            ("shoal_object_storage_failures_total", "Requests to object storage that failed.", &self.storage_failures),
            ("shoal_object_storage_in_bytes_total", "Bytes put into object storage.", &self.storage_bytes_in),
            ("shoal_object_storage_out_bytes_total", "Bytes taken out of object storage by this server.", &self.storage_bytes_out),
            ("shoal_object_storage_redirects_total", "Viewers sent on to object storage.", &self.storage_redirects),
        ];
        for (name, help, counter) in counters {
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {}", counter.value());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_jobs_and_places() {
        let work = Work::default();
        work.job_done("video-transcoding", true, Duration::from_millis(1500));
        work.job_done("video-transcoding", false, Duration::from_millis(500));
        work.storage_redirects.add(3);
        let kept = Kept { disk: Stored { files: 2, bytes: 10 }, free_bytes: Some(7), ..Kept::default() };
        let mut text = String::from("\n");
        work.render(&kept, &mut text);
        for line in [
            "shoal_job_attempts_total{type=\"video-transcoding\",result=\"success\"} 1",
            "shoal_job_attempts_total{type=\"video-transcoding\",result=\"failure\"} 1",
            "shoal_job_seconds_total{type=\"video-transcoding\"} 2",
            "shoal_storage_files{place=\"disk\"} 2",
            "shoal_storage_bytes{place=\"s3\"} 0",
            "shoal_disk_free_bytes 7",
            "shoal_object_storage_redirects_total 3",
        ] {
            assert!(text.contains(&format!("\n{line}\n")), "{line} is missing in {text}");
        }
    }
}
