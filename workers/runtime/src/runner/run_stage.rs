use std::{future::Future, panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt as _;
use hoidap_shared::{
    job::{Envelope, Outcome},
    progress::ProgressSink,
    stage::{NextStep, Stage, StageError},
};
use tokio::time::{Instant, interval_at};

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
    // A first tick at once would come with the timer's next millisecond, and the work after it.
    let mut ticks = interval_at(Instant::now() + every, every);
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn work_begins_without_waiting_for_the_timer() {
        // The timer counts whole milliseconds.
        tokio::time::advance(Duration::from_micros(300)).await;
        let begun = Instant::now();
        let never = || async { panic!("no heartbeat is due") };
        with_heartbeat(Duration::from_secs(1), never, async {}).await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn long_work_has_a_heartbeat_in_each_interval() {
        let beats = AtomicU32::new(0);
        let beat = || async {
            beats.fetch_add(1, Ordering::Relaxed);
        };
        with_heartbeat(Duration::from_secs(1), beat, tokio::time::sleep(Duration::from_millis(3_500))).await;
        assert_eq!(beats.load(Ordering::Relaxed), 3);
    }
}
