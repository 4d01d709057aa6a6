use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use hoidap_shared::job::{Answer, Envelope, JobId};
use tokio::sync::oneshot;

type Waiting = HashMap<JobId, oneshot::Sender<Envelope<Answer>>>;

/// The requests that wait for an answer. Cheap to clone; all clones are the same.
#[derive(Clone, Default)]
pub(super) struct Waiters {
    waiting: Arc<Mutex<Waiting>>,
}

/// One request's place among the waiting; given up when dropped, as when the client goes away.
pub(super) struct Place {
    job: JobId,
    waiters: Waiters,
    /// Gives the answer once.
    pub(super) answer: oneshot::Receiver<Envelope<Answer>>,
}

impl Waiters {
    /// A place for a job that is about to be published.
    pub(super) fn wait_for(&self, job: JobId) -> Place {
        let (sender, answer) = oneshot::channel();
        self.with(|waiting| waiting.insert(job.clone(), sender));
        Place { job, waiters: self.clone(), answer }
    }

    /// Hands an answer to the request that waits for it; `false` when none does.
    pub(super) fn answer(&self, answer: Envelope<Answer>) -> bool {
        let sender = self.with(|waiting| waiting.remove(&answer.job_id));
        sender.is_some_and(|sender| sender.send(answer).is_ok())
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.with(|waiting| waiting.len())
    }

    fn with<T>(&self, change: impl FnOnce(&mut Waiting) -> T) -> T {
        // A panic elsewhere cannot leave the map half changed: each change is one call.
        change(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.waiters.with(|waiting| waiting.remove(&self.job));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_place_is_free() {
        let waiters = Waiters::default();
        let place = waiters.wait_for(JobId::new());
        assert_eq!(waiters.len(), 1);
        drop(place);
        assert_eq!(waiters.len(), 0);
    }
}
