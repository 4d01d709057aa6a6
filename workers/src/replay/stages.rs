use std::{collections::HashSet, panic::AssertUnwindSafe, sync::Arc, time::Instant};

use anyhow::{Context as _, bail};
use futures::FutureExt as _;
use hoidap_shared::{
    config::Config,
    job::{Classified, Envelope, Retrieved, now_ms},
    live::Live,
    stage::{Next, STAGES, Stage, StageError},
};

use super::{
    difference::{Gone, Problem},
    gone,
    made::{Made, Step},
    messages::Messages,
};
use crate::{
    classifier::Classifier,
    generator::{FallbackProvider, Generator, RecordedCalls, RecordedResponses},
    retriever::Retriever,
};

/// Shortest time for one job, in milliseconds: a busy machine must not be what ends it.
const BUDGET_MS: u64 = 60_000;

/// The stages that are replayed, opened once; those with a model only where they work.
pub(crate) struct Stages {
    classifier: Option<Classifier>,
    retriever: Retriever,
    /// The documents that can be found; none where nothing is looked for.
    documents: Option<HashSet<(String, String)>>,
    generator: Option<Generator>,
    words: Arc<RecordedResponses>,
    /// Whether recorded embeddings are taken over.
    recalls: bool,
    span: Span,
}

/// From which stage to which.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    from: usize,
    to: usize,
}

impl Span {
    /// The stages between two names, both included.
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

    /// From the first of the named stages to the last.
    pub(crate) fn around(stages: &[String]) -> anyhow::Result<Self> {
        for stage in stages {
            Self::of(Some(stage), Some(stage))?;
        }
        let mut named = STAGES.into_iter().filter(|name| stages.iter().any(|stage| stage == name));
        let first = named.next();
        Self::of(first, named.next_back().or(first))
    }

    /// Whether the stage in this place works.
    fn has(self, place: usize) -> bool {
        (self.from..=self.to).contains(&place)
    }

    /// The names of its ends.
    pub(crate) fn names(self) -> (&'static str, &'static str) {
        (STAGES[self.from], STAGES[self.to])
    }
}

impl Stages {
    /// Whether a canary did the work of one of the stages that are replayed.
    pub(super) fn by_canary(&self, messages: &Messages) -> bool {
        let replayed = &STAGES[self.span.from..=self.span.to];
        messages.answer.hops.iter().any(|hop| hop.canary && replayed.contains(&hop.stage.as_str()))
    }

    /// The pages that a recorded job found and that are gone; none where nothing is looked for.
    pub(super) fn gone(&self, messages: &Messages) -> Vec<Gone> {
        self.documents.as_ref().map(|documents| gone::gone(messages, documents)).unwrap_or_default()
    }

    /// Opens the stages of a span under a configuration, and sees to it that every collection can be searched.
    pub(crate) async fn open(
        config: &Config,
        span: Span,
        fallback: Option<FallbackProvider>,
    ) -> anyhow::Result<Self> {
        // What is replayed must not change on its way.
        let mut config = config.clone();
        config.indices.reload_ms = 0;
        let words = Arc::new(RecordedResponses::default());
        let retriever = Retriever::open(&config).await?;
        let sick = retriever.status().components.into_iter().find(|component| !component.healthy);
        if let Some(component) = sick {
            bail!("{} cannot be replayed: {}", component.name, component.detail);
        }
        let classifier = if span.has(0) { Some(Classifier::open(&config).await?) } else { None };
        let generator = if span.has(2) { Some(Generator::open(&config).await?) } else { None };
        let generator = generator.map(|generator| generator.replaying(Arc::clone(&words), fallback));
        let documents = span.has(1).then(|| retriever.documents());
        Ok(Self { classifier, retriever, documents, generator, words, recalls: true, span })
    }

    /// The same, with every embedding made anew: for a proof that nothing differs.
    pub(super) fn recalling_nothing(self) -> Self {
        Self { recalls: false, ..self }
    }

    /// The version of each stage that works.
    pub(crate) fn versions(&self) -> Vec<(String, String)> {
        let all = [
            self.classifier.as_ref().map(Stage::status),
            self.span.has(1).then(|| self.retriever.status()),
            self.generator.as_ref().map(Stage::status),
        ];
        let named = STAGES.into_iter().zip(all);
        named.filter_map(|(stage, status)| Some((stage.to_string(), status?.version))).collect()
    }

    /// What the stages make of a job, beside what was recorded of each. A stage works on what the one before it made; the
    /// first one on what was recorded.
    pub(super) async fn play(&self, messages: &Messages) -> Vec<Step> {
        let there =
            [messages.question.is_some(), messages.classified.is_some(), messages.retrieved.is_some()];
        let Some(first) = (self.span.from..=self.span.to).find(|place| there[*place]) else {
            return Vec::new();
        };
        if let (true, Some(classifier), Some(recorded)) =
            (self.recalls, &self.classifier, &messages.classified)
        {
            classifier.reuse_embeddings(&recorded.body);
        }
        let mut walk = Walk { messages, steps: Vec::new() };
        let question = messages.question.as_ref().filter(|_| first == 0).map(renewed);
        let classified: Option<Envelope<Classified>> = match question {
            Some(job) => walk.step(0, self.classifier.as_ref(), job).await,
            None => messages.classified.as_ref().filter(|_| first == 1).map(renewed),
        };
        let retrieved: Option<Envelope<Retrieved>> = match classified {
            Some(job) => walk.step(1, self.span.has(1).then_some(&self.retriever), job).await,
            None => messages.retrieved.as_ref().filter(|_| first == 2).map(renewed),
        };
        if let (Some(generator), Some(job)) = (&self.generator, retrieved) {
            self.hand_in(messages, &job.body);
            walk.step(2, Some(generator), job).await;
            self.words.take(&messages.answer.job_id);
        }
        walk.steps
    }

    /// Hands in the recorded calls of a job: where there were none because no model had to be asked, only for the same
    /// passages.
    fn hand_in(&self, messages: &Messages, now: &Retrieved) {
        let answer = &messages.answer.body;
        let same = || messages.retrieved.as_ref().is_some_and(|before| before.body == *now);
        if !answer.attempts.is_empty() || answer.provider.is_some() || same() {
            let version = answer.versions.get(STAGES[2]).cloned().unwrap_or_default();
            let before = RecordedCalls { version, attempts: answer.attempts.clone() };
            self.words.insert(messages.answer.job_id.clone(), before);
        }
    }
}

/// A job on its way through the stages.
struct Walk<'a> {
    messages: &'a Messages,
    steps: Vec<Step>,
}

impl Walk<'_> {
    /// Lets a stage work on the job, where it is one that works; what the next one works on, if the job goes on.
    async fn step<S: Stage>(
        &mut self,
        place: usize,
        stage: Option<&S>,
        job: Envelope<S::In>,
    ) -> Option<Envelope<S::Out>>
    where
        S::Out: Clone + Into<Made>,
    {
        let stage = stage?;
        let began = Instant::now();
        let working = AssertUnwindSafe(stage.process(&job, &Live::default())).catch_unwind().await;
        let panicked =
            || StageError::Retry { reason: format!("{} panicked on this job", S::NAME), after: None };
        let next = working.unwrap_or_else(|_| Err(panicked()));
        let worked_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (after, goes_on) = match next {
            Ok(Next::Forward(body)) => (Ok(body.clone().into()), Some(body)),
            Ok(Next::Answer(answer)) => (Ok(answer.into()), None),
            Err(StageError::Permanent { code, reason }) => {
                (Err(Problem { code: code.into(), what: reason }), None)
            }
            Err(StageError::Retry { reason, .. }) => {
                (Err(Problem { code: "failed".into(), what: reason }), None)
            }
        };
        self.steps.push(Step { stage: S::NAME, before: self.messages.made_by(place), after, worked_ms });
        goes_on.map(|body| job.map(body))
    }
}

/// The job with as much time as it had, from now on.
fn renewed<T: Clone>(job: &Envelope<T>) -> Envelope<T> {
    let budget = job.deadline_ms.saturating_sub(job.accepted_ms).max(BUDGET_MS);
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
    fn a_span_has_an_order() {
        assert!(Span::of(Some("retriever"), None).is_ok());
        let wrong = Span::of(Some("generator"), Some("retriever")).unwrap_err().to_string();
        assert!(wrong.contains("comes after"), "{wrong}");
        let names = |stages: &[&str]| {
            Span::around(&stages.iter().map(ToString::to_string).collect::<Vec<_>>()).map(Span::names)
        };
        assert_eq!(names(&["generator", "retriever"]).unwrap(), ("retriever", "generator"));
        assert_eq!(names(&["retriever"]).unwrap(), ("retriever", "retriever"));
        assert!(names(&["retriever", "analytics"]).is_err());
        assert!(Span::of(Some("sink"), None).unwrap_err().to_string().contains("classifier, retriever"));
    }
}
