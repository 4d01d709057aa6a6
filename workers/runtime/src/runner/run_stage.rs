use std::{future::Future, panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt as _;
use hoidap_shared::{
    job::{Envelope, Outcome},
    progress::ProgressSink,
    stage::{NextStep, Stage, StageError},
};
use tokio::time::interval;

use super::{WorkerContext, progress_publisher::ProgressPublisher, stop_requests::RunningJob};

/// Runs the stage on a job within its deadline, catches panics, and publishes its progress under the name `run` where
/// somebody may follow the job.
pub(super) async fn run_stage<S: Stage>(
    stage: &S,
    context: &WorkerContext,
    job: &Envelope<S::In>,
    running: &RunningJob,
    run: String,
) -> Result<NextStep<S::Out>, StageError> {
    let stop = running.stop.clone();
    if !job.stream {
        return process_within_deadline(stage, job, &ProgressSink::without_listener(stop)).await;
    }
    let publisher = ProgressPublisher::new(&context.broker, &job.job_id, run);
    publisher.begin(S::NAME).await;
    let (progress, events) = ProgressSink::with_listener(stop);
    let batch_interval = Duration::from_millis(context.config.generator.stream_ms);
    // The sink is dropped when the stage ends, which closes `events` and ends the publishing.
    let work = async move { process_within_deadline(stage, job, &progress).await };
    tokio::join!(work, publisher.publish(events, batch_interval)).0
}

async fn process_within_deadline<S: Stage>(
    stage: &S,
    job: &Envelope<S::In>,
    progress: &ProgressSink,
) -> Result<NextStep<S::Out>, StageError> {
    let work = AssertUnwindSafe(stage.process(job, progress)).catch_unwind();
    match tokio::time::timeout(Duration::from_millis(job.remaining_ms()), work).await {
        Ok(result) => result.unwrap_or_else(|_| {
            Err(StageError::Retry { reason: format!("{} panicked on this job", S::NAME), after: None })
        }),
        Err(_) => {
            let reason = "the deadline passed while the job was worked on".to_string();
            Err(StageError::Permanent { code: "deadline_exceeded", reason })
        }
    }
}

/// Waits for `work` and calls `heartbeat` each time `every` has passed.
pub(super) async fn with_heartbeat<T, B: Future<Output = ()>>(
    every: Duration,
    heartbeat: impl Fn() -> B,
    work: impl Future<Output = T>,
) -> T {
    tokio::pin!(work);
    let mut ticks = interval(every);
    ticks.tick().await;
    loop {
        tokio::select! {
            result = &mut work => return result,
            _ = ticks.tick() => heartbeat().await,
        }
    }
}

/// How a processed job counts when a canary is compared with its stage.
pub(super) enum JobVerdict {
    Succeeded,
    /// With the reason.
    Failed(String),
    /// Its visitor stopped it, which says nothing about the stage.
    NotCounted,
}

/// A job fails by an error, by an answer with a problem, or by a provider that failed on the way.
pub(super) fn verdict_of<T>(result: &Result<NextStep<T>, StageError>) -> JobVerdict {
    match result {
        Err(error) => JobVerdict::Failed(error.to_string()),
        Ok(NextStep::Forward(_)) => JobVerdict::Succeeded,
        Ok(NextStep::Answer(answer)) if answer.outcome == Outcome::Stopped => JobVerdict::NotCounted,
        Ok(NextStep::Answer(answer)) => {
            let failed = answer.attempts.iter().find_map(|attempt| {
                attempt.error.as_ref().map(|error| format!("{}: {error}", attempt.provider))
            });
            answer.problem.clone().or(failed).map_or(JobVerdict::Succeeded, JobVerdict::Failed)
        }
    }
}

/// A duration in milliseconds.
pub(super) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
