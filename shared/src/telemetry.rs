//! Logs and metrics of a process.

use std::{path::Path, time::Duration};

use anyhow::Context as _;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use serde_json::json;
use tracing_subscriber::{EnvFilter, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::config::{Config, LogFormat, TelemetryConfig};

/// The bucket bounds of the latency histograms.
const LATENCY_BUCKETS_SECONDS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// How often latency samples are to be merged into their histograms, so that they do not pile up between scrapes.
pub const METRICS_UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Starts logging to standard error, as configured.
///
/// # Errors
/// When the filter cannot be read.
pub fn init_logs(telemetry: &TelemetryConfig) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&telemetry.filter).with_context(|| {
        format!("telemetry.filter: `{}` is not a filter such as \"info\"", telemetry.filter)
    })?;
    let registry = tracing_subscriber::registry().with(filter);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match telemetry.format {
        LogFormat::Json => {
            registry.with(layer.json()).try_init()?;
            std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
        }
        LogFormat::Text => {
            registry.with(layer.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))).try_init()?
        }
    }
    Ok(())
}

/// Prints on standard error why a process ends, as one line: JSON where the configuration asks for it (the file that
/// `config` names, as [`Config::load`] finds it), even when another setting is wrong; otherwise text.
pub fn report_fatal(program: &str, config: Option<&Path>, error: &anyhow::Error) {
    eprintln!("{}", fatal(program, error, Config::wants_json_logs(config)));
}

fn fatal(program: &str, error: &anyhow::Error, json: bool) -> String {
    if json { json_line(program, "ERROR", &format!("{error:#}")) } else { format!("{program}: {error:#}") }
}

/// A line in the form of the JSON log, for tools that have no log.
pub fn json_line(program: &str, level: &str, message: &str) -> String {
    let timestamp = jiff::Timestamp::now();
    json!({"timestamp": timestamp, "level": level, "fields": {"message": message}, "target": program})
        .to_string()
}

/// Starts collecting metrics; the handle renders them in Prometheus's text format. Its upkeep is to run every
/// [`METRICS_UPKEEP_INTERVAL`].
///
/// # Errors
/// When a recorder is already installed in this process.
pub fn init_metrics() -> anyhow::Result<PrometheusHandle> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &LATENCY_BUCKETS_SECONDS)?
        .install_recorder()
        .context("metrics cannot be collected")
}

/// Makes `ring` the cryptography of every TLS connection of this process.
pub fn init_tls() {
    // An error only says that a provider was installed before.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fatal_error_is_one_line_in_the_format_asked_for() {
        let error = anyhow::anyhow!("no such \"file\"\nat all").context("it ends");
        assert!(fatal("hoidap-index", &error, false).starts_with("hoidap-index: it ends: no such"));
        let line = fatal("hoidap-index", &error, true);
        assert!(!line.contains('\n'));
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["fields"]["message"], "it ends: no such \"file\"\nat all");
        assert_eq!((read["level"].as_str(), read["target"].as_str()), (Some("ERROR"), Some("hoidap-index")));
    }
}
