//! `hoidap-worker canary`: lists canaries, and has them judged anew.

use clap::{Subcommand, builder::PossibleValuesParser};
use hoidap_runtime::canary::{SessionShare, collect_reports, forget};
use hoidap_shared::{
    broker::Broker,
    config::Config,
    fleet::{ArmSummary, CanaryReport},
    stage::STAGES,
    telemetry,
};

/// Looks at canaries, which `run STAGE --canary SHARE` starts.
#[derive(Debug, Subcommand)]
pub enum CanaryCommand {
    /// List the canaries with their counts.
    List,
    /// Forget a stage's canaries, so that one that stepped back is judged anew.
    Forget {
        /// The stage.
        #[arg(value_parser = PossibleValuesParser::new(STAGES))]
        stage: String,
    },
}

impl CanaryCommand {
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
                forget(&broker, &stage).await?;
                println!(
                    "{stage}: the workers forgot its canaries; those that run announce themselves again"
                );
            }
        }
        Ok(())
    }
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
        SessionShare::of_report(canary),
        canary.state.name().replace('_', " "),
        side(&canary.served),
        side(&canary.stable),
    )
}
