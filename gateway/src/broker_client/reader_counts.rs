use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hoidap_shared::job::JobId;
use tokio::sync::watch;

/// How many read along with each job in this process. Cheap to clone; all clones are the same.
#[derive(Clone, Default)]
pub(super) struct ReaderCounts {
    reading: Arc<Mutex<HashMap<JobId, usize>>>,
    /// Changes whenever somebody comes.
    joined: watch::Sender<()>,
}

impl ReaderCounts {
    /// One more reads.
    pub(super) fn add(&self, job: &JobId) {
        *self.reading.lock().unwrap_or_else(PoisonError::into_inner).entry(job.clone()).or_default() += 1;
        self.joined.send_replace(());
    }

    /// One less reads.
    pub(super) fn remove(&self, job: &JobId) {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = reading.get_mut(job) {
            *count -= 1;
            if *count == 0 {
                reading.remove(job);
            }
        }
    }

    /// Whether anybody reads, or comes to within `time`.
    pub(super) async fn has_reader_within(&self, job: &JobId, time: Duration) -> bool {
        let mut joined = self.joined.subscribe();
        let awaited = async { while !self.has_reader(job) && joined.changed().await.is_ok() {} };
        let _ = tokio::time::timeout(time, awaited).await;
        self.has_reader(job)
    }

    /// Whether anybody reads.
    pub(super) fn has_reader(&self, job: &JobId) -> bool {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner).contains_key(job)
    }
}
