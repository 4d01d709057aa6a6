use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use futures::{StreamExt as _, TryStreamExt as _};
use tokio::sync::mpsc;

use crate::recording::{AssembledJob, JobReader, RecordedJob, RecordingError, RecordingReader};

/// The result of one job of a recording.
pub(crate) enum JobResult<T> {
    /// The job's beginning or end is missing.
    Incomplete,
    /// What the work returned.
    Job(T),
}

/// The end of a run over a recording.
#[derive(Debug)]
pub(super) struct RunSummary {
    /// The error that stopped it early.
    pub(super) fault: Option<RecordingError>,
    pub(super) reading: ReadingStatistics,
}

/// How much was read, and how fast.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReadingStatistics {
    /// Messages read.
    pub(super) messages: u64,
    /// Time spent on reading, without waits.
    pub(super) duration: Duration,
}

/// Runs `work` on the jobs of a recording, at most `at_once` at a time, and passes the results to `each` in the
/// recording's order. The first `skip` jobs are left out.
pub(super) async fn run_jobs<T, W, F>(
    recording: &Path,
    skip: u64,
    at_once: usize,
    work: W,
    mut each: impl FnMut(JobResult<T>) -> anyhow::Result<()>,
) -> anyhow::Result<RunSummary>
where
    T: Send + 'static,
    W: Fn(Box<RecordedJob>, u64) -> F,
    F: Future<Output = Result<T, RecordingError>> + Send + 'static,
{
    let reader = RecordingReader::open(recording)?;
    let (sender, mut receiver) = mpsc::channel(2 * at_once);
    let reading =
        thread::Builder::new().name("read".into()).spawn(move || read_ahead(reader, skip, &sender))?;
    let items = futures::stream::poll_fn(move |context| receiver.poll_recv(context));
    let mut results = items
        .map(|read| {
            let task = match read {
                Err(fault) => Err(fault),
                Ok(AssembledJob::Incomplete) => Ok(None),
                Ok(AssembledJob::Complete(recorded, read)) => Ok(Some(tokio::spawn(work(recorded, read)))),
            };
            async move {
                match task? {
                    None => Ok(JobResult::Incomplete),
                    Some(task) => match task.await {
                        Ok(result) => result.map(JobResult::Job).map_err(StopCause::from),
                        Err(died) => Err(StopCause::Died(died.into())),
                    },
                }
            }
        })
        .buffered(at_once);
    let mut fault = None;
    loop {
        match results.try_next().await {
            Ok(None) => break,
            Ok(Some(item)) => each(item)?,
            Err(StopCause::Recording(found)) => {
                fault = Some(found);
                break;
            }
            Err(StopCause::Died(error)) => return Err(error),
        }
    }
    drop(results);
    let reading = reading.join().map_err(|_| anyhow::anyhow!("the thread that reads the recording died"))?;
    Ok(RunSummary { fault, reading })
}

/// Why the run stopped.
enum StopCause {
    Recording(RecordingError),
    Died(anyhow::Error),
}

impl From<RecordingError> for StopCause {
    fn from(error: RecordingError) -> Self {
        Self::Recording(error)
    }
}

/// Reads jobs into the channel until it is full.
fn read_ahead(
    reader: RecordingReader,
    skip: u64,
    sender: &mpsc::Sender<Result<AssembledJob, RecordingError>>,
) -> ReadingStatistics {
    let mut jobs = JobReader::new(reader);
    let mut busy = Duration::ZERO;
    let mut seen = 0;
    loop {
        let began = Instant::now();
        let next = jobs.next();
        busy += began.elapsed();
        let Some(next) = next else { break };
        seen += 1;
        if seen > skip && sender.blocking_send(next).is_err() {
            break;
        }
    }
    ReadingStatistics { messages: jobs.messages_read(), duration: busy }
}
