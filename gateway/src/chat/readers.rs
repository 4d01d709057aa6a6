use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use hoidap_shared::job::JobId;

/// How many read along with each job in this process. Cheap to clone; all clones are the same.
#[derive(Clone, Default)]
pub(super) struct Readers {
    reading: Arc<Mutex<HashMap<JobId, usize>>>,
}

impl Readers {
    /// One more reads.
    pub(super) fn enter(&self, job: &JobId) {
        *self.reading.lock().unwrap_or_else(PoisonError::into_inner).entry(job.clone()).or_default() += 1;
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

    /// Whether anybody reads.
    pub(super) fn reads(&self, job: &JobId) -> bool {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner).contains_key(job)
    }
}
