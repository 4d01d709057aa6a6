//! `hoidap-worker setup`: makes what the fleet needs on the broker, as the operator.

use hoidap_shared::{broker::Broker, config::Config, telemetry};

/// Makes the streams and buckets, or changes those whose settings are others now.
///
/// # Errors
/// When NATS cannot be reached, this user may not make streams, or the server refuses a setting: the sentence says
/// what to do.
pub async fn run(config: &Config) -> anyhow::Result<()> {
    telemetry::init_tls();
    let broker = Broker::connect(&config.nats, "hoidap-setup").await?;
    broker.make_streams(&config.nats).await
}
