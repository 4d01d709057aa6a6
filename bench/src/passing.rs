//! Stages of the fleet that do no work: the real runner hands each job on as it came, and the last one ends it.

use clap::Args;
use hoidap_runtime::{
    process::{self, Service},
    runner,
};
use hoidap_shared::{
    config::Config,
    job::{
        Answer, Classified, Envelope, FilterUsed, Job as _, Outcome, Query, QueryKind, Question, Retrieved,
        ScoredLabel,
    },
    progress::ProgressSink,
    stage::{ComponentStatus, NextStep, STAGES, Stage, StageError, StageStatus},
    telemetry,
};

/// What every stage says of itself.
const VERSION: &str = "passing";

/// Runs one stage of the fleet without its work, until SIGTERM.
#[derive(Debug, Args)]
pub struct PassArgs {
    /// The stage in whose place it stands.
    stage: String,
}

impl PassArgs {
    /// Runs the stage with the settings of the environment.
    ///
    /// # Errors
    /// When there is no such stage, or NATS cannot be reached.
    pub async fn run(self) -> anyhow::Result<()> {
        let config = Config::load(None, &[])?;
        telemetry::init_logs(&config.telemetry)?;
        process::run(config, vec![service(&self.stage)?]).await
    }
}

/// The stage of that name, and the one after it.
fn service(stage: &str) -> anyhow::Result<Service> {
    let [first, second, third, last] = STAGES;
    Ok(match stage {
        PassingClassifier::NAME => Service::for_jobs(first, |context| {
            Box::pin(runner::run::<PassingClassifier>(context, Some(second)))
        }),
        PassingRetriever::NAME => Service::for_jobs(second, |context| {
            Box::pin(runner::run::<PassingRetriever>(context, Some(third)))
        }),
        PassingReranker::NAME => {
            Service::for_jobs(third, |context| Box::pin(runner::run::<PassingReranker>(context, Some(last))))
        }
        PassingGenerator::NAME => {
            Service::for_jobs(last, |context| Box::pin(runner::run::<PassingGenerator>(context, None)))
        }
        other => anyhow::bail!("`{other}` is not a stage: choose from {}", STAGES.join(", ")),
    })
}

/// In the place of the classifier.
struct PassingClassifier;
/// In the place of the retriever.
struct PassingRetriever;
/// In the place of the reranker.
struct PassingReranker;
/// In the place of the generator.
struct PassingGenerator;

/// A stage that makes its output by a function, with the concurrency of the stage in whose place it stands.
macro_rules! passing_stage {
    ($stage:ty, $name:expr, $input:ty => $output:ty, $concurrency:expr, $make:expr) => {
        impl Stage for $stage {
            const NAME: &'static str = $name;
            type In = $input;
            type Out = $output;

            async fn open(_: &Config) -> anyhow::Result<Self> {
                Ok(Self)
            }

            fn concurrency(config: &Config) -> usize {
                let concurrency: fn(&Config) -> usize = $concurrency;
                concurrency(config)
            }

            async fn process(
                &self,
                job: &Envelope<$input>,
                _: &ProgressSink,
            ) -> Result<NextStep<$output>, StageError> {
                let make: fn($input) -> NextStep<$output> = $make;
                Ok(make(job.body.clone()))
            }

            fn status(&self) -> StageStatus {
                StageStatus { version: VERSION.into(), components: vec![component()] }
            }
        }
    };
}

passing_stage!(PassingClassifier, STAGES[0], Question => Classified, |config| config.worker.concurrency, |question| {
    NextStep::Forward(classified(question))
});
passing_stage!(PassingRetriever, STAGES[1], Classified => Retrieved, |config| config.worker.concurrency, |classified| {
    NextStep::Forward(retrieved(classified))
});
passing_stage!(PassingReranker, STAGES[2], Retrieved => Retrieved, |config| config.worker.concurrency, |retrieved| {
    NextStep::Forward(retrieved)
});
passing_stage!(PassingGenerator, STAGES[3], Retrieved => Retrieved, |config| config.generator.concurrency, |retrieved| {
    NextStep::Answer(answer(&retrieved))
});

/// The gateway is well only where some collection is.
fn component() -> ComponentStatus {
    ComponentStatus { name: "collection:none".into(), healthy: true, detail: "nothing is searched".into() }
}

/// The question as it came, with nothing found out about it.
fn classified(question: Question) -> Classified {
    Classified {
        language: question.language(),
        meaning: question.message.clone(),
        intent: ScoredLabel { name: "unknown".into(), confidence: 0.0 },
        out_of_scope: 0.0,
        product: None,
        section: None,
        queries: vec![Query::new(question.message.clone(), QueryKind::Asked, 1.0)],
        collections: Vec::new(),
        identifiers: Vec::new(),
        version: VERSION.into(),
        embedded_by: String::new(),
        question,
    }
}

/// The question without passages.
fn retrieved(classified: Classified) -> Retrieved {
    Retrieved {
        classified,
        passages: Vec::new(),
        support: 0.0,
        unmentioned: Vec::new(),
        filter: FilterUsed::None,
        wording_weights: vec![1.0],
        version: VERSION.into(),
    }
}

/// An end that no cache keeps.
fn answer(retrieved: &Retrieved) -> Answer {
    let question = retrieved.question();
    Answer::without_sources(question, retrieved.language(), Outcome::Unanswered, question.message.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_of_the_fleet_has_one_in_its_place() {
        for stage in STAGES {
            assert!(service(stage).is_ok(), "{stage}");
        }
        assert!(service("analytics").is_err());
    }
}
