use std::{collections::HashSet, time::Instant};

use anyhow::{Context as _, bail};
use hoidap_shared::{
    config::Config,
    job::{Envelope, Hop, now_ms},
    stage::{NextStep, STAGES, StageError},
};
use hoidap_stages::{
    pipeline::{OpenStage, pipeline},
    replayable::{FallbackCalls, RecordedWork},
};

use super::{
    comparison::job_report::{RemovedDocument, ReplayFailure},
    figures::removed_documents::removed_documents,
    replayed_stage::ReplayedStage,
};

use crate::recording::JobMessages;

/// Minimum time for one job in milliseconds, so that a busy machine does not end it.
const MIN_BUDGET_MS: u64 = 60_000;

/// The stages opened for a replay.
pub(crate) struct ReplayStages {
    /// The stages of the range, in order.
    stages: Vec<Box<dyn OpenStage>>,
    /// The documents in service, by collection and source; `None` if no replayed stage searches.
    documents: Option<HashSet<(String, String)>>,
    /// Whether recorded embeddings are reused.
    reuses_embeddings: bool,
    range: StageRange,
}

/// A range of stages, by index in [`STAGES`]; both ends included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StageRange {
    from: usize,
    to: usize,
}

impl StageRange {
    /// The range between two names, both included.
    pub(crate) fn of(from: Option<&str>, to: Option<&str>) -> anyhow::Result<Self> {
        let index = |stage: &str| {
            let index = STAGES.iter().position(|name| *name == stage);
            index.with_context(|| format!("`{stage}` is not a stage: choose from {}", STAGES.join(", ")))
        };
        let from = from.map_or(Ok(0), index)?;
        let to = to.map_or(Ok(STAGES.len() - 1), index)?;
        if from > to {
            bail!("--from-stage {} comes after --to-stage {}", STAGES[from], STAGES[to]);
        }
        Ok(Self { from, to })
    }

    /// The smallest range that contains the named stages.
    pub(crate) fn covering(stages: &[String]) -> anyhow::Result<Self> {
        for stage in stages {
            Self::of(Some(stage), Some(stage))?;
        }
        let mut named = STAGES.into_iter().filter(|name| stages.iter().any(|stage| stage == name));
        let first = named.next();
        Self::of(first, named.next_back().or(first))
    }

    /// The names of the first and the last stage.
    pub(crate) fn names(self) -> (&'static str, &'static str) {
        (STAGES[self.from], STAGES[self.to])
    }
}

impl ReplayStages {
    /// Whether a canary worked on one of the replayed stages.
    pub(super) fn worked_by_canary(&self, messages: &JobMessages) -> bool {
        let replayed = &STAGES[self.range.from..=self.range.to];
        messages.answer.hops.iter().any(|hop| hop.canary && replayed.contains(&hop.stage.as_str()))
    }

    /// The removed documents that a recorded job had found; none if the retriever is not replayed.
    pub(super) fn removed_documents(&self, messages: &JobMessages) -> Vec<RemovedDocument> {
        self.documents.as_ref().map(|documents| removed_documents(messages, documents)).unwrap_or_default()
    }

    /// Opens the stages of a range.
    ///
    /// # Errors
    /// When a stage cannot be opened, or a collection cannot be searched.
    pub(crate) async fn open(
        config: &Config,
        range: StageRange,
        fallback: Option<&FallbackCalls>,
    ) -> anyhow::Result<Self> {
        // Indices must not be reloaded during a replay.
        let mut config = config.clone();
        config.indices.reload_ms = 0;
        let mut stages = Vec::new();
        for stage in &pipeline()[range.from..=range.to] {
            stages.push((stage.open_for_replay)(&config, fallback).await?);
        }
        let documents = stages.iter().find_map(|stage| stage.documents());
        Ok(Self { stages, documents, reuses_embeddings: true, range })
    }

    /// Computes every embedding anew, for the baseline check.
    pub(super) fn without_recorded_embeddings(self) -> Self {
        Self { reuses_embeddings: false, ..self }
    }

    /// The version of each replayed stage.
    pub(crate) fn versions(&self) -> Vec<(String, String)> {
        self.stages.iter().map(|stage| (stage.name().to_string(), stage.version())).collect()
    }

    /// Replays a job. The first stage gets the recorded input, each further one the replayed output of the stage
    /// before.
    pub(super) async fn replay(&self, messages: &JobMessages) -> Vec<ReplayedStage> {
        let inputs = (self.range.from..=self.range.to).map(|index| Some((index, messages.input(index)?)));
        let Some((first, input)) = inputs.flatten().next() else { return Vec::new() };
        let mut job = with_fresh_deadline(input);
        job.hops = recorded_hops(messages, first);
        let mut replayed = Vec::new();
        for (index, stage) in (self.range.from..).zip(&self.stages).skip_while(|(index, _)| *index < first) {
            let before = messages.output(index);
            let recorded = RecordedWork {
                input: messages.input(index).map(|input| &input.body),
                output: &before,
                answer: &messages.answer,
                reuses_embeddings: self.reuses_embeddings,
            };
            let began = Instant::now();
            let result = stage.process(job, Some(recorded)).await;
            let worked_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            let (after, next) = match result {
                Ok(NextStep::Forward(next)) => (Ok(next.body.clone()), Some(next)),
                Ok(NextStep::Answer(answer)) => (Ok(answer.into()), None),
                Err(error) => (Err(ReplayFailure::from(error)), None),
            };
            replayed.push(ReplayedStage { stage: stage.name(), before, after, worked_ms });
            match next {
                Some(next) => job = next,
                None => break,
            }
        }
        replayed
    }
}

impl From<StageError> for ReplayFailure {
    fn from(error: StageError) -> Self {
        match error {
            StageError::Permanent { code, reason } => Self { code: code.into(), what: reason },
            StageError::Retry { reason, .. } => Self { code: "failed".into(), what: reason },
        }
    }
}

/// The hops before the stage with this index, with the recorded versions: those of the answer, since the hops of earlier
/// releases have none.
fn recorded_hops(messages: &JobMessages, stage: usize) -> Vec<Hop> {
    let versions = &messages.answer.body.versions;
    let known = STAGES[..stage].iter().filter_map(|name| Some((name, versions.get(*name)?)));
    let hop = |(name, version): (&&str, &String)| Hop {
        stage: (*name).into(),
        delivery: 1,
        version: version.clone(),
        ..Hop::default()
    };
    known.map(hop).collect()
}

/// The job with its original time budget, starting now.
fn with_fresh_deadline<T: Clone>(job: &Envelope<T>) -> Envelope<T> {
    let budget = job.deadline_ms.saturating_sub(job.accepted_ms).max(MIN_BUDGET_MS);
    Envelope { deadline_ms: now_ms().saturating_add(budget), ..job.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_an_order() {
        assert!(StageRange::of(Some("retriever"), None).is_ok());
        let wrong = StageRange::of(Some("generator"), Some("retriever")).unwrap_err().to_string();
        assert!(wrong.contains("comes after"), "{wrong}");
        let names = |stages: &[&str]| {
            StageRange::covering(&stages.iter().map(ToString::to_string).collect::<Vec<_>>())
                .map(StageRange::names)
        };
        assert_eq!(names(&["generator", "retriever"]).unwrap(), ("retriever", "generator"));
        assert_eq!(names(&["retriever"]).unwrap(), ("retriever", "retriever"));
        assert!(names(&["retriever", "analytics"]).is_err());
        assert!(
            StageRange::of(Some("sink"), None).unwrap_err().to_string().contains("classifier, retriever")
        );
    }
}
