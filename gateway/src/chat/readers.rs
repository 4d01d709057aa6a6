use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hoidap_shared::job::JobId;
use tokio::sync::watch;

/// How many read along with each job in this process. Cheap to clone; all clones are the same.
#[derive(Clone, Default)]
pub(super) struct Readers {
    reading: Arc<Mutex<HashMap<JobId, usize>>>,
    /// Changes whenever somebody comes.
    came: watch::Sender<()>,
}

impl Readers {
    /// One more reads.
    pub(super) fn enter(&self, job: &JobId) {
        *self.reading.lock().unwrap_or_else(PoisonError::into_inner).entry(job.clone()).or_default() += 1;
        self.came.send_replace(());
    }

    /// One less reads.
    pub(super) fn leave(&self, job: &JobId) {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = reading.get_mut(job) {
            *count -= 1;
            if *count == 0 {
                reading.remove(job);
            }
        }
    }

    /// Whether anybody reads, or comes to within `time`.
    pub(super) async fn reads_within(&self, job: &JobId, time: Duration) -> bool {
        let mut came = self.came.subscribe();
        let awaited = async { while !self.reads(job) && came.changed().await.is_ok() {} };
        let _ = tokio::time::timeout(time, awaited).await;
        self.reads(job)
    }

    /// Whether anybody reads.
    pub(super) fn reads(&self, job: &JobId) -> bool {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner).contains_key(job)
    }
}
