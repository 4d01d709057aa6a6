use std::{path::PathBuf, thread};

use clap::Args;
use hoidap_shared::{config::Config, telemetry};

use super::{report, rule::Rule, run::Replay, stages::Span};
use crate::generator::{CallBudget, FallbackProvider};

/// Words of models as they were recorded: no provider is asked.
const RECORDED: &str = "recorded";

/// Whose words answer.
#[derive(Args, Clone, Debug)]
pub struct Asks {
    /// `recorded`, or a provider of the configuration that is asked where it has not answered the same prompt in the
    /// recording.
    #[arg(long, default_value = RECORDED)]
    provider: String,
    /// Calls of `--provider` at most.
    #[arg(long, value_name = "CALLS", default_value_t = 100)]
    max_calls: u64,
    /// Stop to call `--provider` when it has cost this much; needs its prices in the configuration.
    #[arg(long, value_name = "USD")]
    max_usd: Option<f64>,
}

impl Asks {
    /// The provider that may be asked; none where only the recording's words count.
    ///
    /// # Errors
    /// When the configuration has no provider of this name.
    pub(crate) fn open(&self, config: &Config) -> anyhow::Result<Option<FallbackProvider>> {
        let budget = CallBudget { calls: self.max_calls, usd: self.max_usd };
        (self.provider != RECORDED)
            .then(|| FallbackProvider::open(config, &self.provider, budget))
            .transpose()
    }

    /// What it changes, as a report says it.
    pub(crate) fn change(&self) -> Option<String> {
        (self.provider != RECORDED).then(|| format!("provider {}", self.provider))
    }
}

/// Replays recorded traffic and compares.
#[derive(Args, Debug)]
pub struct Command {
    /// A recording that `log export` wrote: a file, a folder of them, or `-` for standard input.
    recording: PathBuf,
    /// The first stage that works again; what it takes is as it was recorded.
    #[arg(long, value_name = "STAGE")]
    from_stage: Option<String>,
    /// The last stage that works again.
    #[arg(long, value_name = "STAGE")]
    to_stage: Option<String>,
    /// A collection in this version; can be given more than once. The current ones otherwise.
    #[arg(long = "collection", value_name = "NAME=VERSION", value_parser = version)]
    collections: Vec<(String, String)>,
    /// First replay with nothing changed, and go on only if every message comes out as it was recorded, byte for byte.
    #[arg(long)]
    baseline: bool,
    /// A collection in this version for `--baseline`, where the current one is newer than the recording.
    #[arg(long = "baseline-collection", value_name = "NAME=VERSION", value_parser = version)]
    baseline_collections: Vec<(String, String)>,
    #[command(flatten)]
    asks: Asks,
    /// Jobs worked on at once; four times the number of processors when left out.
    #[arg(long)]
    jobs: Option<usize>,
    /// JSON Lines that judge: `job_id` or `question`, with `gold` (ends of the paths of pages that answer) or `rating`
    /// (`up`, `down`); can be given more than once.
    #[arg(long, value_name = "FILE")]
    labels: Vec<PathBuf>,
    /// Fail when this holds, such as `overlap@8 < 0.8 or answered < 0.95`.
    #[arg(long, value_name = "RULE")]
    fail_if: Option<Rule>,
    /// Write REPORT.json and REPORT.html. Started again after a kill, it goes on.
    #[arg(short, long, value_name = "REPORT")]
    output: Option<PathBuf>,
}

fn version(text: &str) -> Result<(String, String), String> {
    let (name, version) =
        text.split_once('=').ok_or("give it as NAME=VERSION; `hoidap-index list` shows both")?;
    Ok((name.into(), version.into()))
}

impl Command {
    /// Replays under `changed`, which is `unchanged` with the settings of the command line, `set`.
    ///
    /// # Errors
    /// When the recording or the stages cannot be opened, the baseline differs, the recording is damaged, or the rule of
    /// `--fail-if` holds.
    pub async fn run(self, unchanged: Config, mut changed: Config, set: Vec<String>) -> anyhow::Result<()> {
        telemetry::init_tls();
        let span = Span::of(self.from_stage.as_deref(), self.to_stage.as_deref())?;
        if let Some(output) = &self.output {
            let (json, html) = report::files(output);
            for path in [json, html] {
                anyhow::ensure!(
                    !path.exists(),
                    "{} is there already: name another report, or remove it",
                    path.display()
                );
            }
        }
        let mut changes = set;
        changes.extend(self.collections.iter().map(|(name, version)| format!("collection {name}={version}")));
        changed.indices.versions.extend(self.collections);
        changes.extend(self.asks.change());
        let fallback = self.asks.open(&changed)?;
        let mut before = unchanged;
        before.indices.versions.extend(self.baseline_collections);
        let replay = Replay {
            recording: self.recording,
            span,
            at_once: self
                .jobs
                .unwrap_or_else(|| 4 * thread::available_parallelism().map_or(1, usize::from))
                .max(1),
            baseline: self.baseline.then_some(before),
            changes,
            labels: self.labels,
            rule: self.fail_if,
            output: self.output,
        };
        replay.run(changed, fallback).await
    }
}
