//! Shadows: stages that work on live jobs beside those that serve visitors, with another setting, index or model.
//! Only a report shows their results.
//!
//! A shadow reads the jobs stream with a consumer of its own and replays each job as soon as it has ended, with the
//! code of `replay`. It publishes only to its own stream, and its acknowledgements concern its own consumer only.

mod follower;
mod report;

use std::{collections::HashMap, path::PathBuf, time::Duration};

use anyhow::{Context as _, bail};
use async_nats::jetstream::{
    consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull},
    stream::Stream,
};
use clap::Subcommand;
use hoidap_shared::{broker::Broker, config::Config, telemetry};
use serde::{Deserialize, Serialize};

pub use self::follower::run;
use crate::replay::FailRule;

/// The metadata key under which a consumer stores its shadow's specification.
const SPEC_METADATA_KEY: &str = "hoidap-shadow";

/// When the broker delivers a message again that a shadow has not read.
const ACK_WAIT: Duration = Duration::from_secs(10);

/// A shadow's specification, stored with its consumer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct ShadowSpec {
    from: String,
    to: String,
    changes: Vec<String>,
    versions: Vec<(String, String)>,
}

/// List shadows and report their results.
#[derive(Debug, Subcommand)]
pub enum ShadowCommand {
    /// List the shadows.
    List,
    /// Compare a shadow's results with what visitors got.
    Report {
        /// The shadow.
        name: String,
        /// Fail when this holds, such as `overlap@8 < 0.8`.
        #[arg(long, value_name = "RULE")]
        fail_if: Option<FailRule>,
        /// Write REPORT.json and REPORT.html.
        #[arg(short, long, value_name = "REPORT")]
        output: Option<PathBuf>,
    },
    /// Remove a shadow and its results.
    Remove {
        /// The shadow.
        name: String,
    },
}

impl ShadowCommand {
    /// Runs the command.
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
                let jobs = jobs_stream(&broker).await?;
                let consumer = broker.subjects.shadow_consumer(&name);
                jobs.delete_consumer(&consumer).await.with_context(|| no_such_shadow(&name))?;
                let results = broker.jetstream.get_stream(broker.subjects.stream("SHADOW")).await?;
                let gone = results.purge().filter(broker.subjects.shadow(&name)).await?.purged;
                println!("{name}: removed with {gone} results");
                Ok(())
            }
        }
    }
}

fn no_such_shadow(name: &str) -> String {
    format!("there is no shadow `{name}`: `hoidap-worker shadow list` shows all")
}

async fn jobs_stream(broker: &Broker) -> anyhow::Result<Stream> {
    let name = broker.subjects.stream("JOBS");
    broker.jetstream.get_stream(&name).await.with_context(|| format!("the stream {name} cannot be read"))
}

/// The specification in a consumer's metadata.
fn read_spec(metadata: &HashMap<String, String>) -> Option<ShadowSpec> {
    metadata.get(SPEC_METADATA_KEY).and_then(|text| serde_json::from_str(text).ok())
}

/// The shadow's consumer, created if needed. An existing one must have the same specification.
async fn shadow_consumer(broker: &Broker, name: &str, expected: &ShadowSpec) -> anyhow::Result<PullConsumer> {
    let jobs = jobs_stream(broker).await?;
    let durable = broker.subjects.shadow_consumer(name);
    if let Ok(known) = jobs.get_consumer::<pull::Config>(&durable).await {
        if read_spec(&known.cached_info().config.metadata).as_ref() != Some(expected) {
            bail!(
                "the shadow `{name}` has results of other settings, indices or stages: choose another name, or remove it with \
                 `hoidap-worker shadow remove {name}`"
            );
        }
        return Ok(known);
    }
    let config = pull::Config {
        durable_name: Some(durable),
        description: Some(format!("the shadow {name}: hears every job, keeps none from anyone")),
        filter_subject: broker.subjects.jobs(">"),
        // Earlier jobs can be replayed from a recording.
        deliver_policy: DeliverPolicy::New,
        // A paused or overloaded process loses what its client has received but not read.
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        metadata: HashMap::from([(SPEC_METADATA_KEY.to_string(), serde_json::to_string(expected)?)]),
        ..pull::Config::default()
    };
    Ok(jobs.create_consumer(config).await?)
}
