use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use hoidap_shared::job::{Answer, Envelope, JobId};
use tokio::sync::watch;

/// An answer, shared by all who wait for it.
pub type SharedAnswer = Arc<Envelope<Answer>>;
type Waiting = HashMap<JobId, watch::Sender<Option<SharedAnswer>>>;

/// The requests that wait for answers. Clones share their state.
#[derive(Clone, Default)]
pub(super) struct Waiters {
    waiting: Arc<Mutex<Waiting>>,
}

/// A request's subscription to a job's answer, cancelled when dropped.
pub struct AnswerSubscription {
    job: JobId,
    waiters: Waiters,
    answer: watch::Receiver<Option<SharedAnswer>>,
}

impl Waiters {
    /// Subscribes to a job's answer. A job may have several subscriptions.
    pub(super) fn subscribe(&self, job: JobId) -> AnswerSubscription {
        let answer = self
            .with(|waiting| waiting.entry(job.clone()).or_insert_with(|| watch::channel(None).0).subscribe());
        AnswerSubscription { job, waiters: self.clone(), answer }
    }

    /// Delivers an answer to its subscriptions; `false` when there is none.
    pub(super) fn answer(&self, answer: Envelope<Answer>) -> bool {
        self.with(|waiting| match waiting.get(&answer.job_id) {
            Some(sender) => sender.send(Some(Arc::new(answer))).is_ok(),
            None => false,
        })
    }

    /// The number of jobs with subscriptions.
    pub(super) fn len(&self) -> usize {
        self.with(|waiting| waiting.len())
    }

    fn with<T>(&self, change: impl FnOnce(&mut Waiting) -> T) -> T {
        // Recovering from a poisoned lock is safe: each change is a single call.
        change(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl AnswerSubscription {
    /// Waits for the answer, without a timeout.
    pub async fn answer(&mut self) -> SharedAnswer {
        loop {
            if let Some(answer) = self.answer.borrow_and_update().as_ref() {
                return Arc::clone(answer);
            }
            if self.answer.changed().await.is_err() {
                // The sender is dropped after the last subscription only.
                std::future::pending::<()>().await;
            }
        }
    }
}

impl Drop for AnswerSubscription {
    fn drop(&mut self) {
        self.waiters.with(|waiting| {
            if waiting.get(&self.job).is_some_and(|sender| sender.receiver_count() <= 1) {
                waiting.remove(&self.job);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_dropped_place_frees_the_job() {
        let waiters = Waiters::default();
        let job = JobId::new();
        let (one, two) = (waiters.subscribe(job.clone()), waiters.subscribe(job));
        drop(one);
        assert_eq!(waiters.len(), 1);
        drop(two);
        assert_eq!(waiters.len(), 0);
    }
}
