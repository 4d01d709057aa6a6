//! Logs and metrics of a process.

use anyhow::Context as _;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::{EnvFilter, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::config::{LogFormat, Telemetry};

/// Bounds of the latency histograms, in seconds.
const BOUNDS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Starts logging to standard error, as configured.
///
/// # Errors
/// When the filter cannot be read.
pub fn init_logs(telemetry: &Telemetry) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&telemetry.filter).with_context(|| {
        format!("telemetry.filter: `{}` is not a filter such as \"info\"", telemetry.filter)
    })?;
    let registry = tracing_subscriber::registry().with(filter);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match telemetry.format {
        LogFormat::Json => registry.with(layer.json()).try_init()?,
        LogFormat::Text => {
            registry.with(layer.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))).try_init()?
        }
    }
    Ok(())
}

/// Starts collecting metrics; the handle renders them in Prometheus's text format.
///
/// # Errors
/// When a recorder is already installed in this process.
pub fn init_metrics() -> anyhow::Result<PrometheusHandle> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &BOUNDS)?
        .install_recorder()
        .context("metrics cannot be collected")
}

/// Makes `ring` the cryptography of every TLS connection of this process.
pub fn init_tls() {
    // An error only says that a provider was installed before.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
