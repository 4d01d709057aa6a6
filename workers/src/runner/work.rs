use std::{future::Future, panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt as _;
use hoidap_shared::{
    job::{Envelope, Outcome},
    live::Live,
    stage::{Next, Stage, StageError},
};
use tokio::time::interval;

use super::{Context, stops::Working, tell::Teller};

/// Runs the stage on a job within its deadline, catches its panic, and tells what it says, under the name `run`, to those
/// who read along.
pub(super) async fn work<S: Stage>(
    stage: &S,
    context: &Context,
    job: &Envelope<S::In>,
    working: &Working,
    run: String,
) -> Result<Next<S::Out>, StageError> {
    let stop = working.stop.clone();
    if !job.stream {
        return bounded(stage, job, &Live::unheard(stop)).await;
    }
    let teller = Teller::new(&context.broker, &job.job_id, run);
    teller.begin(S::NAME).await;
    let (live, said) = Live::heard(stop);
    let pause = Duration::from_millis(context.config.generator.stream_ms);
    let work = async move { bounded(stage, job, &live).await };
    // The stage's end closes `said`, and with it the telling.
    tokio::join!(work, teller.follow(said, pause)).0
}

async fn bounded<S: Stage>(
    stage: &S,
    job: &Envelope<S::In>,
    live: &Live,
) -> Result<Next<S::Out>, StageError> {
    let work = AssertUnwindSafe(stage.process(job, live)).catch_unwind();
    match tokio::time::timeout(Duration::from_millis(job.remaining_ms()), work).await {
        Ok(done) => done.unwrap_or_else(|_| {
            Err(StageError::Retry { reason: format!("{} panicked on this job", S::NAME), after: None })
        }),
        Err(_) => {
            let reason = "the deadline passed while the job was worked on".to_string();
            Err(StageError::Permanent { code: "deadline_exceeded", reason })
        }
    }
}

/// Waits for work, with a sign of life each time `every` has passed.
pub(super) async fn alive<T, B: Future<Output = ()>>(
    every: Duration,
    beat: impl Fn() -> B,
    work: impl Future<Output = T>,
) -> T {
    tokio::pin!(work);
    let mut beats = interval(every);
    beats.tick().await;
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = beats.tick() => beat().await,
        }
    }
}

/// Whether work counts as failed, with the reason: an error, an answer with a problem, a provider that failed on the way.
/// What its visitor stopped does not count at all: `None`.
pub(super) fn judged<T>(done: &Result<Next<T>, StageError>) -> Option<Option<String>> {
    match done {
        Err(error) => Some(Some(error.to_string())),
        Ok(Next::Forward(_)) => Some(None),
        Ok(Next::Answer(answer)) if answer.outcome == Outcome::Stopped => None,
        Ok(Next::Answer(answer)) => {
            let failed = answer.attempts.iter().find_map(|attempt| {
                attempt.error.as_ref().map(|error| format!("{}: {error}", attempt.provider))
            });
            Some(answer.problem.clone().or(failed))
        }
    }
}

/// A duration in milliseconds.
pub(super) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
