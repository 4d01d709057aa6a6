//! The stages in their order: the one place that names them all.

mod open_pipeline;
mod open_stage;

use std::marker::PhantomData;

use hoidap_runtime::{
    canary::CanaryOptions,
    process::ServiceTask,
    runner::{self, WorkerContext},
};
use hoidap_shared::{
    config::Config,
    job::{Message, MessageKind, Question},
};

pub use self::{
    open_pipeline::{OpenPipeline, PipelineRun},
    open_stage::{BoxFuture, OpenStage},
};
use crate::{
    classifier::Classifier,
    generator::Generator,
    replayable::{FallbackCalls, ReplayableStage},
    reranker::Reranker,
    retriever::Retriever,
};

/// An opened stage, or why it could not be opened.
pub type Opened<'a> = BoxFuture<'a, anyhow::Result<Box<dyn OpenStage>>>;

/// One stage of the pipeline, with its types erased.
#[derive(Clone, Copy)]
pub struct PipelineStage {
    /// The stage's name.
    pub name: &'static str,
    /// The kind of message that it takes.
    pub input: MessageKind,
    /// The stage after it; `None` for the last.
    pub next: Option<&'static str>,
    /// Runs the stage until the context says stop. Takes the name of the next stage.
    pub run: fn(WorkerContext, Option<&'static str>) -> ServiceTask,
    /// Runs a canary of the stage until the context says stop.
    pub run_canary: fn(WorkerContext, CanaryOptions) -> ServiceTask,
    /// Opens the stage by itself, without a broker.
    pub open: for<'a> fn(&'a Config) -> Opened<'a>,
    /// Opens the stage for a replay.
    pub open_for_replay: for<'a> fn(&'a Config, Option<&'a FallbackCalls>) -> Opened<'a>,
}

/// The stages that a question passes, first to last. The compiler checks that each takes the output of the one before it.
pub fn pipeline() -> Vec<PipelineStage> {
    PipelineBuilder::<Question>::new()
        .then::<Classifier>()
        .then::<Retriever>()
        .then::<Reranker>()
        .then::<Generator>()
        .stages
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

    fn then<S: ReplayableStage<In = T>>(mut self) -> PipelineBuilder<S::Out>
    where
        T: Message,
    {
        if let Some(before) = self.stages.last_mut() {
            before.next = Some(S::NAME);
        }
        self.stages.push(PipelineStage {
            name: S::NAME,
            input: T::KIND,
            next: None,
            run: |context, next| Box::pin(runner::run::<S>(context, next)),
            run_canary: |context, options| Box::pin(runner::run_canary::<S>(context, options)),
            open: |config| Box::pin(async { Ok(Box::new(S::open(config).await?) as Box<dyn OpenStage>) }),
            open_for_replay: |config, fallback| {
                Box::pin(async move {
                    Ok(Box::new(S::open_for_replay(config, fallback).await?) as Box<dyn OpenStage>)
                })
            },
        });
        PipelineBuilder { stages: self.stages, output: PhantomData }
    }
}

#[cfg(test)]
mod tests {
    use hoidap_shared::stage::PIPELINE;

    use super::*;

    #[test]
    fn the_list_of_names_is_the_pipeline() {
        let stages: Vec<_> = pipeline().iter().map(|stage| (stage.name, stage.input)).collect();
        assert_eq!(stages, PIPELINE);
    }

    #[test]
    fn each_stage_names_the_next() {
        let stages = pipeline();
        let next: Vec<_> = stages.iter().map(|stage| stage.next).collect();
        let names = stages.iter().skip(1).map(|stage| Some(stage.name)).chain([None]);
        assert_eq!(next, names.collect::<Vec<_>>());
    }
}
