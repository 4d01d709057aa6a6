use std::{collections::HashSet, future::Future, pin::Pin};

use hoidap_shared::{
    job::{Envelope, Hop, Message as _, MessageBody},
    progress::ProgressSink,
    stage::{NextStep, StageError, StageStatus},
};

use crate::replayable::{RecordedWork, ReplayableStage};

/// A boxed future.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// An opened stage, with its types erased.
pub trait OpenStage: Send + Sync {
    /// The stage's name.
    fn name(&self) -> &'static str;

    /// The stage's own report of its health.
    fn status(&self) -> StageStatus;

    /// The documents that the stage finds, by collection and source; `None` where it searches none.
    fn documents(&self) -> Option<HashSet<(String, String)>>;

    /// Processes a job; in a replay with what was recorded of it.
    fn process<'a>(
        &'a self,
        job: Envelope<MessageBody>,
        recorded: Option<RecordedWork<'a>>,
    ) -> BoxFuture<'a, Result<NextStep<Envelope<MessageBody>>, StageError>>;
}

impl<S: ReplayableStage> OpenStage for S {
    fn name(&self) -> &'static str {
        S::NAME
    }

    fn status(&self) -> StageStatus {
        S::status(self)
    }

    fn documents(&self) -> Option<HashSet<(String, String)>> {
        S::documents(self)
    }

    fn process<'a>(
        &'a self,
        job: Envelope<MessageBody>,
        recorded: Option<RecordedWork<'a>>,
    ) -> BoxFuture<'a, Result<NextStep<Envelope<MessageBody>>, StageError>> {
        Box::pin(async move {
            let (envelope, body) = job.split();
            let body = S::In::from_body(body).map_err(|_| StageError::Permanent {
                code: "wrong_message",
                reason: format!("{} does not take this kind of message", S::NAME),
            })?;
            let job = envelope.map(body);
            if let Some(recorded) = recorded {
                self.prepare(&job, recorded);
            }
            let version = S::status(self).version;
            let result = S::process(self, &job, &ProgressSink::default()).await;
            if recorded.is_some() {
                self.finish(&job.job_id);
            }
            let mut job = job.map(());
            job.hops.push(Hop { stage: S::NAME.into(), delivery: 1, version, ..Hop::default() });
            Ok(match result? {
                NextStep::Forward(body) => NextStep::Forward(job.map(body.into())),
                NextStep::Answer(mut answer) => {
                    answer.versions = job.versions();
                    NextStep::Answer(answer)
                }
            })
        })
    }
}
