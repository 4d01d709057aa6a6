use std::{collections::BTreeMap, time::Duration};

use clap::{Subcommand, builder::PossibleValuesParser};
use futures::StreamExt as _;
use hoidap_shared::{
    broker::Broker,
    config::Config,
    fleet::{ArmSummary, CanaryReport},
    stage::STAGES,
    telemetry,
};
use tokio::time::{Instant, timeout_at};

use super::{ANNOUNCE_INTERVAL, CanaryMessage, CanaryRegistry, SessionShare, encode};

/// Looks at canaries, which `run STAGE --canary SHARE` starts.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the canaries with their counts.
    List,
    /// Forget a stage's canaries, so that one that stepped back is judged anew.
    Forget {
        /// The stage.
        #[arg(value_parser = PossibleValuesParser::new(STAGES))]
        stage: String,
    },
}

impl Command {
    /// Does what the command line says.
    ///
    /// # Errors
    /// When NATS cannot be reached.
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        telemetry::init_tls();
        let broker = Broker::connect(&config.nats, "hoidap-canary").await?;
        match self {
            Self::List => {
                let found = collect_reports(&broker).await?;
                for (stage, canary) in &found {
                    println!("{}", line(stage, canary));
                }
                if found.is_empty() {
                    println!("no canary: `hoidap-worker run STAGE --canary 5%` starts one");
                }
            }
            Self::Forget { stage } => {
                broker
                    .client
                    .publish(broker.subjects.canary_messages(&stage), encode(&CanaryMessage::Forget))
                    .await?;
                broker.client.flush().await?;
                println!(
                    "{stage}: the workers forgot its canaries; those that run announce themselves again"
                );
            }
        }
        Ok(())
    }
}

/// The reports of the canaries of all stages, from the messages of two announce intervals.
async fn collect_reports(broker: &Broker) -> anyhow::Result<Vec<(String, CanaryReport)>> {
    let subject = broker.subjects.canary_messages("*");
    let mut messages = broker.client.subscribe(subject).await?;
    let mut registries: BTreeMap<String, CanaryRegistry> = BTreeMap::new();
    let end = Instant::now() + 2 * ANNOUNCE_INTERVAL + Duration::from_millis(200);
    while let Ok(Some(message)) = timeout_at(end, messages.next()).await {
        let Some(stage) = message.subject.rsplit('.').nth(1).filter(|stage| STAGES.contains(stage)) else {
            continue;
        };
        if let Ok(message) = rmp_serde::from_slice(&message.payload) {
            registries.entry(stage.into()).or_insert_with(|| CanaryRegistry::new("")).receive(message);
        }
    }
    let of = |(stage, registry): (String, CanaryRegistry)| {
        registry.reports().into_iter().map(move |found| (stage.clone(), found))
    };
    Ok(registries.into_iter().flat_map(of).collect())
}

fn line(stage: &str, canary: &CanaryReport) -> String {
    let ms = |ms: Option<f64>| ms.map_or_else(|| "-".into(), |ms| format!("{ms:.0} ms"));
    let side = |side: &ArmSummary| {
        format!(
            "{} jobs, {} failed, median {}, p95 {}",
            side.jobs,
            side.errors,
            ms(side.median_ms),
            ms(side.p95_ms)
        )
    };
    let reason =
        canary.reason.as_ref().map(|reason| format!("\n    stepped back: {reason}")).unwrap_or_default();
    let changes =
        if canary.changes.is_empty() { String::new() } else { format!("  {}", canary.changes.join(", ")) };
    format!(
        "{stage} {} {} {}{changes}\n    canary: {}\n    stage:  {}{reason}",
        canary.id,
        SessionShare(canary.share),
        canary.state.name().replace('_', " "),
        side(&canary.served),
        side(&canary.stable),
    )
}
