//! The command line of `hoidap-worker`.

use std::path::PathBuf;

use anyhow::bail;
use clap::{Parser, Subcommand};
use hoidap_shared::{config::Config, pipe::end_with_the_reader, signals::end_on_termination, telemetry};

use crate::{
    analytics, audit, canary, dead, eval, inspect, process, reader_features, recording, replay, setup,
    shadow, verifier_eval,
};

/// The workers of Hoidap: each stage of answering a question, and the tools around them.
#[derive(Debug, Parser)]
#[command(name = "hoidap-worker", version)]
pub struct Arguments {
    /// The configuration file; HOIDAP_CONFIG or ./hoidap.toml when left out.
    #[arg(long, global = true)]
    pub config: Option<PathBuf>,
    /// A setting for this run, such as `retriever.depth=4`; can be given more than once.
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the streams and buckets on the broker, as the operator; needed once, and again when their settings change.
    Setup,
    /// Run stages: classifier, retriever, generator, analytics.
    Run {
        #[arg(required_unless_present = "all")]
        stages: Vec<String>,
        /// Every stage and the analytics sink in one process.
        #[arg(long, conflicts_with = "stages")]
        all: bool,
        /// Work on the same jobs beside the stages that serve visitors, as a shadow of this name: what comes out goes to
        /// `shadow report` and to nobody else.
        #[arg(long, value_name = "NAME", conflicts_with = "all")]
        shadow: Option<String>,
        /// Serve this share of the sessions, such as 5%, beside the stages that serve all others, until errors or latency
        /// turn out worse than theirs.
        #[arg(long, value_name = "SHARE", conflicts_with_all = ["all", "shadow"])]
        canary: Option<canary::Share>,
        #[command(flatten)]
        asks: replay::Asks,
    },
    /// Measure the stages on labelled questions.
    Eval(eval::Command),
    /// Measure the verifier's error rates on claims generated from the documents.
    Judge(verifier_eval::Command),
    /// Write what the reader sees of labelled questions, to learn its weights from.
    Features(reader_features::Command),
    #[command(subcommand, about = "Look at dead letters, and send their messages again")]
    Dead(dead::Command),
    #[command(
        subcommand,
        about = "Look at shadows, which `run STAGE --shadow NAME` starts, and at their results"
    )]
    Shadow(shadow::Command),
    #[command(subcommand, about = "Look at canaries, which `run STAGE --canary SHARE` starts")]
    Canary(canary::Command),
    /// Show one question's way through every stage, from NATS or from a recording.
    Inspect(inspect::Command),
    /// Replay recorded traffic with another setting, index or model, and compare.
    Replay(Box<replay::Command>),
    #[command(
        subcommand,
        about = "Ask recorded traffic what a setting would have done to it, before it is switched on"
    )]
    Audit(audit::Command),
    #[command(subcommand, about = "Write recorded traffic into files, and read them")]
    Log(recording::Command),
    #[command(subcommand, about = "Write tables again from what the streams hold, while everything runs")]
    Rebuild(analytics::Rebuild),
}

/// Does what the command line says.
///
/// # Errors
/// What is wrong and what to do, in one sentence.
pub async fn run(Arguments { config, set, command }: Arguments) -> anyhow::Result<()> {
    // What runs stages has jobs in flight, and listens for itself.
    if !matches!(command, Command::Run { .. }) {
        end_on_termination()?;
        end_with_the_reader()?;
    }
    let file = config;
    let config = Config::load(file.as_deref(), &set)?;
    telemetry::init_logs(&config.telemetry)?;
    let set = Config::making(&set);
    match command {
        Command::Setup => setup::run(&config).await,
        Command::Run { all: true, .. } => process::run(config, &process::every_name(), None).await,
        Command::Run { stages, shadow: Some(name), asks, .. } => {
            shadow::run(&config, &name, &stages, &asks, set).await
        }
        Command::Run { asks, .. } if asks.change().is_some() => {
            bail!(
                "--provider belongs to --shadow: the stages that serve visitors ask those of generator.providers"
            )
        }
        Command::Run { stages, canary, .. } => {
            let offer = canary.map(|share| canary::Offer { share, changes: set });
            process::run(config, &stages, offer).await
        }
        Command::Eval(command) => command.run(&config).await,
        Command::Judge(command) => command.run(&config).await,
        Command::Features(command) => command.run(&config).await,
        Command::Dead(command) => command.run(&config).await,
        Command::Shadow(command) => command.run(&config).await,
        Command::Canary(command) => command.run(&config).await,
        Command::Inspect(command) => command.run(&config).await,
        Command::Replay(command) => {
            Box::pin(command.run(Config::load(file.as_deref(), &[])?, config, set)).await
        }
        Command::Audit(command) => command.run(&config).await,
        Command::Log(command) => command.run(&config).await,
        Command::Rebuild(command) => command.run(&config).await,
    }
}
