//! The progress logs of jobs that have readers. All readers of a job in this process share one consumer on the broker, and
//! all consumers share one subscription. So a log has neither a task nor a channel of its own.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError, Weak},
    time::Duration,
};

use futures::{Stream, stream};
use hoidap_shared::{job::JobId, progress::ProgressLine};
use tokio::{sync::watch, time::Instant};

/// Most lines of one log in memory. Readers get the rest with the answer.
const MAX_LOG_LINES: usize = 5_000;

/// The lines of a log so far.
struct LogBuffer {
    lines: Vec<ProgressLine>,
    ended: bool,
    /// Deliveries of its consumer so far.
    delivered: u64,
    /// When the broker was last heard.
    heard: Instant,
}

/// A log that has readers. `H` is held for as long as it has: its consumer.
pub(super) struct Log<H> {
    job: JobId,
    number: u64,
    buffer: watch::Sender<LogBuffer>,
    held: OnceLock<H>,
    logs: SharedLogs<H>,
}

/// The logs that have readers, by their jobs and by their numbers.
struct OpenLogs<H> {
    /// The number of the latest log.
    latest: u64,
    jobs: HashMap<JobId, u64>,
    logs: HashMap<u64, Weak<Log<H>>>,
}

/// The logs that have readers. Clones share their state.
pub(super) struct SharedLogs<H> {
    open: Arc<Mutex<OpenLogs<H>>>,
}

impl<H> Clone for SharedLogs<H> {
    fn clone(&self) -> Self {
        Self { open: self.open.clone() }
    }
}

impl<H> Default for SharedLogs<H> {
    fn default() -> Self {
        let open = OpenLogs { latest: 0, jobs: HashMap::new(), logs: HashMap::new() };
        Self { open: Arc::new(Mutex::new(open)) }
    }
}

impl<H> SharedLogs<H> {
    /// A job's log, and whether it is new: then its consumer is still to be created.
    pub(super) fn join(&self, job: &JobId) -> (Arc<Log<H>>, bool) {
        self.with(|open| {
            if let Some(log) = open.jobs.get(job).and_then(|number| open.logs.get(number)?.upgrade()) {
                return (log, false);
            }
            open.latest += 1;
            let buffer = LogBuffer { lines: Vec::new(), ended: false, delivered: 0, heard: Instant::now() };
            let log = Arc::new(Log {
                job: job.clone(),
                number: open.latest,
                buffer: watch::Sender::new(buffer),
                held: OnceLock::new(),
                logs: self.clone(),
            });
            open.jobs.insert(job.clone(), log.number);
            open.logs.insert(log.number, Arc::downgrade(&log));
            (log, true)
        })
    }

    /// Takes in a delivery of the log's consumer; without a line, where it cannot be decoded.
    pub(super) fn deliver(&self, number: u64, delivery: u64, line: Option<ProgressLine>) {
        self.on(number, |log| log.deliver(delivery, line));
    }

    /// The logs whose consumers were not heard for so long. They count as heard from now on.
    pub(super) fn silent(&self, silence: Duration) -> Vec<Arc<Log<H>>> {
        let is_silent = |log: &Arc<Log<H>>| log.buffer.borrow().heard.elapsed() >= silence;
        self.all().into_iter().filter(is_silent).inspect(|log| log.mark_heard()).collect()
    }

    /// Ends all logs. Their readers open them again.
    pub(super) fn end_all(&self) {
        for log in self.all() {
            log.end();
        }
    }

    fn all(&self) -> Vec<Arc<Log<H>>> {
        self.with(|open| open.logs.values().filter_map(Weak::upgrade).collect())
    }

    /// Nothing happens where the log has no readers.
    fn on(&self, number: u64, work: impl FnOnce(&Log<H>)) {
        let log = self.with(|open| open.logs.get(&number).and_then(Weak::upgrade));
        if let Some(log) = log {
            work(&log);
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut OpenLogs<H>) -> T) -> T {
        work(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<H> Log<H> {
    /// Its job.
    pub(super) fn job(&self) -> &JobId {
        &self.job
    }

    /// Its number: no other log of this process has it.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Holds the consumer for as long as there are readers.
    pub(super) fn hold(&self, consumer: H) {
        // Only who created the log creates its consumer.
        let _ = self.held.set(consumer);
    }

    /// Ends the log for its readers. A later reader opens it again.
    pub(super) fn end(&self) {
        self.unregister();
        self.buffer.send_modify(|log| log.ended = true);
    }

    fn deliver(&self, delivery: u64, line: Option<ProgressLine>) {
        let is_next = self.buffer.borrow().delivered + 1 == delivery;
        if !is_next {
            return self.end();
        }
        self.buffer.send_if_modified(|log| {
            (log.delivered, log.heard) = (delivery, Instant::now());
            let line = line.filter(|_| log.lines.len() < MAX_LOG_LINES);
            let is_told = line.is_some();
            log.lines.extend(line);
            is_told
        });
    }

    /// Takes in that its consumer has made so many deliveries by now; `None` where it is not there.
    pub(super) fn compare(&self, deliveries: Option<u64>) {
        let delivered = self.buffer.borrow().delivered;
        if deliveries != Some(delivered) {
            self.end();
        }
    }

    fn mark_heard(&self) {
        self.buffer.send_if_modified(|log| {
            log.heard = Instant::now();
            false
        });
    }

    /// Lets the next reader of the job open another log.
    fn unregister(&self) {
        self.logs.with(|open| {
            if open.jobs.get(&self.job) == Some(&self.number) {
                open.jobs.remove(&self.job);
            }
            open.logs.remove(&self.number);
        });
    }
}

impl<H> Drop for Log<H> {
    fn drop(&mut self) {
        self.unregister();
    }
}

/// The lines of a log from its beginning, including new ones, for one reader.
pub(super) fn lines<H: Send + Sync + 'static>(
    log: Arc<Log<H>>,
) -> impl Stream<Item = ProgressLine> + Send + use<H> {
    let reader = log.buffer.subscribe();
    stream::unfold((log, reader, 0), |(log, mut reader, at)| async move {
        loop {
            let (line, ended) = {
                let buffer = reader.borrow_and_update();
                (buffer.lines.get(at).cloned(), buffer.ended)
            };
            match line {
                Some(line) => return Some((line, (log, reader, at + 1))),
                None if ended => return None,
                None => reader.changed().await.ok()?,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;

    use super::*;

    fn line(name: &str) -> ProgressLine {
        ProgressLine::Stage { name: name.into(), run: "a".into() }
    }

    #[tokio::test]
    async fn many_read_all_of_one_log_and_the_last_closes_it() {
        let (logs, job) = (SharedLogs::<Arc<()>>::default(), JobId::new());
        let consumer = Arc::new(());
        let (log, is_new) = logs.join(&job);
        assert!(is_new);
        let number = log.number();
        log.hold(consumer.clone());
        let read = || Box::pin(lines(logs.join(&job).0));
        let (mut one, mut two) = (Box::pin(lines(log)), read());
        logs.deliver(number, 1, Some(line("classifier")));
        assert_eq!(
            (one.next().await, two.next().await),
            (Some(line("classifier")), Some(line("classifier")))
        );
        // A line of a newer worker is skipped.
        logs.deliver(number, 2, None);
        logs.deliver(number, 3, Some(line("retriever")));
        let mut late = read();
        assert_eq!(late.next().await, Some(line("classifier")), "from the beginning");
        assert_eq!((late.next().await, one.next().await), (Some(line("retriever")), Some(line("retriever"))));
        drop((one, two, late));
        assert_eq!(Arc::strong_count(&consumer), 1, "the consumer is given back");
        assert!(logs.with(|open| open.jobs.is_empty() && open.logs.is_empty()));
        logs.deliver(number, 4, Some(line("reranker")));
        assert!(logs.join(&job).1, "it is opened again");
    }

    #[tokio::test]
    async fn a_log_ends_where_a_delivery_is_missing() {
        let (logs, job) = (SharedLogs::<()>::default(), JobId::new());
        let gap = |number| logs.deliver(number, 3, Some(line("reranker")));
        let lost = |number| logs.on(number, |log| log.compare(Some(2)));
        let gone = |number| logs.on(number, |log| log.compare(None));
        for lose in [&gap as &dyn Fn(u64), &lost, &gone] {
            let (log, is_new) = logs.join(&job);
            assert!(is_new, "an ended log is not joined");
            let number = log.number();
            let mut read = Box::pin(lines(log));
            logs.deliver(number, 1, Some(line("classifier")));
            logs.on(number, |log| log.compare(Some(1)));
            lose(number);
            assert_eq!((read.next().await, read.next().await), (Some(line("classifier")), None));
        }
    }

    #[tokio::test]
    async fn a_silent_log_is_named_once() {
        let logs = SharedLogs::<()>::default();
        let (silent, heard) = (logs.join(&JobId::new()).0, logs.join(&JobId::new()).0);
        tokio::time::sleep(Duration::from_millis(200)).await;
        logs.deliver(heard.number(), 1, None);
        let found: Vec<u64> =
            logs.silent(Duration::from_millis(200)).iter().map(|log| log.number()).collect();
        assert_eq!(found, [silent.number()]);
        assert!(logs.silent(Duration::from_millis(200)).is_empty());
        logs.end_all();
        assert!(silent.buffer.borrow().ended && heard.buffer.borrow().ended);
    }
}
