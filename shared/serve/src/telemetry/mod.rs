//! Logs on stderr and metrics for Prometheus.

mod first_lines;
mod http_metrics;
mod line;
mod logging;
mod metrics;
pub(crate) mod sink;

pub(crate) use first_lines::announce;
pub use first_lines::{set_format, write_error};
pub use http_metrics::{HttpMetricsLayer, HttpMetricsService, MeasuredFuture};
pub use logging::{InvalidLogLevel, LogFormat, check_log_level, init_logging};
pub use metrics::{MetricsError, MetricsHandle, metrics_handle};
pub use sink::write_line;
pub use trefoil_shared::{EndpointName, may_be_secret, shown_path};
