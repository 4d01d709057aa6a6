//! Limits on open event streams: for each client, each session and each job.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hoidap_shared::{config::GatewayConfig, job::JobId};
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use crate::error::{ApiError, Code};

/// Most readers of one job.
const MAX_READERS_PER_JOB: usize = 4;
/// How long a refused client should wait.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Counts and limits open streams. Clones share their state.
#[derive(Clone)]
pub struct StreamLimiter {
    per_client: usize,
    per_session: usize,
    open: Arc<Mutex<OpenStreams>>,
}

#[derive(Default)]
struct OpenStreams {
    /// The number of the latest stream: a stream with a lower one is older.
    latest: u64,
    streams: HashMap<u64, StreamEntry>,
    clients: HashMap<String, usize>,
    sessions: HashMap<String, usize>,
    jobs: HashMap<JobId, usize>,
}

struct StreamEntry {
    client: String,
    session: String,
    job: JobId,
    replaced: CancellationToken,
}

/// Whether a reader has read the job's stream before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReaderKind {
    /// It has not.
    New,
    /// It reconnects, perhaps before the loss of its earlier connection was noticed.
    Returning,
}

impl StreamLimiter {
    /// A limiter without open streams.
    pub fn new(settings: &GatewayConfig) -> Self {
        Self {
            per_client: settings.max_streams_per_client,
            per_session: settings.max_streams_per_session,
            open: Arc::default(),
        }
    }

    /// Opens a stream. Where a job has [`MAX_READERS_PER_JOB`] already, a returning reader replaces the oldest.
    ///
    /// # Errors
    /// When the client, the session or the job has too many open.
    pub fn open(
        &self,
        client: &str,
        session: &str,
        job: &JobId,
        reader: ReaderKind,
    ) -> Result<OpenStream, ApiError> {
        self.with(|open| {
            if count(&open.jobs, job) >= MAX_READERS_PER_JOB {
                if reader == ReaderKind::New {
                    return Err(too_many_error("this answer"));
                }
                open.replace_oldest(job);
            }
            if count(&open.sessions, session) >= self.per_session {
                return Err(too_many_error("this session"));
            }
            if count(&open.clients, client) >= self.per_client {
                return Err(too_many_error("this client"));
            }
            open.latest += 1;
            let replaced = CancellationToken::new();
            let entry = StreamEntry {
                client: client.into(),
                session: session.into(),
                job: job.clone(),
                replaced: replaced.clone(),
            };
            *open.clients.entry(entry.client.clone()).or_default() += 1;
            *open.sessions.entry(entry.session.clone()).or_default() += 1;
            *open.jobs.entry(entry.job.clone()).or_default() += 1;
            open.streams.insert(open.latest, entry);
            Ok(OpenStream { streams: self.clone(), number: open.latest, replaced })
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut OpenStreams) -> T) -> T {
        work(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl OpenStreams {
    fn replace_oldest(&mut self, job: &JobId) {
        let of_job = self.streams.iter().filter(|(_, entry)| entry.job == *job).map(|(number, _)| *number);
        if let Some(entry) = of_job.min().and_then(|oldest| self.close(oldest)) {
            entry.replaced.cancel();
        }
    }

    /// Removes a stream; `None` when it was removed already.
    fn close(&mut self, number: u64) -> Option<StreamEntry> {
        let entry = self.streams.remove(&number)?;
        uncount(&mut self.clients, &entry.client);
        uncount(&mut self.sessions, &entry.session);
        uncount(&mut self.jobs, &entry.job);
        Some(entry)
    }
}

fn count<K: Eq + Hash + std::borrow::Borrow<Q>, Q: Eq + Hash + ?Sized>(
    counts: &HashMap<K, usize>,
    key: &Q,
) -> usize {
    counts.get(key).copied().unwrap_or_default()
}

fn uncount<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

fn too_many_error(whose: &str) -> ApiError {
    let detail =
        format!("Too many streams of {whose} are open here: close some, or try again in a few seconds.");
    ApiError::new(Code::TooManyOpen, detail).retry_after(RETRY_AFTER)
}

/// An open stream; closed when dropped.
pub struct OpenStream {
    streams: StreamLimiter,
    number: u64,
    replaced: CancellationToken,
}

impl OpenStream {
    /// Waits until another reader replaces this one.
    pub fn replaced(&self) -> WaitForCancellationFuture<'_> {
        self.replaced.cancelled()
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.streams.with(|open| open.close(self.number));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use hoidap_shared::config::Config;

    use super::*;

    fn streams() -> StreamLimiter {
        StreamLimiter::new(&Config::read(None, Some(HashMap::new()), &[]).unwrap().gateway)
    }

    #[test]
    fn one_who_comes_back_takes_the_oldest_readers_place() {
        let (streams, job) = (streams(), JobId::new());
        let open = |reader| streams.open("c", "s", &job, reader);
        let readers: Vec<_> = (0..MAX_READERS_PER_JOB).map(|_| open(ReaderKind::New).unwrap()).collect();
        assert!(open(ReaderKind::New).is_err());
        let back = open(ReaderKind::Returning).unwrap();
        let replaced: Vec<bool> = readers.iter().map(|reader| reader.replaced.is_cancelled()).collect();
        assert_eq!(replaced, [true, false, false, false]);
        drop(readers);
        assert_eq!(streams.with(|open| (open.streams.len(), open.jobs[&job], open.clients["c"])), (1, 1, 1));
        drop(back);
        let empty =
            streams.with(|open| open.jobs.is_empty() && open.clients.is_empty() && open.sessions.is_empty());
        assert!(empty, "nothing is left of streams that were closed");
    }
}
