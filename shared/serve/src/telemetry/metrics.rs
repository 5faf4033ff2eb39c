//! The process-wide metrics recorder.

use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};

/// Upper bounds of the duration buckets, in seconds.
const BUCKETS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

/// Recorded durations are folded into their buckets this often; between two readings they take memory.
const UPKEEP: Duration = Duration::from_secs(2);

/// The recorder could not be installed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the metrics recorder could not be installed: {0}")]
pub struct MetricsError(String);

/// Reads what the process has measured.
#[derive(Clone)]
pub struct MetricsHandle(PrometheusHandle);

impl MetricsHandle {
    /// Everything measured so far, as Prometheus text.
    pub fn render(&self) -> String {
        self.0.render()
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
    HANDLE.get_or_init(|| install().map_err(|error| MetricsError(error.to_string()))).clone()
}

fn install() -> Result<MetricsHandle, BuildError> {
    let handle = PrometheusBuilder::new().set_buckets(&BUCKETS)?.install_recorder()?;
    let upkeep = handle.clone();
    let spawned = std::thread::Builder::new().name("metrics-upkeep".into()).spawn(move || {
        loop {
            std::thread::sleep(UPKEEP);
            upkeep.run_upkeep();
        }
    });
    if let Err(error) = spawned {
        tracing::warn!(%error, "no thread for the metrics' upkeep; each reading of /metrics does it");
    }
    Ok(MetricsHandle(handle))
}
