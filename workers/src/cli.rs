//! The command line of `hoidap-worker`.

use std::path::PathBuf;

use anyhow::bail;
use clap::{Parser, Subcommand};
use hoidap_runtime::{
    canary::{CanaryOptions, SessionShare},
    process,
};
use hoidap_shared::{
    config::Config,
    signals::{exit_on_termination, reset_sigpipe},
    telemetry,
};
use hoidap_workbench::{
    audit, canary_command, dead_letters, eval, inspect, reader_features, recording, replay, shadow,
    verifier_eval,
};

use crate::{services, setup};

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
    /// Create or update the streams and buckets on the broker, as the operator. Needed once, and again when their settings
    /// change.
    Setup,
    /// Run stages of the pipeline, or the analytics sink.
    Run {
        #[arg(required_unless_present = "all")]
        stages: Vec<String>,
        /// Every stage and the analytics sink in one process.
        #[arg(long, conflicts_with = "stages")]
        all: bool,
        /// Process the same jobs as the stages that serve visitors, as a shadow of this name. The results go only to
        /// `shadow report`.
        #[arg(long, value_name = "NAME", conflicts_with = "all")]
        shadow: Option<String>,
        /// Run a canary that serves this share of the sessions, such as 5%, until its errors or latency are worse than those
        /// of the stage.
        #[arg(long, value_name = "SHARE", conflicts_with_all = ["all", "shadow"])]
        canary: Option<SessionShare>,
        #[command(flatten)]
        provider_options: replay::ProviderOptions,
    },
    /// Measure the stages on labelled questions.
    Eval(eval::EvalCommand),
    /// Measure how well answers are verified, on sentences generated from the documents.
    Judge(verifier_eval::VerifierEvalCommand),
    /// Write the ranking features of labelled questions, to train the ranker's weights.
    Features(reader_features::ReaderFeaturesCommand),
    #[command(subcommand, about = "List dead letters, and send their messages again")]
    Dead(dead_letters::DeadLetterCommand),
    #[command(
        subcommand,
        about = "List shadows, which `run STAGE --shadow NAME` starts, and show their results"
    )]
    Shadow(shadow::ShadowCommand),
    #[command(
        subcommand,
        about = "List canaries, which `run STAGE --canary SHARE` starts, or have them judged anew"
    )]
    Canary(canary_command::CanaryCommand),
    /// Show how one question passed through the stages, from NATS or from a recording.
    Inspect(inspect::InspectCommand),
    /// Replay recorded traffic with another setting, index or model, and compare.
    Replay(Box<replay::ReplayCommand>),
    #[command(subcommand, about = "Simulate a setting on recorded traffic before it is switched on")]
    Audit(audit::AuditCommand),
    #[command(subcommand, about = "Record traffic into files, and read them")]
    Log(recording::RecordingCommand),
    #[command(subcommand, about = "Rebuild tables from the streams, while everything runs")]
    Rebuild(hoidap_analytics::Rebuild),
}

/// Runs the command.
///
/// # Errors
/// One sentence that says what is wrong and what to do.
pub async fn run(Arguments { config, set, command }: Arguments) -> anyhow::Result<()> {
    // A process with jobs in flight handles signals itself.
    if !matches!(command, Command::Run { .. }) {
        exit_on_termination()?;
        reset_sigpipe()?;
    }
    let file = config;
    let config = Config::load(file.as_deref(), &set)?;
    telemetry::init_logs(&config.telemetry)?;
    let set = Config::result_settings(&set);
    match command {
        Command::Setup => setup::run(&config).await,
        Command::Run { all: true, .. } => {
            let services = services::select(&services::all_names(), None)?;
            process::run(config, services).await
        }
        Command::Run { stages, shadow: Some(name), provider_options, .. } => {
            shadow::run(&config, &name, &stages, &provider_options, set).await
        }
        Command::Run { provider_options, .. } if provider_options.described_change().is_some() => {
            bail!(
                "--provider belongs to --shadow: the stages that serve visitors ask those of generator.providers"
            )
        }
        Command::Run { stages, canary, .. } => {
            let canary = canary.map(|share| CanaryOptions { share, changes: set });
            let services = services::select(&stages, canary.as_ref())?;
            process::run(config, services).await
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
