use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use futures::StreamExt as _;
use hoidap_shared::{broker::Broker, job::JobId};
use lru::LruCache;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Stops that are remembered for jobs that have not come here yet.
const REMEMBERED: std::num::NonZeroUsize = std::num::NonZeroUsize::MIN.saturating_add(4_095);

/// The jobs whose visitors want no more, as far as this process heard. Cheap to clone; all clones are the same.
#[derive(Clone, Debug)]
pub struct Stops {
    heard: Arc<Mutex<Heard>>,
}

#[derive(Debug)]
struct Heard {
    stopped: LruCache<JobId, ()>,
    working: HashMap<JobId, (CancellationToken, usize)>,
}

/// A job's place while it is worked on.
pub(super) struct Working {
    job: JobId,
    stops: Stops,
    /// Cancelled when the visitor wants no more.
    pub(super) stop: CancellationToken,
}

impl Default for Stops {
    fn default() -> Self {
        let heard = Heard { stopped: LruCache::new(REMEMBERED), working: HashMap::new() };
        Self { heard: Arc::new(Mutex::new(heard)) }
    }
}

impl Stops {
    /// Listens for as long as the process runs.
    ///
    /// # Errors
    /// When the subscription cannot be made.
    pub async fn follow(broker: &Broker) -> anyhow::Result<Self> {
        let stops = Self::default();
        let mut messages = broker.client.subscribe(broker.subjects.stops()).await?;
        let heard = stops.clone();
        tokio::spawn(async move {
            while let Some(message) = messages.next().await {
                match message.subject.rsplit('.').next().unwrap_or_default().parse() {
                    Ok(job) => heard.stop(job),
                    Err(error) => warn!(error, "a stop cannot be read"),
                }
            }
        });
        Ok(stops)
    }

    fn stop(&self, job: JobId) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((stop, _)) = heard.working.get(&job) {
            info!(%job, "stopped by its visitor");
            stop.cancel();
        }
        heard.stopped.put(job, ());
    }

    /// Takes a job's place until the returned value is dropped.
    pub(super) fn working(&self, job: &JobId) -> Working {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let stopped = heard.stopped.contains(job);
        let (stop, count) = heard.working.entry(job.clone()).or_default();
        *count += 1;
        if stopped {
            stop.cancel();
        }
        Working { job: job.clone(), stop: stop.clone(), stops: self.clone() }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        let mut heard = self.stops.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, count)) = heard.working.get_mut(&self.job) {
            *count -= 1;
            if *count == 0 {
                heard.working.remove(&self.job);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_reaches_jobs_at_work_and_jobs_to_come() {
        let stops = Stops::default();
        let (here, later) = (JobId::new(), JobId::new());
        let (one, two) = (stops.working(&here), stops.working(&here));
        drop(two);
        assert!(!one.stop.is_cancelled());
        stops.stop(here.clone());
        stops.stop(later.clone());
        assert!(one.stop.is_cancelled());
        assert!(stops.working(&later).stop.is_cancelled());
        drop(one);
        assert!(stops.heard.lock().unwrap().working.is_empty());
    }
}
