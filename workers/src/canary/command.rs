use std::{collections::BTreeMap, time::Duration};

use clap::{Subcommand, builder::PossibleValuesParser};
use futures::StreamExt as _;
use hoidap_shared::{
    broker::Broker,
    config::Config,
    fleet::{Canary, Side},
    stage::STAGES,
    telemetry,
};
use tokio::time::{Instant, timeout_at};

use super::{Board, Share, TELL, Word, encoded};

/// Looks at canaries, which `run STAGE --canary SHARE` starts.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the canaries and what was counted of them.
    List,
    /// Forget what is known of a stage's canaries, so that one that stepped back is judged anew.
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
                let found = listened(&broker).await?;
                for (stage, canary) in &found {
                    println!("{}", line(stage, canary));
                }
                if found.is_empty() {
                    println!("no canary: `hoidap-worker run STAGE --canary 5%` starts one");
                }
            }
            Self::Forget { stage } => {
                broker.client.publish(broker.subjects.canary_words(&stage), encoded(&Word::Forget)).await?;
                broker.client.flush().await?;
                println!("{stage}: the workers know of no canary until it tells of itself again");
            }
        }
        Ok(())
    }
}

/// What the workers and canaries of all stages tell within a while.
async fn listened(broker: &Broker) -> anyhow::Result<Vec<(String, Canary)>> {
    let subject = broker.subjects.canary_words("*");
    let mut words = broker.client.subscribe(subject).await?;
    let mut boards: BTreeMap<String, Board> = BTreeMap::new();
    let end = Instant::now() + 2 * TELL + Duration::from_millis(200);
    while let Ok(Some(message)) = timeout_at(end, words.next()).await {
        let Some(stage) = message.subject.rsplit('.').nth(1).filter(|stage| STAGES.contains(stage)) else {
            continue;
        };
        if let Ok(word) = rmp_serde::from_slice(&message.payload) {
            boards.entry(stage.into()).or_insert_with(|| Board::new("")).hear(word);
        }
    }
    let of = |(stage, board): (String, Board)| {
        board.canaries().into_iter().map(move |found| (stage.clone(), found))
    };
    Ok(boards.into_iter().flat_map(of).collect())
}

fn line(stage: &str, canary: &Canary) -> String {
    let ms = |ms: Option<f64>| ms.map_or_else(|| "-".into(), |ms| format!("{ms:.0} ms"));
    let side = |side: &Side| {
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
        Share(canary.share),
        canary.state.name().replace('_', " "),
        side(&canary.served),
        side(&canary.stable),
    )
}
