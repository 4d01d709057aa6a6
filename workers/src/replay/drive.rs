use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use futures::{StreamExt as _, TryStreamExt as _};
use tokio::sync::mpsc;

use super::job::{Jobs, Read, Recorded};
use crate::recording::{Fault, Lines};

/// One of a recording's jobs, dealt with.
pub(crate) enum Item<T> {
    /// Its end or its beginning is missing.
    Incomplete,
    /// What the work made of it.
    Job(T),
}

/// How a recording was gone through.
#[derive(Debug)]
pub(super) struct Driven {
    /// What ended it before its end.
    pub(super) fault: Option<Fault>,
    /// Messages that were read, and the time that reading took by itself.
    pub(super) read: (u64, Duration),
}

/// Lets `work` deal with the jobs of a recording, some at once, and `each` with the results in the recording's order; the
/// first `skip` of them were dealt with before.
pub(super) async fn drive<T, W, F>(
    recording: &Path,
    skip: u64,
    at_once: usize,
    work: W,
    mut each: impl FnMut(Item<T>) -> anyhow::Result<()>,
) -> anyhow::Result<Driven>
where
    T: Send + 'static,
    W: Fn(Box<Recorded>, u64) -> F,
    F: Future<Output = Result<T, Fault>> + Send + 'static,
{
    let lines = Lines::open(recording)?;
    let (sender, mut receiver) = mpsc::channel(2 * at_once);
    let reading = thread::Builder::new().name("read".into()).spawn(move || read(lines, skip, &sender))?;
    let items = futures::stream::poll_fn(move |context| receiver.poll_recv(context));
    let mut results = items
        .map(|read| {
            let task = match read {
                Err(fault) => Err(fault),
                Ok(Read::Incomplete) => Ok(None),
                Ok(Read::Job(recorded, read)) => Ok(Some(tokio::spawn(work(recorded, read)))),
            };
            async move {
                match task? {
                    None => Ok(Item::Incomplete),
                    Some(task) => match task.await {
                        Ok(result) => result.map(Item::Job).map_err(Ended::from),
                        Err(died) => Err(Ended::Died(died.into())),
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
            Err(Ended::Fault(found)) => {
                fault = Some(found);
                break;
            }
            Err(Ended::Died(error)) => return Err(error),
        }
    }
    drop(results);
    let read = reading.join().map_err(|_| anyhow::anyhow!("the thread that reads the recording died"))?;
    Ok(Driven { fault, read })
}

/// Why nothing follows.
enum Ended {
    Fault(Fault),
    Died(anyhow::Error),
}

impl From<Fault> for Ended {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Reads ahead, as far as there is room; how many messages, and how long it took without the waiting.
fn read(lines: Lines, skip: u64, sender: &mpsc::Sender<Result<Read, Fault>>) -> (u64, Duration) {
    let mut jobs = Jobs::new(lines);
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
    (jobs.messages(), busy)
}
