//! Logs on stderr and metrics for Prometheus.

mod first_lines;
mod http_metrics;
mod line;
mod logging;
mod metrics;
mod secret_like;
pub(crate) mod sink;

pub(crate) use first_lines::announce;
pub use first_lines::{set_format, write_error};
pub use http_metrics::{EndpointName, HttpMetricsLayer, HttpMetricsService, MeasuredFuture};
pub use logging::{InvalidLogLevel, LogFormat, check_log_level, init_logging};
pub use metrics::{MetricsError, MetricsHandle, metrics_handle};
pub use secret_like::{may_be_secret, shown_path};
pub use sink::write_line;
