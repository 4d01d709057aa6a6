//! The progress logs of jobs. All readers of a job in this process share one consumer on the broker.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use futures::{Stream, StreamExt as _, stream};
use hoidap_shared::{job::JobId, progress::ProgressLine};
use tokio::sync::watch;

/// Most lines of one log in memory. Readers get the rest with the answer.
const MAX_LOG_LINES: usize = 5_000;

/// The lines of a log so far.
#[derive(Default)]
struct LogBuffer {
    lines: Vec<ProgressLine>,
    ended: bool,
}

type OpenLogs = HashMap<JobId, Arc<watch::Sender<LogBuffer>>>;

/// The logs that have readers. Clones share their state.
#[derive(Clone, Default)]
pub(super) struct SharedLogs {
    open: Arc<Mutex<OpenLogs>>,
}

impl SharedLogs {
    /// Reads a job's log from its beginning. `lines` is awaited only for the first reader: it opens the consumer.
    pub(super) fn read<S, F>(
        &self,
        job: &JobId,
        lines: F,
    ) -> impl Stream<Item = ProgressLine> + Send + use<S, F>
    where
        F: Future<Output = Option<S>> + Send + 'static,
        S: Stream<Item = ProgressLine> + Send + Unpin + 'static,
    {
        let (log, reader) = self.with(|open| match open.get(job) {
            Some(log) => (None, log.subscribe()),
            None => {
                let log = Arc::new(watch::channel(LogBuffer::default()).0);
                let reader = log.subscribe();
                open.insert(job.clone(), log.clone());
                (Some(log), reader)
            }
        });
        if let Some(log) = log {
            let (logs, job) = (self.clone(), job.clone());
            tokio::spawn(async move { logs.fill(&job, &log, lines).await });
        }
        buffered_lines(reader)
    }

    /// Copies the consumer's lines into the buffer, until they end or there is no reader left.
    async fn fill<S, F>(&self, job: &JobId, log: &watch::Sender<LogBuffer>, lines: F)
    where
        F: Future<Output = Option<S>>,
        S: Stream<Item = ProgressLine> + Unpin,
    {
        let mut lines = lines.await;
        loop {
            let full = log.borrow().lines.len() >= MAX_LOG_LINES;
            let next = async {
                match &mut lines {
                    _ if full => std::future::pending().await,
                    Some(lines) => lines.next().await,
                    None => None,
                }
            };
            tokio::select! {
                line = next => match line {
                    Some(line) => log.send_modify(|log| log.lines.push(line)),
                    None => return self.end(job, log),
                },
                () = log.closed() => {
                    let unread = self.with(|open| {
                        let unread = log.receiver_count() == 0;
                        if unread {
                            open.remove(job);
                        }
                        unread
                    });
                    if unread {
                        return;
                    }
                }
            }
        }
    }

    /// Ends the log for its readers. A later reader opens it again.
    fn end(&self, job: &JobId, log: &watch::Sender<LogBuffer>) {
        self.with(|open| open.remove(job));
        log.send_modify(|log| log.ended = true);
    }

    fn with<T>(&self, work: impl FnOnce(&mut OpenLogs) -> T) -> T {
        work(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The lines of a log from its beginning, including new ones.
fn buffered_lines(reader: watch::Receiver<LogBuffer>) -> impl Stream<Item = ProgressLine> + Send {
    stream::unfold((reader, 0), |(mut reader, at)| async move {
        loop {
            let (line, ended) = {
                let log = reader.borrow_and_update();
                (log.lines.get(at).cloned(), log.ended)
            };
            match line {
                Some(line) => return Some((line, (reader, at + 1))),
                None if ended => return None,
                None => reader.changed().await.ok()?,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn line(name: &str) -> ProgressLine {
        ProgressLine::Stage { name: name.into(), run: "a".into() }
    }

    #[tokio::test]
    async fn many_read_all_of_one_log_and_the_last_closes_it() {
        let (logs, job) = (SharedLogs::default(), JobId::new());
        let opened = Arc::new(AtomicUsize::new(0));
        let (tell, heard) = futures::channel::mpsc::unbounded();
        let heard = Arc::new(Mutex::new(Some(heard)));
        let read = || {
            let (opened, heard) = (opened.clone(), heard.clone());
            Box::pin(logs.read(&job, async move {
                opened.fetch_add(1, Ordering::SeqCst);
                heard.lock().unwrap().take()
            }))
        };
        let (mut one, mut two) = (read(), read());
        tell.unbounded_send(line("classifier")).unwrap();
        assert_eq!(
            (one.next().await, two.next().await),
            (Some(line("classifier")), Some(line("classifier")))
        );
        tell.unbounded_send(line("retriever")).unwrap();
        let mut late = read();
        assert_eq!(late.next().await, Some(line("classifier")), "from the beginning");
        assert_eq!((late.next().await, one.next().await), (Some(line("retriever")), Some(line("retriever"))));
        assert_eq!(opened.load(Ordering::SeqCst), 1);
        drop((one, two, late));
        while !tell.is_closed() {
            tokio::task::yield_now().await;
        }
        assert!(logs.with(|open| open.is_empty()));
        assert_eq!(read().next().await, None, "it was opened again, and there is nothing");
        assert_eq!(opened.load(Ordering::SeqCst), 2);
    }
}
