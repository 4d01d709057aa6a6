use anyhow::anyhow;
use hoidap_shared::{
    config::Config,
    job::{Answer, Envelope, MessageBody, Question, Retrieved},
    stage::NextStep,
};

use super::{OpenStage, PipelineStage};

/// The first stages of the pipeline, or all of them, opened without a broker.
pub struct OpenPipeline(Vec<Box<dyn OpenStage>>);

/// What the stages made of a question.
pub struct PipelineRun {
    /// The last passages that a stage passed on; `None` where the question needed none.
    pub retrieved: Option<Envelope<Retrieved>>,
    /// The answer; `None` where the last opened stage passed the job on.
    pub answer: Option<Answer>,
}

impl OpenPipeline {
    /// Opens the stages, one after the other.
    ///
    /// # Errors
    /// When a stage cannot be opened.
    pub async fn open(config: &Config, stages: &[PipelineStage]) -> anyhow::Result<Self> {
        let mut opened = Vec::new();
        for stage in stages {
            opened.push((stage.open)(config).await?);
        }
        Ok(Self(opened))
    }

    /// Runs a question through the stages.
    ///
    /// # Errors
    /// When a stage fails.
    pub async fn run(&self, question: Envelope<Question>) -> anyhow::Result<PipelineRun> {
        let mut job = question.map_body(MessageBody::from);
        let mut run = PipelineRun { retrieved: None, answer: None };
        for stage in &self.0 {
            let name = stage.name();
            job = match stage.process(job, None).await.map_err(|error| anyhow!("{name}: {error}"))? {
                NextStep::Answer(answer) => return Ok(PipelineRun { answer: Some(answer), ..run }),
                NextStep::Forward(next) => next,
            };
            if let MessageBody::Retrieved(body) = &job.body {
                run.retrieved = Some(job.clone().map(Retrieved::clone(body)));
            }
        }
        Ok(run)
    }
}
