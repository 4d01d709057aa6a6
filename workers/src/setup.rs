//! `hoidap-worker setup`: creates or updates the streams and buckets on the broker, as the operator.

use hoidap_shared::{broker::Broker, config::Config, telemetry};

/// Creates the streams and buckets, or updates those whose settings have changed.
///
/// # Errors
/// When NATS cannot be reached, this user may not create streams, or the server refuses a setting: the sentence says
/// what to do.
pub async fn run(config: &Config) -> anyhow::Result<()> {
    telemetry::init_tls();
    let broker = Broker::connect(&config.nats, "hoidap-setup").await?;
    broker.apply_streams(&config.nats).await
}
