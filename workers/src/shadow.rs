//! Shadows: stages that work on the same jobs as those that serve visitors, with another setting, index or model, and
//! whose results nobody gets but a report.
//!
//! A shadow reads the jobs stream by a consumer of its own and replays each job as soon as it has ended: the same code as
//! `replay`, on live traffic. It publishes to its own stream and nothing else, and it acknowledges nothing that another
//! consumer waits for.

mod follow;
mod report;

use std::{collections::HashMap, path::PathBuf};

use anyhow::{Context as _, bail};
use async_nats::jetstream::{
    consumer::{AckPolicy, Consumer, DeliverPolicy, pull},
    stream::Stream,
};
use clap::Subcommand;
use hoidap_shared::{broker::Broker, config::Config, telemetry};
use serde::{Deserialize, Serialize};

pub use self::follow::run;
use crate::replay::Rule;

/// Where a shadow's consumer keeps what the shadow is.
const METADATA: &str = "hoidap-shadow";

/// What a shadow is: kept with its consumer, so that a report can tell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Nature {
    from: String,
    to: String,
    changes: Vec<String>,
    versions: Vec<(String, String)>,
}

/// Looks at shadows and their results.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the shadows.
    List,
    /// Compare what a shadow made of jobs with what visitors got.
    Report {
        /// The shadow.
        name: String,
        /// Fail when this holds, such as `overlap@8 < 0.8`.
        #[arg(long, value_name = "RULE")]
        fail_if: Option<Rule>,
        /// Write REPORT.json and REPORT.html.
        #[arg(short, long, value_name = "REPORT")]
        output: Option<PathBuf>,
    },
    /// Forget a shadow and its results.
    Remove {
        /// The shadow.
        name: String,
    },
}

impl Command {
    /// Does what the command line says.
    ///
    /// # Errors
    /// When NATS cannot be reached, there is no such shadow, or the rule of `--fail-if` holds.
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        telemetry::init_tls();
        let broker = Broker::connect(&config.nats, "hoidap-shadow").await?;
        match self {
            Self::List => report::list(&broker).await,
            Self::Report { name, fail_if, output } => {
                report::report(&broker, &name, fail_if.as_ref(), output.as_deref()).await
            }
            Self::Remove { name } => {
                let jobs = jobs(&broker).await?;
                let consumer = broker.subjects.shadow_consumer(&name);
                jobs.delete_consumer(&consumer).await.with_context(|| missing(&name))?;
                let results = broker.jetstream.get_stream(broker.subjects.stream("SHADOW")).await?;
                let gone = results.purge().filter(broker.subjects.shadow(&name)).await?.purged;
                println!("{name}: removed with {gone} results");
                Ok(())
            }
        }
    }
}

fn missing(name: &str) -> String {
    format!("there is no shadow `{name}`: `hoidap-worker shadow list` shows those there are")
}

async fn jobs(broker: &Broker) -> anyhow::Result<Stream> {
    let name = broker.subjects.stream("JOBS");
    broker.jetstream.get_stream(&name).await.with_context(|| format!("the stream {name} cannot be read"))
}

/// What a consumer tells of its shadow.
fn nature(metadata: &HashMap<String, String>) -> Option<Nature> {
    metadata.get(METADATA).and_then(|text| serde_json::from_str(text).ok())
}

/// The consumer of a shadow, made where there is none; one of the same name must be of the same nature.
async fn consumer(
    broker: &Broker,
    name: &str,
    nature_now: &Nature,
) -> anyhow::Result<Consumer<pull::Config>> {
    let jobs = jobs(broker).await?;
    let durable = broker.subjects.shadow_consumer(name);
    if let Ok(known) = jobs.get_consumer::<pull::Config>(&durable).await {
        if nature(&known.cached_info().config.metadata).as_ref() != Some(nature_now) {
            bail!(
                "the shadow `{name}` has results of other settings, indices or stages: choose another name, or forget it by \
                 `hoidap-worker shadow remove {name}`"
            );
        }
        return Ok(known);
    }
    let config = pull::Config {
        durable_name: Some(durable),
        description: Some(format!("the shadow {name}: hears every job, keeps none from anyone")),
        filter_subject: broker.subjects.jobs(">"),
        // From now on: what was before can be replayed.
        deliver_policy: DeliverPolicy::New,
        ack_policy: AckPolicy::None,
        metadata: HashMap::from([(METADATA.to_string(), serde_json::to_string(nature_now)?)]),
        ..pull::Config::default()
    };
    Ok(jobs.create_consumer(config).await?)
}
