use std::{collections::HashSet, panic::AssertUnwindSafe, sync::Arc, time::Instant};

use anyhow::{Context as _, bail};
use futures::FutureExt as _;
use hoidap_shared::{
    config::Config,
    job::{Classified, Envelope, Retrieved, now_ms},
    progress::ProgressSink,
    stage::{NextStep, STAGES, Stage, StageError},
};

use super::{
    comparison::job_report::{RemovedDocument, ReplayFailure},
    figures::removed_documents::removed_documents,
    stage_output::{ReplayedStage, StageOutput},
};
use crate::{
    classifier::Classifier,
    generator::{FallbackProvider, Generator, RecordedCalls, RecordedResponses},
    recording::JobMessages,
    retriever::Retriever,
};

/// Minimum time for one job in milliseconds, so that a busy machine does not end it.
const MIN_BUDGET_MS: u64 = 60_000;

/// The stages opened for a replay; those outside the range are left closed where they would load a model.
pub(crate) struct ReplayStages {
    classifier: Option<Classifier>,
    retriever: Retriever,
    /// The documents in service, by collection and source; `None` if the retriever is not replayed.
    documents: Option<HashSet<(String, String)>>,
    generator: Option<Generator>,
    recorded_calls: Arc<RecordedResponses>,
    /// Whether recorded embeddings are reused.
    uses_recorded_embeddings: bool,
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
        let place = |stage: &str| {
            let place = STAGES.iter().position(|name| *name == stage);
            place.with_context(|| format!("`{stage}` is not a stage: choose from {}", STAGES.join(", ")))
        };
        let from = from.map_or(Ok(0), place)?;
        let to = to.map_or(Ok(STAGES.len() - 1), place)?;
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

    /// Whether the range contains the stage with this index.
    fn contains(self, place: usize) -> bool {
        (self.from..=self.to).contains(&place)
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

    /// Opens the stages of a range, and checks that every collection can be searched.
    pub(crate) async fn open(
        config: &Config,
        range: StageRange,
        asking: Option<FallbackProvider>,
    ) -> anyhow::Result<Self> {
        // Indices must not be reloaded during a replay.
        let mut config = config.clone();
        config.indices.reload_ms = 0;
        let recorded_calls = Arc::new(RecordedResponses::default());
        let retriever = Retriever::open(&config).await?;
        let sick = retriever.status().components.into_iter().find(|component| !component.healthy);
        if let Some(component) = sick {
            bail!("{} cannot be replayed: {}", component.name, component.detail);
        }
        let classifier = if range.contains(0) { Some(Classifier::open(&config).await?) } else { None };
        let generator = if range.contains(2) { Some(Generator::open(&config).await?) } else { None };
        let generator = generator.map(|generator| generator.replaying(Arc::clone(&recorded_calls), asking));
        let documents = range.contains(1).then(|| retriever.documents());
        Ok(Self {
            classifier,
            retriever,
            documents,
            generator,
            recorded_calls,
            uses_recorded_embeddings: true,
            range,
        })
    }

    /// Computes every embedding anew, for the baseline check.
    pub(super) fn without_recorded_embeddings(self) -> Self {
        Self { uses_recorded_embeddings: false, ..self }
    }

    /// The version of each replayed stage.
    pub(crate) fn versions(&self) -> Vec<(String, String)> {
        let all = [
            self.classifier.as_ref().map(Stage::status),
            self.range.contains(1).then(|| self.retriever.status()),
            self.generator.as_ref().map(Stage::status),
        ];
        let named = STAGES.into_iter().zip(all);
        named.filter_map(|(stage, status)| Some((stage.to_string(), status?.version))).collect()
    }

    /// Replays a job. The first stage gets the recorded input, each further one the replayed output of the stage
    /// before.
    pub(super) async fn replay(&self, messages: &JobMessages) -> Vec<ReplayedStage> {
        let there =
            [messages.question.is_some(), messages.classified.is_some(), messages.retrieved.is_some()];
        let Some(first) = (self.range.from..=self.range.to).find(|place| there[*place]) else {
            return Vec::new();
        };
        if let (true, Some(classifier), Some(recorded)) =
            (self.uses_recorded_embeddings, &self.classifier, &messages.classified)
        {
            classifier.reuse_embeddings(&recorded.body);
        }
        let mut replay = JobReplay { messages, steps: Vec::new() };
        let question = messages.question.as_ref().filter(|_| first == 0).map(with_fresh_deadline);
        let classified: Option<Envelope<Classified>> = match question {
            Some(job) => replay.run_stage(0, self.classifier.as_ref(), job).await,
            None => messages.classified.as_ref().filter(|_| first == 1).map(with_fresh_deadline),
        };
        let retrieved: Option<Envelope<Retrieved>> = match classified {
            Some(job) => replay.run_stage(1, self.range.contains(1).then_some(&self.retriever), job).await,
            None => messages.retrieved.as_ref().filter(|_| first == 2).map(with_fresh_deadline),
        };
        if let (Some(generator), Some(job)) = (&self.generator, retrieved) {
            self.provide_recorded_calls(messages, &job.body);
            replay.run_stage(2, Some(generator), job).await;
            self.recorded_calls.take(&messages.answer.job_id);
        }
        replay.steps
    }

    /// Makes the recorded provider calls of a job available. If no model was called for it, that holds only for the
    /// same passages.
    fn provide_recorded_calls(&self, messages: &JobMessages, now: &Retrieved) {
        let answer = &messages.answer.body;
        let same = || messages.retrieved.as_ref().is_some_and(|before| before.body == *now);
        if !answer.attempts.is_empty() || answer.provider.is_some() || same() {
            let version = answer.versions.get(STAGES[2]).cloned().unwrap_or_default();
            let before = RecordedCalls { version, attempts: answer.attempts.clone() };
            self.recorded_calls.insert(messages.answer.job_id.clone(), before);
        }
    }
}

/// A job being replayed.
struct JobReplay<'a> {
    messages: &'a JobMessages,
    steps: Vec<ReplayedStage>,
}

impl JobReplay<'_> {
    /// Runs a stage on the job, if it is in the range. Returns the next stage's input, if the job goes on.
    async fn run_stage<S: Stage>(
        &mut self,
        place: usize,
        stage: Option<&S>,
        job: Envelope<S::In>,
    ) -> Option<Envelope<S::Out>>
    where
        S::Out: Clone + Into<StageOutput>,
    {
        let stage = stage?;
        let began = Instant::now();
        let working = AssertUnwindSafe(stage.process(&job, &ProgressSink::default())).catch_unwind().await;
        let panicked =
            || StageError::Retry { reason: format!("{} panicked on this job", S::NAME), after: None };
        let next = working.unwrap_or_else(|_| Err(panicked()));
        let worked_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (after, goes_on) = match next {
            Ok(NextStep::Forward(body)) => (Ok(body.clone().into()), Some(body)),
            Ok(NextStep::Answer(answer)) => (Ok(answer.into()), None),
            Err(StageError::Permanent { code, reason }) => {
                (Err(ReplayFailure { code: code.into(), what: reason }), None)
            }
            Err(StageError::Retry { reason, .. }) => {
                (Err(ReplayFailure { code: "failed".into(), what: reason }), None)
            }
        };
        self.steps.push(ReplayedStage {
            stage: S::NAME,
            before: StageOutput::recorded(self.messages, place),
            after,
            worked_ms,
        });
        goes_on.map(|body| job.map(body))
    }
}

/// The job with its original time budget, starting now.
fn with_fresh_deadline<T: Clone>(job: &Envelope<T>) -> Envelope<T> {
    let budget = job.deadline_ms.saturating_sub(job.accepted_ms).max(MIN_BUDGET_MS);
    Envelope { deadline_ms: now_ms().saturating_add(budget), ..job.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::pipeline;

    #[test]
    fn the_stages_are_those_of_the_pipeline() {
        assert_eq!(pipeline().iter().map(|entry| entry.name).collect::<Vec<_>>(), STAGES);
    }

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
