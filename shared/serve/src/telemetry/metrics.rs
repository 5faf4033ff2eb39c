//! The process-wide metrics recorder.
//!
//! `metrics-prometheus` keeps each measurement in one atomic. `metrics-exporter-prometheus` would calibrate the CPU's
//! clock at each start, for 2 to 200 ms before the first token, and need a thread to keep its histograms short.

use std::sync::OnceLock;

use metrics_prometheus::Recorder;
use metrics_prometheus::failure::strategy::NoOp;
use prometheus::{HistogramOpts, HistogramVec, Registry, TextEncoder};

/// Upper bounds of the duration buckets, in seconds.
const BUCKETS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

/// The recorder could not be installed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the metrics recorder could not be installed: {0}")]
pub struct MetricsError(String);

/// Reads what the process has measured.
#[derive(Clone)]
pub struct MetricsHandle(Registry);

impl MetricsHandle {
    /// Everything measured so far, as Prometheus text.
    pub fn render(&self) -> String {
        TextEncoder::new().encode_to_string(&self.0.gather()).unwrap_or_else(|error| {
            tracing::error!(%error, "the metrics could not be written as text");
            String::new()
        })
    }
}

impl std::fmt::Debug for MetricsHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MetricsHandle")
    }
}

/// The recorder's handle. The first call installs the recorder for the whole process; metrics recorded before that
/// are lost. Fails where another recorder was installed before.
pub fn metrics_handle() -> Result<MetricsHandle, MetricsError> {
    static HANDLE: OnceLock<Result<MetricsHandle, MetricsError>> = OnceLock::new();
    HANDLE.get_or_init(|| install().map_err(MetricsError)).clone()
}

fn install() -> Result<MetricsHandle, String> {
    let registry = Registry::new();
    let recorder = recorder(&registry).map_err(|error| error.to_string())?;
    metrics::set_global_recorder(recorder).map_err(|error| error.to_string())?;
    metrics::describe_counter!(
        "trefoil_log_lines_lost_total",
        "Log lines that were dropped, as what reads stderr was too slow"
    );
    metrics::describe_counter!("http_requests_total", "Requests answered, by endpoint and status");
    metrics::counter!("trefoil_log_lines_lost_total").absolute(0);
    Ok(MetricsHandle(registry))
}

/// A measurement whose labels do not fit its name is passed over: nothing that is only measured may end a request.
fn recorder(registry: &Registry) -> prometheus::Result<Recorder<NoOp>> {
    // Made beforehand, since the facade has no word for buckets.
    let durations =
        HistogramOpts::new("http_request_duration_seconds", "Seconds from a request's head to its answer")
            .buckets(BUCKETS.to_vec());
    Ok(Recorder::builder()
        .with_registry(registry)
        .with_failure_strategy(NoOp)
        .try_with_metric(HistogramVec::new(durations, &["endpoint"])?)?
        .build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measurements_are_written_as_prometheus_reads_them() {
        let registry = Registry::new();
        let recorder = recorder(&registry).unwrap();
        metrics::with_local_recorder(&recorder, || {
            metrics::describe_counter!("a_total", "what it means");
            metrics::counter!("a_total", "kind" => "x\"\\\ny").increment(2);
            metrics::counter!("a_total", "kind" => "z").absolute(7);
            metrics::gauge!("b").set(1.5);
            for seconds in [0.0005, 0.0006, 0.3, 11.0] {
                metrics::histogram!("http_request_duration_seconds", "endpoint" => "/token").record(seconds);
            }
        });
        let text = MetricsHandle(registry).render();
        for line in [
            "# HELP a_total what it means",
            r#"a_total{kind="x\"\\\ny"} 2"#,
            r#"a_total{kind="z"} 7"#,
            "b 1.5",
            r#"http_request_duration_seconds_bucket{endpoint="/token",le="0.0005"} 1"#,
            r#"http_request_duration_seconds_bucket{endpoint="/token",le="0.25"} 2"#,
            r#"http_request_duration_seconds_bucket{endpoint="/token",le="10"} 3"#,
            r#"http_request_duration_seconds_bucket{endpoint="/token",le="+Inf"} 4"#,
            r#"http_request_duration_seconds_count{endpoint="/token"} 4"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }

    #[test]
    fn labels_that_do_not_fit_their_name_are_passed_over() {
        let registry = Registry::new();
        metrics::with_local_recorder(&recorder(&registry).unwrap(), || {
            metrics::counter!("a_total", "kind" => "x").increment(1);
            metrics::counter!("a_total", "other" => "x").increment(1);
        });
        assert!(MetricsHandle(registry).render().contains("a_total{kind=\"x\"} 1\n"));
    }
}
