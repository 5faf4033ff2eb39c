//! The process-wide metrics recorder.

use std::sync::OnceLock;

use super::exposition;
use super::recorder::Recorder;

/// The recorder could not be installed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the metrics recorder could not be installed: {0}")]
pub struct MetricsError(String);

/// Reads what the process has measured.
#[derive(Clone)]
pub struct MetricsHandle(Recorder);

impl MetricsHandle {
    /// Everything measured so far, as Prometheus text.
    pub fn render(&self) -> String {
        exposition::text(&self.0.read())
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
    HANDLE.get_or_init(install).clone()
}

fn install() -> Result<MetricsHandle, MetricsError> {
    let recorder = Recorder::default();
    metrics::set_global_recorder(recorder.clone()).map_err(|error| MetricsError(error.to_string()))?;
    Ok(MetricsHandle(recorder))
}
