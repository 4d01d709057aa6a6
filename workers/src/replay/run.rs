use std::{path::PathBuf, sync::Arc, time::Instant};

use anyhow::bail;
use hoidap_shared::config::Config;
use serde::{Deserialize, Serialize};

use super::{
    baseline::Baseline,
    drive::{Driven, Item, drive},
    job::Recorded,
    labels::Labels,
    meaning::Meaning,
    messages::Messages,
    play::{checked, compared},
    report::{self, Head, Speed, Traffic, Versions},
    rule::Rule,
    stages::{Span, Stages},
    summary::Summary,
    tally::Tally,
};
use crate::{collections::digest, generator::FallbackProvider, part::Part, recording::bar};

/// Jobs between two notes of how far it has come.
const NOTE: u64 = 200;

/// What is replayed, and what for.
pub(super) struct Replay {
    pub(super) recording: PathBuf,
    pub(super) span: Span,
    pub(super) at_once: usize,
    /// The configuration with nothing changed, where that is to be proved first.
    pub(super) baseline: Option<Config>,
    pub(super) changes: Vec<String>,
    pub(super) labels: Vec<PathBuf>,
    pub(super) rule: Option<Rule>,
    pub(super) output: Option<PathBuf>,
}

/// How far a replay has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Progress {
    /// A digest of all that the replay depends on.
    of: String,
    /// The proof that nothing differs with nothing changed, as far as it has come.
    proving: Proving,
    baseline: Option<Baseline>,
    /// Jobs of the recording that were dealt with.
    done: u64,
    seconds: f64,
    tally: Tally,
}

/// How far a proof has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Proving {
    /// Jobs of the recording that were dealt with.
    done: u64,
    baseline: Baseline,
}

impl Replay {
    /// Replays, and says what came of it.
    pub(super) async fn run(self, changed: Config, fallback: Option<FallbackProvider>) -> anyhow::Result<()> {
        let mut labels = Labels::default();
        labels.read_feedback(&self.recording)?;
        self.labels.iter().try_for_each(|path| labels.read(path))?;
        let alone = self.changes.is_empty() && self.output.is_none();
        if let Some(unchanged) = self.baseline.as_ref().filter(|_| alone) {
            return self.prove(unchanged, &mut Progress::default(), &mut None).await;
        }
        if self.baseline.is_some() && self.recording.as_os_str() == "-" {
            bail!("standard input can be read once: prove the baseline by a run of its own, or give a file");
        }
        let stages = Stages::open(&changed, self.span, fallback).await?;
        let begin = Progress { of: self.digest(&changed, &stages), ..Progress::default() };
        let mut part = match &self.output {
            Some(output) => Some(Part::open(output, begin.clone(), |before, now| before.of == now.of)?),
            None => None,
        };
        let mut progress = part.as_mut().map_or(begin, |part| part.state().clone());
        if progress.done > 0 {
            eprintln!("goes on behind job {}", progress.done);
        }
        if let Some(unchanged) = self.baseline.as_ref().filter(|_| progress.baseline.is_none()) {
            let proved = self.prove(unchanged, &mut progress, &mut part).await;
            if proved.is_err()
                && let Some(part) = part
            {
                part.discard()?;
                return proved;
            }
            proved?;
        }
        let (stages, meaning) = (Arc::new(stages), Meaning::new(&changed));
        let driven = self.compare(&stages, labels, meaning, &mut progress, &mut part).await?;
        self.tell(&stages, progress, part, driven)
    }

    /// A digest of all that the replay depends on.
    fn digest(&self, changed: &Config, stages: &Stages) -> String {
        let recorded = std::fs::metadata(&self.recording).ok().map(|file| (file.len(), file.modified().ok()));
        digest(&[
            &format!("{} {recorded:?}", self.recording.display()),
            &format!("{:?} {:?} {:?}", self.span, self.changes, self.labels),
            &format!("{:?} {:?} {:?}", stages.versions(), changed.generator, self.baseline),
        ])
    }

    /// Replays with nothing changed: every message must come out as it was recorded.
    async fn prove(
        &self,
        unchanged: &Config,
        progress: &mut Progress,
        part: &mut Option<Part<Progress>>,
    ) -> anyhow::Result<()> {
        let stages = Arc::new(Stages::open(unchanged, self.span, None).await?.recalling_nothing());
        let skip = progress.proving.done;
        if skip > 0 {
            eprintln!("the baseline goes on behind job {skip}");
        }
        let bar = bar(&self.recording, "baseline").with_position(skip);
        let work = |recorded: Box<Recorded>, read| {
            let stages = Arc::clone(&stages);
            async move {
                let checked = checked(&stages, &Messages::read(&recorded, read)?).await;
                checked.map_err(|error| recorded.done.fault(error.to_string(), read))
            }
        };
        let driven = drive(&self.recording, skip, self.at_once, work, |item| {
            progress.proving.done += 1;
            if let Item::Job(Some(sameness)) = item {
                progress.proving.baseline.add(sameness);
            }
            bar.inc(1);
            match part.as_mut().filter(|_| progress.proving.done.is_multiple_of(NOTE)) {
                Some(part) => note(part, progress, ""),
                None => Ok(()),
            }
        });
        let driven = driven.await?;
        bar.finish_and_clear();
        let baseline = std::mem::take(&mut progress.proving).baseline;
        if let Some(fault) = driven.fault {
            let before =
                format!("{} of {} jobs came out as they were recorded", baseline.identical, baseline.jobs);
            return Err(anyhow::Error::from(fault).context(before));
        }
        baseline.proved()?;
        println!(
            "baseline: {} of {} jobs byte-identical, {} equal after rounding, 0 differences",
            baseline.identical, baseline.jobs, baseline.close
        );
        progress.baseline = Some(baseline);
        part.as_mut().map_or(Ok(()), |part| note(part, progress, ""))
    }

    async fn compare(
        &self,
        stages: &Arc<Stages>,
        labels: Labels,
        meaning: Meaning,
        progress: &mut Progress,
        part: &mut Option<Part<Progress>>,
    ) -> anyhow::Result<Driven> {
        let collaborators = Arc::new((labels, meaning));
        let work = |recorded: Box<Recorded>, read| {
            let (stages, collaborators) = (Arc::clone(stages), Arc::clone(&collaborators));
            async move {
                let (labels, meaning) = collaborators.as_ref();
                Ok(compared(&stages, labels, meaning, Messages::read(&recorded, read)?).await)
            }
        };
        let bar = bar(&self.recording, "replay").with_position(progress.done);
        let (mut lines, mut noted) = (String::new(), Instant::now());
        let skip = progress.done;
        let driven = drive(&self.recording, skip, self.at_once, work, |item| {
            progress.done += 1;
            if let Some(line) = progress.tally.take(&item)? {
                lines.push_str(&line);
                lines.push('\n');
            }
            bar.inc(1);
            if let Some(part) = part.as_mut().filter(|_| progress.done.is_multiple_of(NOTE)) {
                progress.seconds += noted.elapsed().as_secs_f64();
                noted = Instant::now();
                note(part, progress, &std::mem::take(&mut lines))?;
            }
            Ok(())
        });
        let driven = driven.await?;
        progress.seconds += noted.elapsed().as_secs_f64();
        if let Some(part) = part {
            note(part, progress, &lines)?;
        }
        bar.finish_and_clear();
        Ok(driven)
    }

    fn tell(
        self,
        stages: &Stages,
        mut progress: Progress,
        part: Option<Part<Progress>>,
        driven: Driven,
    ) -> anyhow::Result<()> {
        let summary = Summary::of(&progress.tally);
        let traffic = Traffic::of(&progress.tally);
        let speed = Speed::of(progress.seconds, progress.tally.replayed(), &traffic, &driven, self.at_once);
        let judged = self.rule.as_ref().map(|rule| rule.judge(&summary)).transpose();
        let (ruling, unjudged) = match judged {
            Ok(ruling) => (ruling, None),
            Err(error) => (None, Some(error)),
        };
        let failing =
            ruling.as_ref().filter(|ruling| ruling.failed).map(|ruling| anyhow::anyhow!("{ruling}"));
        let head = Head {
            recording: self.recording.display().to_string(),
            release: env!("CARGO_PKG_VERSION"),
            made: jiff::Timestamp::now(),
            changed: self.changes,
            baseline: progress.baseline.clone(),
            traffic,
            speed: Some(speed),
            versions: Versions::of(stages.versions(), &progress.tally),
            summary,
            fail_if: ruling,
            fault: driven.fault.as_ref().map(ToString::to_string),
        };
        let mut files = None;
        if let (Some(part), Some(output)) = (part, &self.output) {
            files = Some(report::write(&head, &mut progress.tally, &part.unfinished(), output)?);
            part.discard()?;
        }
        head.print(progress.tally.replayed());
        if let Some((json, html)) = files {
            println!("{}\n{}", json.display(), html.display());
        }
        match driven.fault.map(anyhow::Error::from).or(unjudged).or(failing) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

/// Stores how far it has come.
fn note(part: &mut Part<Progress>, progress: &Progress, lines: &str) -> anyhow::Result<()> {
    *part.state() = progress.clone();
    part.add(lines.as_bytes())
}
