use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hoidap_shared::job::JobId;
use tokio::sync::watch;

/// The number of readers of each job in this process. Clones share their state.
#[derive(Clone, Default)]
pub(super) struct ReaderCounts {
    reading: Arc<Mutex<HashMap<JobId, usize>>>,
    /// Changes whenever a reader is added.
    joined: watch::Sender<()>,
}

impl ReaderCounts {
    /// Adds a reader of a job.
    pub(super) fn add(&self, job: &JobId) {
        *self.reading.lock().unwrap_or_else(PoisonError::into_inner).entry(job.clone()).or_default() += 1;
        self.joined.send_replace(());
    }

    /// Removes a reader of a job.
    pub(super) fn remove(&self, job: &JobId) {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = reading.get_mut(job) {
            *count -= 1;
            if *count == 0 {
                reading.remove(job);
            }
        }
    }

    /// Whether the job has a reader, or gets one within `time`.
    pub(super) async fn has_reader_within(&self, job: &JobId, time: Duration) -> bool {
        let mut joined = self.joined.subscribe();
        let awaited = async { while !self.has_reader(job) && joined.changed().await.is_ok() {} };
        let _ = tokio::time::timeout(time, awaited).await;
        self.has_reader(job)
    }

    /// Whether the job has a reader.
    pub(super) fn has_reader(&self, job: &JobId) -> bool {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner).contains_key(job)
    }
}
