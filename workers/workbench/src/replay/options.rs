use std::{path::PathBuf, thread};

use clap::Args;
use hoidap_shared::{config::Config, telemetry};
use hoidap_stages::replayable::FallbackCalls;

use super::{figures::fail_rule::FailRule, report, run::Replay, stages::StageRange};

/// The `--provider` that uses only recorded calls.
const RECORDED_PROVIDER: &str = "recorded";

/// Which provider answers.
#[derive(Args, Clone, Debug)]
pub struct ProviderOptions {
    /// `recorded`, or a provider of the configuration that is asked where it has not answered the same prompt in the
    /// recording.
    #[arg(long, default_value = RECORDED_PROVIDER)]
    provider: String,
    /// Calls of `--provider` at most.
    #[arg(long, value_name = "CALLS", default_value_t = 100)]
    max_calls: u64,
    /// Stop to call `--provider` when it has cost this much; needs its prices in the configuration.
    #[arg(long, value_name = "USD")]
    max_usd: Option<f64>,
}

impl ProviderOptions {
    /// The calls that may be made; `None` if only recorded ones are used.
    pub(crate) fn fallback(&self) -> Option<FallbackCalls> {
        (self.provider != RECORDED_PROVIDER).then(|| FallbackCalls {
            provider: self.provider.clone(),
            calls: self.max_calls,
            usd: self.max_usd,
        })
    }

    /// The change, as the report lists it.
    pub fn described_change(&self) -> Option<String> {
        (self.provider != RECORDED_PROVIDER).then(|| format!("provider {}", self.provider))
    }
}

/// Replays recorded traffic and compares.
#[derive(Args, Debug)]
pub struct ReplayCommand {
    /// A recording that `log export` wrote: a file, a folder of them, or `-` for standard input.
    recording: PathBuf,
    /// The first stage to replay; its input is the recorded one.
    #[arg(long, value_name = "STAGE")]
    from_stage: Option<String>,
    /// The last stage to replay.
    #[arg(long, value_name = "STAGE")]
    to_stage: Option<String>,
    /// A collection's version; can be given more than once. The current version otherwise.
    #[arg(long = "collection", value_name = "NAME=VERSION", value_parser = parse_collection_version)]
    collections: Vec<(String, String)>,
    /// First replay with nothing changed, and continue only if every message is byte-identical to the recorded one.
    #[arg(long)]
    baseline: bool,
    /// A collection's version for `--baseline`, if the current one is newer than the recording.
    #[arg(long = "baseline-collection", value_name = "NAME=VERSION", value_parser = parse_collection_version)]
    baseline_collections: Vec<(String, String)>,
    #[command(flatten)]
    provider_options: ProviderOptions,
    /// Concurrent jobs; four times the number of processors by default.
    #[arg(long)]
    jobs: Option<usize>,
    /// Labels as JSON Lines: `job_id` or `question`, with `gold` (ends of the paths of pages that answer) or `rating`
    /// (`up`, `down`); can be given more than once.
    #[arg(long, value_name = "FILE")]
    labels: Vec<PathBuf>,
    /// Fail when this holds, such as `overlap@8 < 0.8 or answered < 0.95`.
    #[arg(long, value_name = "RULE")]
    fail_if: Option<FailRule>,
    /// Write REPORT.json and REPORT.html. Resumes after a kill.
    #[arg(short, long, value_name = "REPORT")]
    output: Option<PathBuf>,
}

fn parse_collection_version(text: &str) -> Result<(String, String), String> {
    let (name, version) =
        text.split_once('=').ok_or("give it as NAME=VERSION; `hoidap-index list` shows both")?;
    Ok((name.into(), version.into()))
}

impl ReplayCommand {
    /// Replays under `changed`, which is `unchanged` with the settings of the command line (`set`).
    ///
    /// # Errors
    /// When the recording or the stages cannot be opened, the baseline differs, the recording is damaged, or the rule of
    /// `--fail-if` holds.
    pub async fn run(self, unchanged: Config, mut changed: Config, set: Vec<String>) -> anyhow::Result<()> {
        telemetry::init_tls();
        let range = StageRange::of(self.from_stage.as_deref(), self.to_stage.as_deref())?;
        if let Some(output) = &self.output {
            let (json, html) = report::report_paths(output);
            for path in [json, html] {
                anyhow::ensure!(
                    !path.exists(),
                    "{} already exists: name another report, or remove it",
                    path.display()
                );
            }
        }
        let mut changes = set;
        changes.extend(self.collections.iter().map(|(name, version)| format!("collection {name}={version}")));
        changed.indices.versions.extend(self.collections);
        changes.extend(self.provider_options.described_change());
        let fallback = self.provider_options.fallback();
        let mut before = unchanged;
        before.indices.versions.extend(self.baseline_collections);
        let replay = Replay {
            recording: self.recording,
            range,
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
        replay.run(changed, fallback.as_ref()).await
    }
}
