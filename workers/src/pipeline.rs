//! The stages in their order.

use std::marker::PhantomData;

use hoidap_runtime::{
    canary::CanaryOptions,
    process::ServiceTask,
    runner::{self, WorkerContext},
};
use hoidap_shared::{job::Question, stage::Stage};

use crate::{classifier::Classifier, generator::Generator, retriever::Retriever};

/// One stage of the pipeline, with its types erased.
#[derive(Clone, Copy, Debug)]
pub struct PipelineStage {
    /// The stage's name.
    pub name: &'static str,
    /// The stage after it; `None` for the last.
    pub next: Option<&'static str>,
    /// Runs the stage until the context says stop. Takes the name of the next stage.
    pub run: fn(WorkerContext, Option<&'static str>) -> ServiceTask,
    /// Runs a canary of the stage until the context says stop.
    pub run_canary: fn(WorkerContext, CanaryOptions) -> ServiceTask,
}

/// The stages that a question passes, first to last. The compiler checks that each takes the output of the one before it.
pub fn pipeline() -> Vec<PipelineStage> {
    PipelineBuilder::<Question>::new().then::<Classifier>().then::<Retriever>().then::<Generator>().stages
}

/// A pipeline whose last stage gives messages of type `T`.
struct PipelineBuilder<T> {
    stages: Vec<PipelineStage>,
    output: PhantomData<T>,
}

impl<T: Send + Sync> PipelineBuilder<T> {
    fn new() -> Self {
        Self { stages: Vec::new(), output: PhantomData }
    }

    fn then<S: Stage<In = T>>(mut self) -> PipelineBuilder<S::Out> {
        if let Some(before) = self.stages.last_mut() {
            before.next = Some(S::NAME);
        }
        let run: fn(WorkerContext, Option<&'static str>) -> ServiceTask =
            |context, next| Box::pin(runner::run::<S>(context, next));
        let run_canary: fn(WorkerContext, CanaryOptions) -> ServiceTask =
            |context, options| Box::pin(runner::run_canary::<S>(context, options));
        self.stages.push(PipelineStage { name: S::NAME, next: None, run, run_canary });
        PipelineBuilder { stages: self.stages, output: PhantomData }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stage_names_the_next() {
        let order: Vec<_> = pipeline().iter().map(|stage| (stage.name, stage.next)).collect();
        assert_eq!(
            order,
            [("classifier", Some("retriever")), ("retriever", Some("generator")), ("generator", None)]
        );
    }
}
