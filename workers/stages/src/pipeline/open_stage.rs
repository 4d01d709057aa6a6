use std::{collections::HashSet, future::Future, panic::AssertUnwindSafe, pin::Pin};

use futures::FutureExt as _;
use hoidap_shared::{
    job::{Envelope, Hop, Message as _, MessageBody},
    progress::ProgressSink,
    stage::{NextStep, StageError},
};

use crate::replayable::{RecordedWork, ReplayableStage};

/// A boxed future.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// An opened stage, with its types erased.
pub trait OpenStage: Send + Sync {
    /// The stage's name.
    fn name(&self) -> &'static str;

    /// The version of everything that the stage's results depend on.
    fn version(&self) -> String;

    /// The documents that the stage finds, by collection and source; `None` where it searches none.
    fn documents(&self) -> Option<HashSet<(String, String)>>;

    /// Processes a job; in a replay with what was recorded of it. A panic is a failure of the job.
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

    fn version(&self) -> String {
        S::version(self)
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
            let version = S::version(self);
            let progress = ProgressSink::default();
            let work = S::process(self, &job, &progress);
            let result = AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| {
                Err(StageError::Retry { reason: format!("{} panicked on this job", S::NAME), after: None })
            });
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
