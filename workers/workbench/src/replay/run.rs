use std::{path::PathBuf, sync::Arc, time::Instant};

use anyhow::bail;
use hoidap_shared::{config::Config, digest::digest};
use hoidap_stages::replayable::FallbackCalls;
use serde::{Deserialize, Serialize};

use super::{
    comparison::{baseline::BaselineTally, labels::Labels, similarity::AnswerSimilarity},
    executor::{JobResult, RunSummary, run_jobs},
    figures::{fail_rule::FailRule, summary::ReplaySummary, tally::ReplayTally},
    replay_job::{replay_and_check, replay_and_compare},
    report::{self, ReplaySpeed, ReportHead, StageVersions, TrafficPeriod},
    stages::{ReplayStages, StageRange},
};

use crate::{
    recording::{JobMessages, RecordedJob, job_progress_bar},
    resumable_file::ResumableFile,
};

/// Jobs between two checkpoints.
const CHECKPOINT_INTERVAL_JOBS: u64 = 200;

/// A replay run and its options.
pub(super) struct Replay {
    pub(super) recording: PathBuf,
    pub(super) range: StageRange,
    pub(super) at_once: usize,
    /// The unchanged configuration, if the baseline is to be checked first.
    pub(super) baseline: Option<Config>,
    pub(super) changes: Vec<String>,
    pub(super) labels: Vec<PathBuf>,
    pub(super) rule: Option<FailRule>,
    pub(super) output: Option<PathBuf>,
}

/// The checkpoint state of a replay.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct ReplayProgress {
    /// Digest of everything that the replay depends on.
    of: String,
    /// Progress of the baseline check.
    proving: BaselineProgress,
    baseline: Option<BaselineTally>,
    /// Jobs of the recording that are done.
    done: u64,
    seconds: f64,
    tally: ReplayTally,
}

/// Progress of a baseline check.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct BaselineProgress {
    /// Jobs of the recording that are done.
    done: u64,
    baseline: BaselineTally,
}

impl Replay {
    /// Checks the baseline if asked to, replays, and writes the report.
    pub(super) async fn run(self, changed: Config, fallback: Option<&FallbackCalls>) -> anyhow::Result<()> {
        let mut labels = Labels::default();
        labels.read_feedback(&self.recording)?;
        self.labels.iter().try_for_each(|path| labels.read(path))?;
        let alone = self.changes.is_empty() && self.output.is_none();
        if let Some(unchanged) = self.baseline.as_ref().filter(|_| alone) {
            return self.check_baseline(unchanged, &mut ReplayProgress::default(), &mut None).await;
        }
        if self.baseline.is_some() && self.recording.as_os_str() == "-" {
            bail!(
                "standard input can be read only once: check the baseline in a separate run, or give a file"
            );
        }
        let stages = ReplayStages::open(&changed, self.range, fallback).await?;
        let begin = ReplayProgress { of: self.digest(&changed, &stages), ..ReplayProgress::default() };
        let mut file = match &self.output {
            Some(output) => {
                Some(ResumableFile::open(output, begin.clone(), |before, now| before.of == now.of)?)
            }
            None => None,
        };
        let mut progress = file.as_mut().map_or(begin, |file| file.state().clone());
        if progress.done > 0 {
            eprintln!("resumes after job {}", progress.done);
        }
        if let Some(unchanged) = self.baseline.as_ref().filter(|_| progress.baseline.is_none()) {
            let proved = self.check_baseline(unchanged, &mut progress, &mut file).await;
            if proved.is_err()
                && let Some(file) = file
            {
                file.discard()?;
                return proved;
            }
            proved?;
        }
        let (stages, meaning) = (Arc::new(stages), AnswerSimilarity::new(&changed));
        let run_summary = self.compare(&stages, labels, meaning, &mut progress, &mut file).await?;
        self.write_and_print_report(&stages, progress, file, run_summary)
    }

    /// Digest of everything that the replay depends on.
    fn digest(&self, changed: &Config, stages: &ReplayStages) -> String {
        let recorded = std::fs::metadata(&self.recording).ok().map(|file| (file.len(), file.modified().ok()));
        digest(&[
            &format!("{} {recorded:?}", self.recording.display()),
            &format!("{:?} {:?} {:?}", self.range, self.changes, self.labels),
            &format!("{:?} {:?} {:?}", stages.versions(), changed.generator, self.baseline),
        ])
    }

    /// Replays with nothing changed: every message must equal the recorded one.
    async fn check_baseline(
        &self,
        unchanged: &Config,
        progress: &mut ReplayProgress,
        file: &mut Option<ResumableFile<ReplayProgress>>,
    ) -> anyhow::Result<()> {
        let stages =
            Arc::new(ReplayStages::open(unchanged, self.range, None).await?.without_recorded_embeddings());
        let skip = progress.proving.done;
        if skip > 0 {
            eprintln!("the baseline resumes after job {skip}");
        }
        let bar = job_progress_bar(&self.recording, "baseline").with_position(skip);
        let work = |recorded: Box<RecordedJob>, read| {
            let stages = Arc::clone(&stages);
            async move {
                let checked = replay_and_check(&stages, &JobMessages::decode(&recorded, read)?).await;
                checked.map_err(|error| recorded.done.error_at(error.to_string(), read))
            }
        };
        let run_summary = run_jobs(&self.recording, skip, self.at_once, work, |item| {
            progress.proving.done += 1;
            if let JobResult::Job(Some(result)) = item {
                progress.proving.baseline.add(result);
            }
            bar.inc(1);
            match file.as_mut().filter(|_| progress.proving.done.is_multiple_of(CHECKPOINT_INTERVAL_JOBS)) {
                Some(file) => save_progress(file, progress, ""),
                None => Ok(()),
            }
        });
        let run_summary = run_summary.await?;
        bar.finish_and_clear();
        let baseline = std::mem::take(&mut progress.proving).baseline;
        if let Some(fault) = run_summary.fault {
            let before = format!("{} of {} jobs equal the recording", baseline.identical, baseline.jobs);
            return Err(anyhow::Error::from(fault).context(before));
        }
        baseline.ensure_unchanged()?;
        println!(
            "baseline: {} of {} jobs byte-identical, {} equal after rounding, 0 differences",
            baseline.identical, baseline.jobs, baseline.close
        );
        progress.baseline = Some(baseline);
        file.as_mut().map_or(Ok(()), |file| save_progress(file, progress, ""))
    }

    async fn compare(
        &self,
        stages: &Arc<ReplayStages>,
        labels: Labels,
        meaning: AnswerSimilarity,
        progress: &mut ReplayProgress,
        file: &mut Option<ResumableFile<ReplayProgress>>,
    ) -> anyhow::Result<RunSummary> {
        let collaborators = Arc::new((labels, meaning));
        let work = |recorded: Box<RecordedJob>, read| {
            let (stages, collaborators) = (Arc::clone(stages), Arc::clone(&collaborators));
            async move {
                let (labels, meaning) = collaborators.as_ref();
                Ok(replay_and_compare(&stages, labels, meaning, JobMessages::decode(&recorded, read)?).await)
            }
        };
        let bar = job_progress_bar(&self.recording, "replay").with_position(progress.done);
        let (mut lines, mut noted) = (String::new(), Instant::now());
        let skip = progress.done;
        let run_summary = run_jobs(&self.recording, skip, self.at_once, work, |item| {
            progress.done += 1;
            if let Some(line) = progress.tally.add_result(&item)? {
                lines.push_str(&line);
                lines.push('\n');
            }
            bar.inc(1);
            if let Some(file) =
                file.as_mut().filter(|_| progress.done.is_multiple_of(CHECKPOINT_INTERVAL_JOBS))
            {
                progress.seconds += noted.elapsed().as_secs_f64();
                noted = Instant::now();
                save_progress(file, progress, &std::mem::take(&mut lines))?;
            }
            Ok(())
        });
        let run_summary = run_summary.await?;
        progress.seconds += noted.elapsed().as_secs_f64();
        if let Some(file) = file {
            save_progress(file, progress, &lines)?;
        }
        bar.finish_and_clear();
        Ok(run_summary)
    }

    fn write_and_print_report(
        self,
        stages: &ReplayStages,
        mut progress: ReplayProgress,
        file: Option<ResumableFile<ReplayProgress>>,
        run_summary: RunSummary,
    ) -> anyhow::Result<()> {
        let summary = ReplaySummary::of(&progress.tally);
        let traffic = TrafficPeriod::of(&progress.tally);
        let speed = ReplaySpeed::of(
            progress.seconds,
            progress.tally.replayed(),
            &traffic,
            &run_summary,
            self.at_once,
        );
        let judged = self.rule.as_ref().map(|rule| rule.evaluate(&summary)).transpose();
        let (ruling, unjudged) = match judged {
            Ok(ruling) => (ruling, None),
            Err(error) => (None, Some(error)),
        };
        let failing =
            ruling.as_ref().filter(|ruling| ruling.failed).map(|ruling| anyhow::anyhow!("{ruling}"));
        let head = ReportHead {
            recording: self.recording.display().to_string(),
            release: env!("CARGO_PKG_VERSION"),
            made: jiff::Timestamp::now(),
            changed: self.changes,
            baseline: progress.baseline.clone(),
            traffic,
            speed: Some(speed),
            versions: StageVersions::of(stages.versions(), &progress.tally),
            summary,
            fail_if: ruling,
            fault: run_summary.fault.as_ref().map(ToString::to_string),
        };
        let mut files = None;
        if let (Some(file), Some(output)) = (file, &self.output) {
            files = Some(report::write_report(&head, &mut progress.tally, &file.partial_path(), output)?);
            file.discard()?;
        }
        head.print(progress.tally.replayed());
        if let Some((json, html)) = files {
            println!("{}\n{}", json.display(), html.display());
        }
        match run_summary.fault.map(anyhow::Error::from).or(unjudged).or(failing) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

/// Stores a checkpoint and appends lines.
fn save_progress(
    file: &mut ResumableFile<ReplayProgress>,
    progress: &ReplayProgress,
    lines: &str,
) -> anyhow::Result<()> {
    *file.state() = progress.clone();
    file.append(lines.as_bytes())
}
