use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use futures::StreamExt as _;
use hoidap_shared::{broker::Broker, job::JobId};
use lru::LruCache;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Stop requests that are remembered for jobs that have not come here yet.
const REMEMBERED_CAPACITY: std::num::NonZeroUsize = std::num::NonZeroUsize::MIN.saturating_add(4_095);

/// The stop requests of visitors that this process has received. Cheap to clone; clones share their state.
#[derive(Clone, Debug)]
pub struct StopRequests {
    state: Arc<Mutex<StopState>>,
}

#[derive(Debug)]
struct StopState {
    stopped: LruCache<JobId, ()>,
    running: HashMap<JobId, RunningCount>,
}

/// How often a job runs in this process, and the token that stops all runs.
#[derive(Debug, Default)]
struct RunningCount {
    stop: CancellationToken,
    runs: usize,
}

/// The registration of a job while it is processed.
pub(super) struct RunningJob {
    job: JobId,
    requests: StopRequests,
    /// Cancelled when the visitor stops the job.
    pub(super) stop: CancellationToken,
}

impl Default for StopRequests {
    fn default() -> Self {
        let state = StopState { stopped: LruCache::new(REMEMBERED_CAPACITY), running: HashMap::new() };
        Self { state: Arc::new(Mutex::new(state)) }
    }
}

impl StopRequests {
    /// Receives stop requests for as long as the process runs.
    ///
    /// # Errors
    /// When the subscription cannot be made.
    pub async fn subscribe(broker: &Broker) -> anyhow::Result<Self> {
        let requests = Self::default();
        let mut messages = broker.client.subscribe(broker.subjects.stops()).await?;
        let receiver = requests.clone();
        tokio::spawn(async move {
            while let Some(message) = messages.next().await {
                match message.subject.rsplit('.').next().unwrap_or_default().parse() {
                    Ok(job) => receiver.stop(job),
                    Err(error) => warn!(error, "a stop request cannot be read"),
                }
            }
        });
        Ok(requests)
    }

    fn stop(&self, job: JobId) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = state.running.get(&job) {
            info!(%job, "stopped by its visitor");
            running.stop.cancel();
        }
        state.stopped.put(job, ());
    }

    /// Registers a job as running until the returned value is dropped.
    pub(super) fn register(&self, job: &JobId) -> RunningJob {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_stopped = state.stopped.contains(job);
        let running = state.running.entry(job.clone()).or_default();
        running.runs += 1;
        if is_stopped {
            running.stop.cancel();
        }
        RunningJob { job: job.clone(), stop: running.stop.clone(), requests: self.clone() }
    }
}

impl Drop for RunningJob {
    fn drop(&mut self) {
        let mut state = self.requests.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = state.running.get_mut(&self.job) {
            running.runs -= 1;
            if running.runs == 0 {
                state.running.remove(&self.job);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_reaches_jobs_at_work_and_jobs_to_come() {
        let stops = StopRequests::default();
        let (here, later) = (JobId::new(), JobId::new());
        let (one, two) = (stops.register(&here), stops.register(&here));
        drop(two);
        assert!(!one.stop.is_cancelled());
        stops.stop(here.clone());
        stops.stop(later.clone());
        assert!(one.stop.is_cancelled());
        assert!(stops.register(&later).stop.is_cancelled());
        drop(one);
        assert!(stops.state.lock().unwrap().running.is_empty());
    }
}
